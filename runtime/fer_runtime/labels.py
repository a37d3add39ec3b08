"""The seven emotions: their order, names and colours; and how long other names may be.

The order is FER-2013's alphabetical one and is the order of every probability vector in
this project.
"""

from __future__ import annotations

from typing import Final

EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")

UNCERTAIN: Final = "uncertain"
"""The shown label when no emotion is likely enough, or the face is too small to tell."""

LABELS: Final = (*EMOTIONS, UNCERTAIN)
"""Every label that is shown, in the order of every table by label."""

LONGEST_NAME: Final = 1000
"""Characters of a kiosk's or a model's name: a row of a log that carries it stays below the 8 KiB
in which a row's end is looked for after a power cut."""

LANGUAGES: Final = ("en", "es")

_SPANISH: Final = ("enojo", "asco", "miedo", "alegría", "neutral", "tristeza", "sorpresa")

NAMES: Final[dict[str, dict[str, str]]] = {
    "en": {**{e: e for e in EMOTIONS}, UNCERTAIN: "uncertain"},
    "es": {**dict(zip(EMOTIONS, _SPANISH, strict=True)), UNCERTAIN: "no claro"},
}
"""Name of each label in each language: ``NAMES["es"]["happy"] == "alegría"``."""

VALENCE: Final[dict[str, int]] = {
    "angry": -1,
    "disgust": -1,
    "fear": -1,
    "happy": 1,
    "neutral": 0,
    "sad": -1,
    "surprise": 0,
}
"""Pleasant +1, unpleasant −1, and 0 where the face alone does not say (surprise is either).

A convention of this project after the pleasure axis of Russell's circumplex model of affect
(1980): three steps, no measured scale. ``uncertain`` has no valence.
"""

# Okabe and Ito's palette, "Color Universal Design" (2008), told apart with every common form
# of colour blindness; grey for neutral. A label is always written in words as well.
_RGB: Final = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "neutral": (190, 190, 190),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
    UNCERTAIN: (130, 130, 130),
}

COLORS_BGR: Final[dict[str, tuple[int, int, int]]] = {k: (b, g, r) for k, (r, g, b) in _RGB.items()}
"""Box colour of each label, BGR, 0–255."""


def label_name(label: str, language: str) -> str:
    """Return `label` (an emotion or ``uncertain``) in `language` (``en`` or ``es``)."""
    return NAMES[language][label]
