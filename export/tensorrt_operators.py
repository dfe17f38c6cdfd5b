"""The operators that TensorRT's ONNX parser takes, so that a graph can be checked where there is no GPU.

Source: docs/operators.md of github.com/onnx/onnx-tensorrt, branch 10.1-GA, commit 96e7810 of 2024-06-17 (TensorRT 10.1,
opsets 9 to 20): the rows whose column "Supported" says Y, without the three that are no operators of ONNX. Newer
releases take more. A row's restrictions are not all here; see `restrictions`.
"""

from __future__ import annotations

import onnx

SOURCE = "onnx-tensorrt 10.1-GA, docs/operators.md, 2024-06-17"

_TABLE = """
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast CastLike Ceil
Celu Clip Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DeformConv DepthToSpace
DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements
GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample
GroupNormalization GRU HardSigmoid HardSwish Hardmax Identity If InstanceNormalization IsInf IsNaN
LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LRN LSTM LpNormalization LpPool MatMul Max
MaxPool Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or Pad Pow
PRelu QuantizeLinear RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1
ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
Relu Reshape Resize ReverseSequence RNN RoiAlign Round Scan Scatter ScatterElements ScatterND Selu Shape
Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum
Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
"""

OPERATORS = frozenset(_TABLE.split())


def restrictions(model: onnx.ModelProto) -> list[str]:
    """Return what TensorRT's parser does not take although it knows the operator; one half-sentence each.

    Args:
        model: A graph.
    """
    read = {name for node in model.graph.node for name in node.input} | {each.name for each in model.graph.output}
    found: set[str] = set()
    for node in model.graph.node:
        if node.op_type == "LayerNormalization" and read.intersection(node.output[1:]):
            found.add("LayerNormalization: mean and inverse deviation are used, only the first output is supported")
        if node.op_type == "TopK" and any(each.name == "sorted" and each.i != 1 for each in node.attribute):
            found.add("TopK: sorted must be 1")
    return sorted(found)
