"""Reads the graph inside a TensorFlow Lite flatbuffer, checking every offset and index.

An interpreter follows the file's offsets blindly, so that one wrong byte can end the process.
Reading the file here first turns most damage into one line; what this check cannot see (an
operator's arguments that do not fit each other) is left to the trial run of `model_probe`.

The field numbers are those of TensorFlow Lite's ``schema.fbs``, version 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .flatbuffer import DAMAGE, Bytes, Table

IDENTIFIER: Final = b"TFL3"
SCHEMA_VERSION: Final = 3

MAX_TENSOR_BYTES: Final = 1 << 30
"""Bytes of one tensor at the file's own batch size."""

# Name and bytes per element of each TensorType; 0 where elements are packed or of no fixed size.
_TYPES: Final = (
    ("float32", 4),
    ("float16", 2),
    ("int32", 4),
    ("uint8", 1),
    ("int64", 8),
    ("string", 0),
    ("bool", 1),
    ("int16", 2),
    ("complex64", 8),
    ("int8", 1),
    ("float64", 8),
    ("complex128", 16),
    ("uint64", 8),
    ("resource", 0),
    ("variant", 0),
    ("uint32", 4),
    ("uint16", 2),
    ("int4", 0),
    ("bfloat16", 2),
    ("int2", 0),
    ("uint4", 0),
)

# ReshapeOptions and SqueezeOptions of the union BuiltinOptions: the only ones in our kind of
# network whose first field is a list and not a plain number.
_OPTIONS_WITH_LIST: Final = (17, 30)


@dataclass(frozen=True)
class Tensor:
    """One tensor of the graph."""

    name: str
    """As the converter named it."""
    shape: tuple[int, ...]
    """Sizes; the batch is 1 unless the file says otherwise."""
    dtype: str
    """numpy's name of the element type, such as ``int8``."""
    constant: bool
    """Whether its values are in the file."""
    data_bytes: int
    """Bytes of those values."""
    quantized: bool
    """Whether it has a scale."""


@dataclass(frozen=True)
class Operator:
    """One operator of the graph."""

    code: int
    """Number in the schema's ``BuiltinOperator``; 32 is a custom operator."""
    custom: str
    """Name of a custom operator, else empty."""
    version: int
    """Version that an interpreter must know."""
    inputs: tuple[int, ...]
    """Indices of tensors; -1 for an optional input left out."""
    outputs: tuple[int, ...]
    """Indices of tensors."""


@dataclass(frozen=True)
class Graph:
    """The first subgraph, which is what an interpreter runs, and the number of the others."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int


def read_graph(flatbuffer: bytes) -> Graph:
    """Read and check a TensorFlow Lite flatbuffer.

    Parameters
    ----------
    flatbuffer
        The file's bytes, without the archive that may stand behind them.

    Raises
    ------
    ValueError
        If an offset leads out of the file, an index names nothing, a constant's size does not
        fit its shape, or an operator reads a tensor that nothing has written.
    """
    if flatbuffer[4:8] != IDENTIFIER:
        raise ValueError(f"expected the identifier 'TFL3', received {flatbuffer[4:8]!r}")
    try:
        return _read(Bytes(flatbuffer))
    except DAMAGE:
        raise ValueError("an offset leads out of the file: it is truncated or damaged") from None


_Parts = tuple[tuple[Tensor, ...], tuple[Operator, ...], tuple[int, ...], tuple[int, ...]]


def _read(data: Bytes) -> Graph:
    model = Table(data, data.read("I", 0))
    version = model.scalar(0, "I")
    if version != SCHEMA_VERSION:
        raise ValueError(f"expected schema version {SCHEMA_VERSION}, received {version}")
    codes = model.tables(1)
    buffers = [_buffer_bytes(data, table) for table in model.tables(4)]
    graphs = [_subgraph(table, codes, buffers) for table in model.tables(2)]
    model.text(3)
    for index in model.ints(5):
        _in_range(index, len(buffers), "metadata's buffer")
    for table in model.tables(6):
        table.name(0, "metadata")
        _in_range(table.scalar(1, "I"), len(buffers), "metadata's buffer")
    for table in model.tables(7):
        _check_signature(table, graphs)
    if not graphs:
        raise ValueError("expected a graph, received none")
    tensors, operators, inputs, outputs = graphs[0]
    return Graph(tensors, operators, inputs, outputs, len(graphs))


def _buffer_bytes(data: Bytes, table: Table) -> int:
    """Return a buffer's size in bytes; files over 2 GB keep the content behind the tables."""
    outside, size = table.scalar(1, "Q"), table.scalar(2, "Q")
    if outside > 1:
        if outside + size > len(data.data):
            raise IndexError(outside)
        return size
    return table.vector_length(0, 1)


def _in_range(index: int, count: int, what: str) -> int:
    if not 0 <= index < count:
        raise ValueError(f"{what}: expected an index below {count}, received {index}")
    return index


