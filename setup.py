"""Everything is in pyproject.toml; this adds the SQL files, which live outside the package, to a built wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSql(build_py):
    """Copies sql/ into lungdb/database/sql of the wheel."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            shutil.copytree("sql", Path(self.build_lib, "lungdb", "database", "sql"), dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithSql})
