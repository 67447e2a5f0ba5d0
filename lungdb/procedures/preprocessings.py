"""What dbo.StorePreprocessing, dbo.PreviewPreprocessing and dbo.TransformImages call."""

from __future__ import annotations

import hashlib
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_slice, from_hex
from lungdb.imaging.pictures import decode_picture
from lungdb.imaging.preprocessing import CtSlice, Plane, Size
from lungdb.imaging.steps.pipelines import Recipe, check_values, of_picture, recipe
from lungdb.imaging.volumes.declared import VolumeInput
from lungdb.imaging.volumes.geometry import Volume
from lungdb.imaging.volumes.recipes import is_volume_recipe, volume_recipe
from lungdb.imaging.volumes.scans import scan_geometry
from lungdb.procedures.checks import check_columns, check_sha256, whole_numbers
from lungdb.procedures.leaving import MESSAGE, check_size, for_t_sql
from lungdb.procedures.reading_slices import lazy_scans, spacings
from lungdb.procedures.whole_scans import decoded, facts_of

_SLICES = (
    "place",
    "image_rows",
    "image_cols",
    "rescale_slope",
    "rescale_intercept",
    "pixels",
    "pixels_sha256",
    "encoding",
)
_SHEET = -1
_BORDER = 2  # pixels between the slices of a sheet
_MOST_SHEET = 100_000_000  # pixels


@for_t_sql({2: MESSAGE})
def check_steps(steps: str, of_pictures: bool | None = None) -> tuple[str, int, str]:
    """Check the steps of a preprocessing, JSON.

    Parameters
    ----------
    steps : str
        Of slices, or with `dimensions` 3 of volumes.
    of_pictures : bool or None
        None of a preprocessing, which ends with what the network reads; else whether the steps that make derived
        pictures begin with pictures, which have no Hounsfield units.

    Returns
    -------
    checked : str
        JSON in ASCII with every default written out.
    error_number, error_message : int, str
        0 and empty, or 50390 for what is wrong with them, 50394 for a step of a package that is not there.
    """
    try:
        if of_pictures is None and is_volume_recipe(steps):
            return volume_recipe(steps).text, 0, ""
        made = recipe(steps) if of_pictures is None else recipe(steps, hu=not of_pictures, ends_as_network=False)
        return made.text, 0, ""
    except ProcedureError as refusal:
        return "", refusal.number, refusal.message


@for_t_sql({2: MESSAGE})
def preview_steps(
    slices: pd.DataFrame, steps: str, rows: int, cols: int, as_sheet: bool, most: int = 9
) -> tuple[pd.DataFrame, int, str]:
    """Make pictures of slices by the steps of a preprocessing.

    Parameters
    ----------
    slices : DataFrame
        One row a slice: `place` (its index), `image_rows`, `image_cols`, `rescale_slope`, `rescale_intercept`, `pixels`
        and `pixels_sha256` in hexadecimal, `encoding`, `spacing_y`, `spacing_x`. For steps of a volume all its slices,
        as of `find_scan_lungs`.
    steps : str
        JSON.
    rows, cols : int
        What the network would read.
    as_sheet : bool
        Whether all come in one picture.
    most : int
        Planes of a volume, evenly over it.

    Returns
    -------
    result : DataFrame
        `slice_index` (-1 of a sheet), `lowest`, `highest`, `picture` (a PNG file, hexadecimal).
    error_number, error_message : int, str
        0 and empty, or a refusal: as of `check_steps`; 50120 for a slice that the steps cannot work on.
    """
    try:
        if is_volume_recipe(steps):
            places, planes = _planes_of_volume(slices, steps, most)
            return _preview(*_pictures(places, planes, as_sheet)), 0, ""
        made = recipe(steps)
        places = whole_numbers(slices, "place").tolist()
        planes = []
        for place, ct_slice in zip(places, _slices(slices), strict=True):
            try:
                planes.append(_plane(made, ct_slice, (rows, cols)))
            except LungdbError as error:
                raise ProcedureError(ErrorNumber.SOME_FAILED, f"Slice {place}: {error}") from None
        if not planes:
            raise ProcedureError(ErrorNumber.SOME_FAILED, "The scan has no slices. Load it again.")
        shown = _pictures(places, planes, as_sheet)
    except ProcedureError as refusal:
        return _preview([], 0.0, 0.0, []), refusal.number, refusal.message
    return _preview(*shown), 0, ""


