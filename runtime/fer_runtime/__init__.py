"""fer-edge's runtime: which of seven emotions each face in view shows.

Live, with the daemon's reconnect and filter::

    from fer_runtime import watch

    with watch("0") as moments:
        for moment in moments:
            print(moment.state, moment.people, moment.emotion)

A picture::

    import cv2
    from fer_runtime import EmotionPipeline

    for reading in EmotionPipeline().analyze(cv2.imread("face.jpg")):
        print(reading.emotion, reading.confidence, reading.box)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .faces.pipeline import EmotionPipeline
    from .reading import FaceReading
    from .wiring.watch import watch

__version__ = "0.2.0"

__all__ = ["EmotionPipeline", "FaceReading", "__version__", "watch"]


def __getattr__(name: str) -> Any:
    # Lazily, so that `fer-runtime --help` and the trainer do not load a detector for nothing.
    home = {
        "EmotionPipeline": ".faces.pipeline",
        "FaceReading": ".reading",
        "watch": ".wiring.watch",
    }
    if name in home:
        return getattr(importlib.import_module(home[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
