"""`lungdb watch`: load what arrives in a folder when it is complete, queue its features, and score it."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lungdb.cli.load_scans import add_loading_arguments, limits_of, loading_options, needing_load
from lungdb.cli.support import add_database_argument
from lungdb.config import load_settings
from lungdb.database.run_log import logged_load
from lungdb.database.site import is_missing_file, open_installed
from lungdb.dicom.identity import Identity
from lungdb.dicom.processes import start_workers
from lungdb.dicom.rejection import REASONS, RejectedError
from lungdb.dicom.source import Rejection
from lungdb.errors import LungdbError, escaped
from lungdb.isolation import Workers

if TYPE_CHECKING:
    from lungdb.loading.arrivals import Batch
    from lungdb.loading.scan_options import Options
    from lungdb.operating.watching import Loaded

_DESCRIPTION = """
Load what appears in a folder when it is complete: when no file of a study has changed for --settle seconds. A file that
grows is not read, nor is one whose name begins with a dot or ends in .part, .partial, .tmp, .temp, .filepart or
.crdownload before it is renamed. Files are loaded as load-scans does, and nothing is ever deleted or moved. Features of
what is new are queued for lungdb work, or made, and what has features is scored by the served models. Ctrl-C and
SIGTERM end it when what is being loaded is loaded; however it ended, it goes on where it stopped.
"""
_QUEUED = ("network", "layer", "preprocessing", "pooling")


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when nothing failed, 1 when something did, 130 after Ctrl-C, 143 after SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="lungdb watch", description=_DESCRIPTION, epilog="docs/arrival.md tells more, and how DICOM is received."
    )
    parser.add_argument("folder", type=Path, help="folder that is watched, with its subfolders")
    add_database_argument(parser)
    parser.add_argument(
        "--settle", type=_seconds, default=30, metavar="S", help="without a change a study is complete (default: 30)"
    )
    parser.add_argument("--poll", type=_seconds, default=10, metavar="S", help="between two looks (default: 10)")
    parser.add_argument(
        "--once", action="store_true", help="look twice, --settle seconds apart, load what has not changed, and end"
    )
    parser.add_argument(
        "--notes", type=Path, metavar="FILE", help="where to note what was loaded (default: one in ~/.local/state)"
    )
    parser.add_argument(
        "--afresh", action="store_true", help="look at everything again, such as after a backup was restored"
    )
    following = parser.add_argument_group("features and scores")
    following.add_argument(
        "--features",
        choices=("queue", "make", "none"),
        default="queue",
        help="queue those of new scans for lungdb work; make them by dbo.GenerateNewFeatures; or neither make features "
        "nor scores (default: queue)",
    )
    following.add_argument("--model", metavar="NAME", help="features and scores of this model alone (default: of all)")
    following.add_argument("--network", metavar="NAME", help="queue features of it (default: those that models read)")
    following.add_argument("--layer", metavar="NAMES", help="its layers, with commas (default: penultimate)")
    following.add_argument("--preprocessing", metavar="NAME", help="how scans are prepared (default: the network's)")
    following.add_argument(
        "--pooling", metavar="NAMES", help="one or more poolings, with commas (default: the layer's)"
    )
    add_loading_arguments(parser)
    arguments = parser.parse_args(argv)
    if arguments.network is None and any(getattr(arguments, name) for name in _QUEUED):
        parser.error("--layer, --preprocessing and --pooling are of what --network queues; give it, too")
    if arguments.network is not None and arguments.features != "queue":
        parser.error(f"--network says what is queued; leave it out with --features {arguments.features}")
    target = arguments.database or load_settings().database
    if is_missing_file(target):
        raise LungdbError("The database's file is not there. Check the target.")
    return _watch(target, arguments)


def _seconds(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 86400:
        raise argparse.ArgumentTypeError(f"{number} is not supported; give 1 to 86400")
    return number


def _watch(target: str, arguments: argparse.Namespace) -> int:
    with needing_load():
        from lungdb.loading.arrivals import Arrivals, Notes
        from lungdb.operating.watching import Watch, WatchOptions, identity_of
        from lungdb.operating.worker import Stop, listening

    if not arguments.folder.is_dir():
        raise LungdbError(f"The folder '{arguments.folder}' does not exist. Give the one in which files arrive.")
    limits = limits_of(arguments)
    identity, options = loading_options(arguments, limits)
    of = identity_of(target, arguments.folder)
    notes = Notes(arguments.notes or _default_notes(of), of, afresh=arguments.afresh)
    if notes.are_of_another:
        _say("The notes are of another folder or database, so everything is looked at again.")
    how = WatchOptions(
        poll=arguments.poll,
        settle=arguments.settle,
        once=arguments.once,
        features=arguments.features,
        network=arguments.network,
        layer=arguments.layer,
        preprocessing=arguments.preprocessing,
        pooling=arguments.pooling,
        model=arguments.model,
    )
    stop = Stop()
    with listening(stop), start_workers(arguments.workers or os.cpu_count() or 1, limits, at_first=1) as workers:
        arrivals = Arrivals(arguments.folder, arguments.settle, notes, workers, limits)
        loader = _Loader(target, arguments.folder, identity, options, workers, show_paths=arguments.show_paths)
        _say("Watching." if not arguments.once else f"Looking again in {arguments.settle} seconds.")
        went_well = Watch(target, arrivals, loader.load, how, _say, stop).run()
    if stop.status:
        _say("Ended as asked; the next call goes on here.")
    return stop.status or int(not went_well)


def _default_notes(of: str) -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "state"
    return Path(state, "lungdb", f"watch-{sha256(of.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}")


def _say(text: str) -> None:
    print(escaped(text), flush=True)


class _Loader:
    """Loads batches, each with a connection of its own, and tells what became of them."""

    def __init__(
        self,
        target: str,
        folder: Path,
        identity: Identity,
        options: Options,
        workers: Workers[RejectedError],
        *,
        show_paths: bool,
    ) -> None:
        self._target = target
        self._folder = folder
        self._identity = identity
        self._options = options
        self._workers = workers
        self._show_paths = show_paths
        self._said: set[Rejection] = set()

    def load(self, batch: Batch) -> Loaded:
        """Load a batch; a file or series that was not taken is told once."""
        from lungdb.loading.scans import load_folder
        from lungdb.operating.watching import Loaded

        met: list[Rejection] = []
        options = self._options
        given = {"all_series": options.all_series, "replace": options.replace, "series_rule": options.series_rule}
        with (
            closing(open_installed(self._target, create=False)) as connection,
            logged_load(connection, "watch", given) as load,
        ):
            report = load_folder(
                connection, self._folder, self._identity, options, self._workers, met.append, batch.files
            )
            load.scans = report.series["loaded"] + report.series["replaced"]
            load.slices, load.failed = report.slices, sum(report.rejected.values())
        counts = ", ".join(f"{report.series[outcome]} {outcome}" for outcome in ("loaded", "replaced", "unchanged"))
        _say(f"Series: {counts}; {report.slices} slices stored.")
        new = [rejection for rejection in met if rejection not in self._said]
        self._said.update(new)
        for reason, count in sorted(Counter(rejection.reason for rejection in new).items()):
            _say(f"Not taken: {count} {reason}. {REASONS[reason]}")
        if self._show_paths:
            for rejection in new:
                _say(f"{rejection.reason}\t{rejection.source}")
        return Loaded(load.scans, all(rejection.reason != "unreadable" for rejection in met))