@for_t_sql({2: MESSAGE}, {"error": MESSAGE})
def transform_images(
    sources: pd.DataFrame, steps: str, rows: int, cols: int, black: float, white: float
) -> tuple[pd.DataFrame, int, str]:
    """Make 8-bit pictures of slices or pictures by the steps of a preprocessing.

    Parameters
    ----------
    sources : DataFrame
        As `slices` of `preview_steps`, with `is_picture`: 1 where `pixels` is a picture file and the rest is missing.
    steps : str
        JSON; of pictures none that needs Hounsfield units or a spacing.
    rows, cols : int
        What a step that resizes to `network` makes.
    black, white : float
        Values that become 0 and 255; those beyond do as well.

    Returns
    -------
    result : DataFrame
        `place`, `error` (empty when all is well), `picture` (a PNG file, hexadecimal) and `sha256` of it.
    error_number, error_message : int, str
        0 and empty, or a refusal: as of `check_steps`, 50231 for more than may leave Python.
    """
    try:
        check_columns(sources, (*_SLICES, "is_picture"))
        are_pictures = [bool(value) for value in whole_numbers(sources, "is_picture")]
        # What the steps cannot work on at all is refused before a picture is looked at.
        recipes = {kind: recipe(steps, hu=not kind, ends_as_network=False) for kind in set(are_pictures)}
        results = []
        slices = _slices(sources, are_pictures)
        for place, is_picture, ct_slice, row in zip(
            whole_numbers(sources, "place").tolist(), are_pictures, slices, sources.itertuples(index=False), strict=True
        ):
            try:
                values = (
                    _picture(recipes[True], row, (rows, cols))
                    if is_picture
                    else _plane(recipes[False], ct_slice, (rows, cols))
                )
                picture = _png(_grey(values, black, white))
                results.append((place, "", picture.hex(), hashlib.sha256(picture).hexdigest()))
            except LungdbError as error:
                results.append((place, str(error), "", ""))
        check_size(
            sum(len(picture) for _, _, picture, _ in results),
            "pictures",
            "Give a smaller @ChunkMegabytes, or @Rows and @Cols.",
        )
    except ProcedureError as refusal:
        return _transformed([]), refusal.number, refusal.message
    return _transformed(results), 0, ""


def _pictures(places: list[int], planes: list[Plane], as_sheet: bool) -> tuple[list[int], float, float, list[str]]:
    """Draw planes, black where the lowest value of all of them is, white where the highest is."""
    lowest = min(float(plane.min()) for plane in planes)
    highest = max(float(plane.max()) for plane in planes)
    pictures = [_grey(plane, lowest, highest if highest > lowest else lowest + 1) for plane in planes]
    if as_sheet:
        places, pictures = [_SHEET], [_sheet(pictures)]
    found = [_png(picture).hex() for picture in pictures]
    check_size(sum(map(len, found)), "pictures", "Ask for fewer @Slices, or fewer @Rows and @Cols.")
    return places, lowest, highest, found


