"""fer-edge's runtime: which of seven emotions each face in view shows.

Three lines are enough::

    import cv2
    from fer_runtime import EmotionPipeline

    for reading in EmotionPipeline().analyze(cv2.imread("face.jpg")):
        print(reading.emotion, reading.confidence, reading.box)
"""

from __future__ import annotations

from typing import Any

__version__ = "0.2.0"

__all__ = ["EmotionPipeline", "FaceReading", "__version__"]


def __getattr__(name: str) -> Any:
    # Lazily, so that `fer-runtime --help` and the trainer do not load a detector for nothing.
    if name in ("EmotionPipeline", "FaceReading"):
        from .faces import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
