"""`lungdb spark features` on a real cluster: the bits of GenerateFeatures, and no more lost than one series."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyspark", reason="needs the extra spark")
if shutil.which("java") is None:
    pytest.skip("needs Java", allow_module_level=True)

from lungdb import __version__
from lungdb.dicom.identity import Identity
from lungdb.dicom.limits import Limits
from lungdb.dicom.series_rule import DEFAULT_RULE, parse_rule
from lungdb.distributed.features import Report, check_features, make_features, read_network, settings_of
from lungdb.distributed.folders import Folder
from lungdb.distributed.jobs import DatabaseSource, DicomSource, Features, Job, Network
from lungdb.distributed.session import spark_session
from lungdb.errors import LungdbError
from lungdb.loading.studies import Settling
from tests.dicom.make_ct import write_slice
from tests.support.databases import copy_to, target_of
from tests.support.spark import cluster
from tests.support.spark_features import (
    KEY,
    LAYERS,
    POOLINGS,
    load,
    read_output,
    stored,
    stored_scans,
    write_archive,
    write_small_network,
    written,
)

PATIENTS = 24
FEATURES = Features(tuple(LAYERS.split(",")), "lung", None, tuple(POOLINGS.split(",")))


class Bench:
    """A cluster with a session on it, an archive of series, and what the database made of that."""

    def __init__(self, context: Any, folder: Path, target: str, network: Network) -> None:
        self.context = context
        self.folder = folder
        self.target = target
        self.network = network
        identity = Identity("keyed", KEY)
        self.source = DicomSource(str(folder / "archive"), identity, Settling(parse_rule(DEFAULT_RULE)))

    def run(self, out: Path, source: DicomSource | DatabaseSource | None = None, **how: Any) -> Report:
        """Make the features of a source in an output."""
        job = Job(source or self.source, FEATURES, Folder(str(out)), __version__)
        settings = settings_of(job.source, "small.onnx", self.network, FEATURES, [5, 5])
        return make_features(self.context, job, self.network, settings, lambda *_: None, **how)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, installed_file: Path) -> Iterator[Bench]:
    """Start two workers of one core, with a session, beside a database with the same scans."""
    folder = tmp_path_factory.mktemp("features")
    write_archive(folder / "archive", PATIENTS)
    file = write_small_network(folder)
    target = target_of(copy_to(folder, installed_file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGDB_ID_KEY", KEY)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.chdir(folder)
        load(target, folder / "archive", file)
        _, network = read_network(str(file), None, None, {})
        small = {"spark.executor.memory": "512m", "spark.driver.memory": "512m", "spark.cores.max": "2"}
        with cluster(folder) as started, spark_session("tests", started.master, small) as session:
            yield Bench(session.sparkContext, folder, target, network)


@pytest.fixture(scope="module")
def made(bench: Bench) -> tuple[Path, Report]:
    """Give the output of the archive; no test changes it."""
    out = bench.folder / "made"
    return out, bench.run(out)


def test_the_features_are_those_of_generate_features_bit_for_bit(bench: Bench, made: tuple[Path, Report]) -> None:
    """Arrays, vectors, hashes and ids of 24 series and two layers, one of many slices, one chosen of two."""
    out, report = made
    assert (report.series, report.done_before, report.done) == (PATIENTS, 0, PATIENTS)
    assert (dict(report.failed), dict(report.unwritten)) == ({}, {})
    assert report.rejected == {"not_dicom": 1, "not_primary": 1}
    expected = stored(bench.target)
    assert len(expected) == 2 * PATIENTS
    assert written(out) == expected


def test_what_is_known_of_a_scan_is_what_load_scans_stores(bench: Bench, made: tuple[Path, Report]) -> None:
    """Every column of dbo.scans that does not follow from other scans, and what is known of each slice."""
    found = {row["series_uid"]: json.loads(row["scan"]) for row in read_output(made[0])}
    assert found == stored_scans(bench.target)


def test_the_settings_say_what_was_done(bench: Bench, made: tuple[Path, Report]) -> None:
    """The hash of the network is that of dbo.networks; the identity tells no key."""
    text = (made[0] / "lungdb.json").read_text(encoding="utf-8")
    settings = json.loads(text)
    (sha256,) = {row["network"] for row in stored_networks(bench.target)}
    assert settings["network"] == {"name": "small.onnx", "sha256": sha256}
    assert settings["layers"] == [
        {"number": 1, "name": "penultimate", "width": 5},
        {"number": 2, "name": "conv", "width": 5},
    ]
    assert settings["identity"] == {"mode": "keyed", "key_check": Identity("keyed", KEY).key_check}
    assert KEY not in text
    assert check_features(FEATURES, bench.network) == [5, 5]


def stored_networks(target: str) -> list[dict[str, str]]:
    """Return the hashes of a database's networks in hexadecimal."""
    from contextlib import closing

    from lungdb.database import connect, run

    with closing(connect(target)) as connection:
        rows = run(connection, "SELECT sha256 FROM dbo.networks;")[0].rows
    return [{"network": bytes(row[0]).hex()} for row in rows]


