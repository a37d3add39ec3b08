"""A .tflite's structure as the converter reads it."""

from __future__ import annotations

import pytest

from fer_converter.graph import read_graph
from fer_runtime.model.metadata import model_path, read_model, shipped_models

SHIPPED = shipped_models()


@pytest.mark.parametrize("name", SHIPPED)
def test_graph_of_shipped_models(name: str) -> None:
    graph = read_graph(read_model(model_path(name))[0])
    assert [graph.tensors[i].shape for i in graph.inputs] == [(1, 48, 48, 1)]
    assert [graph.tensors[i].shape for i in graph.outputs] == [(1, 7)]
    assert {graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)} == {"float32"}
    weights = [t for t in graph.tensors if t.constant and t.dtype == "int8"]
    assert sum(t.data_bytes for t in weights) > 500_000
    assert all(t.quantized for t in weights)


def test_every_truncation_is_refused() -> None:
    flatbuffer = read_model(model_path(SHIPPED[0]))[0]
    for length in range(16, len(flatbuffer) - 64, 40_000):
        with pytest.raises(ValueError, match=r"damaged|expected"):
            read_graph(flatbuffer[:length])
