"""What the viewer shows, read from the screen, beside what NumPy makes of the stored Hounsfield units."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates, maximum_filter, minimum_filter

from lungdb.imaging.codecs import decode_slice
from tests.web.looking import query

WAIT = 60_000
VOLUME = '#viewer[data-mode="volume"][data-drawn="true"]'
SLICES = '#viewer[data-mode="slices"][data-drawn="true"]'
WINDOWS = {"lung": (-600, 1500), "wide-lung": (-400, 1600), "mediastinum": (40, 400), "bone": (300, 1500)}


def read_scan(database: Path) -> tuple[NDArray[np.int16], tuple[float, float, float]]:
    """Read the first patient's scan: int16[slices, rows, cols], and the distances of slices, rows and columns in mm."""
    rows = query(
        database,
        "SELECT i.pixels, image_rows, image_cols, pixels_sha256, encoding, s.spacing_z, s.spacing_y, s.spacing_x "
        "FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id AND s.is_primary = 1 "
        "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE p.idx = 0 ORDER BY i.slice_index;",
    )
    hu = np.stack([decode_slice(*row[:5]) for row in rows])
    return hu, rows[0][5:]


def open_viewer(visit: Callable[..., Any], state: str = VOLUME, **options: Any) -> Any:
    """Sign ana in and wait until the viewer of the first patient has drawn."""
    page = visit("ana", viewport={"width": 1100, "height": 800}, **options)
    page.goto("/patients/0")
    page.wait_for_selector(state, timeout=WAIT)
    return page


def reach(page: Any, **data: object) -> None:
    """Wait until the viewer has drawn a state."""
    parts = "".join(f'[data-{name}="{value}"]' for name, value in data.items())
    page.wait_for_selector(f'#viewer[data-drawn="true"]{parts}', timeout=WAIT)


def picture(page: Any) -> NDArray[np.float64]:
    """Take a picture of the stage, float[down, across], once what was asked for is on the screen."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    image = Image.open(io.BytesIO(page.locator("#viewer-stage").screenshot())).convert("L")
    return np.asarray(image, dtype=np.float64)


def mean_difference(
    drawn: NDArray[np.float64],
    plane: NDArray[np.int16],
    spacing: tuple[float, float],
    scale: float,
    window: tuple[int, int],
    middle: tuple[float, float] | None = None,
) -> float:
    """Compare a picture with a plane of the scan drawn by NumPy: the mean difference where the plane is smooth.

    Parameters
    ----------
    plane : int16[down, across]
        As a radiologist sees it: the first pixel at the upper left.
    spacing : tuple of float
        Of the plane's rows and columns in mm.
    scale : float
        Millimetres a pixel of the picture.
    middle : tuple of float, optional
        Row and column of the plane in the middle of the picture; those of the plane's own by default.
    """
    level, width = window
    row, col = middle or ((plane.shape[0] - 1) / 2, (plane.shape[1] - 1) / 2)
    expected = np.clip((plane.astype(float) - level) / width + 0.5, 0, 1) * 255
    down, across = np.indices(drawn.shape)
    rows = (down - (drawn.shape[0] - 1) / 2) * scale / spacing[0] + row
    cols = (across - (drawn.shape[1] - 1) / 2) * scale / spacing[1] + col
    inside = (rows > 1) & (rows < plane.shape[0] - 2) & (cols > 1) & (cols < plane.shape[1] - 2)
    varies = maximum_filter(expected, 3) - minimum_filter(expected, 3)
    smooth = inside & (map_coordinates(varies, [rows, cols], order=0, mode="nearest") < 60)
    # The words in the corners and at the edges lie over the picture.
    smooth[:40], smooth[-40:], smooth[:, :40], smooth[:, -40:] = False, False, False, False
    smooth[:70, :240] = False
    assert smooth.mean() > 0.1
    return float(np.abs(map_coordinates(expected, [rows, cols], order=1, mode="nearest") - drawn)[smooth].mean())


def middle_of(page: Any) -> tuple[float, float]:
    """The middle of the canvas, in pixels of the window; the stage is brought into view first."""
    page.locator("#viewer-stage").scroll_into_view_if_needed()
    box = page.locator("#viewer-stage").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
