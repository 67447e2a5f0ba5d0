"""What stands in addresses: whole numbers that the INT of T-SQL holds, in the digits 0 to 9, and UIDs."""

from __future__ import annotations

from werkzeug.routing import BaseConverter, IntegerConverter, Map

LARGEST = 2**31 - 1


class SqlInteger(IntegerConverter):
    """Matches 0 to 2,147,483,647; anything else, such as another script's digits, is no page."""

    regex = "[0-9]{1,10}"

    def __init__(self, map: Map, *, max: int = LARGEST) -> None:
        super().__init__(map, max=min(max, LARGEST))


class Uid(BaseConverter):
    """Matches what may be a UID of DICOM: digits and dots."""

    regex = "[0-9][0-9.]{0,63}"
