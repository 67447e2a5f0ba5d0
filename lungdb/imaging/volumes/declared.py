"""What a network declares of the volumes that it reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VolumeInput:
    """The input of a network that reads volumes, as `networks.details` has it under `input`.

    Attributes
    ----------
    channels : int
        The same values in each.
    size : (depth, rows, cols)
        Voxels; None where the network leaves an axis free.
    multiple : (int, int, int)
        What a free axis has to be a multiple of: 32 of a network that halves five times.
    spacing : (z, y, x) or None
        Millimetres from voxel to voxel; None takes volumes as they are.
    orientation : str
        Where indices rise to along the array's three axes, slices first: `SPL` is head, back, left, as scans are stored
        (DICOM's letters for the patient: L or R, P or A, S (head) or I).
    window : (low, high) or None
        Hounsfield units that become 0 and 1, cut off beyond; None leaves them as they are.
    """

    channels: int
    size: tuple[int | None, int | None, int | None]
    multiple: tuple[int, int, int] = (1, 1, 1)
    spacing: tuple[float, float, float] | None = None
    orientation: str = "SPL"
    window: tuple[float, float] | None = None
