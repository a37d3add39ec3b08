"""One trial of a study: from what was shown while a prompt was held to one row."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np

from ..labels import EMOTIONS
from ..reading import FaceReading
from .feedback import FeedbackRow

LAST_PART: Final = 0.5
"""Part of the hold time, at its end, that the prediction is taken from: before it the
participant is still reading the prompt and changing the expression."""

_GAP_S: Final = 1.0
"""A longer pause between two calls, as of a computer that slept, counts as no face seen."""


class Trial:
    """Collects what is shown of one face while a prompt is held.

    All sums are over time, not over calls, so that neither the frame rate nor how often the
    window is drawn has a weight.

    Parameters
    ----------
    real
        The emotion that is asked for.
    began_s
        Monotonic seconds at which the prompt appeared.
    hold_s
        Seconds that it is held.
    """

    def __init__(self, real: str, began_s: float, hold_s: float) -> None:
        self.real = real
        self.reaction_s: float | None = None
        self._began_s, self._end_s = began_s, began_s + hold_s
        self._from_s = began_s + hold_s * (1 - LAST_PART)
        self._seen_s = began_s
        self._face: FaceReading | None = None
        # Seconds by label, the empty one for no face; and by face.
        self._label_s: dict[str, float] = defaultdict(float)
        self._face_s: dict[int, float] = defaultdict(float)
        self._confidence: dict[str, float] = defaultdict(float)
        self._probabilities = np.zeros(len(EMOTIONS))
        self._model = ""

    def see(self, now: float, face: FaceReading | None) -> None:
        """Take what is shown from `now` on: the participant's face, or None."""
        self._count(now)
        self._seen_s, self._face = now, face
        if face is None or now >= self._end_s:
            return
        if self.reaction_s is None and face.emotion == self.real:
            self.reaction_s = now - self._began_s

    def row(self, session: str, participant: str, number: int) -> FeedbackRow:
        """Return the trial's row: the label shown longest in the last part, and means of it."""
        label_s = self._label_s
        label = max(label_s, key=lambda name: label_s[name]) if label_s else ""
        if not label:
            return FeedbackRow(
                "study", session, participant, number, self.real, reaction_s=self.reaction_s
            )
        probabilities = self._probabilities / sum(self._face_s.values())
        return FeedbackRow(
            "study",
            session,
            participant,
            number,
            self.real,
            label,
            self._confidence[label] / label_s[label],
            tuple(float(p) for p in probabilities),
            max(self._face_s, key=lambda face_id: self._face_s[face_id]),
            self.reaction_s,
            self._model,
        )

    def _count(self, now: float) -> None:
        """Credit the time since the last call to what was shown during it."""
        seconds = min(now, self._end_s) - max(self._seen_s, self._from_s)
        if seconds <= 0:
            return
        face = self._face if now - self._seen_s <= _GAP_S else None
        if face is None:
            self._label_s[""] += seconds
            return
        self._label_s[face.emotion] += seconds
        self._face_s[face.face_id] += seconds
        self._confidence[face.emotion] += face.confidence * seconds
        self._probabilities += np.asarray(face.probabilities) * seconds
        self._model = face.model
