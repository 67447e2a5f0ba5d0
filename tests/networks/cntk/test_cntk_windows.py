"""Convolution and pooling against sums written out in numpy, with CNTK's rules of padding in their closed form."""

import itertools
import math

import numpy as np
import pytest
from cntk_models import FREE, Model, Shape, run

SIZES = range(7, 13)
KERNELS = range(1, 6)
STRIDES = range(1, 5)


def geometry(n, k, s, auto, lower=0, upper=0, ceil=False, d=1):
    """Give CNTK's padding in front and the number of places along an axis."""
    extent = (k - 1) * d + 1
    if auto:
        out = math.ceil(n / s)
        extra = n - ((out - 1) * s + 1)
        return (extent - 1) // 2 - extra // 2, out
    steps = (n + lower + upper - extent) / s
    return lower, (math.ceil(steps) if ceil else math.floor(steps)) + 1


def windows_of(pictures, rows, cols, dilation=1):
    """Yield each place with the cells of its window: real ones, and how many there would be."""
    height, width = pictures.shape[-2:]
    (ky, sy, (ty, oy)), (kx, sx, (tx, ox)) = rows, cols
    for y, x in itertools.product(range(oy), range(ox)):
        cells = []
        for i, j in itertools.product(range(ky), range(kx)):
            row, col = y * sy - ty + i * dilation, x * sx - tx + j * dilation
            if 0 <= row < height and 0 <= col < width:
                cells.append((i, j, pictures[..., row, col]))
        yield y, x, cells


def pooled(pictures, rows, cols, kind):
    """Pool by hand: `max`, `mean` of real cells, or `padded` mean over whole windows."""
    result = np.zeros((*pictures.shape[:-2], rows[2][1], cols[2][1]), np.float64)
    for y, x, cells in windows_of(pictures, rows, cols):
        values = np.array([value for _, _, value in cells])
        total = rows[0] * cols[0] if kind == "padded" else len(cells)
        result[..., y, x] = values.max(axis=0) if kind == "max" else values.sum(axis=0) / total
    return result


def convolved(pictures, weights, rows, cols, dilation=1):
    """Correlate by hand: pictures [N, C, H, W] with weights [maps, C, h, w]."""
    result = np.zeros((len(pictures), len(weights), rows[2][1], cols[2][1]), np.float64)
    for y, x, cells in windows_of(pictures, rows, cols, dilation):
        for i, j, values in cells:
            result[:, :, y, x] += values.astype(np.float64) @ weights[:, :, i, j].T
    return result