def test_slices_of_a_database_give_the_same(bench: Bench) -> None:
    """The source is what load-scans stored; executors open the database themselves."""
    out = bench.folder / "of database"
    assert bench.run(out, DatabaseSource(bench.target)).done == PATIENTS
    assert written(out) == stored(bench.target)
    assert {row["series_uid"]: json.loads(row["scan"]) for row in read_output(out)} == stored_scans(bench.target)


def test_what_is_there_is_not_done_again(bench: Bench, made: tuple[Path, Report]) -> None:
    """Of an output that lacks two files and has parts of a killed task only those two are made."""
    out = Path(shutil.copytree(made[0], bench.folder / "resumed"))
    files = sorted((out / "features").iterdir())
    for file in files[:2]:
        os.replace(file, file.with_name(f".{file.name}.0.part"))
    before = {file.name: file.stat().st_mtime_ns for file in files[2:]}
    report = bench.run(out)
    assert report.done_before + report.done == PATIENTS
    assert report.done == len({row["series_uid"] for file in files[:2] for row in rows_of(made[0], file.name)})
    assert written(out) == stored(bench.target)
    assert {file.name: file.stat().st_mtime_ns for file in files[2:]} == before


def rows_of(out: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a file of an output."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(out / "features" / name).to_pylist()
    return rows


def test_a_manifest_that_was_not_committed_is_made_anew(bench: Bench, made: tuple[Path, Report]) -> None:
    """Killed while it was written, it may lack series."""
    out = Path(shutil.copytree(made[0], bench.folder / "uncommitted"))
    (out / "manifest.json").unlink()
    (out / "series" / "99999.parquet").write_bytes(b"PAR1")
    assert bench.run(out).done == 0
    assert written(out) == stored(bench.target)


def test_a_file_that_cannot_be_decoded_costs_one_series_with_its_reason(bench: Bench) -> None:
    """It takes more memory than a reader may; the others are there, and --retry-failed takes it with more."""
    archive = Path(shutil.copytree(bench.folder / "archive" / "patient 3", bench.folder / "poisoned" / "good")).parent
    uid = "1.2.99.0"
    header: dict[str, Any] = {
        "PatientID": "huge",
        "StudyInstanceUID": "1.3.99",
        "SeriesInstanceUID": uid,
        "SOPInstanceUID": f"{uid}.0",
    }
    write_slice(archive / "huge.dcm", np.zeros((4000, 4000), np.int16), **header)
    out = bench.folder / "of poisoned"
    few = replace(bench.source, uri=str(archive), limits=Limits(worker_megabytes=40))
    report = bench.run(out, few)
    assert (report.series, report.done) == (2, 2)
    (reason,) = report.failed
    assert reason.startswith("Reading the file took too much memory.")
    (bad,) = [row for row in read_output(out) if row["error"]]
    assert (bad["layer"], bad["array"], bad["pooled"], bad["error"]) == (0, [], [], reason)
    assert bad["series_uid"] == Identity("keyed", KEY).uid(uid)
    assert len(read_output(out)) == 3
    assert bench.run(out, few).done == 0
    report = bench.run(out, replace(few, limits=Limits()), retry_failed=True)
    assert (report.done, dict(report.failed)) == (1, {})
    assert len(written(out)) == 4


def test_an_output_that_cannot_be_written_is_told_and_the_rest_goes_on(bench: Bench, made: tuple[Path, Report]) -> None:
    """In the way of one file there is a folder."""
    out = bench.folder / "in the way"
    shutil.copytree(made[0], out, ignore=shutil.ignore_patterns("features"))
    name = sorted(file.name for file in (made[0] / "features").iterdir())[3]
    (out / "features" / name / "folder").mkdir(parents=True)
    report = bench.run(out)
    (why,) = report.unwritten
    assert why.startswith(f"The folder '{out}' cannot be written (Is a directory).")
    assert report.unwritten[why] + report.done == PATIENTS
    shutil.rmtree(out / "features" / name)
    assert bench.run(out).done == report.unwritten[why]
    assert written(out) == stored(bench.target)


def test_an_output_that_executors_do_not_see_is_told(bench: Bench) -> None:
    """The memory of the driver is none of theirs."""
    job = Job(bench.source, FEATURES, Folder("memory://lungdb/out"), __version__)
    settings = settings_of(job.source, "small.onnx", bench.network, FEATURES, [5, 5])
    with pytest.raises(LungdbError, match=r"cannot be read .* Check that all executors reach it"):
        make_features(bench.context, job, bench.network, settings, lambda *_: None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": replace(FEATURES, poolings=("max",))}, "the poolings was .*mean.* and is .*max"),
        ({"source": Identity("kept", "")}, r"how ids are stored \(mode\) was \"keyed\" and is \"kept\""),
        ({"network": Network(b"", "00", "{}")}, r"the network \(sha256\) was"),
    ],
)
def test_an_output_with_other_settings_is_refused(
    bench: Bench, made: tuple[Path, Report], change: dict[str, Any], message: str
) -> None:
    """The difference is named, and nothing is done."""
    source = replace(bench.source, identity=change["source"]) if "source" in change else bench.source
    features, network = change.get("features", FEATURES), change.get("network", bench.network)
    job = Job(source, features, Folder(str(made[0])), __version__)
    settings = settings_of(source, "small.onnx", network, features, [5, 5])
    with pytest.raises(LungdbError, match=message):
        make_features(bench.context, job, network, settings, lambda *_: None)


