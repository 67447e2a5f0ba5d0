"""Everything is in pyproject.toml; this adds the SQL files, which live outside the packages, to a built wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSql(build_py):
    """Copies sql/ into lungdb/database/sql of the wheel, which holds nothing that an earlier build left behind."""

    def run(self) -> None:
        """Clear, build, then copy."""
        if self.editable_mode:
            super().run()
            return
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        shutil.copytree("sql", Path(self.build_lib, "lungdb", "database", "sql"))


setup(cmdclass={"build_py": BuildWithSql})
