"""Each operation against numpy, in files written by hand; CNTK's values at the edges are those of its sources."""

import numpy as np
import pytest
from cntk_models import ALL_AXES, END_OF_AXES, FREE, INFERRED, Axis, Int, Model, Shape, run

RNG = np.random.default_rng(21)
X = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)


def evaluate(build, pictures=X, nodes=()):
    """Run the model that `build(model, input)` writes for pictures."""
    model = Model()
    build(model, model.input("x", *pictures.shape[1:]))
    return run(model.save(), pictures, nodes)


def close(found, expected):
    """Compare shapes and values."""
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("operation", "function"),
    [
        ("Negate", np.negative),
        ("Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("StableSigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("Tanh", np.tanh),
        ("ReLU", lambda x: np.maximum(x, 0)),
        ("ELU", lambda x: np.where(x >= 0, x, np.expm1(x))),
        ("Exp", np.exp),
        ("Log", lambda x: np.where(x > 0, np.log(np.maximum(x, 1e-9)), -85.1)),
        ("Sqrt", lambda x: np.sqrt(np.maximum(x, 0))),
        ("Floor", np.floor),
        ("Abs", np.abs),
        ("Reciprocal", lambda x: np.divide(1, x, where=x != 0, out=np.zeros_like(x))),
        ("Sin", np.sin),
        ("Cos", np.cos),
        ("Tan", np.tan),
        ("Atan", np.arctan),
        ("Sinh", np.sinh),
        ("Cosh", np.cosh),
        ("Asinh", np.arcsinh),
        ("StraightThrough", lambda x: np.where(x > 0, 1, -1)),
        ("Dropout", lambda x: x),
        ("NoOp", lambda x: x),
        ("Pass", lambda x: x),
        ("StopGradient", lambda x: x),
    ],
)
def test_a_function_of_one_number_is_numpys(operation, function):
    """Values, zero among them, go through the operation as through numpy."""
    pictures = X.copy()
    pictures[0, 0, 0, :2] = 0
    close(evaluate(lambda model, x: model.add(operation, x), pictures), function(pictures))


@pytest.mark.parametrize(("operation", "function"), [("Asin", np.arcsin), ("Acos", np.arccos), ("Atanh", np.arctanh)])
def test_a_function_on_minus_one_to_one_is_numpys(operation, function):
    """The inverse functions inside their domain."""
    pictures = np.tanh(X)
    close(evaluate(lambda model, x: model.add(operation, x), pictures), function(pictures))


def power(x, y):
    """Raise as numpy does, but every power of 0 is 0 except the zeroth."""
    with np.errstate(divide="ignore"):
        return np.where((x == 0) & (y < 0), 0, np.power(x, y))


@pytest.mark.parametrize(
    ("operation", "function"),
    [
        ("Plus", np.add),
        ("Minus", np.subtract),
        ("ElementTimes", np.multiply),
        ("LogPlus", np.logaddexp),
        ("Equal", np.equal),
        ("NotEqual", np.not_equal),
        ("Less", np.less),
        ("LessEqual", np.less_equal),
        ("Greater", np.greater),
        ("GreaterEqual", np.greater_equal),
        ("Pow", power),
    ],
)
@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 1), (5,), (), (1,), (2, 3, 4, 5)])
def test_a_function_of_two_numbers_broadcasts_like_numpy(operation, function, shape):
    """A constant of lower, equal or higher rank meets the picture behind the batch."""
    pictures = np.round(X)
    other = np.round(RNG.standard_normal(shape)).astype(np.float32)
    expanded = pictures[:, None] if len(shape) == 4 else pictures
    expected = function(expanded, other)
    close(evaluate(lambda model, x: model.add(operation, x, model.weight(other)), pictures), expected)


def test_a_picture_meets_one_of_another_rank_behind_the_batch():
    """A vector for each picture is added along the last axis, not along the batch."""

    def build(model, x):
        total = model.add("ReduceElements", x, axis=Axis(0), reductionOpName="Sum", reductionKeepDimensions=False)
        row = model.add("Slice", total, axis=Axis(1), beginIndex=Int(0), endIndex=Int(1), sliceStrides=Int(1))
        flat = model.add("Reshape", row, newShape=Shape((4,)))
        model.add("Plus", model.add("TransposeAxes", x, axis1=Axis(0), axis2=Axis(1)), flat)

    close(evaluate(build), X.transpose(0, 1, 3, 2) + X.sum(axis=3)[:, 0][:, None, None])


