"""Which identity a database was begun with: the settings id_mode and id_key_check."""

from __future__ import annotations

from lungdb.database import Connection, run
from lungdb.database.retrying import committed
from lungdb.dicom.identity import Identity
from lungdb.dicom.key_strength import LEAST_BITS, guessing_bits
from lungdb.errors import LungdbError

_SELECT = "SELECT name, value FROM dbo.settings WITH (UPDLOCK, HOLDLOCK) WHERE name IN (N'id_mode', N'id_key_check');"
_HAS_PATIENTS = """
SELECT (SELECT COUNT(*) FROM dbo.patients) + (SELECT COUNT(*) FROM dbo.images WHERE patient_id IS NOT NULL) AS patients;
"""
_STORE = "EXECUTE dbo.StoreIdentity @Mode = ?, @KeyCheck = ?;"


def settle_identity(connection: Connection, identity: Identity, *, dry_run: bool = False) -> None:
    """Note the identity in the database, unless it is a dry run; once it holds patients, refuse another one.

    Raises
    ------
    LungdbError
        The patients of the database were loaded with another mode or key, or it has none yet and the key could be
        guessed. One that the patients were loaded with is taken, because it cannot be changed any more.
    """

    def settle() -> None:
        stored = _stored(connection)
        has_patients = bool(run(connection, _HAS_PATIENTS)[0].scalar())
        if has_patients:
            _check(identity, stored)
        else:
            _check_strength(identity)
        if not dry_run and not has_patients:
            run(connection, _STORE, (identity.mode, identity.key_check if identity.mode == "keyed" else None))

    committed(connection, settle)


def has_identity(connection: Connection) -> bool:
    """Tell whether the database was begun with an identity, by scans or by pictures of patients."""
    return "id_mode" in committed(connection, lambda: _stored(connection))[-1]


def stored_identity(connection: Connection, key: str) -> Identity:
    """Return the identity that the database's patients were loaded with.

    Raises
    ------
    LungdbError
        No scans were loaded yet, or `key` is not the key that they were loaded with.
    """
    stored = committed(connection, lambda: _stored(connection))[-1]
    if "id_mode" not in stored:
        raise LungdbError("The database holds no patients yet. Run load_scans first.")
    identity = Identity(stored["id_mode"], key)
    _check(identity, stored)
    return identity


def _stored(connection: Connection) -> dict[str, str]:
    return dict(run(connection, _SELECT)[0].rows)


def _check_strength(identity: Identity) -> None:
    if identity.mode == "keyed" and guessing_bits(identity.key) < LEAST_BITS:
        raise LungdbError(
            "The id_key could be guessed: it is made of words, or of characters that repeat or follow each other. Set "
            'a random one, for example from python -c "import secrets; print(secrets.token_hex(32))".'
        )


def _check(identity: Identity, stored: dict[str, str]) -> None:
    if identity.mode != stored.get("id_mode"):
        advice = "Leave out --keep-ids" if identity.mode == "kept" else "Add --keep-ids"
        kept = "replaced by keyed hashes" if identity.mode == "kept" else "kept as they are"
        raise LungdbError(f"The patient ids of this database are {kept}. {advice}, or use another database.")
    if identity.mode == "keyed" and identity.key_check != stored.get("id_key_check"):
        raise LungdbError(
            "The id_key is not the one that this database was loaded with. Set the right id_key in config.py or "
            "LUNGDB_ID_KEY, or use another database."
        )
