"""The child that runs one .tflite on one interpreter, through the runtime's own classifier.

Reads a line with the model, the interpreter and the folder of pictures; writes the logits
beside them and answers with latencies and memory.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.model.recurrent import STILL_LOOKS

from .children import Answer, answer

_WARM_UP: Final = 20
_WARM_UP_S: Final = 0.3
"""Nor longer than this, as two threads on a busy machine may take 150 ms a call."""
_LATENCY_PICTURES: Final = 300
_FEWEST: Final = 20
_MOST_S: Final = 1.5
"""Longer than this no latency is measured, once there are `_FEWEST` calls."""
_BATCH: Final = 32
_SAME_FIRST: Final = 512
"""Pictures on which a variant must equal another before it is taken for the same."""


def _main(to_parent: Answer) -> dict[str, Any]:
    message = json.loads(to_parent.job)
    model, interpreter, crops = Path(message["model"]), message["interpreter"], message["crops"]
    pictures = np.load(crops, mmap_mode="r")
    found: dict[str, Any] = {}
    # Latencies first: the memory they tell of is that of a fresh process.
    if message.get("latency", True):
        found |= latency(model, interpreter, pictures)
    if message.get("answers", True):
        same = message.get("same", "")
        found |= answers(model, interpreter, pictures, Path(message["out"]), same)
    return found


def latency(model: Path, interpreter: str, pictures: NDArray[np.uint8]) -> dict[str, Any]:
    """Time single pictures with one thread and with two.

    Parameters
    ----------
    model
        A .tflite with metadata.
    interpreter
        ``litert`` or ``tflite-runtime``.
    pictures
        (N, h, w) or (N, h, w, 3) uint8.

    Returns
    -------
    Median and 95th percentile in milliseconds of one look, memory in MiB.
    """
    before = _resident_mib()
    classifier = _open(model, interpreter, 1)
    one = _time(classifier, pictures[:_LATENCY_PICTURES])
    after = _resident_mib()
    two = _time(_open(model, interpreter, 2), pictures[:_LATENCY_PICTURES])
    return {
        "median_ms_1": float(np.median(one)),
        "p95_ms_1": float(np.percentile(one, 95)),
        "median_ms_2": float(np.median(two)),
        "p95_ms_2": float(np.percentile(two, 95)),
        "memory_mib": None if before is None or after is None else after - before,
    }


def answers(
    model: Path, interpreter: str, pictures: NDArray[np.uint8], out: Path, same: str = ""
) -> dict[str, Any]:
    """Run all pictures in batches, as the runtime gives the faces of a frame.

    Parameters
    ----------
    model, interpreter, pictures
        See `latency`.
    out
        .npy to write the (N, 7) float32 logits to.
    same
        .npy of a variant that should give the same logits: where it does on the first 512
        pictures, to the last bit, its answers are taken for the others too.

    Returns
    -------
    How far a picture alone and in a batch are apart.
    """
    classifier = _open(model, interpreter, 1)
    known = np.load(same) if same else None
    parts: list[NDArray[np.float32]] = []
    for start in range(0, len(pictures), _BATCH):
        if known is not None and start >= _SAME_FIRST:
            so_far = np.concatenate(parts)
            if np.array_equal(so_far, known[: len(so_far)]):
                parts.append(known[len(so_far) :])
                break
            known = None
        parts.append(classifier.logits(np.asarray(pictures[start : start + _BATCH])))
    np.save(out, np.concatenate(parts))
    alone = classifier.logits(np.asarray(pictures[:1]))
    return {"batch_error": float(np.abs(alone - parts[0][:1]).max())}


def _open(model: Path, interpreter: str, threads: int) -> Any:
    from fer_runtime.model.classifier import Classifier

    # Trusted: this process is the guard that the classifier would otherwise start.
    return Classifier(model, interpreter=interpreter, threads=threads, trusted=True)


def _time(classifier: Any, pictures: NDArray[np.uint8]) -> list[float]:
    """Return milliseconds of each call with one picture, after a warm-up.

    It ends with the pictures, or after `_MOST_S` seconds and `_FEWEST` calls.
    """
    times: list[float] = []
    looks = STILL_LOOKS if classifier.state_size else 1
    began = time.perf_counter()
    for _ in range(_WARM_UP):
        classifier.logits(np.asarray(pictures[:1]))
        if time.perf_counter() - began > _WARM_UP_S:
            break
    began = time.perf_counter()
    for picture in pictures:
        crop = np.asarray(picture)[np.newaxis]
        start = time.perf_counter()
        classifier.logits(crop)
        now = time.perf_counter()
        times.append((now - start) * 1000 / looks)
        if len(times) >= _FEWEST and now - began > _MOST_S:
            break
    return times


def _resident_mib() -> float | None:
    """Return this process's resident memory, where /proc tells."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        return None
    return None


if __name__ == "__main__":
    answer(_main)
