"""JSON, row functions, hashing, compression and STRING_AGG against Python's json, hashlib and gzip."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re

import pytest

from lungdb.embedded.functions.aggregates import string_agg
from lungdb.embedded.functions.rows import OPENJSON, OPENJSON_WITH, STRING_SPLIT, RowFunction
from lungdb.embedded.values.types import INT, parse_type
from lungdb.errors import SqlError
from tests.embedded.evaluation import Evaluator

INFO = '{"info": {"type": 1, "address": {"town": "Bristol"}, "tags": ["Sport", "Water polo"]}, "n": 0.10, "no": null}'


@pytest.fixture(scope="module")
def engine() -> Evaluator:
    """A connection with the built-ins."""
    return Evaluator()


def rows(engine: Evaluator, function: RowFunction, *arguments: object) -> list[tuple[object, ...]]:
    """Return the rows of a row function."""
    columns = ", ".join(column.template.format(alias="j") for column in function.columns)
    sql = f"SELECT {columns} FROM {function.source.format('?1', '?2')} AS j"
    try:
        return engine.connection.execute(sql, arguments).fetchall()
    except Exception:
        reason = engine.failure.take()
        assert reason is not None
        raise reason from None


@pytest.mark.parametrize(
    ("text", "valid"),
    [('{"a": [1, 2]}', 1), ("[]", 1), ("[1, ", 0), ("", 0), ("5", 0), ('"x"', 0), ("[NaN]", 0), ("{'a': 1}", 0),
     ("[1] [2]", 0), (None, None)],
)  # fmt: skip
def test_isjson_tells(engine: Evaluator, text: str | None, valid: int | None) -> None:
    """An object or an array is JSON to ISJSON, a bare value is not."""
    assert engine.function("ISJSON", text)[0] == valid


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.info.address.town", "Bristol"),
        ("$.info.tags[1]", "Water polo"),
        ("$.info.type", "1"),
        ("$.n", "0.10"),
        ("$.no", None),
        ("$.info", None),
        ("$.nothing.at.all", None),
        ("$.info.tags[9]", None),
        ('$."info"."type"', "1"),
        ("lax $.Info.type", None),
    ],
)
def test_json_value_takes_a_scalar(engine: Evaluator, path: str, value: str | None) -> None:
    """Examples of "JSON_VALUE (Transact-SQL)"; a number keeps its text, keys keep their case."""
    assert engine.function("JSON_VALUE", INFO, path)[0] == value


@pytest.mark.parametrize(
    ("path", "value"),
    [("$.info.tags", '["Sport", "Water polo"]'), ("$.info.address", '{"town": "Bristol"}'), ("$.n", None), ("$", INFO)],
)
def test_json_query_takes_an_object_or_array_as_written(engine: Evaluator, path: str, value: str | None) -> None:
    """Spaces included."""
    assert engine.function("JSON_QUERY", INFO, path)[0] == value


@pytest.mark.parametrize(
    ("name", "text", "path", "number"),
    [
        ("JSON_VALUE", INFO, "strict $.nothing", 13608),
        ("JSON_VALUE", INFO, "strict $.info", 13623),
        ("JSON_QUERY", INFO, "strict $.n", 13624),
        ("JSON_VALUE", INFO, "info", 13607),
        ("JSON_VALUE", INFO, "$.", 13607),
        ("JSON_VALUE", "{'a': 1}", "$.a", 13609),
        ("JSON_VALUE", "[1, 2", "$[0]", 13609),
        ("JSON_VALUE", "[" * 100_000, "$[0]", 13609),
        ("JSON_VALUE", "", "$", 13609),
    ],
)
def test_bad_json_and_strict_paths_are_errors(engine: Evaluator, name: str, text: str, path: str, number: int) -> None:
    """With SQL Server's numbers."""
    with pytest.raises(SqlError) as caught:
        engine.function(name, text, path)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("text", "path", "value", "result"),
    [
        # The examples of "JSON_MODIFY (Transact-SQL)".
        ('{"name":"John","skills":["C#","SQL"]}', "$.name", "Mike", '{"name":"Mike","skills":["C#","SQL"]}'),
        ('{"name":"John","skills":["C#","SQL"]}', "$.surname", "Smith",
         '{"name":"John","skills":["C#","SQL"],"surname":"Smith"}'),
        ('{"name":"John","skills":["C#","SQL"]}', "$.name", None, '{"skills":["C#","SQL"]}'),
        ('{"name":"John","skills":["C#","SQL"]}', "append $.skills", "Azure",
         '{"name":"John","skills":["C#","SQL","Azure"]}'),
        ('{"price":49.99}', "$.price", 50, '{"price":50}'),
        ('{"a":[1]}', "$.a[0]", True, '{"a":[true]}'),
        ('{"a":[1,2]}', "$.a[0]", None, '{"a":[null,2]}'),
        ('{"a":1,"b":2}', "$.b", None, '{"a":1}'),
        ('{"a":1}', "$.a", None, "{}"),
        ('{"a":1}', "strict $.a", None, '{"a":null}'),
        ('{"a":1}', "append $.b", 'x"y', '{"a":1,"b":["x\\"y"]}'),
        ('{"a":1}', "$.x.y", 5, '{"a":1}'),
        ("{}", "$.a", 1, '{"a":1}'),
    ],
)  # fmt: skip
def test_json_modify_changes_one_value(engine: Evaluator, text: str, path: str, value: object, result: str) -> None:
    """The rest of the text stays as it is written."""
    given = (value, "bit") if value is True else value
    assert engine.function("JSON_MODIFY", text, path, given)[0] == result


