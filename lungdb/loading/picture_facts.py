"""What is said of pictures becomes rows: numbers of classes, patients' ids as stored, groups, parts and properties."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from lungdb.config import load_settings
from lungdb.database import Connection, run
from lungdb.database.retrying import committed, retried
from lungdb.dicom.identity import Identity
from lungdb.errors import LungdbError
from lungdb.loading.picture_list import KNOWN, MOST_CLASSES, PictureList, is_number
from lungdb.loading.site_identity import has_identity, settle_identity, stored_identity

_CLASSES = "SELECT label, name FROM dbo.image_classes WITH (UPDLOCK, HOLDLOCK);"
_USED = "SELECT DISTINCT label FROM dbo.image_truth;"
_NAME_CLASS = "INSERT INTO dbo.image_classes (label, name) VALUES (?, ?);"
_PARTS = "SELECT is_group, name, part FROM dbo.image_splits WITH (UPDLOCK, HOLDLOCK);"
_PRESENT = "SELECT name, label, patient_id, group_name, group_order FROM dbo.images;"
_PROPERTIES = "SELECT name, property, value FROM dbo.image_properties;"
_LABELS = "SELECT name, label FROM dbo.image_labels;"
_NUMBER = re.compile("[0-9]{1,3}")
_DERIVED = "SELECT image_name FROM dbo.image_lineage WHERE root_image IS NOT NULL;"
_REFRESH = (
    "UPDATE i SET i.label = r.label, i.patient_id = r.patient_id, i.group_name = r.group_name, "
    "i.group_order = r.group_order FROM dbo.images AS i INNER JOIN dbo.image_lineage AS l ON l.image_name = i.name "
    "INNER JOIN dbo.images AS r ON r.name = l.root_image;",
    "DELETE k FROM dbo.image_labels AS k INNER JOIN dbo.image_lineage AS l ON l.image_name = k.name "
    "INNER JOIN dbo.images AS r ON r.name = l.root_image;",
    "INSERT INTO dbo.image_labels (name, label) SELECT l.image_name, k.label FROM dbo.image_lineage AS l "
    "INNER JOIN dbo.image_labels AS k ON k.name = l.root_image INNER JOIN dbo.images AS r ON r.name = l.root_image;",
)
"""Pictures made of others have what those have, or they would be in two parts."""
_UPDATE = "UPDATE dbo.images SET label = ?, patient_id = ?, group_name = ?, group_order = ? WHERE name = ?;"


@dataclass(frozen=True)
class Facts:
    """What is stored of a picture: its classes, and whom and what it comes from."""

    labels: tuple[int, ...]
    patient_id: str | None
    group: str | None
    order: int | None
    properties: Mapping[str, str]

    @property
    def label(self) -> int | None:
        """The one class; None where there is none or several."""
        return self.labels[0] if len(self.labels) == 1 else None


@dataclass(frozen=True)
class Settled:
    """A list whose classes have numbers and whose patients have ids.

    Attributes
    ----------
    facts : dict of str to Facts
        By picture.
    columns : frozenset of str
        What the list speaks of; of the rest nothing is changed.
    classes : dict of str to int
        Name of a class -> number, of the names that the list has.
    """

    facts: dict[str, Facts]
    columns: frozenset[str]
    classes: dict[str, int]


def settle(connection: Connection, pictures: PictureList, *, keep_ids: bool = False) -> Settled:
    """Number the classes of a list, give its patients the ids that the database has for them, store its parts.

    Names of classes keep the numbers that dbo.image_classes has; new ones get those that follow all that are taken, in
    the order of the names. Numbers stay as they are.

    Raises
    ------
    LungdbError
        There would be more than 256 classes; the patients of the database have other ids than would be made; these are
        hashes, and what is stored beside them has the id itself; a group is in the database with another patient, or a
        place in it is taken; a part differs from the one given before.
    """
    identity = None
    if any(said.patient for said in pictures.said.values()):
        identity = _identity(connection, keep_ids)
        if identity.mode == "keyed":
            _check_ids(pictures)
    patients = {
        name: identity.patient(said.patient) if identity and said.patient else None
        for name, said in pictures.said.items()
    }
    _check_groups(connection, pictures, patients)
    if identity:
        settle_identity(connection, identity)

    def number() -> dict[str, int]:
        classes = _number_classes(connection, pictures.labels)
        _store_parts(connection, pictures)
        return classes

    classes = committed(connection, number)[-1]
    facts = {
        name: Facts(
            tuple(sorted(classes[label] for label in said.labels)),
            patients[name],
            said.group or None,
            said.order,
            said.properties,
        )
        for name, said in pictures.said.items()
    }
    return Settled(facts, pictures.columns, {} if all(map(is_number, classes)) else classes)


def store_facts(connection: Connection, settled: Settled, before: Collection[str]) -> tuple[int, list[str]]:
    """Give pictures that are in the database, and those made of them, what the list says, in one transaction.

    Parameters
    ----------
    before : collection of str
        Names of the pictures that were there before this load.

    Returns
    -------
    changed : int
        How many of those had something else in one of the columns that the list has.
    absent : list of str
        Names of the list that the database does not hold, because their files were not taken.
    """
    properties = settled.columns - set(KNOWN)

    def store() -> tuple[int, list[str]]:
        stored = {row[0]: tuple(row[1:]) for row in run(connection, _PRESENT)[0].rows}
        labels = _by_name(connection, _LABELS)
        said = _by_name(connection, _PROPERTIES)
        changed = 0
        for name, facts in settled.facts.items():
            if name not in stored:
                continue
            row = _row(facts, stored[name], settled.columns)
            has_labels = "label" in settled.columns and sorted(facts.labels) != sorted(labels.get(name, {}))
            had = {key: value for key, value in said.get(name, {}).items() if key in properties}
            if row != stored[name]:
                run(connection, _UPDATE, (*row, name))
            if has_labels:
                run(connection, "DELETE FROM dbo.image_labels WHERE name = ?;", (name,))
                _insert(connection, "dbo.image_labels (name, label)", [(name, label) for label in facts.labels])
            if had != dict(facts.properties):
                for key in had:
                    run(connection, "DELETE FROM dbo.image_properties WHERE name = ? AND property = ?;", (name, key))
                rows = [(name, key, value) for key, value in facts.properties.items()]
                _insert(connection, "dbo.image_properties (name, property, value)", rows)
            is_changed = row != stored[name] or has_labels or had != dict(facts.properties)
            changed += is_changed and name in before
        for statement in _REFRESH:
            run(connection, statement)
        return changed, [name for name in settled.facts if name not in stored]

    return committed(connection, store)[0]


def _row(facts: Facts, stored: tuple[Any, ...], columns: frozenset[str]) -> tuple[Any, ...]:
    """Give label, patient, group and order as they will be: of columns that the list lacks as they were."""
    new = (facts.label, facts.patient_id, facts.group, facts.order)
    named = ("label", "patient", "group", "order")
    return tuple(after if name in columns else before for name, after, before in zip(named, new, stored, strict=True))


def _by_name(connection: Connection, query: str) -> dict[str, dict[Any, Any]]:
    found: dict[str, dict[Any, Any]] = {}
    for name, key, *value in run(connection, query)[0].rows:
        found.setdefault(name, {})[key] = value[0] if value else None
    return found


def _insert(connection: Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with closing(connection.cursor()) as cursor:
            cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))});", rows)


def _identity(connection: Connection, keep_ids: bool) -> Identity:
    key = load_settings().id_key
    if has_identity(connection):
        return stored_identity(connection, key)
    return Identity("kept" if keep_ids else "keyed", key)


def _check_ids(pictures: PictureList) -> None:
    """Refuse a list of which names, groups or properties would tell the ids whose hashes are stored beside them."""
    telling = 0
    for name, said in pictures.said.items():
        word = re.compile(rf"(?<![^\W_]){re.escape(said.patient)}(?![^\W_])", re.IGNORECASE)
        # A property such as an age may happen to be what a short number is.
        properties = () if _NUMBER.fullmatch(said.patient) else said.properties.values()
        telling += bool(said.patient) and any(map(word.search, (name, said.group, *properties)))
    if telling:
        raise LungdbError(
            f"{telling} pictures have their patient's id in their name, group or properties, which are stored as they "
            "are, where this database has hashes of ids. Rename them, or give --keep-ids in a new database if these "
            "identify nobody; nothing has been changed."
        )


def _number_classes(connection: Connection, labels: Sequence[str]) -> dict[str, int]:
    if all(map(is_number, labels)):
        return {label: int(label) for label in labels}
    known = {name.casefold(): label for label, name in run(connection, _CLASSES)[0].rows}
    taken = {*known.values(), *(label for (label,) in run(connection, _USED)[0].rows)}
    following = max(taken, default=-1) + 1
    new: dict[str, str] = {}
    for label in labels:
        if label.casefold() not in known:
            new.setdefault(label.casefold(), label)
    if following + len(new) > MOST_CLASSES:
        raise LungdbError(
            f"{len(new)} new classes would follow {following} numbers that are taken; {MOST_CLASSES} are the most. "
            "Use fewer classes, or another database."
        )
    for number, (folded, label) in enumerate(new.items(), start=following):
        run(connection, _NAME_CLASS, (number, label))
        known[folded] = number
    return {label: known[label.casefold()] for label in labels}


def _check_groups(connection: Connection, pictures: PictureList, patients: Mapping[str, str | None]) -> None:
    """Refuse groups that would have several patients or a place twice, with what the database has of them."""
    # A derived picture has the place of the one that it was made of, and follows it.
    derived = {name for (name,) in retried(lambda: run(connection, _DERIVED)[0].rows, connection)}
    present = retried(lambda: run(connection, _PRESENT)[0].rows, connection)
    rows = {row[0]: tuple(row[1:]) for row in present if row[0] not in derived}
    nothing = (None,) * 4
    for name, said in pictures.said.items():
        facts = Facts((), patients[name], said.group or None, said.order, {})
        rows[name] = _row(facts, rows.get(name, nothing), pictures.columns)
    touched = {rows[name][2].casefold() for name in pictures.said if rows[name][2]}
    grouped: dict[str, set[str | None]] = {group: set() for group in touched}
    places: dict[str, list[int]] = {group: [] for group in touched}
    for _, patient, group, order in rows.values():
        if group and group.casefold() in touched:
            grouped[group.casefold()].add(patient)
            places[group.casefold()].extend([] if order is None else [order])
    several = sum(len(named) > 1 for named in grouped.values())
    twice = sum(len(set(each)) < len(each) for each in places.values())
    if several or twice:
        raise LungdbError(
            f"With what the database has, {several} groups would have pictures of several patients, and {twice} two "
            "pictures of one order. Give these groups other names; nothing has been changed."
        )


def _store_parts(connection: Connection, pictures: PictureList) -> None:
    """Put groups and pictures into the parts that the list names; refuse to move one."""
    given: dict[tuple[bool, str], tuple[str, str]] = {}
    for name, said in pictures.said.items():
        if said.part:
            of = said.group or name
            given[bool(said.group), of.casefold()] = (of, said.part)
    present = {(bool(is_group), name.casefold()): part for is_group, name, part in run(connection, _PARTS)[0].rows}
    moved = sum(present.get(key, part) != part for key, (_, part) in given.items())
    if moved:
        raise LungdbError(
            f"{moved} groups or pictures of the list are in another part already, which does not change once it is "
            "given. Leave their part empty; nothing has been changed."
        )
    rows = [(key[0], name, part) for key, (name, part) in given.items() if key not in present]
    _insert(connection, "dbo.image_splits (is_group, name, part)", rows)
