"""The volume that the viewer loads: nibabel reads back what the tables hold, the right way round."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import nibabel
import numpy as np
import pytest
from flask.testing import FlaskClient
from lungdb_web.queries.scans import DamagedScanError
from lungdb_web.scans.geometry import Geometry
from lungdb_web.scans.nifti import compressed, size, volume
from numpy.typing import NDArray

from lungdb.database import Connection, connect, run
from lungdb.imaging.codecs import content_sha256, decode_slice, encode_slice
from tests.support.databases import target_of

VOLUME = "/patients/0/volume.nii"


def _stored(file: Path, index: int = 0) -> NDArray[np.int16]:
    """Read a patient's primary scan out of the tables, int16[slices, rows, cols]."""
    sql = """
        SELECT i.pixels, s.image_rows, s.image_cols, i.pixels_sha256, i.encoding
        FROM dbo.scan_images AS i
        INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id AND s.is_primary = 1
        INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
        WHERE p.idx = ? ORDER BY i.slice_index;"""
    with closing(connect(target_of(file))) as connection:
        rows = run(connection, sql, (index,))[0].rows
    return np.stack([decode_slice(*row) for row in rows])


def _read(body: bytes) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image.from_bytes(body)


def test_nibabel_reads_the_stored_hounsfield_units(signed_in: FlaskClient, web_database: Path) -> None:
    """First axis along columns, second along rows, third along slices."""
    answer = signed_in.get(VOLUME)
    assert answer.status_code == 200
    image = _read(answer.data)
    assert image.get_data_dtype() == np.dtype("<i2")
    np.testing.assert_array_equal(np.asarray(image.dataobj), _stored(web_database).transpose(2, 1, 0))


def test_the_affine_says_where_a_marker_is() -> None:
    """A voxel at the patient's right, front and feet has the largest x and y and the least z of RAS+."""
    hu = np.full((5, 8, 6), -1000, np.int16)
    hu[0, 0, 0] = 500
    geometry = Geometry(8, 6, 5, 0.5, 0.75, 3.0, (-120.0, -117.0, -114.0, -111.0, -108.0))
    image = _read(b"".join(volume(geometry, hu)))
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    (marker,) = np.argwhere(np.asarray(image.dataobj) == 500)
    x, y, z = nibabel.affines.apply_affine(image.affine, marker)
    assert (x, y, z) == pytest.approx((0.75 * 2.5, 0.5 * 3.5, -120.0))
    assert image.header.get_zooms() == pytest.approx((0.75, 0.5, 3.0))
    assert image.header.get_xyzt_units()[0] == "mm"


def test_the_canonical_orientation_turns_the_marker_to_its_side() -> None:
    """nibabel's RAS+ volume has the patient's right at the end of x, as its definition says."""
    hu = np.zeros((2, 4, 4), np.int16)
    hu[1, 0, 3] = 9  # the patient's left, front, head
    geometry = Geometry(4, 4, 2, 1.0, 1.0, 1.0, (0.0, 1.0))
    turned = nibabel.as_closest_canonical(_read(b"".join(volume(geometry, hu))))
    assert np.argwhere(np.asarray(turned.dataobj) == 9).tolist() == [[0, 3, 1]]


def test_positions_count_more_than_the_stored_spacing() -> None:
    """The affine's step is the distance of the positions."""
    geometry = Geometry(2, 2, 3, 1.0, 1.0, 9.0, (10.0, 12.5, 15.0))
    image = _read(b"".join(volume(geometry, np.zeros((3, 2, 2), np.int16))))
    assert image.header.get_zooms()[2] == 2.5
    assert image.affine[2, 3] == 10.0


def test_a_scan_without_spacing_is_sent_without_a_unit() -> None:
    """Square pixels and a note, not millimetres that nobody measured."""
    geometry = Geometry(2, 2, 3, None, None, None, (None, None, None))
    image = _read(b"".join(volume(geometry, np.zeros((3, 2, 2), np.int16))))
    assert image.header.get_zooms() == (1.0, 1.0, 1.0)
    assert image.header.get_xyzt_units()[0] == "unknown"
    assert [note.split(":")[0] for note in geometry.notes] == [
        "The size of pixels is unknown",
        "The distance of slices is unknown",
    ]


def test_uneven_slices_are_told_of() -> None:
    """A gap makes a note, rounding makes none."""
    assert not Geometry(2, 2, 3, 1.0, 1.0, 2.0, (0.0, 2.0, 4.01)).notes
    assert "not evenly spaced" in Geometry(2, 2, 4, 1.0, 1.0, 2.0, (0.0, 2.0, 4.0, 9.0)).notes[0]


def test_gzip_is_sent_to_whom_takes_it_and_is_the_same_file(signed_in: FlaskClient) -> None:
    """Python's gzip unpacks it; a length that is announced is the length that comes."""
    plain = signed_in.get(VOLUME)
    packed = signed_in.get(VOLUME, headers={"Accept-Encoding": "gzip"})
    assert plain.content_encoding is None
    assert plain.content_length == len(plain.data)
    assert packed.content_encoding == "gzip"
    assert packed.content_length in (None, len(packed.data))
    assert len(packed.data) < 0.9 * len(plain.data)
    assert gzip.decompress(packed.data) == plain.data
    assert "Accept-Encoding" in packed.vary


