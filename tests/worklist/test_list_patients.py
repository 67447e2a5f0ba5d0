"""ListPatients and ShowPatient, against what Python finds and sorts in the rows of the tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from lungdb.database import Connection, run
from tests.support.databases import refused, rows

STATES = ("no features", "not scored", "scored", "failed")
COLUMNS = (
    "patient_index", "display_name", "sex", "birth_year", "study_date", "slices", "probability_percent", "model_name",
    "model_version", "predicted_at", "state", "patient_id", "has_images", "readers", "suspicion",
)  # fmt: skip


def collated(name: str) -> tuple[list[tuple[bool, str]], str]:
    """Return what SQL Server's default collation sorts names by: signs before letters, then the accents of letters."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return [(part.isalnum(), part) for part in parts if not unicodedata.combining(part)], parts


KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "index": lambda row: 0,
    "name": lambda row: row["display_name"] and collated(row["display_name"]),
    "date": lambda row: row["study_date"],
    "slices": lambda row: row["slices"],
    "probability": lambda row: row["probability"],
    "scored": lambda row: row["prediction_id"],
    "work": lambda row: (
        ("failed", "not scored", "scored", "no features").index(row["state"]),
        0 if row["probability"] is None else 1 - row["probability"],
    ),
}


def page(connection: Connection, **arguments: object) -> tuple[list[dict[str, Any]], int]:
    """Call ListPatients; give its rows and the total."""
    given = "".join(f"@{name} = ?, " for name in arguments)
    call = f"DECLARE @Total INT; EXECUTE dbo.ListPatients {given}@Total = @Total OUTPUT; SELECT @Total;"
    listed, total = run(connection, call, tuple(arguments.values()))
    return [dict(zip(COLUMNS, row, strict=True)) for row in listed.rows], total.scalar()


def everyone(connection: Connection) -> list[dict[str, Any]]:
    """Read the patients from the tables, each with its newest prediction and its state."""
    scores = rows(connection, "SELECT scan_id, prediction_id, probability FROM dbo.predictions ORDER BY prediction_id;")
    newest = {scan: (number, score) for scan, number, score in scores}
    failed = {scan for (scan,) in rows(connection, "SELECT scan_id FROM dbo.scan_failures;")}
    featured = {scan for (scan,) in rows(connection, "SELECT scan_id FROM dbo.features;")}
    found = []
    for scan, index, patient, name, date, slices in rows(
        connection,
        "SELECT s.scan_id, p.idx, p.patient_id, p.display_name, s.study_date, s.number_images FROM dbo.scans AS s "
        "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE s.is_primary = 1;",
    ):
        number, score = newest.get(scan, (None, None))
        state = 3 if scan in failed else 2 if number is not None else 1 if scan in featured else 0
        found.append(
            {"index": index, "patient_id": patient, "display_name": name, "study_date": date, "slices": slices,
             "prediction_id": number, "probability": score, "state": STATES[state]}
        )  # fmt: skip
    return found


