"""A script of one's own runs on a data set, and its result goes into a table whole or not at all."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lungdb.database import run
from lungdb.errors import SqlError
from lungdb.procedures import lines_of_result
from tests.sql.gates.check import SQL
from tests.support.databases import hash_vectors, refused, rows

RUN = "EXECUTE dbo.RunOnDataset @Dataset = N'three', @Into = N'dbo.mine', @What = ?, @Script = ?, @Parameters = ?;"


@pytest.fixture
def mine(few):
    """Three scans as a data set with vectors, labels and scores, and a table of one's own."""
    run(few, "EXECUTE dbo.CreateDataset @Name = N'three', @Query = N'SELECT scan_id FROM dbo.scans';")
    run(few, "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'l', N'lung', 2);")
    for scan, part, label in ((1, "train", 0), (2, "train", 1), (3, "test", 1)):
        run(
            few,
            "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (?, 1, N'mean', ?);",
            (scan, json.dumps([scan + 0.5, -1.25])),
        )
        patient = f"patient {scan - 1}"
        run(few, "INSERT INTO dbo.splits (patient_id, part) VALUES (?, ?);", (patient, part))
        run(few, "INSERT INTO dbo.labels (patient_id, label) VALUES (?, ?);", (patient, label))
    hash_vectors(few)
    run(
        few,
        "CREATE TABLE dbo.mine (id INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, scan_id INT NOT NULL, x FLOAT NULL, "
        "[who is it] NVARCHAR(12) NULL, picture VARBINARY(MAX) NULL, price DECIMAL(5, 2) NULL, "
        "is_so BIT NOT NULL DEFAULT 1);",
    )
    return few


def _literal(script):
    """Write a call with the script in it."""
    doubled = script.replace("'", "''")
    return RUN.replace("@What = ?, @Script = ?, @Parameters = ?", f"@Script = N'{doubled}'")


def _run(connection, what, script, parameters=None):
    run(connection, RUN, (what, script, parameters))
    return rows(connection, "SELECT scan_id, x, [who is it], picture, price, is_so FROM dbo.mine ORDER BY id;")


def test_features_go_in_and_every_type_comes_back(mine):
    """Vectors as arrays; text of any letters, bytes, missing values, decimals and a default."""
    script = """
from lungdb.procedures import feature_matrix
matrix = feature_matrix(InputDataSet)
OutputDataSet = InputDataSet[["scan_id"]].assign(
    X=matrix.sum(axis=1), price=[1.25, None, 3], picture=[b"\\x00\\xff", None, b""],
    **{"who is it": InputDataSet["part"] + Parameters})
"""
    found = _run(mine, "features", script, " Ü患😀%")
    assert found == [
        (1, 0.25, "train Ü患😀%", b"\x00\xff", pytest.approx(1.25), True),
        (2, 1.25, "train Ü患😀%", None, None, True),
        (3, 2.25, "test Ü患😀%", b"", pytest.approx(3), True),
    ]


def test_the_label_of_a_test_patient_is_not_given(mine):
    """As no training sees it."""
    found = _run(mine, "features", "OutputDataSet = InputDataSet[['scan_id', 'label']].rename(columns={'label': 'x'})")
    assert [row[:2] for row in found] == [(1, 0), (2, 1), (3, None)]


def test_scans_come_as_volumes_and_a_picture_goes_into_a_table(mine):
    """Hounsfield units of nine slices, and a PNG file of the middle one that Pillow reads."""
    script = """
import cv2
from lungdb.procedures import scan_volumes
volumes = scan_volumes(InputDataSet)
pictures = [cv2.imencode(".png", ((v[4] + 1024) // 9).astype("uint8"))[1].tobytes() for v in volumes.values()]
OutputDataSet = __import__("pandas").DataFrame(
    {"scan_id": list(volumes), "x": [float(v.mean()) for v in volumes.values()], "picture": pictures})
"""
    found = _run(mine, "scans", script)
    for index, (scan_id, mean, _, picture, *_) in enumerate(found):
        volume = np.random.default_rng(index).integers(-1024, 1200, (9, 96, 96))
        assert (scan_id, mean) == (index + 1, pytest.approx(volume.mean()))
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture))), (volume[4] + 1024) // 9)