def test_a_browser_that_has_the_volume_is_told_304(signed_in: FlaskClient) -> None:
    """By the tag of either encoding, and never from a shared cache."""
    first = signed_in.get(VOLUME)
    assert first.cache_control.private
    assert first.cache_control.no_cache
    for encoding in ("identity", "gzip"):
        headers = {"If-None-Match": first.headers["ETag"], "Accept-Encoding": encoding}
        again = signed_in.get(VOLUME, headers=headers)
        assert (again.status_code, again.data) == (304, b"")
    assert signed_in.get("/patients/1/volume.nii").headers["ETag"] != first.headers["ETag"]


def test_a_changed_spacing_changes_the_tag(signed_in: FlaskClient, web_database: Path) -> None:
    """The tag covers the header, not the pixels alone."""
    before = signed_in.get(VOLUME).headers["ETag"]
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "UPDATE dbo.scans SET spacing_x = spacing_x * 2;")
    assert signed_in.get(VOLUME).headers["ETag"] != before


def test_head_tells_the_size_without_the_voxels(signed_in: FlaskClient) -> None:
    """Content-Length is that of GET."""
    head = signed_in.head(VOLUME)
    assert (head.status_code, head.data) == (200, b"")
    assert head.content_length == signed_in.get(VOLUME).content_length


def test_a_slice_is_in_memory_only_while_it_is_sent() -> None:
    """The stream asks for a slice when it is its turn, and compresses as it goes."""
    asked = []

    def slices() -> object:
        for index in range(4):
            asked.append(index)
            yield np.random.default_rng(index).integers(-1000, 1000, (256, 256), np.int16)

    geometry = Geometry(256, 256, 4, 1.0, 1.0, 1.0, (0.0, 1.0, 2.0, 3.0))
    pieces = compressed(volume(geometry, slices()))  # type: ignore[arg-type]
    next(pieces)
    assert len(asked) < 4
    list(pieces)
    assert asked == [0, 1, 2, 3]
    assert size(geometry) == 352 + 4 * 256 * 256 * 2


@pytest.mark.parametrize("path", ["/patients/999/volume.nii", "/patients/99999999999999/volume.nii"])
def test_an_unknown_patient_is_a_404(signed_in: FlaskClient, path: str) -> None:
    """Not an empty volume, not another patient's."""
    assert signed_in.get(path).status_code == 404


def _damage(connection: Connection, number: int, *, hash_too: bool) -> None:
    """Exchange a slice of the first patient for another."""
    sql = (
        "SELECT scan_id FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE p.idx = 0"
    )
    scan_id = run(connection, f"{sql};")[0].scalar()
    pixels, sha256 = encode_slice(np.zeros((64, 64), np.int16))
    run(
        connection,
        "UPDATE dbo.scan_images SET pixels = ? WHERE scan_id = ? AND slice_index = ?;",
        (pixels, scan_id, number),
    )
    if hash_too:
        sql = "UPDATE dbo.scan_images SET pixels_sha256 = ? WHERE scan_id = ? AND slice_index = ?;"
        run(connection, sql, (sha256, scan_id, number))


def test_an_exchanged_slice_is_not_shown(signed_in: FlaskClient, web_database: Path) -> None:
    """With a hash of its own it does not fit the scan's: refused before the first byte."""
    with closing(connect(target_of(web_database))) as connection:
        _damage(connection, 3, hash_too=True)
    answer = signed_in.get(VOLUME)
    assert answer.status_code == 500
    assert "damaged" in answer.text


def test_damaged_pixels_break_the_transfer_off(signed_in: FlaskClient, web_database: Path) -> None:
    """The part that was sent is no whole file, and the reader gets an error, not a shorter scan."""
    with closing(connect(target_of(web_database))) as connection:
        _damage(connection, 3, hash_too=False)
    answer = signed_in.get(VOLUME)
    with pytest.raises(DamagedScanError):
        _ = answer.data


def test_a_missing_slice_is_not_passed_over(signed_in: FlaskClient, web_database: Path) -> None:
    """A scan of eight slices out of nine is damaged."""
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "DELETE FROM dbo.scan_images WHERE slice_index = 8;")
    assert signed_in.get(VOLUME).status_code == 500


def test_the_scans_hash_is_over_its_slices(web_database: Path) -> None:
    """What the page compares with: made anew from the pixels in the tables."""
    hashes = [encode_slice(hu)[1] for hu in _stored(web_database)]
    sql = "SELECT s.content_sha256 FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id"
    with closing(connect(target_of(web_database))) as connection:
        assert bytes(run(connection, f"{sql} WHERE p.idx = 0;")[0].scalar()) == content_sha256(hashes)


def test_the_description_of_a_scan_tells_the_grid(signed_in: FlaskClient) -> None:
    """What scan.json says is what nibabel finds in the volume."""
    told = signed_in.get("/patients/0/scan.json").json
    assert told is not None
    image = _read(signed_in.get(told["volume"]).data)
    assert tuple(told["size"]) == image.shape
    assert told["spacing"] == pytest.approx(image.header.get_zooms(), rel=1e-6)
    assert told["bytes"] == len(signed_in.get(VOLUME).data)
    assert told["start"] == pytest.approx(image.affine[2, 3])
    assert told["positions"][0] == told["start"]
    assert told["windows"]["mediastinum"] == ["Mediastinum", 40, 400]


def test_views_of_a_scan_are_in_the_audit(signed_in: FlaskClient, web_database: Path) -> None:
    """Who looked at which patient's scan."""
    signed_in.get("/patients/2/volume.nii")
    with closing(connect(target_of(web_database))) as connection:
        rows = run(connection, "SELECT account, patient_index FROM dbo.audit WHERE action = 'view_scan';")[0].rows
    assert rows == [("ana", 2)]