def test_json_modify_takes_the_result_of_json_query_as_json(engine: Evaluator) -> None:
    """And a plain text as a string."""
    from lungdb.embedded.functions.registry import FUNCTIONS

    text = parse_type("nvarchar(max)")
    query = FUNCTIONS["JSON_QUERY"].call([text, text]).result
    call = FUNCTIONS["JSON_MODIFY"].call([text, text, query])
    assert engine.call(call, ["{}", "$.a", "[1]"], [text, text, query])[0] == '{"a":[1]}'
    assert engine.function("JSON_MODIFY", "{}", "$.a", "[1]")[0] == '{"a":"[1]"}'


def test_openjson_gives_key_value_and_type(engine: Evaluator) -> None:
    """The example of "OPENJSON (Transact-SQL)", every type; values keep their text."""
    text = '{"String_value": "John", "Double": 45.10, "Int": 2374, "Bool": true, "Null": null, '
    text += '"A": ["a", 1], "O": {"o": 1}}'
    assert rows(engine, OPENJSON, text, None) == [
        ("String_value", "John", 1),
        ("Double", "45.10", 2),
        ("Int", "2374", 2),
        ("Bool", "true", 3),
        ("Null", None, 0),
        ("A", '["a", 1]', 4),
        ("O", '{"o": 1}', 5),
    ]


def test_openjson_keeps_every_key_and_text(engine: Evaluator) -> None:
    """Random nested values agree with Python's json; a key may stand twice; an empty text is not NULL."""
    generator = random.Random(1)
    pool = ["", "0", "a'b", 'q"q', "żółć", "\n", "\\", "😀", "\x01"]
    for _ in range(100):
        pairs = [(generator.choice(pool), generator.choice(pool)) for _ in range(generator.randrange(5))]
        text = "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
        assert rows(engine, OPENJSON, text, None) == [(key, value, 1) for key, value in pairs]


def test_openjson_reads_long_vectors_exactly(engine: Evaluator) -> None:
    """2048 numbers in several notations come back with their text, in order."""
    generator = random.Random(2)
    numbers = [generator.choice((repr(generator.gauss(0, 1)), "1e5", "-0", "0.10", "7")) for _ in range(2048)]
    for joint in (",", ", ", " ,\n"):
        result = rows(engine, OPENJSON, f" [{joint.join(numbers)}] ", None)
        assert [value for _, value, _ in result] == numbers
        assert [key for key, _, _ in result] == [str(index) for index in range(2048)]
        assert {kind for _, _, kind in result} == {2}


def test_openjson_follows_a_path(engine: Evaluator) -> None:
    """lax gives no rows where the path leads nowhere, strict an error; NULL gives no rows."""
    assert [value for _, value, _ in rows(engine, OPENJSON, INFO, "$.info.tags")] == ["Sport", "Water polo"]
    assert rows(engine, OPENJSON, INFO, "$.nothing") == []
    assert rows(engine, OPENJSON, INFO, "$.n") == []
    assert rows(engine, OPENJSON, None, None) == []
    for path, number in (("strict $.nothing", 13608), ("strict $.n", 13611)):
        with pytest.raises(SqlError) as caught:
            rows(engine, OPENJSON, INFO, path)
        assert caught.value.number == number


@pytest.mark.parametrize("text", ["[1, 2", "[01]", "[1,]", "[1 2]", "[,1]", "[.5]", "[+1]", "[1.]", "nothing"])
def test_openjson_refuses_what_is_no_json(engine: Evaluator, text: str) -> None:
    """Among them arrays of almost numbers; the json module refuses them too."""
    with pytest.raises(ValueError, match=r"."):
        json.loads(text)
    with pytest.raises(SqlError) as caught:
        rows(engine, OPENJSON, text, None)
    assert caught.value.number == 13609


def test_openjson_with_gives_one_row_an_element(engine: Evaluator) -> None:
    """Elements of an array, or one object; each is JSON for JSON_VALUE."""
    text = '[{"id": 1, "name": "a"}, {"id": 2}]'
    source = OPENJSON_WITH.format("?", "NULL")
    sql = f"SELECT tsql_json_value(value, '$.id'), tsql_json_value(value, '$.name') FROM {source}"
    assert engine.connection.execute(sql, (text,)).fetchall() == [("1", "a"), ("2", None)]
    assert engine.connection.execute(sql, ('{"id": 7}',)).fetchall() == [("7", None)]


