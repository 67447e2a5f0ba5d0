"""GenerateFeatures @KeepMaps: maps in float16 against ONNX Runtime's own run, their loss, and who deletes them."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from lungdb.database import Connection, Message, connect, run
from lungdb.errors import LungdbError, SqlError
from lungdb.imaging.half_maps import encode_map
from lungdb.operating import checking
from tests.questions.conftest import MAPPED, volumes
from tests.sql.gates.check import SQL
from tests.support.databases import refused, rows, said, target_of
from tests.support.networks import NORMALISATION, write_network

KEEP = "EXECUTE dbo.GenerateFeatures @ModelName = N'mapped', @KeepMaps = 1;"
SET = 2
MAPS = (
    "SELECT scan_id, triple, channels, map_rows, map_cols, scale, largest_error, largest_relative_error, map, sha256, "
    "features_sha256 FROM dbo.slice_maps ORDER BY scan_id, triple;"
)


def kept(connection: Connection) -> dict[tuple[int, int], NDArray[np.float64]]:
    """Give (scan, triple) -> map, and check its SHA-256."""
    found = {}
    for scan, triple, channels, height, width, scale, _, _, blob, sha256, _ in rows(connection, MAPS):
        assert hashlib.sha256(blob).digest() == sha256
        found[scan, triple] = np.frombuffer(blob, "<f2").reshape(channels, height, width).astype(np.float64) * scale
    return found


def expected() -> dict[tuple[int, int], NDArray[np.float32]]:
    """Run the network as far as its Relu with ONNX Runtime, on pictures prepared here."""
    network = onnx.load_from_string(write_network(MAPPED, MAPPED))
    del network.graph.output[:]
    network.graph.output.append(onnx.helper.make_tensor_value_info("relu", onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    mean, std = (np.array(NORMALISATION[name])[:, None, None] for name in ("mean", "std"))
    found = {}
    for scan, volume in enumerate(volumes(), start=1):
        grey = (np.clip(volume[:, 5:59, 5:59].astype(np.float64), -1350, 150) + 1350) / 1500
        resized = np.stack([cv2.resize(each, (MAPPED, MAPPED), interpolation=cv2.INTER_LINEAR) for each in grey])
        for triple in (0, 1):
            picture = ((resized[3 * triple : 3 * triple + 3] - mean) / std).astype(np.float32)
            found[scan, triple] = session.run(None, {"image": picture[None]})[0][0]
    return found


def test_maps_are_the_networks_and_average_to_the_features(seen: Connection) -> None:
    """To the rounding of float16 to 11 bits, which the columns measure; features themselves stay as they were."""
    before = rows(seen, "SELECT scan_id, array, sha256 FROM dbo.features ORDER BY scan_id, feature_set_id;")
    run(seen, KEEP)
    assert rows(seen, "SELECT scan_id, array, sha256 FROM dbo.features ORDER BY scan_id, feature_set_id;") == before
    wanted, found = expected(), kept(seen)
    assert found.keys() == wanted.keys()
    for place, values in wanted.items():
        assert values.shape == (5, 6, 6)
        np.testing.assert_allclose(found[place], values, rtol=2**-11 + 1e-4, atol=1e-5)
    for scan, array, sha256 in rows(seen, "SELECT scan_id, array, sha256 FROM dbo.features WHERE feature_set_id = 2;"):
        features = np.frombuffer(array, "<f4").reshape(2, 5)
        for triple in (0, 1):
            np.testing.assert_allclose(found[scan, triple].mean(axis=(1, 2)), features[triple], rtol=2**-11, atol=1e-6)
        assert {row[10] for row in rows(seen, MAPS) if row[0] == scan} == {sha256}
    for scan, triple, *_, error, relative, _, _, _ in rows(seen, MAPS):
        measured = np.abs(found[scan, triple] - wanted[scan, triple])
        assert error == pytest.approx(measured.max(), abs=2e-5)
        assert 0 < relative <= 2**-11


def test_a_layer_that_is_a_map_is_kept_as_it_is(seen: Connection) -> None:
    """Beside one that is its average, in one call, each for its own feature set."""
    layers = KEEP.replace("@KeepMaps", "@Layer = N'penultimate, activation', @KeepMaps")
    run(seen, layers)
    both = rows(
        seen, "SELECT feature_set_id, COUNT(*), MIN(sha256), MAX(sha256) FROM dbo.slice_maps GROUP BY feature_set_id;"
    )
    assert [row[:2] for row in both] == [(2, 6), (3, 6)]
    assert both[0][2:] == both[1][2:]


@pytest.mark.parametrize("factor", [1.0, 1e30, 1e-30, 7e4])
def test_a_map_of_any_size_loses_eleven_bits_at_most(factor: float) -> None:
    """Beyond 65504, where float16 ends, and below its smallest, a scale holds it; NumPy's float16 tells the loss."""
    values = (np.random.default_rng(1).normal(size=(3, 4, 5)) * factor).astype(np.float32)
    values[0, 0, 0] = 0
    made = encode_map(values)
    half = np.frombuffer(made.blob, "<f2").astype(np.float64).reshape(values.shape)
    assert np.isfinite(half).all()
    assert np.log2(made.scale) % 1 == 0
    errors = np.abs(half * made.scale - values)
    assert made.largest_error == errors.max()
    assert made.largest_relative_error == (errors[values != 0] / np.abs(values[values != 0])).max() <= 2**-11
    np.testing.assert_array_equal(half, (values.astype(np.float64) / made.scale).astype(np.float16))


