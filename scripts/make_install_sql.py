"""Generate the scripts of sql/ that install and uninstall from the files beside them."""

from lungdb.database import sql_directory
from lungdb.database.generator import generated_scripts

if __name__ == "__main__":
    folder = sql_directory()
    for script, text in generated_scripts(folder).items():
        (folder / script).write_text(text, encoding="utf-8", newline="\n")
