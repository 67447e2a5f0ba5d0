"""Load a dense network into dbo.tensors: python scripts/load_tensors.py FILE (--help shows the options)."""

import sys

from lungdb.cli.load_tensors import main

if __name__ == "__main__":
    sys.exit(main())
