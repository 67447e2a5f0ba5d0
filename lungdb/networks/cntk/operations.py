"""The numbers of CNTK's primitive operations, as of CNTK 2.7."""

from __future__ import annotations

_IN_ORDER = """
Negate Sigmoid Tanh ReLU Exp Log Sqrt Floor Abs Reciprocal Softmax Hardmax TransposeAxes Where Slice Dropout Reshape
Pooling SumAll Plus Minus ElementTimes Equal NotEqual Less LessEqual Greater GreaterEqual PackedIndex GatherPacked
ScatterPacked Times TransposeTimes Convolution SquaredError CrossEntropyWithSoftmax ClassificationError PastValue
FutureValue ReduceElements BatchNormalization Clip Select Splice Combine RandomSample RandomSampleInclusionFrequency
ROIPooling Logistic OptimizedRNNStack ReconcileDynamicAxis LogSoftmax LogPlus CosDistance Sin Cos Pass Block Unpooling
LambdaRank NDCG EditDistanceError NoOp LabelsToGraph StopGradient ELU ForwardBackward CosDistanceWithNegativeSamples
OneHot Pow ToSequence ToSequenceLike UnpackSequence Assign Gather StableSigmoid RandomDistribution Sinh Cosh UnpackBatch
ToBatch Asin Acos Pad Crop Atanh Asinh TopK Squeeze ConstantOp LatticeSequenceWithSoftmax Cast EyeLikeOp CustomProxyOp
StraightThrough Tan Atan ConvolutionSequenceShape
"""
_NAMES = _IN_ORDER.split()

CRITERIA = frozenset(
    {
        "BinaryCrossEntropy",
        "ClassificationError",
        "CosDistanceWithNegativeSamples",
        "CrossEntropyWithSoftmax",
        "EditDistanceError",
        "ForwardBackward",
        "LambdaRank",
        "LatticeSequenceWithSoftmax",
        "Logistic",
        "NDCG",
        "SquaredError",
        "SumAll",
        "WeightedBinaryCrossEntropy",
    }
)
"""What measures a prediction against the truth, as primitives or as the names of the blocks around them."""


def operation_name(number: int) -> str:
    """Name a primitive; one that CNTK 2.7 does not have by its number."""
    return _NAMES[number] if 0 <= number < len(_NAMES) else f"number {number}"