@pytest.mark.parametrize(
    ("script", "number", "message"),
    [
        ("x = 1", 50395, "has the columns none, and the table scan_id"),
        ("OutputDataSet = [1]", 50395, "OutputDataSet is a list"),
        ("OutputDataSet = InputDataSet[['part']]", 50395, "has the columns part, and the table scan_id, x, who is it"),
        ("OutputDataSet = InputDataSet[['scan_id']].assign(z=1)", 50395, "has the columns scan_id, z"),
        ("OutputDataSet = InputDataSet[['scan_id']].assign(x='a')", 50395, "Row 1 of OutputDataSet has 'a' for x"),
        ("OutputDataSet = InputDataSet[['scan_id']].assign(x=float('inf'))", 50395, "has inf for x, which is float"),
        ("OutputDataSet = InputDataSet[['scan_id']] * 1.5", 50395, "has 1.5 for scan_id, which is int"),
        ("OutputDataSet = InputDataSet[['scan_id']].astype('int64') * 2**40", 50395, "for scan_id, which is int"),
        ("OutputDataSet = InputDataSet[['scan_id']].assign(picture='0x00')", 50395, "for picture, which is varbinary"),
        ("OutputDataSet = InputDataSet[['scan_id']].assign(price=1234.5)", 50395, "3 digits before the point"),
        ("OutputDataSet = InputDataSet[['scan_id']].assign(**{'who is it': 'x' * 13})", 50395, "of 12 characters"),
        ("OutputDataSet = InputDataSet[['scan_id']].assign(scan_id=[1, None, 2])", 50395, "takes no missing value"),
        (
            "OutputDataSet = InputDataSet[['scan_id']].assign(**{'who is it': [[1], {}, ()]})",
            50395,
            "has [1] for who is",
        ),
    ],
)
def test_another_shape_than_the_table_has_is_refused(mine, script, number, message):
    """With the value and what would be right, and no row is stored."""
    call = RUN.replace(
        "@What = ?, @Script = ?, @Parameters = ?", f"@Script = N'{script.replace(chr(39), chr(39) * 2)}'"
    )
    assert message in refused(mine, call, number)


def test_a_constraint_of_the_table_is_told_and_no_row_is_stored(mine):
    """The second row offends."""
    run(mine, "CREATE UNIQUE INDEX UX_mine ON dbo.mine (x);")
    script = "OutputDataSet = InputDataSet[['scan_id']].assign(x=1.0)"
    call = RUN.replace(
        "@What = ?, @Script = ?, @Parameters = ?", f"@Script = N'{script.replace(chr(39), chr(39) * 2)}'"
    )
    assert "does not take what the script gave, and nothing is stored" in refused(mine, call, 50396)


def test_an_error_of_the_script_shows_the_last_line_of_its_traceback(mine):
    """As SQL Server shows it."""
    with pytest.raises(SqlError, match="ZeroDivisionError: division by zero"):
        _run(mine, "features", "1 / 0")


@pytest.mark.parametrize(
    ("arguments", "number", "message"),
    [
        ("@Script = N'x'", 50101, "@Dataset is NULL"),
        ("@Dataset = N'three', @Into = N'dbo.mine'", 50101, "@Script is NULL or empty"),
        ("@Dataset = N'three', @Script = N'x', @What = N'all'", 50101, "'all' for the parameter @What"),
        ("@Dataset = N'three', @Script = N'x'", 50396, "There is no table NULL"),
        (
            "@Dataset = N'three', @Script = N'x', @Into = N'dbo.scan_states'",
            50396,
            "There is no table 'dbo.scan_states'",
        ),
        ("@Dataset = N'three', @Script = N'x', @Into = N'[dbo].[Labels]'", 50396, "one of lungdb's own"),
        ("@Dataset = N'three', @Script = N'x', @Into = N'dbo.mine', @Features = N'no'", 50278, "small/l/lung/mean"),
        ("@Dataset = N'none', @Script = N'x', @Into = N'dbo.mine'", 50171, "'none'"),
        ("@Dataset = N'three', @Script = N'x', @Into = N'dbo.mine', @What = N'pictures'", 50273, "one of scans"),
    ],
)
def test_wrong_arguments_are_refused(mine, arguments, number, message):
    """Before the script runs."""
    assert message in refused(mine, f"EXECUTE dbo.RunOnDataset {arguments};", number)


def test_the_tables_that_are_refused_are_all_of_the_project():
    """A table that joins them is to be named, too."""
    text = next((SQL / "procedures").rglob("CheckRun.sql")).read_text(encoding="utf-8")
    named = re.findall(r"N'(\w+)'", text[text.index("AND o.name IN (") : text.index("SELECT @Number = 50396")])
    assert named == sorted(path.stem for path in (SQL / "tables").glob("*.sql"))