def order(patients: list[dict[str, Any]], sort: str, descending: bool) -> list[int]:
    """Sort as T-SQL does: NULL before all, ties by index, and all of it turned round."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        value = KEYS[sort](row)
        return (value is not None, value if value is not None else 0, row["index"])

    return [row["index"] for row in sorted(patients, key=key, reverse=descending)]


@pytest.mark.parametrize("text", ["-", "+", " ", "+3", "-0", "3 "])
def test_only_digits_are_an_index(listed: Connection, text: str) -> None:
    """SQL Server reads a lone sign, and spaces, as 0; they are a part of names and ids like any other."""
    texts = {row["index"]: (row["patient_id"], row["display_name"] or "") for row in everyone(listed)}
    wanted = {index for index, names in texts.items() if any(text in name for name in names)}
    assert {row["patient_index"] for row in page(listed, Search=text)[0]} == wanted


@pytest.mark.parametrize(("sort", "descending"), list(product(KEYS, (False, True))))
def test_pages_one_after_another_are_the_whole_list_in_order(listed: Connection, sort: str, descending: bool) -> None:
    """In each state and in all, with a last page that is not full, and nothing after it."""
    for state in (None, *STATES):
        wanted = order([row for row in everyone(listed) if state in (None, row["state"])], sort, descending)
        found = []
        for offset in range(0, len(wanted) + 5, 5):
            shown, total = page(listed, State=state, Sort=sort, Descending=descending, Offset=offset, Limit=5)
            assert total == len(wanted)
            found += [row["patient_index"] for row in shown]
        assert found == wanted


def test_a_row_shows_what_the_tables_hold(listed: Connection) -> None:
    """Score, model, date, slices and state of every patient."""
    shown = {row["patient_index"]: row for row in page(listed)[0]}
    for row in everyone(listed):
        found = shown[row["index"]]
        for name in ("display_name", "study_date", "slices", "state"):
            assert found[name] == row[name]
        if row["probability"] is None:
            assert found["probability_percent"] is found["model_name"] is found["predicted_at"] is None
        else:
            assert found["probability_percent"] == pytest.approx(100 * row["probability"])
            assert (found["model_name"], found["model_version"]) == ("m", 2 if row["probability"] == 0.5 else 1)
        assert found["birth_year"] == 1950 + row["index"]


@pytest.mark.parametrize(
    "text",
    ["an", "AN", "ana lind", "ü", "Ü", "%", "_", "[", "[c]", "'", "\\", "😀", "zoë", "patient 001", "3", "12", " ",
     "nobody", "x" * 4000, "%" * 4000, "'; DROP TABLE dbo.patients; --", "IZMIR", "-1", "99999999999"],
)  # fmt: skip
def test_a_search_finds_the_text_as_it_stands(listed: Connection, text: str) -> None:
    """In names and ids without regard to case, and the patient with that index; no sign means anything else."""
    wanted = {
        row["index"]
        for row in everyone(listed)
        if not text.strip()
        or text.casefold() in (row["display_name"] or "").casefold()
        or text.casefold() in row["patient_id"].casefold()
        or text == str(row["index"])
    }
    for sort, descending in (("index", False), ("name", True), ("probability", False)):
        shown, total = page(listed, Search=text, Sort=sort, Descending=descending)
        found = [row["patient_index"] for row in shown]
        # The dotted I is a letter of its own to one rule of case, and an i to the other.
        assert set(found) - {15} == wanted - {15}
        assert total == len(found)


def test_search_state_and_order_work_together(listed: Connection) -> None:
    """The scored among those whose id holds a 1, by score from the highest, second page."""
    chosen = [row for row in everyone(listed) if "1" in row["patient_id"] and row["state"] == "scored"]
    wanted = order(chosen, "probability", descending=True)
    assert len(wanted) > 2
    shown, total = page(listed, Search="1", State="scored", Sort="probability", Descending=True, Offset=1, Limit=2)
    assert ([row["patient_index"] for row in shown], total) == (wanted[1:3], len(wanted))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("@State = N'100% done'", "100% done"),
        ("@Sort = N'colour'", "colour"),
        ("@Sort = NULL", "NULL"),
        ("@Descending = NULL", "@Descending"),
        ("@Offset = -1", "-1"),
        ("@Limit = 0", "@Limit"),
        ("@Limit = 1001", "1001"),
    ],
)
def test_arguments_that_cannot_be_are_refused(listed: Connection, arguments: str, word: str) -> None:
    """With the value and what is supported; nothing changes."""
    assert word in refused(listed, f"EXECUTE dbo.ListPatients {arguments};", 50101)


def test_an_offset_beyond_all_gives_an_empty_page(listed: Connection) -> None:
    """The greatest one too, in either direction."""
    for descending in (False, True):
        assert page(listed, Offset=2**31 - 1, Limit=1000, Descending=descending) == ([], 16)


def test_show_patient_gives_scan_and_state(listed: Connection) -> None:
    """The failure's text only where there is one; an unknown index is said to be one."""
    for row in everyone(listed):
        (shown,) = rows(listed, "EXECUTE dbo.ShowPatient @PatientIndex = ?;", (row["index"],))
        assert (shown[0], shown[1], shown[4], shown[5], shown[9]) == (
            row["index"], row["display_name"], row["index"] + 1, row["study_date"], row["slices"],
        )  # fmt: skip
        assert shown[-3:] == (row["state"], "damaged" if row["state"] == "failed" else None, row["patient_id"])
    assert "0 to 15" in refused(listed, "EXECUTE dbo.ShowPatient @PatientIndex = 16;", 50107)
    refused(listed, "EXECUTE dbo.ShowPatient;", 50101)


def test_show_truth_gives_the_label_or_no_row(listed: Connection) -> None:
    """As dbo.labels has it."""
    run(listed, "DELETE FROM dbo.labels WHERE patient_id = N'patient 0003';")
    labels = dict(rows(listed, "SELECT patient_id, label FROM dbo.labels;"))
    for index in range(16):
        found = rows(listed, "EXECUTE dbo.ShowTruth @PatientIndex = ?;", (index,))
        assert [label for label, _ in found] == ([] if index == 3 else [labels[f"patient {index:04}"]])
