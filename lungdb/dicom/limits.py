"""What a file may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Caps that are checked before anything is decoded, and those that stop a decoder.

    Attributes
    ----------
    file_megabytes : int
        Of a file, of an archive's member, and of what a deflated file inflates to.
    volume_megabytes : int
        Rows x columns x frames x bits of a file; of a series, two bytes a pixel.
    task_seconds : float
        Wall time for a header, or for a slice (of a multi-frame file: for 8 frames).
    worker_megabytes : int
        Address space that a decoding process may take beyond what it has when it starts; on POSIX.
    archive_entries, archive_ratio, archive_megabytes : int
        Of a zip archive: its entries, how many times its own size they may expand to, and their size in all.
    """

    file_megabytes: int = 2_000
    volume_megabytes: int = 4_000
    task_seconds: float = 60.0
    worker_megabytes: int = 2_000
    archive_entries: int = 100_000
    archive_ratio: int = 100
    archive_megabytes: int = 100_000

    @property
    def file_bytes(self) -> int:
        """`file_megabytes` in bytes."""
        return self.file_megabytes * MEGABYTE

    @property
    def volume_bytes(self) -> int:
        """`volume_megabytes` in bytes."""
        return self.volume_megabytes * MEGABYTE
