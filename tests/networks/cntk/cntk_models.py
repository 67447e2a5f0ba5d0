"""Writing CNTK v2 files by hand, and running what they are converted to."""

import struct
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from lungdb.networks.cntk import convert_cntk

DATA = Path(__file__).parents[2] / "data" / "cntk"

FREE = 2**64 - 3
INFERRED = 2**64 - 1
ALL_AXES = 2**31 - 2
END_OF_AXES = 2**31 - 4

_IDS = """
Negate:0 Sigmoid:1 Tanh:2 ReLU:3 Exp:4 Log:5 Sqrt:6 Floor:7 Abs:8 Reciprocal:9 Softmax:10 Hardmax:11 TransposeAxes:12
Where:13 Slice:14 Dropout:15 Reshape:16 Pooling:17 Plus:19 Minus:20 ElementTimes:21 Equal:22 NotEqual:23 Less:24
LessEqual:25 Greater:26 GreaterEqual:27 Times:31 TransposeTimes:32 Convolution:33 CrossEntropyWithSoftmax:35
PastValue:37 ReduceElements:39 BatchNormalization:40 Clip:41 Select:42 Splice:43 Combine:44 ROIPooling:47 LogSoftmax:51
LogPlus:52 Sin:54 Cos:55 Pass:56 Block:57 Unpooling:58 NoOp:62 StopGradient:64 ELU:65 Pow:69 Gather:74 StableSigmoid:75
Sinh:77 Cosh:78 Asin:81 Acos:82 Pad:83 Crop:84 Atanh:85 Asinh:86 TopK:87 Squeeze:88 ConstantOp:89 Cast:91
StraightThrough:94 Tan:95 Atan:96
"""
IDS = {name: int(number) for name, number in (pair.split(":") for pair in _IDS.split())}


class Int(int):
    """A value that the file keeps as Int, where a plain int becomes SizeT."""


class Shape(tuple):
    """An NDShape, in the file's order."""


class Axis(int):
    """A static axis, in the file's order."""


class Bare:
    """An array whose numbers stand behind the message."""

    def __init__(self, array):
        self.array = array