def test_clip_and_select_follow_their_conditions():
    """Numbers outside the bounds become the bounds; a condition that is not 0 takes the second input."""
    close(evaluate(lambda model, x: model.add("Clip", x, model.weight(-0.5), model.weight(0.25))), X.clip(-0.5, 0.25))
    other = RNG.standard_normal((4, 5)).astype(np.float32)

    def build(model, x):
        model.add("Select", model.add("Greater", x, model.weight(0.0)), x, model.weight(other))

    close(evaluate(build), np.where(X > 0, X, other))


def test_constant_op_fills_the_shape_of_its_input():
    """Every number becomes the fill value, for any number of pictures."""
    close(evaluate(lambda model, x: model.add("ConstantOp", x, fillValue=2.5)), np.full_like(X, 2.5))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("Sum", np.sum),
        ("Mean", np.mean),
        ("Max", np.max),
        ("Min", np.min),
        ("Prod", np.prod),
        ("LogSum", lambda x, **how: np.log(np.sum(np.exp(x), **how))),
    ],
)
@pytest.mark.parametrize("keep", [True, False])
def test_a_reduction_is_numpys_over_the_mirrored_axes(name, function, keep):
    """File axis 0 is the last one; several axes, and all of them, go in one step."""
    how = {"reductionOpName": name, "reductionKeepDimensions": keep}
    one = evaluate(lambda model, x: model.add("ReduceElements", x, axis=Axis(0), **how))
    two = evaluate(lambda model, x: model.add("ReduceElements", x, axisVec=[Axis(2), Axis(-2)], **how))
    whole = evaluate(lambda model, x: model.add("ReduceElements", x, axisVec=[Axis(ALL_AXES)], **how))
    close(one, function(X, axis=3, keepdims=keep))
    close(two, function(X, axis=(1, 2), keepdims=keep))
    close(whole, function(X, axis=(1, 2, 3), keepdims=keep))


@pytest.mark.parametrize(("name", "function"), [("Argmax", np.argmax), ("Argmin", np.argmin)])
def test_a_position_is_counted_row_by_row(name, function):
    """Along one axis, or in the flat order of a whole picture."""
    how = {"reductionOpName": name, "reductionKeepDimensions": False}
    close(evaluate(lambda model, x: model.add("ReduceElements", x, axis=Axis(1), **how)), function(X, axis=2))
    whole = evaluate(lambda model, x: model.add("ReduceElements", x, axis=Axis(ALL_AXES), **how))
    close(whole, function(X.reshape(2, -1), axis=1))


def softmax(x):
    """Normalise exponentials over the last axis."""
    shares = np.exp(x - x.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("operation", "function"),
    [
        ("Softmax", softmax),
        ("LogSoftmax", lambda x: np.log(softmax(x))),
        ("Hardmax", lambda x: x == x.max(axis=-1, keepdims=True)),
    ],
)
def test_softmax_and_its_like_go_over_the_whole_picture(operation, function):
    """Over all axes, as over a vector."""
    flat = X.reshape(2, -1)
    close(evaluate(lambda model, x: model.add(operation, x)), function(flat).reshape(X.shape))
    close(evaluate(lambda model, x: model.add(operation, x), flat), function(flat))


def test_top_k_gives_values_and_places():
    """Both outputs, in falling order, along the named axis; the second is asked for as output 1."""

    def build(model, x):
        model.add("TopK", x, numItems=2, axis=Axis(0), name="top", uid="TopK9")
        model.add("Splice", "TopK9_Output_0", "TopK9_Output_1", axis=Axis(0))

    order = np.argsort(-X, axis=-1)[..., :2]
    close(evaluate(build), np.concatenate([np.take_along_axis(X, order, -1), order], axis=-1))


