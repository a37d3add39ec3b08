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

from fer_runtime.model.metadata import read_model

from .children import Answer, answer
from .sequence_model import SequenceClassifier, frames_of

_TWO_THREAD_RUNS: Final = 300
_WARM_UP: Final = 20
_LATENCY_PICTURES: Final = 1000
_BATCH: Final = 32


def _main(to_parent: Answer) -> dict[str, Any]:
    message = json.loads(to_parent.job)
    return measure(
        Path(message["model"]), message["interpreter"], Path(message["crops"]), Path(message["out"])
    )


def measure(model: Path, interpreter: str, crops: Path, out: Path) -> dict[str, Any]:
    """Run all pictures; time single pictures with one thread and with two.

    Parameters
    ----------
    model
        A .tflite with metadata.
    interpreter
        ``litert`` or ``tflite-runtime``.
    crops
        .npy of (N, h, w), (N, h, w, 3) or, of sequences, (N, frames, h, w) uint8.
    out
        .npy to write the (N, 7) float32 logits to.

    Returns
    -------
    Median and 95th percentile in milliseconds, memory in MiB.
    """
    frames = frames_of(read_model(model)[1])
    each = max(1, frames)  # a sequence costs as much as its pictures
    pictures = np.load(crops, mmap_mode="r")
    before = _resident_mib()
    classifier = _open(model, interpreter, 1, frames)
    one = _time(classifier, pictures[: _LATENCY_PICTURES // each])
    after = _resident_mib()
    # All pictures in batches, as the runtime gives the faces of a frame: the batch is resized.
    size = max(2, _BATCH // each)
    parts = [
        classifier.logits(np.asarray(pictures[i : i + size])) for i in range(0, len(pictures), size)
    ]
    np.save(out, np.concatenate(parts))
    alone = classifier.logits(np.asarray(pictures[:1]))
    two = _time(_open(model, interpreter, 2, frames), pictures[: _TWO_THREAD_RUNS // each])
    return {
        "median_ms_1": float(np.median(one)),
        "p95_ms_1": float(np.percentile(one, 95)),
        "median_ms_2": float(np.median(two)),
        "p95_ms_2": float(np.percentile(two, 95)),
        "memory_mib": None if before is None or after is None else after - before,
        "batch_error": float(np.abs(alone - parts[0][:1]).max()),
    }


def _open(model: Path, interpreter: str, threads: int, frames: int) -> Any:
    from fer_runtime.model.classifier import Classifier

    if frames:
        return SequenceClassifier(model, interpreter=interpreter, threads=threads)
    # Trusted: this process is the guard that the classifier would otherwise start.
    return Classifier(model, interpreter=interpreter, threads=threads, trusted=True)


def _time(classifier: Any, pictures: NDArray[np.uint8]) -> list[float]:
    """Return milliseconds of each call with one picture, after a warm-up."""
    times = []
    for i in range(-_WARM_UP, len(pictures)):
        crop = np.asarray(pictures[max(i, 0)])[np.newaxis]
        start = time.perf_counter()
        classifier.logits(crop)
        if i >= 0:
            times.append((time.perf_counter() - start) * 1000)
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
