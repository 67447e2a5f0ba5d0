"""A deadlock or a lost connection at any statement of any loader: it is done again, once, and the log counts it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from PIL import Image

from lungdb.cli.main import main
from lungdb.database import connect, retrying, run, site
from lungdb.dicom.identity import Identity
from lungdb.loading import networks
from lungdb.loading.preparing import Prepared, Task, prepare_apart
from tests.cli.test_load_nodules import READERS, SERIES, SLICES
from tests.cli.test_load_scan_labels import PERSONS
from tests.cli.test_load_scan_labels import fill as fill_trial
from tests.sql import small_database
from tests.support.databases import contents, copy_to, rows, target_of
from tests.support.faults import KINDS, Faults, FaultyConnection
from tests.support.feature_folders import describe, made_up_row, write_rows
from tests.support.fixtures import WIDTH
from tests.support.networks import write_network
from tests.support.scan_rows import AXIAL, add_scan, begin

KEPT = Identity("kept", "")
PREPARED: dict[str, Prepared] = {}


def _featured(target: str) -> None:
    with closing(connect(target)) as connection:
        run(connection, "INSERT INTO dbo.settings (name, value) VALUES (N'id_mode', N'kept');")


def _labels(target: str, folder: Path) -> list[str]:
    _featured(target)
    (folder / "l.csv").write_text("id,cancer\npatient 0001,1\npatient 0002,1\npatient 0003,0\nx,1\n")
    with closing(connect(target)) as connection:
        run(connection, "DELETE FROM dbo.labels WHERE patient_id < N'patient 0003';")
    return ["load-labels", str(folder / "l.csv")]


def _numbers(target: str, folder: Path) -> list[str]:
    _featured(target)
    (folder / "n.csv").write_text("id,size\npatient 0001,1.5\npatient 0002,2\n")
    return ["load-labels", str(folder / "n.csv"), "--numeric", "size"]


def _patients(target: str, folder: Path) -> list[str]:
    _featured(target)
    (folder / "p.csv").write_text("patient_id,display_name,sex,birth_year\npatient 0001,Joe,M,1950\nx,y,F,1951\n")
    return ["load-patients", str(folder / "p.csv")]


def _persons(target: str, folder: Path) -> list[str]:
    fill_trial(target, KEPT)
    (folder / "t.csv").write_text(PERSONS)
    return ["load-labels", str(folder / "t.csv"), "--horizon", "365"]


def _scan_labels(target: str, folder: Path) -> list[str]:
    fill_trial(target, KEPT)
    (folder / "s.csv").write_text("series_uid,label\n1.100002.0.B30f,1\n1.100003.0.B80f,0\n9.9,1\n")
    return ["load-labels", str(folder / "s.csv"), "--horizon", "365"]


def _nodules(target: str, folder: Path) -> list[str]:
    begin(target, KEPT)
    add_scan(target, KEPT, "LIDC-IDRI-0001", SERIES, SLICES, **AXIAL)
    return ["load-labels", READERS]


def _pictures(folder: Path) -> Path:
    (folder / "pictures").mkdir(exist_ok=True)
    for grey in (10, 200):
        Image.new("L", (8, 8), grey).save(folder / "pictures" / f"{grey}.png")
    return folder / "pictures"


def _images(target: str, folder: Path) -> list[str]:
    (folder / "i.csv").write_text("name,label\n10.png,1\n200.png,0\n")
    return ["load-images", str(_pictures(folder)), "--labels", str(folder / "i.csv")]


def _labelled_images(target: str, folder: Path) -> list[str]:
    assert main(["load-images", str(_pictures(folder)), "-d", target]) == 0
    return _images(target, folder)


def _listed_images(target: str, folder: Path) -> list[str]:
    text = "path,label,patient,group,order,part,colour\n10.png,cat,a,g,1,,red\n200.png,dog|cat,,h,1,test,\n"
    (folder / "list.csv").write_text(text)
    return ["load-images", str(_pictures(folder)), "--list", str(folder / "list.csv"), "--keep-ids"]


def _network(target: str, folder: Path) -> list[str]:
    (folder / "n.onnx").write_bytes(write_network(64, 64))
    (folder / "who.txt").write_text(64 * "a" + "\n")
    return ["load-network", str(folder / "n.onnx"), "--trained-on", str(folder / "who.txt")]


def _described(target: str, folder: Path) -> list[str]:
    assert main([*_network(target, folder), "-d", target]) == 0
    with closing(connect(target)) as connection:
        run(connection, "DELETE FROM dbo.network_layers;")
    return ["networks", "--describe"]


def _tensors(target: str, folder: Path, seed: int = 1) -> list[str]:
    rng = np.random.default_rng(seed)
    shapes = {"0.weight": (4, 3), "0.bias": (4,), "1.weight": (2, 4), "1.bias": (2,)}
    np.savez(folder / "d.npz", **{name: rng.normal(size=shape) for name, shape in shapes.items()})
    return ["load-tensors", str(folder / "d.npz")]


def _replaced_tensors(target: str, folder: Path) -> list[str]:
    assert main([*_tensors(target, folder, seed=2), "-d", target]) == 0
    return [*_tensors(target, folder), "--replace"]


def _classifier(target: str, folder: Path) -> list[str]:
    vectors = np.random.default_rng(1).normal(size=(200, WIDTH))
    options = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(options, lightgbm.Dataset(vectors, vectors[:, 0] > 0), 3)
    booster.save_model(folder / "c.txt")
    return ["load-classifier", str(folder / "c.txt")]


def _features(target: str, folder: Path) -> list[str]:
    _featured(target)
    with closing(connect(target)) as connection:
        run(connection, "UPDATE dbo.networks SET name = N'made up' WHERE network_id = 1;")
        description = describe(connection)
    (folder / "features").mkdir(exist_ok=True)
    (folder / "lungdb.json").write_text(json.dumps(description))
    made = [made_up_row(f"9.{number}", WIDTH, number) for number in range(2)]
    write_rows(folder / "features" / "part.parquet", made)
    return ["load-features", str(folder)]


def _recompressed(target: str, folder: Path) -> list[str]:
    with closing(connect(target)) as connection:
        small_database.fill(connection, patients=2, pictures=0)
    return ["recompress"]


LOADS: dict[str, Callable[[str, Path], list[str]]] = {
    each.__name__.strip("_"): each
    for each in (
        _labels, _numbers, _patients, _persons, _scan_labels, _nodules, _images, _labelled_images, _listed_images,
        _network, _described, _tensors, _replaced_tensors, _classifier, _features, _recompressed,
    )
}  # fmt: skip
OF_FEATURES = {"labels", "numbers", "patients", "classifier", "features"}
UNLOGGED = {"described", "recompressed"}


class Load:
    """A loader's call on copies of one database."""

    def __init__(self, name: str, base: Path, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.file = copy_to(folder, base)
        self.call = LOADS[name](target_of(self.file), folder)
        self.before = self.found(self.file)

    def run(self, faults: Faults) -> tuple[int, Path]:
        """Run it on a new copy; returns the exit status and the copy."""
        (self.folder / "copy").mkdir(exist_ok=True)
        file = copy_to(self.folder / "copy", self.file)
        with self.patch.context() as patch:
            patch.setattr(site, "connect", lambda target, **_: FaultyConnection(target, faults))
            return main([*self.call, "-d", target_of(file)]), file

    @staticmethod
    def found(file: Path) -> dict[str, list[str]]:
        """Give the rows of all tables without moments and the number by which a load is known."""
        with closing(connect(target_of(file))) as connection:
            tables = contents(connection)
        return {table: [_timeless(row) for row in found] for table, found in tables.items()}


def _prepared(task: Task) -> Prepared:
    """Prepare a network once, not in a process of its own for every fault."""
    if task.file.sha256 not in PREPARED:
        PREPARED[task.file.sha256] = prepare_apart(task)
    return PREPARED[task.file.sha256]


def _timeless(row: tuple[Any, ...]) -> str:
    text = repr([value for value in row if not hasattr(value, "year")])
    return re.sub(r'"load_id": ?"[0-9a-f]{32}"', "", text)


@pytest.fixture
def load(
    request: pytest.FixtureRequest, installed_file: Path, featured_file: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Load:  # fmt: skip
    """The loader that a test names; no pause is waited for."""
    for name in ("LUNGDB_CONFIG", "LUNGDB_DATABASE", "LUNGDB_ID_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(retrying, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(networks, "prepare_apart", _prepared)
    return Load(request.param, featured_file if request.param in OF_FEATURES else installed_file, tmp_path, monkeypatch)


def _log(file: Path) -> tuple[str, str]:
    with closing(connect(target_of(file))) as connection:
        found = rows(
            connection,
            "SELECT state, COALESCE(error, result, N'') FROM dbo.run_log "
            "WHERE procedure_name LIKE N'load-%' ORDER BY run_id DESC;",
        )
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize("load", LOADS, indirect=True)
def test_a_fault_at_any_statement_changes_nothing_of_what_is_loaded(
    request: pytest.FixtureRequest, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows and words are those of a load that nothing disturbed, whether the server had committed or not."""
    undisturbed = Faults()
    status, file = load.run(undisturbed)
    assert status == 0
    wanted, said = load.found(file), capsys.readouterr().out
    assert wanted != load.before
    for kind, number in KINDS.items():
        for place, sql in enumerate(undisturbed.seen):
            faults = Faults(kind, place)
            where = f"{kind} at {json.dumps(sql[:80])}"
            status, file = load.run(faults)
            out, err = capsys.readouterr()
            assert status == 0, (where, err)
            assert load.found(file) == wanted, where
            assert out == said, where
            assert err.count(f"Error {number} may pass") == 1, where
            state, told = _log(file) if request.node.callspec.params["load"] not in UNLOGGED else ("done", "")
            assert state == "done", where
            is_counted = place >= undisturbed.logged and request.node.callspec.params["load"] not in UNLOGGED
            assert (f"done again after error {number} 1 times" in told) == is_counted, where


@pytest.mark.parametrize("load", sorted(LOADS.keys() - {"images", "labelled_images", "listed_images"}), indirect=True)
def test_a_deadlock_that_does_not_pass_ends_the_load_and_nothing_is_half_written(
    request: pytest.FixtureRequest, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six tries; the database is as it was, and the log says how often it was tried."""
    undisturbed = Faults()
    load.run(undisturbed)
    place = next(
        place for place, sql in enumerate(undisturbed.seen) if sql.strip().startswith(("COMMIT", "EXECUTE dbo.StoreC"))
    )
    capsys.readouterr()
    status, file = load.run(Faults("deadlock", place, for_ever=True))
    assert status == 1
    assert load.found(file) == load.before
    assert capsys.readouterr().err.count("Error 1205 may pass") == retrying.ATTEMPTS - 1
    if request.node.callspec.params["load"] not in UNLOGGED:
        assert _log(file) == (
            "failed",
            "Ended by SQL error 1205; what was committed stays. It was done again after error 1205 5 times.",
        )
