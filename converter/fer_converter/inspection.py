"""``fer-convert --inspect``: what a model file is, without converting it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from fer_runtime.errors import ModelError
from fer_runtime.model.interpreter import installed_interpreters, interpreter_version
from fer_runtime.model.metadata import ModelMetadata, read_model
from fer_runtime.model.probe import probe_flatbuffer

from .children import run_child
from .graph import Graph, Tensor, read_graph
from .operators import multiply_adds, operator_name

_TFLITE_ID = b"TFL3"


def inspect_model(path: Path) -> tuple[str, int]:
    """Describe a .tflite, or a Keras file that could be converted.

    Nothing of the file runs in this process.

    Returns
    -------
    Lines of text, and the exit code: 0, or 78 where no installed interpreter runs the file.

    Raises
    ------
    ModelError
        If the file cannot be read or is damaged.
    """
    try:
        with path.open("rb") as file:
            is_tflite = file.read(8)[4:] == _TFLITE_ID
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(
            f"model {path}: no such file", "name a .tflite, a .keras, an .h5 or a SavedModel folder"
        ) from None
    except OSError:
        is_tflite = False  # a folder, or an error that is reported below
    return _inspect_tflite(path) if is_tflite else (_inspect_keras(path), 0)


def _inspect_tflite(path: Path) -> tuple[str, int]:
    flatbuffer, metadata = read_model(path)
    try:
        graph = read_graph(flatbuffer)
    except ValueError as error:
        raise ModelError(f"model {path}: it is damaged: {error}") from None
    lines = [f"{path}: TensorFlow Lite, {path.stat().st_size:,} bytes"]
    lines += _tensor_lines("input", graph, graph.inputs)
    lines += _tensor_lines("output", graph, graph.outputs)
    constants = [t for t in graph.tensors if t.constant]
    kinds = Counter({t.dtype: 0 for t in constants})
    for tensor in constants:
        kinds[tensor.dtype] += tensor.data_bytes
    held = ", ".join(f"{size:,} bytes of {kind}" for kind, size in kinds.most_common())
    lines.append(_line("constants", held or "none"))
    lines.append(_line("operators", f"{len(graph.operators)}: {_operators(graph)}"))
    lines.append(_line("multiply-adds", f"{multiply_adds(graph):,} per picture"))
    lines += _metadata_lines(metadata)
    names = installed_interpreters()
    works = False
    for name in names:
        try:
            probe_flatbuffer(flatbuffer, path.name, name)
            said, works = "runs it, also with two pictures", True
        except ModelError as error:
            said = str(error).removeprefix(f"model {path.name}: {name} ")
            said = said.partition("; convert it again")[0]
        lines.append(_line("interpreter", f"{name} {interpreter_version(name)} {said}"))
    if not names:
        lines.append(_line("interpreter", "none is installed: pip install ai-edge-litert"))
    return "\n".join(lines), 0 if works else ModelError.exit_code


def _line(what: str, text: str) -> str:
    return f"  {what:<14} {text}"


def _tensor_lines(what: str, graph: Graph, indices: tuple[int, ...]) -> list[str]:
    return [_line(what, _tensor(graph.tensors[i])) for i in indices]


def _tensor(tensor: Tensor) -> str:
    shape = "x".join(str(size) for size in tensor.shape)
    scaled = ", quantised" if tensor.quantized else ""
    return f"{tensor.dtype} {shape}{scaled} ({_printable(tensor.name)})"


def _printable(text: str) -> str:
    """Keep control characters of a foreign file off the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)[:80]


def _operators(graph: Graph) -> str:
    counts = Counter((operator_name(o), o.version) for o in graph.operators)
    return ", ".join(
        f"{count} {_printable(name)}" + (f" v{version}" if version > 1 else "")
        for (name, version), count in counts.most_common()
    )


def _metadata_lines(metadata: ModelMetadata | None) -> list[str]:
    if metadata is None:
        return [_line("metadata", "none of ours; fer-runtime needs --labels to use it")]
    m = metadata
    add = f" {m.add:+g}" if m.add else ""
    lines = [
        _line("classes", ", ".join(m.classes)),
        _line("wants", f"{m.height}x{m.width} {m.color}, pixel 0-255 * {m.multiply:g}{add}, "
              f"crop of {m.crop_scale:g} face heights"),
        *([_line("remembers", f"a state of {m.state_size} of each face, from look to look")]
          if m.state_size else []),
        _line("gives", f"{m.output}, temperature {m.temperature:g}"),
        _line("quantisation", m.quantization),
    ]  # fmt: skip
    for what, value in (
        ("name", m.name),
        ("trained", m.training),
        ("data", m.data),
        ("accuracy", m.accuracy),
        ("provenance", m.provenance),
        ("date", m.date),
        ("licence", m.licence),
    ):
        if value:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines.append(_line(what, _printable(text) if isinstance(value, str) else text))
    return lines


def _inspect_keras(path: Path) -> str:
    # In a child: damaged HDF5 files can bring their library down.
    found: dict[str, Any] = run_child(
        "fer_converter.keras_file",
        json.dumps({"path": str(path)}),
        what=f"model {path}",
        timeout_s=60.0,
    )
    version = f", written by Keras {found['keras_version']}" if found["keras_version"] else ""
    lines = [f"{path}: {found['format']} network, {found['bytes']:,} bytes{version}"]
    for shape in found["input_shapes"]:
        lines.append(_line("input", "x".join("?" if v is None else str(v) for v in shape)))
    if found["layers"]:
        counts = Counter(found["layers"])
        text = ", ".join(f"{n} {_printable(name)}" for name, n in counts.most_common())
        lines.append(_line("layers", f"{len(found['layers'])}: {text}"))
    if found["code"]:
        lines.append(_line("runs code", f"{', '.join(found['code'])}: it will be refused"))
    if found["custom"]:
        lines.append(_line("not Keras' own", f"{', '.join(found['custom'])}: it will be refused"))
    record = found["record"]
    heads = record.get("heads") if record else None
    for head, entry in (heads or {}).items():
        about = json.dumps(entry, ensure_ascii=False)
        lines.append(_line("head", f"{_printable(head)}: {about}"))
    if record is None:
        lines.append(_line("record", "none of fer-train's"))
    return "\n".join(lines)
