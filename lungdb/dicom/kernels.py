"""Which texts are names of convolution kernels, and so no names of persons."""

from __future__ import annotations

import re

_WORDS = {
    "ABDOMEN", "AIDR", "AIR", "ANGIO", "ASIR", "BODY", "BONE", "BONEPLUS", "BRAIN", "CARDIAC", "CHEST", "CONV",
    "DEEP", "DETAIL", "EDGE", "ENHANCED", "EXPERIMENTAL", "FBP", "FINE", "HEAD", "HIGH", "IDOSE", "IMR",
    "INTERMEDIATE", "KARL", "LOW", "LUNG", "MEDIASTINUM", "MEDIUM", "MILD", "MOTIONFREE", "NECK", "PLUS", "RECON",
    "ROUTINE", "SHARP", "SHARPPLUS", "SMOOTH", "SMOOTHPLUS", "SOFT", "SOFTTISSUE", "SPINE", "STANDARD",
    "STANDARDPLUS", "STD", "STRONG", "STRUCT", "THORAX", "TISSUE", "ULTRA", "VERY", "VERYSHARP", "VERYSMOOTH",
    "XRES",
}  # fmt: skip
# Philips' letters, which United Imaging puts around words as well, and Toshiba's two.
_LETTERS = {
    "A", "B", "C", "CA", "CB", "CC", "D", "E", "EA", "EB", "EC", "ED", "EF", "F", "FC", "FL", "L", "LA", "N", "S",
    "UA", "UB", "UC", "YA", "YB", "YC", "YD", "YE",
}  # fmt: skip
# B30f, Br40d, I50f, FC51, Hr68, T20s; a number alone is Hitachi's kernel, or the strength behind Siemens' name.
_WORD = re.compile(r"([A-Z]+)[0-9]{0,2}")
_CODE = re.compile(r"[A-Za-z]{0,2}[0-9]{1,2}[a-z]{0,2}")
_PARTS = re.compile(r"[ _+.-]+")


def is_kernel(text: str) -> bool:
    """Tell whether a text is made of what manufacturers name kernels with, as far as is known.

    Parameters
    ----------
    text : str
        A Convolution Kernel, several values with backslashes between them.
    """
    parts = [part for value in text.split("\\") for part in _PARTS.split(value) if part]
    # More digits than kernels are written with may be a date.
    return sum(map(str.isdigit, parts)) <= 1 and bool(parts) and all(map(_is_part, parts))


def _is_part(text: str) -> bool:
    word = _WORD.fullmatch(text.upper())
    return text.upper() in _LETTERS or (word is not None and word[1] in _WORDS) or _CODE.fullmatch(text) is not None
