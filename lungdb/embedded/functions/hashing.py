"""Hashing, compression, random bytes and NEWID."""

from __future__ import annotations

import gzip
import hashlib
import os
import uuid
import zlib

from lungdb.embedded.functions.base import Function, TypedCall, Types, wrong_type
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import INT, UNIQUEIDENTIFIER, Family, SqlType, varbinary, varchar

_ALGORITHMS = {"MD5": "md5", "SHA": "sha1", "SHA1": "sha1", "SHA2_256": "sha256", "SHA2_512": "sha512"}
# What SQLite takes as one value.
_DECOMPRESSED_LIMIT = 1_000_000_000


def _hash(algorithm: str, content: bytes) -> bytes:
    name = _ALGORITHMS.get(algorithm.upper())
    if name is None:
        raise numbered_error(12302, algorithm=algorithm)
    return hashlib.new(name, content, usedforsecurity=False).digest()


def _compress(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _decompress(content: bytes) -> bytes:
    parts: list[bytes] = []
    size = 0
    rest = content
    try:
        while rest:
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(rest, _DECOMPRESSED_LIMIT - size + 1))
            size += len(parts[-1])
            if size > _DECOMPRESSED_LIMIT:
                raise numbered_error(
                    8115,
                    source="expression",
                    target="varbinary",
                    advice="The decompressed value is larger than 1,000,000,000 bytes: store it in parts.",
                )
            if not member.eof:
                raise zlib.error
            rest = member.unused_data
    except zlib.error:
        raise numbered_error(
            8114,
            source="varbinary",
            target="varbinary",
            advice="The value is no complete gzip stream: pass to DECOMPRESS what COMPRESS returned.",
        ) from None
    return b"".join(parts)


def _random(length: int) -> bytes | None:
    """Return random bytes; NULL where SQL Server gives NULL, for a length that no varbinary(8000) has."""
    return os.urandom(length) if 1 <= length <= 8000 else None


def _as_bytes(name: str, position: int, given: SqlType) -> SqlType:
    if given.family not in (Family.CHARACTER, Family.BINARY):
        raise wrong_type(name, position, given, "CAST it to varbinary or nvarchar.")
    return varbinary()


def _hash_rule(types: Types) -> TypedCall:
    return TypedCall((varchar(), _as_bytes("HASHBYTES", 2, types[1])), varbinary(8000), "tsql_hashbytes({0}, {1})")


def _compress_rule(types: Types) -> TypedCall:
    return TypedCall((_as_bytes("COMPRESS", 1, types[0]),), varbinary(), "tsql_compress({0})")


def _decompress_rule(types: Types) -> TypedCall:
    if types[0].family != Family.BINARY:
        raise wrong_type("DECOMPRESS", 1, types[0], "Pass what COMPRESS returned.")
    return TypedCall((varbinary(),), varbinary(), "tsql_decompress({0})")


FUNCTIONS = (
    Function("HASHBYTES", (2, 2), _hash_rule),
    Function("COMPRESS", (1, 1), _compress_rule),
    Function("DECOMPRESS", (1, 1), _decompress_rule),
    Function("CRYPT_GEN_RANDOM", (1, 1), lambda types: TypedCall((INT,), varbinary(8000), "tsql_random_bytes({0})")),
    Function("NEWID", (0, 0), lambda types: TypedCall((), UNIQUEIDENTIFIER, "tsql_newid()")),
)

IMPLEMENTATIONS = (
    Implementation("tsql_hashbytes", 2, _hash),
    Implementation("tsql_compress", 1, _compress),
    Implementation("tsql_decompress", 1, _decompress),
    Implementation("tsql_random_bytes", 1, _random, deterministic=False),
    Implementation("tsql_unhex", 1, bytes.fromhex),
    Implementation("tsql_newid", 0, lambda: str(uuid.uuid4()).upper(), deterministic=False),
)