def test_times_arrive_whole(mine):
    """Every type takes its own digits; the same moment by a date, a datetime and a Timestamp of 100 ns."""
    run(mine, "DROP TABLE dbo.mine;")
    run(mine, "CREATE TABLE dbo.mine (d DATE NULL, t DATETIME NULL, s SMALLDATETIME NULL, w DATETIME2(7) NULL);")
    script = """
import datetime, pandas as pd
when = datetime.datetime(2031, 2, 3, 4, 5, 0, 123456)
OutputDataSet = pd.DataFrame({
    "d": [datetime.date(2031, 2, 3), datetime.datetime(2031, 2, 3)], "t": [datetime.date(2031, 2, 3), when],
    "s": [when, when], "w": [when, pd.Timestamp(ns)]}, dtype=object)
""".replace("pd.Timestamp(ns)", "pd.Timestamp('2031-02-03 04:05:00.123456700')")
    run(mine, RUN, ("features", script, None))
    query = (
        "SELECT CONVERT(NVARCHAR(30), d, 23), CONVERT(NVARCHAR(30), t, 121), CONVERT(NVARCHAR(30), s, 120), "
        "CONVERT(NVARCHAR(30), w, 121) FROM dbo.mine;"
    )
    assert rows(mine, query) == [
        ("2031-02-03", "2031-02-03 00:00:00.000", "2031-02-03 04:05:00", "2031-02-03 04:05:00.1234560"),
        ("2031-02-03", "2031-02-03 04:05:00.123", "2031-02-03 04:05:00", "2031-02-03 04:05:00.1234567"),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("datetime2", pd.Timestamp("2031-02-03 04:05", tz="Europe/Berlin"), "without a time zone"),
        ("datetime", pd.Timestamp("2031-02-03", tz="UTC").to_pydatetime(), "without a time zone"),
        ("date", pd.Timestamp("2031-02-03 00:00:01"), "days without a time"),
        ("varchar", "Müller", "NVARCHAR takes every letter"),
        ("char", "\u60a3", "NVARCHAR takes every letter"),
        ("nvarchar", {"a": 1}, "text, a number or a date"),
    ],
)
def test_a_value_that_would_change_on_its_way_is_refused(kind, value, message):
    """Rather than cut, shifted or written with question marks."""
    column = {"name": "c", "type": kind, "bytes": -1, "may_be_missing": 1, "may_be_left_out": 1}
    frame, number, said = lines_of_result(pd.DataFrame({"c": [value]}, dtype=object), json.dumps([column]))
    assert (len(frame), number) == (0, 50395)
    assert message in said


def test_the_label_of_a_picture_of_the_test_part_is_not_given(mine):
    """Nor of one whose part is not known."""
    for name, part in (("a", "train"), ("b", "test"), ("c", None)):
        run(mine, "INSERT INTO dbo.images (name, image, label, sha256) VALUES (?, 0x00, 1, 0x00);", (name,))
        if part:
            run(mine, "INSERT INTO dbo.image_splits (is_group, name, part) VALUES (0, ?, ?);", (name, part))
    run(mine, "EXECUTE dbo.CreateDataset @Name = N'drawn', @Query = N'SELECT name FROM dbo.images';")
    script = (
        "OutputDataSet = InputDataSet[['label', 'name']].rename(columns={'label': 'x', 'name': 'who is it'})"
        ".assign(scan_id=1)"
    )
    run(mine, RUN.replace("N'three'", "N'drawn'"), ("pictures", script, None))
    assert rows(mine, "SELECT [who is it], x FROM dbo.mine ORDER BY id;") == [("a", 1), ("b", None), ("c", None)]


def test_what_a_script_leaves_behind_reaches_no_other_call(mine):
    """Neither globals nor a changed module, in a call of its own kind and in one of the project's own scripts."""
    leaving = "import builtins, lungdb; builtins.left = lungdb.left = 1\nOutputDataSet = InputDataSet[['scan_id']]"
    seeking = (
        "import builtins, lungdb\n"
        "found = hasattr(builtins, 'left') + hasattr(lungdb, 'left') + ('leaving' in globals())\n"
        "OutputDataSet = InputDataSet[['scan_id']].assign(x=float(found))"
    )
    run(mine, RUN, ("features", f"leaving = 1\n{leaving}", None))
    assert [row[1] for row in _run(mine, "features", seeking)[3:]] == [0, 0, 0]
    broken = "import lungdb.procedures as p; p.list_extensions = None\nOutputDataSet = InputDataSet[['scan_id']]"
    run(mine, RUN, ("features", broken, None))
    assert rows(mine, "EXECUTE dbo.RegisterExtensions;")