def _check_signature(table: Table, graphs: list[_Parts]) -> None:
    """Names for the inputs and outputs of one subgraph."""
    table.name(2, "signature")
    graph = graphs[_in_range(table.scalar(4, "I"), len(graphs), "signature's graph")]
    for field in (0, 1):
        for entry in table.tables(field):
            entry.name(0, "signature's tensor")
            _in_range(entry.scalar(1, "I"), len(graph[0]), "signature's tensor")


def _subgraph(table: Table, codes: list[Table], buffers: list[int]) -> _Parts:
    variables = set()
    tensors = []
    for index, entry in enumerate(table.tables(0)):
        tensors.append(_tensor(entry, buffers))
        if entry.scalar(5, "B"):
            variables.add(index)
    inputs, outputs = table.ints(1), table.ints(2)
    table.text(4)
    for index in (*inputs, *outputs):
        _in_range(index, len(tensors), "graph input or output")
    # What may be read: constants, variables, inputs, and what an earlier operator wrote.
    written = variables | set(inputs)
    written |= {i for i, tensor in enumerate(tensors) if tensor.constant}
    operators: list[Operator] = []
    for entry in table.tables(3):
        operator = _operator(entry, codes, len(tensors))
        unwritten = set(operator.inputs) - written - {-1}
        if unwritten:
            raise ValueError(
                f"operator {len(operators)}: reads tensor {min(unwritten)}, which nothing wrote"
            )
        if any(tensors[i].constant for i in operator.outputs):
            raise ValueError(f"operator {len(operators)}: writes to a constant")
        written |= set(operator.outputs)
        operators.append(operator)
    if not set(outputs) <= written:
        raise ValueError("graph output: a tensor that nothing wrote")
    return tuple(tensors), tuple(operators), inputs, outputs


def _tensor(table: Table, buffers: list[int]) -> Tensor:
    shape, name = table.ints(0), table.text(3)
    kind = table.scalar(1, "b")
    if not 0 <= kind < len(_TYPES):
        raise ValueError(f"tensor {name!r}: expected a type below {len(_TYPES)}, received {kind}")
    dtype, item_bytes = _TYPES[kind]
    elements = 1
    for size in shape:
        if size < 0:
            raise ValueError(f"tensor {name!r}: expected sizes of 0 or more, received {shape}")
        elements *= size
    if elements * max(item_bytes, 1) > MAX_TENSOR_BYTES:
        raise ValueError(f"tensor {name!r}: expected less than 1 GiB, received {shape}")
    data_bytes = buffers[_in_range(table.scalar(2, "I"), len(buffers), f"tensor {name!r}: buffer")]
    if table.table(6) is not None or table.at(9):
        raise ValueError(f"tensor {name!r}: sparse and variant tensors are not supported")
    table.ints(7)  # the shape's signature
    if data_bytes and item_bytes and data_bytes != elements * item_bytes:
        raise ValueError(
            f"tensor {name!r}: expected {elements * item_bytes} bytes for {dtype} {shape}, "
            f"received {data_bytes}"
        )
    quantized = _check_quantization(table.table(4), shape, name)
    return Tensor(name, shape, dtype, data_bytes > 0, data_bytes, quantized)


def _check_quantization(table: Table | None, shape: tuple[int, ...], name: str) -> bool:
    """Tell whether there is a scale; one for the whole tensor or one per slice of a dimension."""
    if table is None:
        return False
    for field in (0, 1):  # the calibrated minimum and maximum, not used at run time
        table.vector_length(field, 4)
    table.table(5)  # details of custom quantisation
    scales, zeros = table.vector_length(2, 4), table.vector_length(3, 8)
    dimension = table.scalar(6, "i")
    if scales > 1:
        if not 0 <= dimension < len(shape) or scales != shape[dimension]:
            raise ValueError(f"tensor {name!r}: {scales} scales do not fit its shape {shape}")
        if zeros not in (0, 1, scales):
            raise ValueError(f"tensor {name!r}: expected {scales} zero points, received {zeros}")
    return scales > 0


def _operator(table: Table, codes: list[Table], tensor_count: int) -> Operator:
    code = codes[_in_range(table.scalar(0, "I"), len(codes), "operator code")]
    inputs, outputs = table.ints(1), table.ints(2)
    for index in (*inputs, *outputs, *table.ints(8)):
        if index != -1:
            _in_range(index, tensor_count, "operator's tensor")
    if -1 in outputs:
        raise ValueError("operator: expected every output to be a tensor, received -1")
    options = table.table(4)
    if options is not None and table.scalar(3, "B") in _OPTIONS_WITH_LIST:
        options.ints(0)
    table.table(12)
    for field in (5, 7):  # custom options, flags of variables
        table.vector_length(field, 1)
    # Codes above 127 did not fit the older byte; the larger of the two fields is the true one.
    number = max(code.scalar(0, "b"), code.scalar(3, "i"))
    return Operator(number, code.text(1), code.scalar(2, "i", 1), inputs, outputs)
