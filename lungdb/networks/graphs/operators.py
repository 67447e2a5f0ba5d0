"""The operators that an image network may use."""

from __future__ import annotations

SUPPORTED = frozenset(
    # Layers.
    "Conv ConvTranspose ConvInteger QLinearConv Gemm MatMul MatMulInteger QLinearMatMul Einsum "
    "AveragePool MaxPool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool MaxUnpool MaxRoiPool RoiAlign "
    "NonMaxSuppression GRU LSTM RNN "
    "BatchNormalization InstanceNormalization LayerNormalization GroupNormalization LRN LpNormalization "
    "MeanVarianceNormalization Dropout "
    # Activations.
    "Relu LeakyRelu PRelu ThresholdedRelu Elu Selu Celu Gelu Mish Swish Sigmoid HardSigmoid HardSwish Tanh Softplus "
    "Softsign Softmax LogSoftmax Hardmax Clip Shrink Erf "
    # Arithmetic and comparison.
    "Add Sub Mul Div Mod Pow Neg Abs Sign Exp Log Sqrt Reciprocal Floor Ceil Round Min Max Mean Sum CumSum "
    "Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh "
    "Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not Where IsNaN IsInf "
    # Reductions.
    "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp "
    "ReduceSumSquare ArgMax ArgMin TopK "
    # Shapes.
    "Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Gather GatherElements GatherND Scatter "
    "ScatterElements ScatterND Expand Tile Pad Resize Upsample DepthToSpace SpaceToDepth Shape Size Identity Cast "
    "CastLike Constant ConstantOfShape Range OneHot EyeLike NonZero Trilu Compress "
    # Whole numbers.
    "QuantizeLinear DequantizeLinear DynamicQuantizeLinear".split()
)
"""What convolutional networks, vision transformers, detectors and readers of sequences are made of.

Control flow (If, Loop, Scan), random numbers, sequences, strings, training and image decoding are not among them: they
make a network's cost or result depend on more than the picture.
"""
