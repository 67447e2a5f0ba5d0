"""Load labels from a CSV file: python scripts/load_labels.py FILE (--help shows the options)."""

import sys

from lungdb.cli.load_labels import main

if __name__ == "__main__":
    sys.exit(main())
