"""Generate the installing scripts of sql/ from the files beside them."""

from lungdb.database import INSTALLERS, build_install_sql, sql_directory

if __name__ == "__main__":
    folder = sql_directory()
    for script in INSTALLERS:
        (folder / script).write_text(build_install_sql(folder, script), encoding="utf-8", newline="\n")