def check(found, expected):
    """Compare by the largest difference."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


def settings():
    """Pair every kernel and stride for rows with others for columns, so that mixed parities come up too."""
    axes = list(itertools.product(KERNELS, STRIDES))
    return [(row, axes[(place * 7 + 3) % len(axes)]) for place, row in enumerate(axes)]


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("auto", [False, True])
def test_convolutions_pad_as_cntk_does(auto, free):
    """All kernels 1-5 and strides 1-4 at sizes 7-12 equal the sums written out, with fixed and with free sizes."""
    rng = np.random.default_rng(5)
    for (ky, sy), (kx, sx) in settings():
        weights = rng.standard_normal((3, 2, ky, kx)).astype(np.float32)
        for height, width in zip(SIZES, (12, 9, 7, 11, 8, 10), strict=True):
            model = Model()
            picture = model.input("x", 2, *((FREE, FREE) if free else (height, width)))
            attributes = {"strides": Shape((sx, sy, 2)), "autoPadding": [auto, auto, False]}
            model.add("Convolution", model.weight(weights), picture, **attributes)
            pictures = rng.standard_normal((2, 2, height, width)).astype(np.float32)
            rows, cols = ((k, s, geometry(n, k, s, auto)) for n, k, s in ((height, ky, sy), (width, kx, sx)))
            check(run(model.save(), pictures), convolved(pictures, weights, rows, cols))


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize(("auto", "ceil"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("kind", ["max", "mean", "padded"])
def test_poolings_pad_as_cntk_does(kind, auto, ceil, free):
    """All windows 1-5 and strides 1-4 equal the maxima and means written out, with fixed and with free sizes."""
    rng = np.random.default_rng(6)
    for place, ((ky, sy), (kx, sx)) in enumerate(settings()):
        height, width = SIZES[place % 6], (12, 9, 7, 11, 8, 10)[place % 6]
        rows, cols = ((k, s, geometry(n, k, s, auto, ceil=ceil)) for n, k, s in ((height, ky, sy), (width, kx, sx)))
        if ceil and any((out - 1) * s >= n for n, (_, s, (_, out)) in ((height, rows), (width, cols))):
            continue  # a window wholly outside, which CNTK leaves undefined
        model = Model()
        model.add(
            "Pooling",
            model.input("x", 2, *((FREE, FREE) if free else (height, width))),
            poolingType=int(kind != "max"),
            poolingWindowShape=Shape((kx, ky)),
            strides=Shape((sx, sy)),
            autoPadding=[auto],
            ceilOutDim=ceil,
            includePad=kind == "padded",
        )
        pictures = rng.standard_normal((2, 2, height, width)).astype(np.float32) - 3
        check(run(model.save(), pictures), pooled(pictures, rows, cols, kind))


def test_padding_that_is_written_out_is_taken_as_it_is():
    """lowerPad and upperPad, which differ and stand in the file's order, columns first."""
    rng = np.random.default_rng(7)
    weights, pictures = rng.standard_normal((3, 2, 3, 3)), rng.standard_normal((2, 2, 7, 8)).astype(np.float32)
    rows, cols = (3, 2, geometry(7, 3, 2, False, 2, 0)), (3, 1, geometry(8, 3, 1, False, 0, 1))
    pads = {"lowerPad": Shape((0, 2, 0)), "upperPad": Shape((1, 0, 0)), "strides": Shape((1, 2, 2))}
    model = Model()
    picture = model.input("x", 2, 7, 8)
    model.add("Convolution", model.weight(weights), picture, autoPadding=[False], **pads)
    check(run(model.save(), pictures), convolved(pictures, weights, rows, cols))


def test_short_lists_repeat_their_last_entry_up_to_the_filter():
    """Strides (2) and padding [true] with a window of two axes leave the channels alone; with three they do not."""
    rng = np.random.default_rng(8)
    pictures = rng.standard_normal((2, 4, 7, 8)).astype(np.float32)
    expected = pooled(pictures, (3, 2, geometry(7, 3, 2, True)), (3, 2, geometry(8, 3, 2, True)), "max")
    for window, channels in (((3, 3), slice(None)), ((3, 3, 1), slice(0, None, 2))):
        model = Model()
        picture = model.input("x", 4, 7, 8)
        lists = {"strides": Shape((2,)), "autoPadding": [True]}
        model.add("Pooling", picture, poolingType=0, poolingWindowShape=Shape(window), **lists)
        check(run(model.save(), pictures), expected[:, channels])


def test_pooling_goes_over_channels_too():
    """A window over three channels, side by side, takes their maximum."""
    pictures = np.random.default_rng(9).standard_normal((2, 6, 4, 5)).astype(np.float32)
    model = Model()
    picture = model.input("x", 6, 4, 5)
    model.add("Pooling", picture, poolingType=0, poolingWindowShape=Shape((1, 1, 3)), strides=Shape((1, 1, 3)))
    check(run(model.save(), pictures), pictures.reshape(2, 2, 3, 4, 5).max(axis=2))


@pytest.mark.parametrize("size", [6, FREE])
@pytest.mark.parametrize("kind", [0, 1])
def test_a_window_of_unknown_size_pools_the_whole_picture(kind, size):
    """The code 2^64 - 2 means every row and column."""
    pictures = np.random.default_rng(10).standard_normal((2, 3, 6, 6)).astype(np.float32)
    model = Model()
    model.add("Pooling", model.input("x", 3, size, size), poolingType=kind, poolingWindowShape=Shape((2**64 - 2,)))
    expected = pictures.mean(axis=(2, 3), keepdims=True) if kind else pictures.max(axis=(2, 3), keepdims=True)
    check(run(model.save(), pictures), expected)


def test_a_dilated_convolution_skips_cells():
    """Dilation 2 counts in the extent that automatic padding centres."""
    rng = np.random.default_rng(11)
    weights, pictures = rng.standard_normal((3, 2, 3, 3)), rng.standard_normal((2, 2, 9, 10)).astype(np.float32)
    rows, cols = ((3, 2, geometry(n, 3, 2, True, d=2)) for n in (9, 10))
    model = Model()
    picture = model.input("x", 2, 9, 10)
    lists = {"strides": Shape((2, 2, 2)), "autoPadding": [True, True, False], "dilation": Shape((2, 2, 1))}
    model.add("Convolution", model.weight(weights), picture, **lists)
    check(run(model.save(), pictures), convolved(pictures, weights, rows, cols, dilation=2))


