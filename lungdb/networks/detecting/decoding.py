"""From a network's outputs for a tile to candidates."""

from __future__ import annotations

from lungdb.imaging.volumes.geometry import Tile
from lungdb.networks.detecting.candidates import Candidates
from lungdb.networks.detecting.decoded import decode_boxes
from lungdb.networks.detecting.forms import Boxes, Form, RetinaNet
from lungdb.networks.detecting.maps import find, read_maps
from lungdb.networks.detecting.outputs import Outputs
from lungdb.networks.detecting.retinanet import decode_heads


def decode(form: Form, outputs: Outputs, tile: Tile) -> Candidates:
    """Find the candidates in what a network gave of a tile.

    Heat maps and segmentations of several tiles are better combined first (`read_maps`) and looked at as one (`find`).

    Parameters
    ----------
    form : Form
        From `read_output`.
    outputs : sequence of arrays
        All outputs of the network for this tile, in the order of its file, with or without a batch of 1.
    tile : Tile

    Raises
    ------
    LungdbError
        An output has another shape than was declared, values that are no finite numbers, scores that are no
        probabilities, or boxes that end before they begin.
    """
    if isinstance(form, Boxes):
        return decode_boxes(form, outputs, tile)
    if isinstance(form, RetinaNet):
        return decode_heads(form, outputs, tile)
    return find(form, read_maps(form, outputs, tile), tile.geometry)
