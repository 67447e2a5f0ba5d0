"""Load the CT series of a folder: python scripts/load_scans.py FOLDER (--help shows the options)."""

import sys

from lungdb.cli.load_scans import main

if __name__ == "__main__":
    sys.exit(main())
