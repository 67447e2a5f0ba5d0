"""Everything is in pyproject.toml; this adds what lives outside the packages to a wheel: SQL files and the viewer."""

import json
import os
import re
import shutil
import warnings
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

MODULES = Path("web", "node_modules")
NIIVUE = Path("@niivue", "niivue")
NO_VIEWER = (
    "The wheel has no scan viewer, because web/node_modules lacks it: its page shows plain slices. Run: make web"
)


class BuildWithSqlAndViewer(build_py):
    """Copies sql/ into lungdb/database/sql of the wheel, which holds nothing that an earlier build left behind.

    The script of the viewer goes into lungdb_web/niivue, as npm has brought it, with the licences of all that is in
    it. Where npm has not, a warning says so; with LUNGDB_RELEASE in the environment the build ends there.
    """

    def run(self) -> None:
        """Clear, build, then copy."""
        if self.editable_mode:
            super().run()
            return
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        shutil.copytree("sql", Path(self.build_lib, "lungdb", "database", "sql"))
        if (MODULES / NIIVUE / "package.json").is_file():
            copy_viewer(Path(self.build_lib, "lungdb_web", "niivue"))
        elif os.environ.get("LUNGDB_RELEASE"):
            raise SystemExit(NO_VIEWER)
        else:
            warnings.warn(NO_VIEWER, stacklevel=1)


def copy_viewer(target: Path) -> None:
    """Copy the one script that the page loads, what names its version, and the licences of what is bundled in it."""
    source, script = MODULES / NIIVUE, Path("dist", "index.js")
    (target / "dist").mkdir(parents=True)
    (target / "licenses").mkdir()
    for name in (Path("package.json"), script):
        shutil.copyfile(source / name, target / name)
    shutil.copyfile(Path("web", "NIIVUE-LICENSE"), target / "licenses" / "niivue")
    bundled = json.loads((source / "dist" / "metafile-esm.json").read_text(encoding="utf-8"))["inputs"]
    names = {found[1] for found in map(re.compile(r"node_modules/((?:@[^/]+/)?[^/]+)/").search, bundled) if found}
    for name in sorted(names):
        for licence in sorted((MODULES / name).glob("[Ll][Ii][Cc][Ee][Nn][CcSs][Ee]*")):
            shutil.copyfile(licence, target / "licenses" / name.strip("@").replace("/", "-"))


setup(cmdclass={"build_py": BuildWithSqlAndViewer})
