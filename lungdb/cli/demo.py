"""`lungdb demo`: the whole job, from DICOM files to scored patients, by the stored procedures."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lungdb.cli import load_labels, load_network, load_scans
from lungdb.cli.demo_people import describe_page, is_ready, name_patients, serve_page
from lungdb.cli.sql import print_table, run_and_print
from lungdb.cli.upgrading import ask_for_backup
from lungdb.database import Connection, connect, install, sql_directory
from lungdb.database.site import is_missing_file, set_setting
from lungdb.errors import LungdbError, escaped
from lungdb.loading.network_store import newest_network
from lungdb.reporting.held_out import Score, auc_sentence, newest_seed, score_test_patients

PATIENTS = 128
TEST_PERCENT = 35
STEPS = ("00_check_installation.sql", "01_generate_features.sql", "02_train_model.sql", "03_predict.sql")


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="lungdb demo",
        description="Load CT scans, make features, train, and score the held-out patients, each by the stored "
        "procedure that SQL Server runs. Without options the scans are synthetic.",
    )
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where scans and database go (default: demo)")
    parser.add_argument("--scans", type=Path, metavar="DIR", help="your own folder of DICOM files")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="your own labels, with the columns id,cancer")
    parser.add_argument("--network", type=Path, metavar="FILE", help="your own network, as load-network takes it")
    parser.add_argument(
        "--serve",
        action="store_true",
        help="serve the web page afterwards, to this machine alone, and print a link that signs in once; a demo of "
        "this folder that is finished is not done again",
    )
    parser.add_argument("--port", help="port of --serve, 0 for any (default: `web_port` of config.py, 5000)")
    options = parser.parse_args(argv)
    if (options.scans is None) != (options.labels is None):
        parser.error("--scans and --labels go together")
    options.folder.mkdir(parents=True, exist_ok=True)
    demo = Demo(options.folder, options.scans, options.labels, options.network)
    if not options.serve:
        return demo.run()
    if demo.is_finished():
        print(f"The demo in {escaped(options.folder)} is finished; delete that folder to do it again.")
    else:
        demo.run()
    return serve_page(demo.target, options.port)


class Demo:
    """The steps of the demo, with the seconds that each took."""

    def __init__(self, folder: Path, scans: Path | None, labels: Path | None, network: Path | None) -> None:
        self.folder = folder
        self.is_synthetic = scans is None
        self.scans = scans or folder / "scans"
        self.labels = labels or folder / "labels.csv"
        self.network = network
        self.target = f"sqlite:///{(folder / 'lung_cancer_database.db').as_posix()}"
        self.seconds: list[tuple[str, float]] = []

    def is_finished(self) -> bool:
        """Tell whether an earlier run has come to its end: the last thing that is stored is who may open the page."""
        return not is_missing_file(self.target) and is_ready(self.target)

    def run(self) -> int:
        """Run every step; a step that fails raises, and the command ends with its message."""
        if self.is_synthetic:
            with self._step("write synthetic scans"):
                nodules = write_phantoms(self.scans, self.labels)
        with self._step("install the database"):
            connection = connect(self.target)
            ask_for_backup(connection, self.target)
            install(connection)
        try:
            if self.is_synthetic:
                set_setting(connection, "test_percent", str(TEST_PERCENT))
            with self._step("load scans, labels, network"):
                database = ["-d", self.target]
                self._check(load_scans.main([*database, "--keep-ids", str(self.scans)]), "Loading scans")
                self._check(load_labels.main([*database, str(self.labels)]), "Loading labels")
                self._check(load_network.main([*database, *self._network_arguments()]), "Loading the network")
                set_setting(connection, "default_network", newest_network(connection))
                if self.is_synthetic:
                    self._check(load_labels.main([*database, str(nodules)]), "Loading nodules")
                    people = self.folder / "people.csv"
                    self._check(name_patients(connection, self.target, people), "Loading names")
            for name in STEPS:
                with self._step(name):
                    self._execute(connection, name)
            with self._step("score held-out patients"):
                scores = score_test_patients(connection)
            self._report(scores, seed=newest_seed(connection))
            print("\n" + "\n".join(describe_page(connection, sys.argv[0], self.target)))
        finally:
            connection.close()
        return 0

    def _network_arguments(self) -> list[str]:
        if self.network is not None:
            return [str(self.network)]
        file = Path(__file__).resolve().parents[1] / "networks" / "data" / "demo_resnet.onnx"
        return [str(file), "--name", "demo_resnet"]

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        print(f"\n== {name}", flush=True)
        started = time.perf_counter()
        yield
        self.seconds.append((name, time.perf_counter() - started))

    @staticmethod
    def _check(status: int, what: str) -> None:
        if status != 0:
            raise LungdbError(f"{what} failed; the messages above say why.")

    @staticmethod
    def _execute(connection: Connection, name: str) -> None:
        script = (sql_directory() / "execute" / name).read_text(encoding="utf-8")
        if not run_and_print(connection, script, stop=True):
            raise LungdbError(f"{name} failed; the messages above say why.")

    def _report(self, scores: list[Score], seed: int) -> None:
        print("\nHeld-out patients, highest score first:\n")
        ranked = sorted(scores, key=lambda score: -score.percent)
        rows = [(score.index, f"{score.percent:.1f} %", "cancer" if score.label else "no cancer") for score in ranked]
        print_table(("patient index", "probability", "truth"), rows)
        print(f"\n{auc_sentence(scores, seed)}")
        if self.is_synthetic:
            print("The scans are made up: the figure says that the software works, nothing about medicine.")
        print()
        print_table(("step", "seconds"), [(name, f"{seconds:.1f}") for name, seconds in self.seconds])
        command = f"{sys.argv[0]} sql -d {self.target} -q"
        print("\nWhat to type next:")
        print(f'  {command} "EXECUTE dbo.PredictLungCancer @PatientIndex = 1;"')
        print(f'  {command} "SELECT TOP (5) * FROM dbo.predictions ORDER BY prediction_id DESC;"')
        print(f'  {command} "EXECUTE dbo.TrainLungCancerModel @Help = 1;"')
        print(f"  {sys.argv[0]} demo --scans DIR --labels CSV --network FILE    the same with your own data")


def write_phantoms(scans: Path, labels: Path) -> Path:
    """Write the synthetic patients, unless an earlier run has, and give the file of their nodules.

    labels.csv is written last, and versions that wrote no nodules.csv wrote it alone.
    """
    try:
        from tqdm import tqdm

        from lungdb.phantoms.dataset import NODULES, make_dataset
    except ModuleNotFoundError as error:
        raise LungdbError(f'The demo needs {error.name}. Run: pip install "lungdb[cpu,load]"') from error
    nodules = labels.with_name(NODULES)
    if labels.is_file() and nodules.is_file():
        print(f"{escaped(scans)} is there already.")
        return nodules
    with tqdm(total=PATIENTS, unit="patient", desc="Writing") as bar:
        make_dataset(scans, patients=PATIENTS, progress=bar.update)
    return nodules