def test_a_map_of_nothing_and_one_of_what_is_no_number() -> None:
    """Zeros lose nothing; what float16 makes 0 of is lost as a whole; infinity is refused."""
    nothing = encode_map(np.zeros((1, 2, 2), np.float32))
    assert (nothing.scale, nothing.largest_error, nothing.largest_relative_error) == (1.0, 0.0, 0.0)
    lost = encode_map(np.array([[[1.0, 1e-20]]], np.float32))
    assert lost.largest_relative_error == 1.0
    assert lost.largest_error == pytest.approx(1e-20)
    for wrong in (np.nan, np.inf):
        with pytest.raises(LungdbError, match="NaN or infinity"):
            encode_map(np.full((1, 1, 1), wrong, np.float32))


def test_every_kind_of_float16_is_read_in_t_sql(seen: Connection) -> None:
    """Zeros of both signs, subnormal ones, the largest; more channels than a byte counts; times the scale."""
    run(seen, KEEP)
    bits = np.arange(300 * 2 * 3, dtype=np.uint16).reshape(300, 2, 3) * 17
    bits[0, 0] = [0x8000, 0x0001, 0x83FF]
    bits[1, 0] = [0x7BFF, 0xFBFF, 0x0400]
    values = bits.view(np.float16)
    bits[~np.isfinite(values)] = 0x3C00
    run(
        seen,
        "UPDATE dbo.slice_maps SET channels = 300, map_rows = 2, map_cols = 3, scale = 0.25, map = ? "
        "WHERE scan_id = 2 AND triple = 1;",
        (values.tobytes(),),
    )
    query = (
        "SELECT channel, map_row, map_col, value, first_slice FROM dbo.map_values WHERE scan_id = 2 AND "
        "feature_set_id = 2 AND triple = 1 ORDER BY channel, map_row, map_col;"
    )
    found = rows(seen, query)
    assert [row[:3] for row in found] == [tuple(place) for place in np.argwhere(np.ones((300, 2, 3)))]
    np.testing.assert_array_equal([row[3] for row in found], values.astype(np.float64).ravel() / 4)
    assert {row[4] for row in found} == {3}


