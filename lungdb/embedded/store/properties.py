"""Extended properties of tables, views, procedures and columns, such as MS_Description: texts in ``tsql$state``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lungdb.embedded.store.catalog import DBO, Catalog
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.stored import Value
from lungdb.errors import SqlError

_KINDS = {"table": "U", "view": "V", "procedure": "P"}
_PREFIX = "property:"


def set_property(catalog: Catalog, name: Value, value: Value, levels: tuple[Value, ...], *, anew: bool) -> None:
    """Add a property (`anew`), or change one; the caller holds the lock.

    Parameters
    ----------
    levels : tuple
        Type and name of the schema, the object and the column, None for what is not given.

    Raises
    ------
    SqlError
        15135 for an object or column that is not there, 15233 for a property that is, 15217 for one that is not.
    """
    place = _place(catalog, levels)
    known = _key(*place, str(name))
    is_there = any(each == known for each, _ in catalog.state(known))
    if is_there and anew:
        raise numbered_error(15233, name=name, object=_named(levels))
    if not is_there and not anew:
        raise numbered_error(15217, name=name, object=_named(levels))
    catalog.set_state(known, json.dumps([*place, str(name), None if value is None else str(value)]))


def drop_column(catalog: Catalog, table: str, place: int) -> None:
    """Forget the properties of a column, counted from 1; those of the columns behind it follow their numbers."""
    found = catalog.find(table, "U")
    if found is None:
        return
    rows = [(known, json.loads(text)) for known, text in catalog.state(f"{_PREFIX}{found.object_id}:")]
    behind = [(known, row) for known, row in rows if row[1] >= place]
    for known, _ in behind:
        catalog.set_state(known, None)
    for _, (number, minor, *said) in behind:
        if minor > place:
            catalog.set_state(_key(number, minor - 1, said[0]), json.dumps([number, minor - 1, *said]))


def property_rows(catalog: Catalog, database: str) -> Iterator[tuple[Value, ...]]:
    """Yield the rows of sys.extended_properties: of what is still there."""
    numbers = {each.object_id for each in catalog.objects.values()}
    for _, text in catalog.state(_PREFIX):
        major, minor, name, value = json.loads(text)
        if major in numbers:
            yield 1, "OBJECT_OR_COLUMN", major, minor, name, value


def _key(number: int, place: int, name: str) -> str:
    return f"{_PREFIX}{number}:{place}:{key(name)}"


def _place(catalog: Catalog, levels: tuple[Value, ...]) -> tuple[int, int]:
    """Return the number of the object and of its column, 0 for the object itself."""
    types = [None if kind is None else key(str(kind)) for kind in levels[::2]]
    schema, name, column = levels[1::2]
    if types[0] != "schema" or types[1] not in _KINDS or types[2] not in (None, "column"):
        raise refused(
            "An extended property of anything but a table, view, procedure or column", "Describe those, with SCHEMA."
        )
    found = catalog.find(str(name), _KINDS[str(types[1])], str(schema or DBO))
    if found is None:
        raise _missing(levels)
    if types[2] is None:
        return found.object_id, 0
    columns = [key(each.name) for each in found.table.columns] if found.kind == "U" else []
    if key(str(column)) not in columns:
        raise _missing(levels)
    return found.object_id, 1 + columns.index(key(str(column)))


def _missing(levels: tuple[Value, ...]) -> SqlError:
    return numbered_error(15135, object=_named(levels))


def _named(levels: tuple[Value, ...]) -> str:
    return ".".join(str(each) for each in levels[1::2] if each is not None)
