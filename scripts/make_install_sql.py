"""Generate sql/install.sql from the files beside it."""

from lungdb.database import build_install_sql, sql_directory

if __name__ == "__main__":
    folder = sql_directory()
    (folder / "install.sql").write_text(build_install_sql(folder), encoding="utf-8", newline="\n")