def varint(value):
    """Write a number of any size, seven bits at a time."""
    value &= 2**64 - 1
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def block(number, content):
    """Write a length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def scalar(number, value):
    """Write a varint field."""
    return varint(number << 3) + varint(value)


def shape_message(dims):
    """Write an NDShape."""
    return block(1, b"".join(map(varint, dims))) if dims else b""


def array_message(array, values=True):
    """Write an NDArrayView of a row-major float32 or float64 array."""
    array = np.asarray(array)
    double = array.dtype == np.float64
    message = scalar(1, 2 if double else 1) + block(3, shape_message(array.shape[::-1]))
    return message + (block(5 if double else 4, block(1, array.tobytes())) if values else b"")


def value_message(value):
    """Write a DictionaryValue."""
    if isinstance(value, bool):
        return scalar(1, 1) + scalar(2, 1) + scalar(3, value)
    if isinstance(value, Axis):
        return scalar(1, 1) + scalar(2, 8) + block(10, scalar(1, value) + block(2, b"axis"))
    if isinstance(value, Int):
        return scalar(1, 1) + scalar(2, 2) + scalar(4, value)
    if isinstance(value, int):
        return scalar(1, 1) + scalar(2, 3) + scalar(5, value)
    if isinstance(value, float):
        return scalar(1, 1) + scalar(2, 5) + varint(7 << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, str):
        return scalar(1, 1) + scalar(2, 6) + block(8, value.encode())
    if isinstance(value, Shape):
        return scalar(1, 1) + scalar(2, 7) + block(9, shape_message(value))
    if isinstance(value, list):
        return scalar(1, 1) + scalar(2, 9) + block(11, b"".join(block(1, value_message(entry)) for entry in value))
    if isinstance(value, dict):
        return scalar(1, 1) + scalar(2, 10) + block(12, dictionary_message(value))
    bare = isinstance(value, Bare)
    return scalar(1, 1) + scalar(2, 11) + block(13, array_message(value.array if bare else value, not bare))


def dictionary_message(entries):
    """Write a Dictionary."""
    pairs = (block(1, key.encode()) + block(2, value_message(value)) for key, value in entries.items())
    return scalar(1, 2) + b"".join(block(2, pair) for pair in pairs)


class Model:
    """A CNTK model in the making; every method gives the id of what it adds."""

    def __init__(self):
        self.variables = []
        self.functions = []

    def variable(self, kind, shape, name="", **more):
        """Add a variable of a row-major shape."""
        uid = more.pop("uid", f"Variable{len(self.variables)}")
        entry = {"version": 1, "type": "Variable", "uid": uid, "kind": kind, "data_type": 1, "name": name}
        self.variables.append(entry | {"shape": Shape(shape[::-1]), "dynamic_axis": []} | more)
        return uid

    def input(self, name, *shape):
        """Add an input."""
        return self.variable(0, shape, name)

    def weight(self, array, name=""):
        """Add a parameter."""
        array = np.asarray(array)
        array = array if array.dtype == np.float64 else array.astype(np.float32)
        return self.variable(2, array.shape, name, value=array)

    def add(self, operation, *inputs, name="", uid=None, **attributes):
        """Add a primitive function and give the id of its first output."""
        number = IDS.get(operation, operation)
        uid = uid or f"{operation}{len(self.functions)}"
        entry = {"version": 24, "type": "PrimitiveFunction", "uid": uid, "op": int(number), "inputs": list(inputs)}
        self.functions.append(entry | {"attributes": attributes, "name": name})
        return f"{uid}_Output_0"

    def block(self, operation, root, arguments, name=""):
        """Add a Block around the function of an output; `arguments` map inner placeholders to outer ids."""
        uid = f"Block{len(self.functions)}"
        self.add("Block", *arguments.values(), name=name, uid=uid)
        self.functions[-1] |= {
            "block_function_op_name": operation,
            "block_function_composite": {"type": "CompositeFunction", "root": root.rsplit("_Output_", 1)[0]},
            "block_function_composite_arguments_map_keys": list(arguments),
            "block_function_composite_arguments_map_values": list(arguments.values()),
        }
        return f"{uid}_Output_0"

    def save(self, *outputs):
        """Write the file for some outputs, the last function's by default."""
        root = self.functions[-1]["uid"]
        if outputs:
            root = "Root" if len(outputs) > 1 else outputs[0].rsplit("_Output_", 1)[0]
        if len(outputs) > 1:
            self.add("Combine", *outputs, uid="Root")
        entries = {"version": 3, "type": "CompositeFunction", "uid": "Composite", "root": root}
        return dictionary_message(entries | {"inputs": self.variables, "primitive_functions": self.functions})

    def save_split(self):
        """Write the file in the form for more than 2 GB: the message, then the numbers of its weights."""
        weights = [entry["value"] for entry in self.variables if "value" in entry]
        for entry in self.variables:
            if "value" in entry:
                entry["value"] = Bare(entry["value"])
        message = self.save()
        return b"ktnc" + struct.pack("<I", len(message)) + message + b"".join(array.tobytes() for array in weights)


def run(content, inputs, nodes=()):
    """Convert a file and run it: the output, or a dictionary of the nodes that are named."""
    model = onnx.load_from_string(convert_cntk(content))
    onnx.checker.check_model(model, full_check=True)
    for node in nodes:
        if node != model.graph.output[0].name:
            model.graph.output.append(onnx.helper.make_tensor_value_info(node, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    if not isinstance(inputs, dict):
        inputs = {session.get_inputs()[0].name: inputs}
    if nodes:
        return dict(zip(nodes, session.run(list(nodes), inputs), strict=True))
    return session.run(None, inputs)[0]


def relative_error(found, expected):
    """Give the largest difference over the largest reference; the shapes have to be equal."""
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()
