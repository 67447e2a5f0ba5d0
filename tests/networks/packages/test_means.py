"""CNTK's mean files, against OpenCV's own writer and reader of that form."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from lungdb.errors import LungdbError
from lungdb.networks.packages import read_mean_file, subtract_mean
from tests.networks.packages.packing import SIDE, featurizer

ROWS, COLS = 5, 7
MEAN = np.random.default_rng(2).uniform(90, 130, (ROWS, COLS, 3)).astype(np.float32)


def write(path: Path, matrix: np.ndarray, channels: int = 3, rows: int = ROWS, cols: int = COLS) -> bytes:
    """Write it as OpenCV does."""
    storage = cv2.FileStorage(str(path), cv2.FileStorage_WRITE)
    for name, value in (("Channel", channels), ("Row", rows), ("Col", cols)):
        storage.write(name, value)
    storage.write("MeanImg", matrix)
    storage.release()
    return path.read_bytes()


@pytest.mark.parametrize(
    "matrix",
    [MEAN.reshape(1, -1), MEAN.reshape(1, -1).astype(np.float64), MEAN, MEAN.reshape(ROWS, -1)],
    ids=["one row", "double", "three channels", "a row a row"],
)
def test_a_file_that_opencv_wrote_is_read_as_cntk_reads_it(tmp_path, matrix):
    """Channels of a pixel side by side: OpenCV's reshape(3, rows), turned to channels first."""
    content = write(tmp_path / "mean.xml", matrix)
    storage = cv2.FileStorage(str(tmp_path / "mean.xml"), cv2.FileStorage_READ)
    expected = np.asarray(storage.getNode("MeanImg").mat(), np.float32).reshape(ROWS, COLS, 3).transpose(2, 0, 1)
    np.testing.assert_array_equal(read_mean_file(content), expected)


def test_the_form_that_cntks_scripts_write_is_read():
    """No declaration, one line, numbers with an exponent, as the CIFAR script's saveMean has them."""
    numbers = " ".join(f"{number:e}" for number in MEAN.ravel())
    content = (
        f"<opencv_storage><Channel>3</Channel><Row>{ROWS}</Row><Col>{COLS}</Col>"
        f'<MeanImg type_id="opencv-matrix"><rows>1</rows><cols>{MEAN.size}</cols><dt>f</dt><data>{numbers}</data>'
        "</MeanImg></opencv_storage>"
    )
    np.testing.assert_allclose(read_mean_file(content.encode()), MEAN.transpose(2, 0, 1), rtol=1e-6)


def changed(content: bytes, old: str, new: str) -> bytes:
    """Change a place of the file that must be there."""
    assert old.encode() in content
    return content.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<Row>5</Row>", "<Row>6</Row>", "numbers, and 3 × 6 × 7 are needed"),
        ("<Row>5</Row>", "<Row>-5</Row>", "is no size"),
        ("<Row>5</Row>", "", "lacks Row"),
        ("<Row>5</Row>", "<Row>5</Row><Row>5</Row>", "Row twice"),
        ("<Channel>3</Channel>", "<Channel>1</Channel>", "1 channels"),
        ("<dt>f</dt>", "<dt>u</dt>", "kind 'u'"),
        ("<data>", "<data>nan ", "numbers, and"),
        ("<opencv_storage>", "<opencv_storage><broken>", "no XML"),
        ("<opencv_storage>", '<!DOCTYPE o [<!ENTITY a "aaaa">]><opencv_storage>', "entities or a document type"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path, old, new, said):
    """With what is wrong in it."""
    content = write(tmp_path / "mean.xml", MEAN.reshape(1, -1))
    with pytest.raises(LungdbError, match=said):
        read_mean_file(changed(content, old, new))


def test_values_that_are_no_numbers_are_refused(tmp_path):
    """Neither words nor infinity."""
    content = write(tmp_path / "mean.xml", MEAN.reshape(1, -1))
    first = content[content.index(b"<data>") + 6 :].split()[0].decode()
    with pytest.raises(LungdbError, match="is no number"):
        read_mean_file(changed(content, first, "word"))
    with pytest.raises(LungdbError, match="infinity or NaN"):
        read_mean_file(changed(content, first, "inf"))


def test_the_network_then_reads_levels_and_subtracts_the_picture():
    """What it gives for a picture is what the network alone gives for the picture less the mean."""
    mean = np.random.default_rng(5).uniform(90, 130, (3, SIDE, SIDE)).astype(np.float32)
    picture = np.random.default_rng(6).uniform(0, 255, (1, 3, SIDE, SIDE)).astype(np.float32)

    def run(model: bytes, given: np.ndarray) -> np.ndarray:
        parsed = onnx.load_from_string(model)
        parsed.ir_version = 8
        session = onnxruntime.InferenceSession(parsed.SerializeToString(), providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, {session.get_inputs()[0].name: given})[0])

    np.testing.assert_array_equal(run(subtract_mean(featurizer(), mean), picture), run(featurizer(), picture - mean))
    with pytest.raises(LungdbError, match="5 × 7, and the network reads 16 × 16"):
        subtract_mean(featurizer(), MEAN.transpose(2, 0, 1))