def test_maps_that_are_there_stay_and_lost_ones_are_made_again(seen: Connection) -> None:
    """Only what lacks maps is run, whole scans or single triples; features that come out the same keep theirs."""
    assert "Maps: 3 of 3" in said(seen, KEEP)
    first = rows(seen, MAPS)
    assert "Maps:" not in said(seen, KEEP)
    run(seen, "DELETE FROM dbo.slice_maps WHERE scan_id = 2;")
    assert "Maps: 1 of 1" in said(seen, KEEP)
    assert rows(seen, MAPS) == first
    run(seen, "EXECUTE dbo.GenerateFeatures @ModelName = N'mapped', @Pooling = N'max';")
    assert rows(seen, MAPS) == first
    run(seen, KEEP.replace(";", ", @Recompute = 1;"))
    assert rows(seen, MAPS) == first
    run(seen, "EXECUTE dbo.GenerateFeatures @ModelName = N'mapped', @Recompute = 1;")
    assert rows(seen, MAPS) == first
    run(seen, "DELETE FROM dbo.slice_maps WHERE scan_id = 1 AND triple = 1;")
    assert [fault for fault in faults(seen) if "some have a map" in fault and "scan_id 1, feature_set_id 2" in fault]
    assert "Maps: 1 of 1" in said(seen, KEEP)
    assert rows(seen, MAPS) == first
    run(seen, "UPDATE dbo.slice_maps SET features_sha256 = 0x01 WHERE scan_id = 3;")
    assert "Maps: 1 of 1" in said(seen, KEEP)
    assert rows(seen, MAPS) == first
    run(seen, "UPDATE dbo.slice_maps SET features_sha256 = 0x01 WHERE scan_id = 3;")
    run(seen, "EXECUTE dbo.GenerateFeatures @ModelName = N'mapped', @Recompute = 1;")
    assert {row[0] for row in rows(seen, MAPS)} == {1, 2}


def test_what_another_call_kept_meanwhile_counts(seen: Connection, tmp_path: Path) -> None:
    """The bound is looked at again when maps are stored: a scan for which there is no room is told, others are kept."""
    [file] = tmp_path.glob("*.db")
    heard: list[str] = []

    def hear(message: Message) -> None:
        heard.append(message.text)
        if len(heard) == 1:  # the features begin, so that the maps were planned
            with closing(connect(target_of(file))) as other:
                run(other, "UPDATE dbo.settings SET value = N'0.000002' WHERE name = N'kept_maps_gigabytes';")

    with pytest.raises(SqlError, match="1 scans and layers have features and no maps"):
        run(seen, KEEP, on_message=hear)
    assert [each for each in heard if each.startswith("Scan 3") and "leaves no room" in each]
    assert {row[0] for row in rows(seen, MAPS)} == {1, 2}


def test_who_deletes_the_features_deletes_the_maps(seen: Connection) -> None:
    """Of a scan, or of all; DeleteFeatures counts them."""
    run(seen, KEEP)
    run(seen, "DELETE FROM dbo.features WHERE scan_id = 1;")
    assert rows(seen, "SELECT COUNT(*) FROM dbo.slice_maps;") == [(4,)]
    dry = dict(rows(seen, "EXECUTE dbo.DeleteFeatures @NetworkName = N'mapped', @DryRun = 1;"))
    assert dry["slice_maps"] == 4
    assert dict(rows(seen, "EXECUTE dbo.DeleteFeatures @NetworkName = N'mapped';")) == dry
    assert rows(seen, "SELECT COUNT(*) FROM dbo.slice_maps;") == [(0,)]


def test_what_cannot_be_kept_is_refused_before_anything_is_done(seen: Connection) -> None:
    """More than the setting allows, a layer that is no average of a map, a wrong setting or argument."""
    run(seen, "UPDATE dbo.settings SET value = N'0.000002' WHERE name = N'kept_maps_gigabytes';")
    new = "EXECUTE dbo.GenerateFeatures @ModelName = N'mapped', @Layer = N'conv', @KeepMaps = 1;"
    # Six triples of 5 x 6 x 6 numbers of two bytes are 2160.
    assert "kept_maps_gigabytes allows 0.0 MB" in refused(seen, new, 50414)
    run(seen, "UPDATE dbo.settings SET value = N'0.00000216' WHERE name = N'kept_maps_gigabytes';")
    run(seen, new)
    refused(seen, KEEP, 50414)
    run(seen, new)
    flat = "EXECUTE dbo.GenerateFeatures @ModelName = N'linear', @Layer = N'features', @KeepMaps = 1;"
    assert "'features'" in refused(seen, flat, 50413)
    for setting in ("N'much'", "NULL", "N'-1'"):
        run(seen, f"UPDATE dbo.settings SET value = {setting} WHERE name = N'kept_maps_gigabytes';")
        assert "kept_maps_gigabytes" in refused(seen, KEEP, 50101)
        run(seen, KEEP.replace("@KeepMaps = 1", "@KeepMaps = 0"))
    refused(seen, KEEP.replace("= 1", "= NULL"), 50101)