def test_string_split_splits(engine: Evaluator) -> None:
    """Empty parts stay; a separator is one character."""
    assert rows(engine, STRING_SPLIT, "Lorem ipsum  dolor.", " ") == [("Lorem",), ("ipsum",), ("",), ("dolor.",)]
    assert rows(engine, STRING_SPLIT, None, ",") == []
    with pytest.raises(SqlError) as caught:
        rows(engine, STRING_SPLIT, "a", ",,")
    assert caught.value.number == 214


@pytest.mark.parametrize(
    ("algorithm", "reference"), [("md5", "md5"), ("SHA1", "sha1"), ("SHA2_256", "sha256"), ("sha2_512", "sha512")]
)
def test_hashbytes_hashes_the_bytes_of_the_type(engine: Evaluator, algorithm: str, reference: str) -> None:
    """nvarchar as UTF-16, varchar in code page 1252, binary as it is, as hashlib computes them."""
    for given, content in (
        ("żé", "żé".encode("utf-16-le")),
        (("é€", "varchar(9)"), "é€".encode("cp1252")),
        (b"\x00\x01", b"\x00\x01"),
    ):
        assert engine.function("HASHBYTES", algorithm, given)[0] == hashlib.new(reference, content).digest()


def test_hashbytes_refuses_other_algorithms(engine: Evaluator) -> None:
    """MD4 is not there, and a number has no bytes to hash."""
    for arguments, number in ((("MD4", b""), 12302), (("MD5", 1), 8116)):
        with pytest.raises(SqlError) as caught:
            engine.function("HASHBYTES", *arguments)
        assert caught.value.number == number


def test_compress_writes_gzip_and_decompress_reads_it(engine: Evaluator) -> None:
    """Both ways against Python's gzip, several members included."""
    content = random.Random(1).randbytes(10_000) + bytes(100_000)
    packed = engine.function("COMPRESS", content)[0]
    assert isinstance(packed, bytes)
    assert gzip.decompress(packed) == content
    assert engine.function("DECOMPRESS", gzip.compress(content) + gzip.compress(b"more"))[0] == content + b"more"
    assert engine.function("DECOMPRESS", gzip.compress(b""))[0] == b""


@pytest.mark.parametrize("damage", [b"", b"no gzip", gzip.compress(b"x" * 100, mtime=0)[:-4]])
def test_decompress_refuses_what_is_damaged(engine: Evaluator, damage: bytes) -> None:
    """A stream that is cut, and bytes that are none; nothing at all gives nothing."""
    if not damage:
        assert engine.function("DECOMPRESS", damage)[0] == b""
        return
    with pytest.raises(SqlError) as caught:
        engine.function("DECOMPRESS", damage)
    assert caught.value.number == 8114


def test_newid_is_another_guid_every_time(engine: Evaluator) -> None:
    """Also from row to row of one query."""
    sql = "WITH n (i) AS (VALUES (1), (2), (3)) SELECT count(DISTINCT tsql_newid()) FROM n"
    assert engine.value(sql, ()) == 3
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", str(engine.function("NEWID")[0]))


def aggregate(engine: Evaluator, values: list[tuple[object, object, object]], kind: str, directions: str) -> object:
    """Return STRING_AGG of the first column, ordered by the others."""
    call = string_agg([parse_type(kind), parse_type("varchar(1)"), INT, parse_type("nvarchar(9)")], directions)
    engine.connection.execute("DROP TABLE IF EXISTS parts")
    engine.connection.execute("CREATE TABLE parts (v, a, b)")
    engine.connection.executemany("INSERT INTO parts VALUES (?, ?, ?)", values)
    return engine.value(f"SELECT {call.template.format('v', chr(39) + ',' + chr(39), 'a', 'b')} FROM parts", ())


def test_string_agg_sorts_by_its_keys(engine: Evaluator) -> None:
    """Mixed directions, NULL first, text without case; NULL values are left out."""
    values = [("x", 1, "b"), ("y", 1, "A"), (None, 0, "z"), ("z", None, "c"), ("w", 2, None), ("v", 2, "q")]
    assert aggregate(engine, values, "nvarchar(9)", "AA") == "z,y,x,w,v"
    assert aggregate(engine, values, "nvarchar(9)", "DD") == "v,w,x,y,z"
    assert aggregate(engine, values, "nvarchar(9)", "AD") == "z,x,y,v,w"
    assert aggregate(engine, [], "nvarchar(9)", "AA") is None


def test_string_agg_is_limited_unless_max(engine: Evaluator) -> None:
    """Error 9829 beyond 8000 bytes, as the page says; nvarchar(max) has room."""
    values = [("x" * 900, index, "") for index in range(10)]
    with pytest.raises(SqlError) as caught:
        aggregate(engine, values, "nvarchar(1000)", "AA")
    assert caught.value.number == 9829
    assert len(str(aggregate(engine, values, "nvarchar(max)", "AA"))) == 9009
