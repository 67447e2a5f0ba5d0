"""Load a network from an ONNX, PyTorch or CNTK file: python scripts/load_network.py FILE (--help shows the options)."""

import sys

from lungdb.cli.load_network import main

if __name__ == "__main__":
    sys.exit(main())