def test_a_grouped_convolution_reads_its_own_channels():
    """Two groups are two convolutions beside each other."""
    rng = np.random.default_rng(12)
    weights, pictures = rng.standard_normal((6, 2, 3, 3)), rng.standard_normal((2, 4, 6, 7)).astype(np.float32)
    model = Model()
    picture = model.input("x", 4, 6, 7)
    model.add("Convolution", model.weight(weights), picture, strides=Shape((1,)), autoPadding=[False], groups=2)
    rows, cols = (3, 1, (0, 4)), (3, 1, (0, 5))
    parts = [convolved(pictures[:, 2 * g : 2 * g + 2], weights[3 * g : 3 * g + 3], rows, cols) for g in range(2)]
    check(run(model.save(), pictures), np.concatenate(parts, axis=1))


def test_a_convolution_slides_along_the_channels_that_it_does_not_cover():
    """The channel window of local response normalisation, without and with the axis of size 1 that CNTK adds."""
    pictures = np.random.default_rng(13).standard_normal((2, 6, 3, 4)).astype(np.float32)
    kernel = np.array([1, 2, 3], np.float32)
    padded = np.pad(pictures, ((0, 0), (1, 1), (0, 0), (0, 0)))
    expected = sum(kernel[i] * padded[:, i : i + 6] for i in range(3))
    for extra in ((), (1,)):
        model = Model()
        picture = model.input("x", 6, 3, 4)
        if extra:
            picture = model.add("Reshape", picture, newShape=Shape((4, 3, 6, 1)))
        weights = model.weight(kernel.reshape(*extra, 3, 1, 1))
        model.add("Convolution", weights, picture, strides=Shape((1,)), autoPadding=[True])
        check(run(model.save(), pictures), expected.reshape(2, *extra, 6, 3, 4))


@pytest.mark.parametrize(("auto", "wanted"), [(False, 0), (True, 0), (True, 8), (True, 7)])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_transposed_convolution_is_the_transpose_of_the_forward_one(auto, wanted, k):
    """<conv(a), b> = <a, transposed(b)> for random a and b, with the forward convolution written out in numpy."""
    s, n = 2, 4
    size = wanted or ((n - 1) * s + 1 if auto else (n - 1) * s + k)
    rng = np.random.default_rng(14)
    weights = rng.standard_normal((3, 2, k, k)).astype(np.float32)  # from 3 maps to 2 channels
    maps, picture = rng.standard_normal((1, 3, n, n)).astype(np.float32), rng.standard_normal((1, 2, size, size))
    model = Model()
    shape = Shape((wanted, wanted) if wanted else (0,))
    lists = {"strides": Shape((s, s, 1)), "autoPadding": [auto, auto, False], "outputShape": shape}
    model.add("Convolution", model.weight(weights), model.input("x", 3, n, n), transpose=True, **lists)
    found = run(model.save(), maps)
    assert found.shape == picture.shape
    side = (k, s, geometry(size, k, s, auto))
    forward = convolved(picture, weights, side, side)
    assert (forward * maps).sum() == pytest.approx((picture * found).sum(), rel=1e-5)


def test_unpooling_puts_maxima_back_where_they_were():
    """Windows side by side: each maximum's place gets the value, the rest is zero."""
    pictures = np.random.default_rng(15).standard_normal((2, 3, 4, 6)).astype(np.float32)
    window = {"strides": Shape((2, 2)), "autoPadding": [False]}
    model = Model()
    picture = model.input("x", 3, 4, 6)
    pool = model.add("Pooling", picture, poolingType=0, poolingWindowShape=Shape((2, 2)), **window)
    model.add("Unpooling", pool, picture, unpoolingWindowShape=Shape((2, 2)), poolingType=0, **window)
    blocks = pictures.reshape(2, 3, 2, 2, 3, 2)
    largest = blocks.max(axis=(3, 5), keepdims=True)
    check(run(model.save(), pictures), np.where(blocks == largest, blocks, 0).reshape(pictures.shape))
