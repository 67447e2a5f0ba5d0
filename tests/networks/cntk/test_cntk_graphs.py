"""What a file says about its graph: blocks, names, outputs, forms of the weights; in files written by hand."""

import numpy as np
import onnx
from cntk_models import Model, run

from lungdb.networks.cntk import convert_cntk

RNG = np.random.default_rng(22)
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


def test_blocks_in_blocks_are_inlined_and_their_names_kept():
    """A Block whose argument is another Block's placeholder; each name leads to the same values."""

    def build(model, x):
        inner, outer = (model.variable(4, (3, 4, 5)) for _ in range(2))
        deep = model.block("Deep", model.add("Negate", inner, name="negated"), {inner: outer}, name="deep")
        model.block("Shallow", deep, {outer: x}, name="shallow")

    for values in evaluate(build, nodes=("shallow", "deep", "negated")).values():
        close(values, -X)


def test_the_output_has_the_name_that_cntk_shows():
    """A Block's name goes before that of the function inside it, which stands before it in the file."""
    model = Model()
    inner = model.variable(4, (4,))
    model.block("Dense", model.add("Negate", inner, name="inner"), {inner: model.input("x", 4)}, name="z")
    graph = onnx.load_from_string(convert_cntk(model.save())).graph
    assert [value.name for value in graph.output] == ["z"]


def test_a_block_of_several_outputs_gives_each():
    """The outputs of a Block around a Combine are the Combine's inputs, in order."""

    def build(model, x):
        inner = model.variable(4, (3, 4, 5))
        model.add("Combine", model.add("Negate", inner), model.add("Exp", inner), uid="Both")
        block = model.block("Twins", "Both_Output_0", {inner: x}, name="twins")
        model.add("Minus", block.replace("_Output_0", "_Output_1"), block)

    close(evaluate(build), np.exp(X) + X)


def test_a_placeholder_named_after_an_output_means_that_output():
    """A value that is used twice is read through a placeholder with the id of the function's output."""

    def build(model, x):
        model.variable(4, (3, 4, 5), uid="Twice_Output_0")
        model.add("Plus", "Twice_Output_0", "Twice_Output_0", uid="Sum")
        model.add("Negate", x, uid="Twice")
        model.add("NoOp", "Sum_Output_0")

    close(evaluate(build), -2 * X)


def test_shared_names_are_numbered_in_the_order_of_the_file():
    """Three nodes of one name: the first has it, the others with 2 and 3; a weight of the same name stands back."""

    def build(model, x):
        for _ in range(3):
            x = model.add("Plus", x, model.weight(1.0, "same"), name="same")

    for shift, values in enumerate(evaluate(build, nodes=("same", "same_2", "same_3")).values(), 1):
        close(values, X + shift)


def test_a_trained_model_without_a_node_z_ends_at_its_last_output_that_needs_the_picture_only():
    """The loss is a criterion; a difference to the labels needs a second input."""
    model = Model()
    picture, labels = model.input("picture", 4), model.input("labels", 4)
    scores = model.add("Negate", picture, name="scores")
    loss = model.add("CrossEntropyWithSoftmax", scores, labels, name="loss")
    content = model.save(scores, loss, model.add("ReLU", loss, name="scaled"), model.add("Minus", scores, labels))
    graph = onnx.load_from_string(convert_cntk(content)).graph
    assert [value.name for value in graph.input] == ["picture"]
    assert [value.name for value in graph.output] == ["scores"]


def test_a_model_of_criteria_alone_ends_at_its_node_z():
    """The scores are inside, the root is the loss."""
    model = Model()
    scores = model.add("Negate", model.input("picture", 4), name="z")
    model.add("CrossEntropyWithSoftmax", scores, model.input("labels", 4))
    graph = onnx.load_from_string(convert_cntk(model.save())).graph
    assert [value.name for value in graph.output] == ["z"]


def test_the_split_form_holds_float_and_double_weights_in_turn():
    """Numbers behind the message, in its order, each in its own size."""

    def build():
        model = Model()
        x = model.input("x", 3, 4, 5)
        for array in (np.arange(5, dtype=np.float32), np.linspace(0, 1, 20).reshape(4, 5), np.float32(2)):
            x = model.add("Plus", x, model.weight(array))
        return model

    close(run(build().save_split(), X), run(build().save(), X))


def test_double_weights_become_float32():
    """A network of doubles runs on float32 pictures."""
    weights = np.array([1 / 3, 1e-40, 2.0])
    found = evaluate(lambda model, x: model.add("ElementTimes", x, model.weight(weights)), X[:, 0, 0, :3])
    close(found, X[:, 0, 0, :3] * weights)
