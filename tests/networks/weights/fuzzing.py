"""Read damaged weights files until something else than a refusal happens; run by test_fuzzing.py in its own process.

Arguments: folder of the files, number of damaged ones made of each, seed. Prints how many were read, how many refused,
and the most memory that reading took, in MB.
"""

from __future__ import annotations

import io
import random
import sys
import zipfile
from pathlib import Path

from lungdb.errors import LungdbError
from lungdb.networks.weights import read_weights
from lungdb.procedures.usage import peak_megabytes

FILES = ("tensors.safetensors", "tensors.legacy.pth", "tensors.zip.pth", "checkpoint.pth", "module.zip.pth")
TELLING = (0, 1, 2, 3, 4, 7, 8, 127, 128, 129, 255, *b"(){}[]cRbQtuesqhr.0123456789\x81\x85\x93\x94")


def damage(content: bytes, chance: random.Random) -> bytes:
    """Change, double, move, drop or cut some bytes."""
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(damaged) + 1)
        piece = damaged[at : at + chance.choice((1, 2, 4, 8, 40, 400))]
        kind = chance.randrange(6)
        if kind <= 1:
            damaged[at : at + 1] = bytes([chance.choice(TELLING)])
        elif kind == 2:
            damaged[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 3:
            other = chance.randrange(len(damaged) + 1)
            damaged[other:other] = piece
        elif kind == 4:
            del damaged[at : at + len(piece)]
        else:
            damaged[at : at + 8] = chance.choice((bytes(8), b"\xff" * 8, b"\xff\xff\xff\x7f\0\0\0\0", b"\1" * 8))
    return bytes(damaged)


def damage_description(content: bytes, chance: random.Random) -> bytes:
    """Damage what a zip says of its tensors, and give it the right checksum again."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(buffer, "w") as made:
        for name in archive.namelist():
            part = archive.read(name)
            made.writestr(name, damage(part, chance) if name.endswith("data.pkl") else part)
    return buffer.getvalue()


def damage_directory(content: bytes, chance: random.Random) -> bytes:
    """Damage what a zip says of its parts."""
    start = content.index(b"PK\x01\x02")
    return content[:start] + damage(content[start:], chance)


def main(folder: Path, count: int, seed: int) -> None:
    """Read the damaged files."""
    chance = random.Random(seed)
    before = peak_megabytes()
    outcomes = {"read": 0, "refused": 0}
    for name in FILES:
        content = (folder / name).read_bytes()
        for _ in range(count):
            ways = (damage,)
            if zipfile.is_zipfile(folder / name):
                ways = (damage, damage_directory, damage_description, damage_description, damage_description)
            damaged = chance.choice(ways)(content, chance)
            try:
                read_weights(damaged)
                outcomes["read"] += 1
            except LungdbError:
                outcomes["refused"] += 1
    grown = peak_megabytes() - before
    print(outcomes["read"], outcomes["refused"], round(grown))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
