"""A scan and a model as objects that a notebook shows."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.client.reading import Reading

_LUNG = (-600, 1500)
"""Level and width in HU of the window in which lungs are read: Radiopaedia, "Windowing (CT)", rID-52108."""
_SHOWN = ("auc", "auc_low", "auc_high", "log_loss", "brier", "rmse", "mae", "r2", "patients")


@dataclass(frozen=True)
class Scan:
    """A stored scan. A notebook shows what is known of it and its middle slice.

    Attributes
    ----------
    scan_id : int
    facts : Mapping
        Its row of dbo.scan_list: patient_index, slices, image_rows, image_cols, spacing in millimetres, and so on.
    """

    database: Reading
    scan_id: int
    facts: Mapping[str, Any]

    def volume(self) -> NDArray[np.int16]:
        """Read its slices: int16[slices, rows, cols], Hounsfield units, from feet to head."""
        return self.database.volume(self.scan_id)

    def slice(self, index: int) -> NDArray[np.int16]:
        """Read one slice: int16[rows, cols], Hounsfield units; index counts from 0, from feet to head."""
        pixels: NDArray[np.int16] = self.database.volume(self.scan_id, index, index)[0]
        return pixels

    def scores(self) -> pd.DataFrame:
        """Give its scores, as `Database.scores` has them."""
        return self.database.scores(scan_id=self.scan_id)

    def __repr__(self) -> str:
        """Say it in a line, without the database."""
        size = " × ".join(str(self.facts[name]) for name in ("slices", "image_rows", "image_cols"))
        return f"Scan(scan_id={self.scan_id}, patient_index={self.facts['patient_index']}, {size})"

    def _repr_html_(self) -> str:
        middle = int(self.facts["slices"]) // 2
        picture = base64.b64encode(_png(self.slice(middle))).decode("ascii")
        return (
            f"<p><b>Scan {self.scan_id}</b></p>"
            f'<img alt="slice {middle}" src="data:image/png;base64,{picture}" style="max-width: 320px">'
            f"<p>Slice {middle}, level {_LUNG[0]} HU, width {_LUNG[1]} HU</p>{_table(self.facts)}"
        )


@dataclass(frozen=True)
class Model:
    """A version of a model. A notebook shows where it comes from and how good it was.

    Attributes
    ----------
    name : str
    version : int
    facts : Mapping
        Its row of dbo.model_versions: network, layer, preprocessing, pooling, when it was made, its SHA-256.
    figures : DataFrame
        Its rows of dbo.model_figures: part, metric, value.
    """

    name: str
    version: int
    facts: Mapping[str, Any]
    figures: pd.DataFrame

    def __repr__(self) -> str:
        """Say it in a line, without the figures."""
        return f"Model(name={self.name!r}, version={self.version}, library={self.facts['library']!r})"

    def _repr_html_(self) -> str:
        left_out = ("name", "version", "details", "parameters")
        facts = {name: value for name, value in self.facts.items() if name not in left_out}
        figures = self.figures[self.figures["metric"].isin(_SHOWN)]
        shown = figures.pivot_table(index="metric", columns="part", values="value", sort=False)
        title = f"<p><b>{html.escape(self.name)}, version {self.version}</b></p>"
        return f"{title}{_table(facts)}{shown.to_html(na_rep='', float_format='{:.4g}'.format)}"


def _table(facts: Mapping[str, Any]) -> str:
    rows = (
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in facts.items()
        if value is not None
    )
    return f"<table>{''.join(rows)}</table>"


def _png(hu: NDArray[np.int16]) -> bytes:
    """Draw a slice in the lungs' window as PNG, 8 bit grey."""
    import cv2

    level, width = _LUNG
    grey = np.clip((hu.astype(np.float32) - (level - width / 2)) * (255 / width), 0, 255).astype(np.uint8)
    is_done, png = cv2.imencode(".png", grey)
    if not is_done:
        raise MemoryError("OpenCV could not write the picture.")
    return bytes(png)
