"""Print peaks of memory: of GenerateFeatures here, and of the external Python under Microsoft's extension, computed."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from contextlib import closing
from itertools import cycle, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import intake
import pandas as pd
from databases import DEMO_NETWORK, database
from figures import Figure
from sizes import Sizes

from lungdb.cli.sql import print_table
from lungdb.database import Connection, connect, run

_PROCEDURE = Path(__file__).resolve().parents[2] / "sql" / "procedures" / "features" / "GenerateFeatures.sql"
_SCAN, _PIXELS = "scan_id", "pixels"
# What the query is given beside #chunk: where a prepared picture would be looked for, had the scans any.
_VARIABLES = "DECLARE @Preprocessing NVARCHAR(32) = N'lung', @Rows INT = 224, @Cols INT = 224;"


def main() -> int:
    """Measure in a process of its own, because a peak never goes down again; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument(
        "--peak-of", metavar="TARGET", help="print the peaks of GenerateFeatures, engine and Python, in MB"
    )
    one.add_argument("--script-of", metavar="FOLDER", type=Path, help="print the peak of its script over stored rows")
    options = parser.parse_args()
    print(*(_peaks(options.peak_of) if options.peak_of else (_script_peak(options.script_of),)))
    return 0


def bench(folder: Path, large: str, many: str, sizes: Sizes) -> list[Figure]:
    """Print the tables and give the figures; `large` and `many` are the databases of those sizes."""
    rows = []
    for scans, target in ((sizes.few, database(folder / "few", DEMO_NETWORK, sizes.few)), (sizes.many, many)):
        rows.append((str(scans), *_ask("--peak-of", target)))
    print("\nPeak memory of GenerateFeatures with the demo network:\n")
    print_table(("scans", "T-SQL engine, MB", "external Python, MB"), rows)

    megabytes = sizes.extension_megabytes or default_chunk(_PROCEDURE.read_text(encoding="utf-8"))
    rows_of_chunk = folder / "chunk"
    rows_of_chunk.mkdir()
    with closing(connect(large)) as connection:
        _write_chunk(connection, rows_of_chunk, megabytes * 1_000_000)
    (peak,) = _ask("--script-of", str(rows_of_chunk))
    print(
        f"\nThe script of GenerateFeatures over a chunk of {megabytes} MB with {sizes.layout}, run by itself with the "
        "rows as Microsoft's extension holds them: hexadecimal in its buffers and once more in the data frame:\n"
    )
    print_table(("peak of the process, MB",), [(peak,)])
    what = f"peak of external Python, {sizes.layout}, chunk of {megabytes} MB, hexadecimal held twice"
    return [
        Figure(
            what, "computed for Microsoft's extension, not run under it", f"{int(peak) / 1000:.2f} GB", aim="under 1 GB"
        )
    ]


def default_chunk(procedure: str) -> int:
    """Find the default of @ChunkMegabytes in the text of GenerateFeatures."""
    found = re.search(r"@ChunkMegabytes INT = (\d+)", procedure)
    assert found
    return int(found[1])


def script_and_query(procedure: str) -> tuple[str, str]:
    """Take the external script and its input query out of the text of GenerateFeatures."""
    script = re.search(r"@script = N'(.*?)',\s+@input_data_1", procedure, re.DOTALL)
    query = re.search(r"@input_data_1 = N'(.*?)',\s+@params", procedure, re.DOTALL)
    assert script
    assert query
    return script[1].replace("''", "'"), query[1].replace("''", "'")


def _ask(option: str, value: str) -> list[str]:
    done = subprocess.run([sys.executable, __file__, option, value], check=True, capture_output=True, text=True)  # noqa: S603 our own file
    return done.stdout.split()


def _peaks(target: str) -> tuple[int, int]:
    with closing(connect(target)) as connection:
        run(connection, "EXECUTE dbo.GenerateFeatures @ModelName = N'bench', @Recompute = 1;")
        # The engine keeps the process for the next call, so it is looked at while it lives.
        return intake.peak_of(os.getpid()), max(map(intake.peak_of, _descendants(os.getpid())))


def _descendants(process: int) -> list[int]:
    """List the processes that a process has started, and those that they have; Linux."""
    children = [
        int(child)
        for file in Path(f"/proc/{process}/task").glob("*/children")
        for child in file.read_text(encoding="ascii").split()
    ]
    return children + [later for child in children for later in _descendants(child)]


def _write_chunk(connection: Connection, folder: Path, size: int) -> None:
    """Write the rows that the script is given: whole scans, over and over, as many as `size` bytes hold, or one."""
    run(
        connection,
        "CREATE TABLE #chunk (scan_id INT NOT NULL PRIMARY KEY, slices INT NOT NULL, is_kept BIT NOT NULL); "
        "INSERT INTO #chunk (scan_id, slices, is_kept) SELECT scan_id, number_images, 0 FROM dbo.scans;",
    )
    _, query = script_and_query(_PROCEDURE.read_text(encoding="utf-8"))
    (found,) = run(connection, f"{_VARIABLES} {query}")
    names = [str(name) for name in found.columns]
    scan, pixels = names.index(_SCAN), names.index(_PIXELS)
    scans = [list(rows) for _, rows in groupby(found.rows, key=itemgetter(scan))]
    written = 0
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        file.write(json.dumps(names) + "\n")
        for number, rows in enumerate(cycle(scans)):
            written += sum(len(row[pixels]) // 2 for row in rows)
            if number and written > size:
                break
            for row in rows:
                file.write(json.dumps([*row[:scan], number, *row[scan + 1 :]]) + "\n")
    model, sha256, details = run(
        connection, "SELECT model, CONVERT(VARCHAR(64), sha256, 2), details FROM dbo.networks WHERE name = N'bench';"
    )[0].rows[0]
    (folder / "network.onnx").write_bytes(model)
    (folder / "parameters.json").write_text(json.dumps({"Sha256": sha256, "Details": details}), encoding="utf-8")


def _script_peak(folder: Path) -> int:
    """Run the script as the extension does, with defaults, and give the process's peak in MB."""
    script, _ = script_and_query(_PROCEDURE.read_text(encoding="utf-8"))
    with (folder / "rows.jsonl").open(encoding="utf-8") as file:
        names = json.loads(next(file))
        columns: list[list[Any]] = [[] for _ in names]
        for line in file:
            for column, value in zip(columns, json.loads(line), strict=True):
                column.append(value)
    # The extension makes the frame's texts from buffers of its own; both live until the script ends.
    buffers = [value.encode() for column in columns for value in column if isinstance(value, str)]
    parameters = json.loads((folder / "parameters.json").read_text(encoding="utf-8"))
    given = {
        "InputDataSet": pd.DataFrame(dict(zip(names, columns, strict=True))),
        "Network": (folder / "network.onnx").read_bytes(),
        **parameters,
        "Layer": "penultimate",
        "Preprocessing": "lung",
        "Pooling": "mean",
        "BatchSize": 32,
        "Providers": None,
        "Threads": None,
        "KeepBytes": 0,
        "Steps": None,
        "Packages": None,
    }
    exec(script, given)  # noqa: S102  our own procedure's script
    if given["ErrorNumber"]:
        raise SystemExit(str(given["ErrorMessage"]))
    assert buffers
    return intake.peak_of(os.getpid())


if __name__ == "__main__":
    sys.exit(main())
