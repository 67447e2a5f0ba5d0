"""keep_and_generate_features reads kept pictures, and gives back those that are to be kept."""

import json

import numpy as np
import pandas as pd
import pytest

from lungdb.imaging.preprocessing import CtSlice, prepare
from lungdb.procedures import generate_features, keep_and_generate_features

PIXELS = 224 * 224


@pytest.fixture
def large(arguments):
    """The scan that both preprocessings can read, 4 slices, as one call."""
    slices = arguments["slices"]
    return {**arguments, "slices": slices[slices["scan_id"] == 9].reset_index(drop=True)}


def _kept(arguments, pictures, digest):
    """Send pictures instead of slices, as the procedure's query does; what has no picture goes as a slice."""
    slices = arguments["slices"].copy()
    by_index = {row.array_rows: row for row in pictures.itertuples()}
    for row in range(len(slices)):
        kept = by_index.get(slices.at[row, "slice_index"])
        slices.at[row, "pixels"] = kept.array if kept else slices.at[row, "pixels"]
        slices.loc[row, ["kept_sha256", "kept_digest"]] = [kept.sha256, digest] if kept else [None, None]
    return {**arguments, "slices": slices}


@pytest.mark.parametrize(("preprocessing", "dtype", "used"), [("lung", "<f4", 4), ("seed", "u1", 3)])
def test_pictures_are_those_of_prepare_and_give_the_same_features(large, volumes, preprocessing, dtype, used):
    """Of each slice that the preprocessing uses, before normalisation; read back, the result is the same."""
    large["preprocessing"] = preprocessing
    expected = generate_features(**large)[0]
    result, *_, costs = keep_and_generate_features(**large, keep_bytes=10**9)
    pictures = result[result["layer"] == -2]
    pd.testing.assert_frame_equal(result[result["layer"] != -2], expected)
    planes = prepare([CtSlice(hu) for hu in volumes[9]], preprocessing).reshape(-1, 224, 224)
    assert pictures["array_rows"].tolist() == list(range(used))
    for plane, picture in zip(planes, pictures["array"], strict=False):
        np.testing.assert_array_equal(np.frombuffer(bytes.fromhex(picture), dtype).reshape(224, 224), plane)
    kept = _kept(large, pictures, json.loads(costs)["digest"])
    pd.testing.assert_frame_equal(keep_and_generate_features(**kept)[0], expected)


@pytest.mark.parametrize("column", ["pixels", "kept_sha256", "kept_digest"])
def test_a_kept_picture_that_is_not_as_it_was_sends_its_scan_back(large, column):
    """One row with the layer -1 and nothing else: it is to be made of its slices."""
    result, *_, costs = keep_and_generate_features(**large, keep_bytes=10**9)
    kept = _kept(large, result[result["layer"] == -2], json.loads(costs)["digest"])
    value = kept["slices"].at[1, column]
    kept["slices"].at[1, column] = ("0" if value[0] != "0" else "1") + value[1:]
    result = keep_and_generate_features(**kept)[0]
    assert result["layer"].tolist() == [-1]
    assert result["array"].tolist() == [""]


def test_whole_scans_are_kept_up_to_the_bytes_that_are_wanted(arguments):
    """Of scans with 7, 1 and 4 slices: 10 slices' room holds the first two."""
    result = keep_and_generate_features(**arguments, keep_bytes=10 * PIXELS * 4)[0]
    pictures = result[result["layer"] == -2]
    assert pictures["scan_id"].tolist() == [3] * 7 + [8]
    assert set(keep_and_generate_features(**arguments)[0]["layer"]) == {1}


def test_pictures_of_a_scan_that_fails_are_not_given_back(arguments):
    """The others are."""
    slices = arguments["slices"]
    slices.loc[slices["scan_id"] == 3, "pixels"] = "00"
    result = keep_and_generate_features(**arguments, keep_bytes=10**9)[0]
    assert set(result.loc[result["layer"] == -2, "scan_id"]) == {8, 9}
    assert result.loc[result["layer"] == 0, "scan_id"].tolist() == [3]
