"""What a model that is not ours wants and gives: told by its user, once for all commands."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import UsageError
from fer_runtime.labels import EMOTIONS

_NUMBER = r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_SCALE = re.compile(rf"({_NUMBER})(?:/({_NUMBER}))?([-+]{_NUMBER})?")
_POOR: Final = 0.35
"""Below this accuracy on labelled pictures something is wrong with the options, not the model."""
_BETTER: Final = 0.15
"""Another order of classes must win so much to be named."""


@dataclass(frozen=True)
class Foreign:
    """The options of a model that says nothing of itself."""

    labels: tuple[str, ...] = ()
    """Its classes in the order of its outputs."""
    scale: str = ""
    """What it makes of pixels 0–255: ``1/255``, ``1/127.5-1``, ``1``."""
    color: str = ""
    """``gray``, ``rgb`` or ``bgr``."""


NOTHING_TOLD: Final = Foreign()


def parse_scale(text: str) -> tuple[float, float]:
    """Read ``1/255``, ``1/127.5-1`` or ``1`` as what a pixel is multiplied by and what is added.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    match = _SCALE.fullmatch(text.replace(" ", ""))
    if match is None or float(match[1]) == 0 or float(match[2] or 1) == 0:
        raise UsageError(
            f"--scale: expected what a pixel of 0-255 is multiplied by, then what is added, "
            f"received {text!r}",
            "examples: 1/255, 1/127.5-1, 1",
        )
    return float(match[1]) / float(match[2] or 1), float(match[3] or 0)


def check_classes(classes: Sequence[str], outputs: int, source: str) -> None:
    """Raise UsageError unless the names fit the outputs and include the seven emotions."""
    if len(classes) != outputs:
        raise UsageError(
            f"model {source}: it has {outputs} outputs, received {len(classes)} labels "
            f"({', '.join(classes)})",
            "give one per output, in order, with --labels",
        )
    missing = [name for name in EMOTIONS if name not in classes]
    if missing or len(set(classes)) != len(classes):
        raise UsageError(
            f"--labels: expected {', '.join(EMOTIONS)} in the order of the outputs (others may be "
            f"among them), received {', '.join(classes)}"
        )


def missing_options(told: Foreign, outputs: int, channels: int, scales_itself: bool) -> list[str]:
    """Return the options that a foreign network still needs, each with an example."""
    missing = []
    if not told.labels:
        missing.append(f"--labels with its {outputs} classes in order ({','.join(EMOTIONS)})")
    if not told.scale and not scales_itself:
        missing.append("--scale 1/255 (or 1/127.5-1, or 1)")
    if channels == 3 and not told.color:
        missing.append("--color rgb (or bgr)")
    return missing


def scaling_of(told: Foreign) -> tuple[float, float]:
    """Return multiply and add for pixels 0–255; 1 and 0 where nothing is told."""
    return parse_scale(told.scale) if told.scale else (1.0, 0.0)


def ends_in(
    call: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    shape: tuple[int, ...],
    multiply: float = 1.0,
    add: float = 0.0,
) -> str:
    """Tell ``probabilities`` from ``logits`` by what comes out for seeded noise.

    Parameters
    ----------
    call
        (N, *shape) float32 to (N, outputs).
    multiply, add
        What the network makes of pixels.

    Notes
    -----
    Seven sigmoids are probabilities too, though they do not sum to 1: the softmax of their
    logarithms brings them to it.
    """
    noise = np.random.default_rng(0).uniform(0, 255, (16, *shape))
    out = call(np.asarray(noise * multiply + add, np.float32))
    return "probabilities" if out.min() >= 0 and out.max() <= 1 else "logits"


def doubts(labels: NDArray[np.int64], called: NDArray[np.int64]) -> str:
    """Say what is probably wrong with --scale, --color or --labels; empty where nothing is.

    Parameters
    ----------
    labels, called
        (N,) real classes and those that the original network named, in the order of EMOTIONS.
    """
    if len(labels) < 50:
        return ""
    accuracy = float(np.mean(labels == called))
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)), np.int64)  # rows = called
    np.add.at(counts, (called, labels), 1)
    places = range(len(EMOTIONS))
    best = max(itertools.permutations(places), key=lambda p: sum(counts[i, p[i]] for i in places))
    possible = sum(int(counts[i, best[i]]) for i in places) / len(labels)
    if possible >= max(accuracy + _BETTER, 2 / len(EMOTIONS)):
        swapped = ", ".join(f"{EMOTIONS[i]} is {EMOTIONS[best[i]]}" for i in places if best[i] != i)
        return (
            f"the original itself names {100 * accuracy:.1f} % right, and with other names of its "
            f"classes it would be {100 * possible:.1f} % ({swapped}): is --labels in the order of "
            "its outputs, --order that of the folders?"
        )
    if accuracy < _POOR:
        return (
            f"the original itself names only {100 * accuracy:.1f} % right: is --scale what it was "
            "trained with (and not done twice), --color and --labels right?"
        )
    return ""


def parse_labels(text: str | None) -> tuple[str, ...]:
    """Split ``--labels``; UsageError unless the seven emotions are among them."""
    if not text:
        return ()
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if missing := set(EMOTIONS) - set(names):
        raise UsageError(
            f"--labels: expected {','.join(EMOTIONS)} in the order of the outputs, received "
            f"{text!r}: {', '.join(sorted(missing))} missing"
        )
    return names


def scales_itself(layers: Sequence[Any]) -> bool:
    """Tell whether a network begins with a layer that scales pixels."""
    first = [layer.__class__.__name__ for layer in layers[:4]]
    return "Rescaling" in first or "Normalization" in first