def test_times_multiplies_weights_from_the_right_of_the_picture():
    """Weights (in …, out …) contract the last axes of the picture; two output axes and rows that stay."""
    weights = RNG.standard_normal((4, 5, 2, 6)).astype(np.float32)
    dense = evaluate(lambda model, x: model.add("Times", model.weight(weights), x, outputRank=2))
    close(dense, np.tensordot(X, weights, 2))
    matrix = RNG.standard_normal((5, 7)).astype(np.float32)
    rows = evaluate(lambda model, x: model.add("Times", model.weight(matrix), x, outputRank=1))
    close(rows, X @ matrix)


def test_times_of_two_pictures_multiplies_one_by_one():
    """A picture's matrix meets the same picture's, not the batch's."""

    def build(model, x):
        square = model.add("Slice", x, axis=Axis(2), beginIndex=Int(0), endIndex=Int(1), sliceStrides=Int(1))
        matrix = model.add("Reshape", square, newShape=Shape((5, 4)))
        model.add("Times", matrix, model.add("TransposeAxes", matrix, axis1=Axis(0), axis2=Axis(1)), outputRank=1)

    close(evaluate(build), X[:, 0].transpose(0, 2, 1) @ X[:, 0])


def test_times_of_a_picture_and_weights_on_its_right():
    """The picture as the left operand [in, out] and weights as the right one [rest, in]."""
    pictures, weights = X[:, 0], RNG.standard_normal((3, 4)).astype(np.float32)
    found = evaluate(lambda model, x: model.add("Times", x, model.weight(weights), outputRank=1), pictures)
    close(found, np.einsum("ri,nio->nro", weights, pictures))


def test_transpose_times_turns_the_left_operand():
    """Weights are (out, in) row-major."""
    matrix, vectors = RNG.standard_normal((7, 5)).astype(np.float32), X[:, 0, 0]
    found = evaluate(lambda model, x: model.add("TransposeTimes", model.weight(matrix), x, outputRank=1), vectors)
    close(found, vectors @ matrix.T)


@pytest.mark.parametrize(
    ("attributes", "shape"),
    [
        ({"newShape": Shape((60,))}, (60,)),
        ({"newShape": Shape((10, INFERRED))}, (6, 10)),
        ({"newShape": Shape((20,)), "beginAxis": Axis(0), "endAxis": Axis(2)}, (3, 20)),
        ({"newShape": Shape((1,)), "beginAxis": Axis(1), "endAxis": Axis(1)}, (3, 4, 1, 5)),
        ({"newShape": Shape((2, 6)), "beginAxis": Axis(1), "endAxis": Axis(END_OF_AXES)}, (6, 2, 5)),
    ],
)
def test_reshape_replaces_a_range_of_axes(attributes, shape):
    """In the file's order, with an inferred size, an inserted axis, and the end sentinel."""
    close(evaluate(lambda model, x: model.add("Reshape", x, **attributes)), X.reshape(2, *shape))


def test_reshape_keeps_free_sizes_free():
    """The axis of size 1 that CNTK's channel normalisation adds, on a picture of free size."""
    model = Model()
    picture = model.input("x", 3, FREE, FREE)
    deep = model.add("Reshape", picture, newShape=Shape((FREE, FREE, 3, 1)))
    kernel = model.weight(np.array([1, 2, 3], np.float32).reshape(1, 3, 1, 1))
    wide = model.add("Convolution", kernel, deep, strides=Shape((1,)), autoPadding=[True])
    model.add("Reshape", wide, newShape=Shape((FREE, FREE, 3)))
    padded = np.pad(X, ((0, 0), (1, 1), (0, 0), (0, 0)))
    close(run(model.save(), X), sum((i + 1) * padded[:, i : i + 3] for i in range(3)))


def test_axes_are_exchanged_and_permuted_in_the_files_order():
    """axis1 and axis2 swap; axisVec says which file axis each new one was."""
    swapped = evaluate(lambda model, x: model.add("TransposeAxes", x, axis1=Axis(0), axis2=Axis(2)))
    close(swapped, X.transpose(0, 3, 2, 1))
    turned = evaluate(lambda model, x: model.add("TransposeAxes", x, axisVec=[Axis(1), Axis(2), Axis(0)]))
    close(turned, X.transpose(0, 3, 1, 2))


