"""`lungdb work`: make queued features of scans and pictures in processes of this machine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lungdb.cli.support import add_database_argument
from lungdb.config import load_settings
from lungdb.operating.worker import WorkOptions, queue_features, queue_images, run_workers


def main(argv: Sequence[str]) -> int:
    """Run the command; returns 0 when no work is left, 1 when a worker failed or left some, 130 and 143 on signals."""
    parser = argparse.ArgumentParser(
        prog="lungdb work",
        description="Make the features of scans that dbo.QueueFeatures has queued and of pictures that dbo.QueueImages "
        "has, or that sessions of dbo.GenerateFeatures and dbo.FeaturizeImages are working on, in processes of this "
        "machine: beside a server whose sandbox has no GPU, or that runs no external scripts. Ctrl-C and SIGTERM end "
        "it when the present chunk is stored; what a killed worker held is taken by others.",
    )
    add_database_argument(parser)
    parser.add_argument(
        "-w", "--workers", type=int, default=1, metavar="N", help="processes, each with a connection (default: 1)"
    )
    parser.add_argument(
        "--idle", choices=("exit", "wait"), default="exit", help="what to do when no work is left (default: exit)"
    )
    parser.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="triples or pictures in one run (default: 32)"
    )
    parser.add_argument(
        "--chunk-megabytes", type=int, default=64, metavar="MB", help="what to lease at once (default: 64)"
    )
    parser.add_argument("--network", metavar="NAME", help="first queue the scans that lack features of this network")
    parser.add_argument("--pictures", action="store_true", help="queue the pictures that lack them, not the scans")
    parser.add_argument("--layer", metavar="NAMES", help="its layers, with commas (default: penultimate)")
    parser.add_argument(
        "--preprocessing", metavar="NAME", help="how scans are prepared (default: lung, of volumes volume)"
    )
    parser.add_argument(
        "--pooling", metavar="NAMES", help="one or more poolings, with commas (default: mean, of nodules top5)"
    )
    options = parser.parse_args(argv)
    for name, value, most in (
        ("--workers", options.workers, 256),
        ("--batch-size", options.batch_size, 1024),
        ("--chunk-megabytes", options.chunk_megabytes, 512),
    ):
        if not 1 <= value <= most:
            parser.error(f"{name} {value} is not supported; give 1 to {most}")
    of_scans = (options.preprocessing, options.pooling)
    if options.network is None and (options.pictures or (options.layer, *of_scans) != (None, None, None)):
        parser.error("--pictures, --layer, --preprocessing and --pooling are of what --network queues; give it, too")
    if options.pictures and of_scans != (None, None):
        parser.error("--preprocessing and --pooling are of scans; leave them out with --pictures")
    target = options.database or load_settings().database
    if options.pictures:
        print(f"{queue_images(target, options.network, options.layer)} pictures are queued.", flush=True)
    elif options.network is not None:
        features = (options.layer, options.preprocessing, options.pooling)
        print(f"{queue_features(target, options.network, *features)} scans are queued.", flush=True)
    how = WorkOptions(options.idle == "wait", options.batch_size, options.chunk_megabytes)
    return run_workers(target, options.workers, how)