def _planes_of_volume(slices: pd.DataFrame, steps: str, most: int) -> tuple[list[int], list[Plane]]:
    """Prepare a scan as a volume, without what a network would declare, and give so many planes, evenly over it."""
    made = volume_recipe(steps)
    if slices.empty:
        raise ProcedureError(ErrorNumber.SOME_FAILED, "The scan has no slices. Load it again.")
    try:
        (scan,), (facts,) = lazy_scans(slices, None).values(), facts_of(slices).values()
        prepared = made.prepare(Volume(decoded(scan), scan_geometry(facts)), VolumeInput(1, (None, None, None)))
    except ProcedureError:
        raise
    except LungdbError as error:
        raise ProcedureError(ErrorNumber.SOME_FAILED, str(error)) from None
    depth = len(prepared.values)
    places = sorted({place * depth // most + depth // most // 2 for place in range(most)} & set(range(depth)))
    return places, [prepared.values[place] for place in places]


def _slices(slices: pd.DataFrame, are_pictures: list[bool] | None = None) -> list[CtSlice | LungdbError | None]:
    """Decode the rows that are slices; of one that cannot be, its error."""
    check_columns(slices, _SLICES)
    found: list[CtSlice | LungdbError | None] = []
    flags = are_pictures or [False] * len(slices)
    for row, spacing, is_picture in zip(slices.itertuples(index=False), spacings(slices), flags, strict=True):
        try:
            found.append(None if is_picture else _slice(row, spacing))
        except (TypeError, ValueError, LungdbError) as error:
            reason = (
                str(error) if isinstance(error, LungdbError) else "The slice is not stored whole. Load the scan again."
            )
            found.append(LungdbError(reason))
    return found


def _slice(row: Any, spacing: tuple[float, float] | None) -> CtSlice:
    blob, sha256 = from_hex(row.pixels), from_hex(row.pixels_sha256)
    hu = decode_slice(blob, int(row.image_rows), int(row.image_cols), sha256, row.encoding)
    return CtSlice(hu, float(row.rescale_slope), float(row.rescale_intercept), spacing)


def _plane(made: Recipe, ct_slice: CtSlice | LungdbError | None, size: Size) -> Plane:
    if not isinstance(ct_slice, CtSlice):
        raise ct_slice or LungdbError("The slice is not stored. Load the scan again.")
    values = made.of_slice(ct_slice, size)
    check_values(values)
    return values


def _picture(made: Recipe, row: Any, size: Size) -> Plane:
    try:
        data = from_hex(row.pixels)
    except (TypeError, ValueError):
        raise LungdbError("The picture is not stored whole. Load it again.") from None
    check_sha256(data, str(row.pixels_sha256), "picture")
    picture = decode_picture(data)
    is_grey = bool((picture[:, :, :1] == picture).all())
    values = of_picture(made, picture[:, :, :1] if is_grey else picture, size)
    for channel in range(values.shape[2]):
        check_values(values[:, :, channel])
    return values[:, :, 0] if is_grey else values


def _grey(values: Plane, black: float, white: float) -> NDArray[np.uint8]:
    shares = np.clip((values.astype(np.float64) - black) / (white - black), 0, 1)
    levels: NDArray[np.uint8] = np.rint(shares * 255).astype(np.uint8)
    return levels


def _png(picture: NDArray[np.uint8]) -> bytes:
    stored = picture if picture.ndim == 2 else picture[:, :, ::-1]  # OpenCV has blue first
    return bytes(cv2.imencode(".png", np.ascontiguousarray(stored))[1])


def _sheet(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Put pictures beside each other, in about as many rows as columns, white between them."""
    across = int(np.ceil(np.sqrt(len(pictures))))
    down = -(-len(pictures) // across)
    rows, cols = (max(picture.shape[axis] for picture in pictures) + _BORDER for axis in (0, 1))
    if down * rows * across * cols > _MOST_SHEET:
        raise ProcedureError(
            ErrorNumber.TOO_LARGE,
            f"The sheet would have {down * rows} x {across * cols} pixels. Ask for fewer @Slices, or fewer @Rows and "
            "@Cols.",
        )
    sheet = np.full((down * rows - _BORDER, across * cols - _BORDER), 255, dtype=np.uint8)
    for place, picture in enumerate(pictures):
        top, left = place // across * rows, place % across * cols
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def _preview(places: list[int], lowest: float, highest: float, pictures: list[str]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {
            "slice_index": pd.Series(places, dtype=np.int32),
            "lowest": pd.Series([lowest] * len(places), dtype=np.float64),
            "highest": pd.Series([highest] * len(places), dtype=np.float64),
            "picture": pd.Series(pictures, dtype=object),
        }
    )
    return frame


def _transformed(rows: list[tuple[int, str, str, str]]) -> pd.DataFrame:
    columns = {"place": np.int32, "error": object, "picture": object, "sha256": object}
    frame: pd.DataFrame = pd.DataFrame(
        {name: pd.Series([row[at] for row in rows], dtype=kind) for at, (name, kind) in enumerate(columns.items())}
    )
    return frame
