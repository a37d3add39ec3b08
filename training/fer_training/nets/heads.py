"""The heads of a network: which label sets exist and how their classes are ordered.

FER-2013 and FER+ are two sets of labels of the same pictures (Goodfellow et al. 2013; Barsoum
et al. 2016). A trunk may carry one head for each; every result is given in the order of
`fer_runtime.labels.EMOTIONS`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import EMOTIONS

FERPLUS_CLASSES: Final = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
)  # fmt: skip
"""Order of the FER+ vote columns and of the FER+ head."""

HEADS: Final[dict[str, tuple[str, ...]]] = {"fer2013": EMOTIONS, "ferplus": FERPLUS_CLASSES}
"""Classes of each head in the order of its logits."""

Targets = dict[str, NDArray[np.float32]]
"""Distributions by head, (B, C)."""

_SYNONYMS: Final = {"happiness": "happy", "sadness": "sad", "anger": "angry"}

FERPLUS_TO_EMOTIONS: Final = tuple(
    next(i for i, name in enumerate(FERPLUS_CLASSES) if _SYNONYMS.get(name, name) == emotion)
    for emotion in EMOTIONS
)
"""Index into the FER+ head for each of the seven emotions; contempt is in none."""


def emotion_columns(head: str) -> tuple[int, ...]:
    """Return which logits of `head` are the seven emotions, in the order of EMOTIONS."""
    return FERPLUS_TO_EMOTIONS if head == "ferplus" else tuple(range(len(EMOTIONS)))
