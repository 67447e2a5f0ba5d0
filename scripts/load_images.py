"""Load the PNG and JPEG files of a folder: python scripts/load_images.py FOLDER (--help shows the options)."""

import sys

from lungdb.cli.load_images import main

if __name__ == "__main__":
    sys.exit(main())
