"""Add names, sexes and birth years to patients: python scripts/load_patients.py FILE (--help shows the options)."""

import sys

from lungdb.cli.load_patients import main

if __name__ == "__main__":
    sys.exit(main())
