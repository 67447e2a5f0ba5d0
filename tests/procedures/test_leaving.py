"""What leaves Python for T-SQL is ASCII, printable, and no longer than T-SQL declares."""

import hashlib
import json

import pandas as pd
import pytest

import lungdb.procedures
from lungdb.procedures import generate_features, predict_patients
from lungdb.procedures.leaving import LARGEST, MESSAGE, check_size, for_t_sql, plain


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A plain sentence with 100 %.", "A plain sentence with 100 %."),
        ("Müller", "M\\xfcller"),
        ("患者", "\\u60a3\\u8005"),
        ("😀", "\\U0001f600"),
        ("a \udc80 b", "a \\udc80 b"),
        ("red \x1b[31m, bell \x07", "red \\x1b[31m, bell \\x07"),
        ("one\n  two\tthree", "one two three"),
        ("97 × 120 − 1 … “so”", '97 x 120 - 1 ... "so"'),
        ("back\\slash", "back\\slash"),
        ("", ""),
    ],
)
def test_a_message_becomes_printable_ascii(text, wanted):
    """Typographic signs become their like, other characters Python's escapes."""
    assert plain(text) == wanted
    assert plain(text).isascii()


@pytest.mark.parametrize("text", ["x" * 2001, "ü" * 600, "😀" * 300])
def test_a_message_is_cut_to_its_length_and_shows_it(text):
    """Counted after escaping, because that is what is sent."""
    found = plain(text)
    assert len(found) == MESSAGE
    assert found.endswith(" ...")
    assert plain(text, 10) == found[:6] + " ..."


def test_every_function_of_the_procedures_goes_through_it():
    """Each says which of its values are messages, the one at the end of a tuple with an error number among them."""
    # What scripts of one's own call, which give back nothing to T-SQL.
    for_users = {"decoded_pictures", "feature_matrix", "scan_volumes"}
    # It calls one of the others, and adds two numbers.
    measuring = {"measured"}
    for name in set(lungdb.procedures.__all__) - for_users - measuring:
        function = getattr(lungdb.procedures, name)
        assert function.outputs or function.columns, name


def test_refusals_and_errors_in_rows_are_made_plain(arguments, patients):
    """The text of a refusal, and that of a scan, hold what the caller sent."""
    number, message = generate_features(**{**arguments, "layers": "Bäume,患者"})[3:]
    assert type(number) is int
    assert number == 50115
    assert "B\\xe4ume" in message
    frame = pd.DataFrame({"scan_id": [1], "vector": ["[1]"]})
    details = json.dumps({"width": "ü" * 3000}, ensure_ascii=False)
    result, number, _ = predict_patients(frame, b"x", hashlib.sha256(b"x").hexdigest(), "logistic", details, None)
    assert number == 0
    assert result["error"].str.contains("xfc").all()
    assert result["error"].str.len().tolist() == [MESSAGE]


def test_a_column_of_errors_is_cut_and_the_others_stay():
    """As the data frame of a procedure has it."""

    @for_t_sql({1: 8}, {"error": 6})
    def function():
        return pd.DataFrame({"error": ["", "zwölf Wörter"], "text": ["ü", "ü"]}), "a long message"

    frame, message = function()
    assert frame["error"].tolist() == ["", "zw ..."]
    assert frame["text"].tolist() == ["ü", "ü"]
    assert message == "a lo ..."
    assert str(frame["error"].dtype) == "object"


def test_more_than_a_gigabyte_is_refused_and_a_gigabyte_is_not():
    """With number 50231 and what to do."""
    check_size(LARGEST, "features", "")
    with pytest.raises(lungdb.errors.ProcedureError, match=r"1074 MB as they are sent.*Take less") as caught:
        check_size(LARGEST + 1, "features", "Take less.")
    assert caught.value.number == 50231
