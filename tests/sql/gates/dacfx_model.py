"""Builds DacFx's offline model and prints what does not resolve; runs in a process of its own.

Standard input is a JSON list of [name, CREATE statement], the argument the database's collation, standard output a JSON
list of messages. The process needs ICU and OpenSSL 1.1 where its environment says.
"""

from __future__ import annotations

import json
import sys

from tests.sql.gates import dotnet


def validate(objects: list[tuple[str, str]], collation: str) -> list[str]:
    """Return the messages of DacFx about a database of a collation, made of these named CREATE statements."""
    dotnet.start(globalization=True)
    model = dotnet.assembly("Microsoft.SqlServer.Dac.Extensions", "Microsoft.SqlServer.Dac.Model")
    options = model.TSqlModelOptions()
    options.Collation = collation
    # UTF-8 came with SQL Server 2019.
    version = "Sql150" if collation.endswith("_UTF8") else "Sql140"
    database = model.TSqlModel(getattr(model.SqlServerVersion, version), options)
    for place, (name, statement) in enumerate(objects):
        try:
            database.AddObjects(statement)
        except model.DacModelException as error:
            # A statement that is refused stays in the model and blocks the next, so the rest gets a new one.
            message = f"Error validating element {name}: {error.Message}"
            return [message, *validate(objects[:place] + objects[place + 1 :], collation)]
    return [str(message.Message) for message in database.Validate()]


if __name__ == "__main__":
    json.dump(validate(json.load(sys.stdin), sys.argv[1]), sys.stdout)
