"""A small network, scans as T-SQL sends them, and patients with feature vectors."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from lungdb.imaging.codecs import PLAIN, SHUFFLED, encode_slice, encode_vector
from lungdb.networks.entry import network_details
from tests.support.networks import write_network


@pytest.fixture(scope="session")
def make_network():
    """Write the small network for pictures of some rows and columns."""
    return write_network


@pytest.fixture(scope="session")
def network():
    """Its bytes for 224 × 224."""
    return write_network(224, 224)


@pytest.fixture(scope="session")
def volumes():
    """Scans by scan_id: 7, 1 and 4 slices, of different sizes, int16 Hounsfield units."""
    rng = np.random.default_rng(9)
    shapes = {3: (7, 96, 120), 8: (1, 128, 128), 9: (4, 300, 300)}
    return {scan_id: rng.integers(-1400, 300, shape).astype(np.int16) for scan_id, shape in shapes.items()}


@pytest.fixture
def slices(volumes):
    """The rows of the query in dbo.GenerateFeatures."""
    rows = []
    for scan_id, volume in volumes.items():
        encodings = [SHUFFLED if index % 2 else PLAIN for index in range(len(volume))]
        encoded = [encode_slice(*each) for each in zip(volume, encodings, strict=True)]
        content = hashlib.sha256(b"".join(sha256 for _, sha256 in encoded)).hexdigest().upper()
        for index, (hu, (blob, sha256)) in enumerate(zip(volume, encoded, strict=True)):
            rows.append(
                {
                    "scan_id": scan_id,
                    "slice_index": index,
                    "number_images": len(volume),
                    "content_sha256": content,
                    "image_rows": hu.shape[0],
                    "image_cols": hu.shape[1],
                    "rescale_slope": 1.0,
                    "rescale_intercept": -1024.0,
                    "pixels": blob.hex().upper(),
                    "pixels_sha256": sha256.hex().upper(),
                    "encoding": encodings[index] or "",
                }
            )
    frame = pd.DataFrame(rows)
    for column in ("content_sha256", "pixels", "pixels_sha256", "encoding"):
        frame[column] = frame[column].astype(object)
    for column in ("scan_id", "slice_index", "number_images", "image_rows", "image_cols"):
        frame[column] = frame[column].astype(np.int32)
    return frame


@pytest.fixture
def arguments(slices, network):
    """What dbo.GenerateFeatures passes, by name."""
    return {
        "slices": slices,
        "network": network,
        "network_sha256": hashlib.sha256(network).hexdigest().upper(),
        "details": json.dumps(network_details(network)),
        "layers": "penultimate",
        "preprocessing": "lung",
        "pooling": "mean,max",
        "batch_size": 2,
        "providers": None,
        "threads": None,
    }


@pytest.fixture
def patients():
    """80 patients with vectors of 12 values, 4 of them informative; every fourth is a test patient without a label."""
    rng = np.random.default_rng(21)
    labels = np.arange(80) % 2
    vectors = rng.standard_normal((80, 12)).astype(np.float32)
    vectors[:, :4] += labels[:, None] * 1.5
    return pd.DataFrame(
        {
            "place": np.arange(80, 0, -1, dtype=np.int32),
            "patient_id": pd.Series([f"patient {number}" for number in range(80)], dtype=object),
            "part": pd.Series(["test" if number // 2 % 4 == 0 else "train" for number in range(80)], dtype=object),
            "label": np.where(np.arange(80) // 2 % 4 == 0, -1, labels).astype(np.int32),
            "vector": pd.Series([encode_vector(vector) for vector in vectors], dtype=object),
        }
    )


@pytest.fixture
def labels():
    """The label of each of those patients, as dbo.labels has it, by place."""
    return pd.Series(np.arange(80) % 2, index=np.arange(80, 0, -1))
