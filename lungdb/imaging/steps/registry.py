"""What a step is, and the reading of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lungdb.errors import LungdbError
from lungdb.imaging.preprocessing import CtSlice, Plane, Size

AIR = -1024.0
"""Hounsfield units that stand for what lies outside a slice."""

MOST_PIXELS = 4096
"""Rows or columns of a picture at most."""

Spacing = tuple[float, float]
"""Millimetres from a row to the next, and from a column to the next."""

_NONE = object()


@dataclass(frozen=True)
class Image:
    """A slice on its way through the steps.

    Attributes
    ----------
    values : float32[rows, cols]
        Hounsfield units, until a step makes something else of them.
    spacing : (float, float) or None
        Millimetres between rows and between columns, where they are known.
    network : (rows, cols)
        What the network reads.
    source : CtSlice or None
        The slice as it is stored; None for a picture.
    """

    values: Plane
    spacing: Spacing | None
    network: Size
    source: CtSlice | None = None

    def millimetres(self) -> Spacing:
        """Give the spacing; LungdbError where it is not known."""
        if self.spacing is None:
            raise LungdbError(
                "Its pixel spacing is not known, and a step works in mm. Load it again from files that tell it, or use "
                "a preprocessing in pixels."
            )
        return self.spacing


@dataclass
class Arguments:
    """The arguments of a step as they were written, read one by one.

    Attributes
    ----------
    label : str
        What an error calls the step.
    given : mapping
        As they were written, without the name of the step.
    are_hu : bool
        Whether values are Hounsfield units here.
    checked : dict
        What was read, with defaults filled in.
    """

    label: str
    given: Mapping[str, Any]
    are_hu: bool
    checked: dict[str, Any] = field(default_factory=dict)
    _passed: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        """Tell whether an argument was written."""
        return name in self.given

    def number(self, name: str, low: float, high: float, default: Any = _NONE) -> float:
        """Read a number from low to high."""
        number = self._number(name, self._value(name, default, f"{low:g} to {high:g}"), low, high)
        self.checked[name] = number
        return number

    def numbers(self, name: str, count: int, low: float, high: float, default: Any = _NONE) -> list[float]:
        """Read so many numbers from low to high; a single one stands for all."""
        text = f"a list of {count} numbers from {low:g} to {high:g}"
        value = self._value(name, default, text)
        items: Sequence[Any] = value if isinstance(value, list) else [value] * count
        if len(items) != count:
            raise self.refused(name, value, text)
        numbers = [self._number(name, item, low, high) for item in items]
        self.checked[name] = numbers
        return numbers

    def choice(self, name: str, values: Sequence[Any], default: Any = _NONE) -> Any:
        """Read one of some values."""
        text = " and ".join(repr(value) if isinstance(value, str) else str(value).lower() for value in values)
        value = self._value(name, default, text)
        if not any(value == each and type(value) is type(each) for each in values):
            raise self.refused(name, value, text)
        self.checked[name] = value
        return value

    def fill(self) -> float:
        """Read what stands outside a slice: air where values are Hounsfield units, else it has to be written."""
        return self.number("fill", -32768, 32767, AIR if self.are_hu else _NONE)

    def refused(self, name: str, value: Any, supported: str) -> LungdbError:
        """Make the error of a value."""
        return LungdbError(f"{self.label}: the value {value!r} for {name} is not supported. Supported are {supported}.")

    def rest(self) -> None:
        """Refuse what was written and not read."""
        unknown = sorted(set(self.given) - set(self.checked) - self._passed)
        if unknown:
            known = ", ".join(sorted(set(self.checked) | self._passed)) or "none"
            raise LungdbError(f"{self.label}: it has no argument {unknown[0]!r} here. Its arguments are: {known}.")

    def replace(self, *names: str, **values: Any) -> None:
        """Let some arguments that were read stand for others."""
        for name in names:
            self.checked.pop(name, None)
        self._passed.update(names)
        self.checked.update(values)

    def _value(self, name: str, default: Any, supported: str) -> Any:
        if name in self.given:
            return self.given[name]
        if default is _NONE:
            raise LungdbError(f"{self.label}: {name} is missing. Supported are {supported}.")
        return default

    def _number(self, name: str, value: Any, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not (low <= value <= high):
            raise self.refused(name, value, f"{low:g} to {high:g}")
        return float(value)


@dataclass(frozen=True)
class Step:
    """A kind of step, as lungdb or another package registers it.

    Attributes
    ----------
    check : Arguments -> None
        Reads the arguments, with their defaults; LungdbError for what it cannot work with. It also sees where the
        arguments do not fit each other.
    apply : (Image, mapping) -> Image
        Does it, with the arguments as they were read. It changes no array that it is given, and is called from several
        threads. LungdbError fails the scan.
    needs_hu : bool
        Whether it works on Hounsfield units only.
    keeps_hu : bool
        Whether Hounsfield units are still such after it.
    changes_size : bool
        Whether rows or columns may become more or fewer.
    is_first : bool
        Whether it reads the slice as stored, and so can stand first only.
    version : int
        Counted up with every change of what `apply` gives.
    """

    check: Callable[[Arguments], None]
    apply: Callable[[Image, Mapping[str, Any]], Image]
    needs_hu: bool = False
    keeps_hu: bool = True
    changes_size: bool = False
    is_first: bool = False
    version: int = 1
