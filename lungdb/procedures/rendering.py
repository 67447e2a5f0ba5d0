"""What dbo.RenderMap calls."""

from __future__ import annotations

import math

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.imaging.codecs import decode_array, decode_slice, from_hex
from lungdb.imaging.map_pictures import Drawing, draw_map
from lungdb.procedures.leaving import MESSAGE, for_t_sql, plain

_TITLE = 90  # characters that the picture has room for


@for_t_sql({2: MESSAGE})
def render_map(
    pixels: bytes,
    pixels_sha256: str,
    encoding: str,
    rows: int,
    cols: int,
    aspect: float | None,
    values: bytes,
    values_sha256: str,
    map_rows: int,
    map_cols: int,
    first_row: int,
    end_row: int,
    first_col: int,
    end_col: int,
    largest: float,
    title: str,
    task: str,
) -> tuple[bytes, int, str]:
    """Draw a stored map over its slice.

    Parameters
    ----------
    pixels, pixels_sha256, encoding, rows, cols
        The slice, as `scan_images` has it, the SHA-256 in hexadecimal.
    aspect : float or None
        Height of a pixel over its width; None or NaN where it is not known, when pixels are drawn as squares.
    values, values_sha256, map_rows, map_cols, first_row, end_row, first_col, end_col
        The map, as `score_maps` has it.
    largest : float
        The size of a value that gets the full colour.
    title : str
        What stands above the picture.
    task : str
        `classifiers.task`, by which values are log-odds or in units of the number predicted.

    Returns
    -------
    png : bytes
        Empty on a refusal.
    error_number, error_message : int, str
        0 and empty, or 50116 when slice or map cannot be read or do not fit each other.
    """
    try:
        known = aspect is not None and math.isfinite(aspect) and aspect > 0
        drawing = Drawing(
            hu=decode_slice(pixels, rows, cols, from_hex(pixels_sha256), encoding),
            values=decode_array(values, map_rows, map_cols, from_hex(values_sha256)),
            box=(first_row, end_row, first_col, end_col),
            largest=largest,
            title=plain(title, _TITLE),
            unit="number predicted" if task == "regression" else "margin\n(log-odds)",
            aspect=float(aspect or 1.0) if known else 1.0,
        )
        return draw_map(drawing), 0, ""
    except ProcedureError as refusal:
        return b"", refusal.number, refusal.message
    except LungdbError as refusal:
        return b"", ErrorNumber.UNREADABLE, str(refusal)