def test_a_scan_that_fails_keeps_no_maps_and_the_others_do(seen: Connection) -> None:
    """Its slices are damaged, or its features are not those of the network; it is named."""
    array = np.ones((2, 5), "<f4").tobytes()
    run(
        seen,
        "UPDATE dbo.scan_images SET pixels = 0x00 WHERE scan_id = 2 AND slice_index = 4;"
        "UPDATE dbo.features SET array = ?, sha256 = ? WHERE scan_id = 3 AND feature_set_id = 2;",
        (array, hashlib.sha256(array).digest()),
    )
    heard: list[str] = []
    with pytest.raises(Exception, match="2 scans and layers have features and no maps") as caught:
        run(seen, KEEP, on_message=lambda message: heard.append(message.text))
    failure: Any = caught.value
    assert failure.number == 50415
    said_of = "\n".join(heard)
    assert "Scan 2, layer penultimate: no maps are kept. Slice 4" in said_of
    assert "Scan 3, layer penultimate: no maps are kept. Its maps do not average to the features" in said_of
    assert {row[0] for row in rows(seen, MAPS)} == {1}
    assert rows(seen, "SELECT TOP (1) status FROM dbo.runs ORDER BY run_id DESC;") == [("failed",)]


def test_a_scan_whose_maps_are_too_large_for_a_script_stops_no_other(seen: Connection) -> None:
    """The bound is brought to one that the second scan's maps pass; it is named, and the others are kept."""
    text = (SQL / "procedures" / "features" / "internal" / "KeepMaps.sql").read_text(encoding="utf-8")
    assert text.count("map_bytes > 500000000") == 2
    run(seen, text.replace("map_bytes > 500000000", "map_bytes > IIF(scan_id = 2, 500, 500000000)"))
    heard: list[str] = []
    with pytest.raises(SqlError, match="1 scans and layers have features and no maps"):
        run(seen, KEEP, on_message=lambda message: heard.append(message.text))
    assert "Maps: 3 of 3 scans and layers done, 1 of them without maps." in heard
    assert [
        each for each in heard if each.startswith("Scan 2, layer penultimate: no maps are kept. They would be 0 MB")
    ]
    assert {row[0] for row in rows(seen, MAPS)} == {1, 3}


def test_damage_to_a_map_is_found(seen: Connection) -> None:
    """By lungdb check: other bytes, or features that are no more those that it averages to."""
    run(seen, KEEP)
    wrong = "Maps of layers that do not match their SHA-256, or are of other features: scan_id "
    assert not [fault for fault in faults(seen) if "Maps" in fault]
    run(seen, "UPDATE dbo.slice_maps SET map = 0x0102 WHERE scan_id = 1 AND triple = 1;")
    assert [fault for fault in faults(seen) if fault.startswith(f"{wrong}1, feature_set_id 2, triple 1 (1 in all)")]
    run(seen, "DELETE FROM dbo.slice_maps WHERE scan_id = 1; UPDATE dbo.features SET sha256 = 0x01 WHERE scan_id = 2;")
    assert [fault for fault in faults(seen) if fault.startswith(f"{wrong}2, feature_set_id 2, triple 0")]


def faults(connection: Connection) -> list[str]:
    """Give what the check says."""
    found: list[str] = []
    checking.check(connection, found.append, lambda what, done, total: None)
    return found
