"""What a network was trained on is recorded by load-network, and whoever measures a model on that is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lungdb.cli import load_network
from lungdb.database import Connection
from lungdb.errors import LungdbError
from lungdb.loading.trained_on import find_trained_on, record_trained_on
from tests.support.databases import refused, rows, target_of
from tests.support.fixtures import DEMO_NETWORK

HELD_OUT = "EXECUTE dbo.EvaluateModel @Dataset = N'held out';"


def test_a_model_is_not_measured_on_the_data_set_that_its_network_was_trained_on(measurable: Connection) -> None:
    """Of a set the scans of every member, of a version too."""
    for text in ("held out", "held out:1"):
        hashes = find_trained_on(measurable, text)
        record_trained_on(measurable, "made up", 1, hashes)
        assert refused(measurable, HELD_OUT, 50285).startswith("94 scans were used to train its network.")
    members = rows(measurable, "SELECT content_sha256 FROM dbo.dataset_members WHERE dataset_version_id = 1;")
    assert sorted(hashes) == sorted(bytes(content).hex().upper() for (content,) in members)


def test_a_file_names_patients_and_scans(measurable: Connection, tmp_path: Path) -> None:
    """A patient stands for all scans, a scan may be named twice, an empty line is passed over."""
    ((patient,),) = rows(measurable, "SELECT MIN(patient_id) FROM dbo.splits WHERE part = 'test';")
    own = rows(measurable, "SELECT content_sha256 FROM dbo.scans WHERE patient_id = ? ORDER BY scan_id;", (patient,))
    ((other,),) = rows(
        measurable, "SELECT TOP (1) content_sha256 FROM dbo.scans WHERE patient_id <> ? ORDER BY scan_id;", (patient,)
    )
    file = tmp_path / "trained.txt"
    file.write_text(f"{patient}\n\n{bytes(other).hex()}\n{bytes(own[0][0]).hex()}\n", encoding="utf-8")
    expected = [bytes(content).hex().upper() for (content,) in (*own, (other,))]
    assert len(own) == 2
    assert find_trained_on(measurable, str(file)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("ff" * 31, "Line 1"),
        ("{patient}\nnobody 17\n", "Line 2"),
        (None, "neither a data set of scans"),
    ],
)
def test_what_names_nothing_is_refused_and_no_id_is_said(
    measurable: Connection, tmp_path: Path, content: str | None, message: str
) -> None:
    """By the number of the line."""
    ((patient,),) = rows(measurable, "SELECT MIN(patient_id) FROM dbo.patients;")
    file = tmp_path / "trained.txt"
    if content is not None:
        file.write_text(content.format(patient=patient), encoding="utf-8")
    with pytest.raises(LungdbError, match=message) as caught:
        find_trained_on(measurable, str(file))
    assert "nobody" not in str(caught.value)


@pytest.mark.parametrize("text", ["a" * 5000, "no\0name"])
def test_a_text_that_no_file_can_be_named_is_no_file(measurable: Connection, text: str) -> None:
    """Too long for a file system, or with a character that ends names: refused as any other that is not there."""
    with pytest.raises(LungdbError, match="neither a data set of scans"):
        find_trained_on(measurable, text)


def test_a_wrong_list_is_noticed_before_the_network_is_read(
    measurable: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two mistakes the one that is cheap to find is said: no network is there either."""
    command = [str(tmp_path / "none.onnx"), "-d", target_of(next(tmp_path.glob("*.db"))), "--trained-on", "no such"]
    assert load_network.main(command) == 1
    error = capsys.readouterr().err
    assert "neither a data set of scans 'no such'" in error
    assert "none.onnx" not in error


def test_load_network_records_it_of_a_network_that_is_new_or_there_already(
    measurable: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A set that is not there is refused, and then no network is stored."""
    command = [str(DEMO_NETWORK), "-d", target_of(next(tmp_path.glob("*.db"))), "--name", "theirs", "--trained-on"]
    assert load_network.main([*command, "no such"]) == 1
    assert "no such" in capsys.readouterr().err
    assert rows(measurable, "SELECT COUNT(*) FROM dbo.networks WHERE name = N'theirs';") == [(0,)]
    for name, scans in (("held out", 94), ("everybody", 167)):
        assert load_network.main([*command, name]) == 0
        ((details,),) = rows(measurable, "SELECT details FROM dbo.networks WHERE name = N'theirs';")
        assert len(json.loads(details)["trained_on"]) == scans
        assert json.loads(details)["layers"]