def test_squeeze_drops_axes_of_size_one():
    """All of them, or the named one."""
    pictures = X[:, :1, :, :1]
    close(evaluate(lambda model, x: model.add("Squeeze", x), pictures), pictures[:, 0, :, 0])
    close(evaluate(lambda model, x: model.add("Squeeze", x, axisVec=[Axis(0)]), pictures), pictures[..., 0])


def test_splice_joins_and_repeats():
    """Along an axis, along a new one, with a constant that is repeated for every picture and row."""
    row = RNG.standard_normal((3, 1, 2)).astype(np.float32)
    joined = evaluate(lambda model, x: model.add("Splice", x, model.weight(row), axis=Axis(0)))
    close(joined, np.concatenate([X, np.broadcast_to(row, (2, 3, 4, 2))], axis=3))
    stacked = evaluate(lambda model, x: model.add("Splice", x, model.add("Negate", x), axis=Axis(3)))
    close(stacked, np.stack([X, -X], axis=1))


@pytest.mark.parametrize(
    ("begin", "end", "step", "expected"),
    [(1, 3, 1, X[:, :, 1:3]), (-3, -1, 1, X[:, :, -3:-1]), (-2, 0, 1, X[:, :, -2:]), (0, 0, 2, X[:, :, ::2])],
)
def test_slice_cuts_a_range(begin, end, step, expected):
    """Counted from the end where negative; an end of 0 is the end."""
    how = {"beginIndex": Int(begin), "endIndex": Int(end), "sliceStrides": Int(step)}
    close(evaluate(lambda model, x: model.add("Slice", x, axis=Axis(1), **how)), expected)


@pytest.mark.parametrize(("mode", "name"), [(0, "constant"), (1, "reflect"), (2, "symmetric")])
def test_pad_surrounds_the_picture(mode, name):
    """In the file's order, columns first."""
    how = {"paddingHead": [1, 2, 0], "paddingFoot": [2, 0, 1], "paddingMode": mode, "paddingConstantValue": 1.5}
    more = {"constant_values": 1.5} if name == "constant" else {}
    expected = np.pad(X, ((0, 0), (0, 1), (2, 0), (1, 2)), name, **more)
    close(evaluate(lambda model, x: model.add("Pad", x, **how)), expected)


def test_crop_takes_the_size_of_another_picture():
    """From column 1, row 2."""

    def build(model, x):
        small = model.add("Slice", x, axis=Axis(0), beginIndex=Int(0), endIndex=Int(3), sliceStrides=Int(1))
        low = model.add("Slice", small, axis=Axis(1), beginIndex=Int(0), endIndex=Int(2), sliceStrides=Int(1))
        model.add("Crop", x, low, offset=[1, 2])

    close(evaluate(build), X[:, :, 2:4, 1:4])


def test_gather_picks_rows_of_weights():
    """Indices from the picture, entries along the weights' first row-major axis."""
    table = RNG.standard_normal((4, 3)).astype(np.float32)
    indices = np.array([[0, 3], [2, 1]], np.float32)
    close(evaluate(lambda model, x: model.add("Gather", x, model.weight(table)), indices), table[indices.astype(int)])


@pytest.mark.parametrize("spatial", [True, False])
def test_batch_normalisation_is_by_channel_or_by_element(spatial):
    """scale * (x - mean) / sqrt(variance + epsilon) + bias, with five or six inputs."""
    size = (3, 1, 1) if spatial else (3, 4, 5)
    scale, bias, mean, variance = (RNG.uniform(0.5, 1.5, size).astype(np.float32) for _ in range(4))

    def build(model, x, count=True):
        weights = [model.weight(array.ravel()) for array in (scale, bias, mean, variance)]
        more = [model.weight(0.0)] if count else []
        model.add("BatchNormalization", x, *weights, *more, spatial=spatial, epsilon=0.01)

    expected = scale * (X - mean) / np.sqrt(variance + 0.01) + bias
    close(evaluate(build), expected)
    close(evaluate(lambda model, x: build(model, x, False)), expected)
