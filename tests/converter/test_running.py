"""Variants run while others are being built; what need not be done twice is done once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_converter import running
from fer_converter.running import Answers, compare_all
from fer_converter.verify import Truth
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.metadata import ModelMetadata

DEADLINE_S = 20.0


class Children:
    """Stands in for the children; answers like them, when it is let."""

    def __init__(self) -> None:
        self.began: list[tuple[str, str, bool]] = []
        self.go: dict[str, threading.Event] = {}
        self.seen = threading.Condition()

    def __call__(self, folder: Path, pair: tuple[str, str], *, answers: bool) -> dict[str, Any]:
        with self.seen:
            self.began.append((*pair, answers))
            self.seen.notify_all()
        if answers:
            assert self.go.setdefault(pair[0], threading.Event()).wait(DEADLINE_S)
            np.save(folder / f"{pair[0]}-{pair[1]}.npy", np.eye(7, dtype=np.float32))
            return {"batch_error": 0.0}
        return {"median_ms_1": 1.0, "p95_ms_1": 1.0, "median_ms_2": 1.0, "p95_ms_2": 1.0,
                "memory_mib": 1.0}  # fmt: skip

    def wait_for(self, count: int) -> None:
        with self.seen:
            assert self.seen.wait_for(lambda: len(self.began) >= count, DEADLINE_S), self.began


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    found = Children()
    monkeypatch.setattr(running, "_child", found)
    monkeypatch.setattr(running.os, "cpu_count", lambda: 2)
    return found


def test_a_variant_runs_before_the_next_is_built(tmp_path: Path, children: Children) -> None:
    children.go = {name: threading.Event() for name in ("none", "int8", "int8-io")}
    said: list[str] = []
    with Answers(tmp_path, ["litert"], 3, said.append) as answers:
        (tmp_path / "none.tflite").write_bytes(b"x")
        answers.add("none")
        children.wait_for(1)  # nothing else was added yet
        children.go["none"].set()
        for variant in ("int8", "int8-io"):
            (tmp_path / f"{variant}.tflite").write_bytes(b"x")
            answers.add(variant)
        children.wait_for(2)
        assert children.began[1] == ("int8", "litert", True)
        assert len(children.began) == 2  # int8-io waits for the answers that it may share
        children.go["int8"].set()
        children.go["int8-io"].set()
        metadata = ModelMetadata(classes=EMOTIONS, output="logits")
        true = Truth(np.eye(7, dtype=np.float32), np.arange(7))
        rows = compare_all(answers, ["none", "int8", "int8-io"], true, metadata)
    assert [row.variant for row in rows] == ["none", "int8", "int8-io"]
    assert all(row.agreement == 1.0 and not row.error for row in rows)
    # Latencies last, when nothing else of ours runs.
    assert [answers for *_, answers in children.began] == [True] * 3 + [False] * 3
    assert said[-1].startswith("6/6 latency of int8-io on litert")


def test_what_has_not_begun_is_dropped_after_an_error(tmp_path: Path, children: Children) -> None:
    children.go = {name: threading.Event() for name in ("none", "float16", "dynamic", "int8")}
    children.go["none"].set()
    children.go["float16"].set()
    with pytest.raises(RuntimeError), Answers(tmp_path, ["litert"], 4, lambda _: None) as answers:
        answers.add("dynamic")
        answers.add("int8")
        children.wait_for(2)
        answers.add("none")
        answers.add("float16")
        threading.Timer(0.2, lambda: [e.set() for e in children.go.values()]).start()
        raise RuntimeError
    assert len(children.began) == 2
