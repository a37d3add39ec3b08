"""Names and multiply-adds of TensorFlow Lite's operators."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Final

from .graph import Graph, Operator, Tensor

# The enumeration BuiltinOperator of schema.fbs, in order from 0.
_TEXT: Final = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1
RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM
CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM
CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE
SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW
ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK
REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR
LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS
WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM
BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG
REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL
BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD
UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR
RIGHT_SHIFT
"""
_NAMES: Final = _TEXT.split()

_CUSTOM: Final = 32


def operator_name(operator: Operator) -> str:
    """Return an operator's name as TensorFlow Lite's messages write it."""
    if operator.code == _CUSTOM:
        return f"custom:{operator.custom}"
    return _NAMES[operator.code] if operator.code < len(_NAMES) else f"operator {operator.code}"


def multiply_adds(graph: Graph) -> int:
    """Return the multiply-adds of one picture's convolutions and matrix products.

    Additions, activations, pooling and conversions are not counted, as is usual.
    """
    return sum(_of_operator(operator, graph.tensors) for operator in graph.operators)


def _of_operator(operator: Operator, tensors: Sequence[Tensor]) -> int:
    name = operator_name(operator)
    if len(operator.inputs) < 2 or not operator.outputs or operator.inputs[1] < 0:
        return 0
    weights = tensors[operator.inputs[1]].shape
    out = prod(tensors[operator.outputs[0]].shape)
    if name == "CONV_2D" and len(weights) == 4:  # (out, kh, kw, in)
        return out * prod(weights[1:])
    if name == "DEPTHWISE_CONV_2D" and len(weights) == 4:  # (1, kh, kw, out)
        return out * weights[1] * weights[2]
    if name == "TRANSPOSE_CONV" and len(weights) == 4 and len(operator.inputs) > 2:
        source = prod(tensors[operator.inputs[2]].shape)
        return source * weights[0] * weights[1] * weights[2]
    if name == "FULLY_CONNECTED" and len(weights) == 2:  # (out, in)
        return out * weights[1]
    if name == "BATCH_MATMUL":
        return out * (tensors[operator.inputs[0]].shape or (1,))[-1]
    return 0