def test_a_damaged_output_is_told(bench: Bench, made: tuple[Path, Report]) -> None:
    """A file that is cut, and settings that are no JSON."""
    out = Path(shutil.copytree(made[0], bench.folder / "damaged"))
    file = sorted((out / "features").iterdir())[0]
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(LungdbError, match=f"The file features/{file.name} of the output is damaged"):
        bench.run(out)
    (out / "lungdb.json").write_text("{", encoding="ascii")
    with pytest.raises(LungdbError, match=r"The file lungdb.json of the output is damaged"):
        bench.run(out)


def test_an_empty_source_is_told(bench: Bench, tmp_path: Path) -> None:
    """What lies there instead is counted."""
    (tmp_path / "scans").mkdir()
    source = replace(bench.source, uri=str(tmp_path / "scans"))
    with pytest.raises(LungdbError, match=r"The source holds no CT series\. Give"):
        bench.run(tmp_path / "out", source)
    (tmp_path / "scans" / "readme.txt").write_text("no DICOM", encoding="ascii")
    with pytest.raises(LungdbError, match=r"The source holds no CT series \(1 not_dicom\)"):
        bench.run(tmp_path / "out", source)


def test_executors_of_another_version_are_refused(bench: Bench, tmp_path: Path) -> None:
    """They might compute otherwise."""
    job = Job(bench.source, FEATURES, Folder(str(tmp_path / "out")), "0.0.1")
    settings = settings_of(job.source, "small.onnx", bench.network, FEATURES, [5, 5])
    with pytest.raises(LungdbError, match=f"An executor has lungdb {__version__}, and the driver 0.0.1"):
        make_features(bench.context, job, bench.network, settings, lambda *_: None)
