"""What a step model remembers of each face: kept with the track, gone with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model.classifier import Classifier, Probabilities
from .tracker import Track


def read_faces(
    classifier: Classifier, tracks: list[Track], crops: NDArray[np.uint8], now: float | None
) -> Probabilities:
    """Return the probabilities of each face, (N, 7) float32, in one call of the model.

    Parameters
    ----------
    tracks
        Whose faces they are; a step model's state is read from them and written into them.
    crops
        (N, ...) uint8, see `Classifier.crop`.
    now
        The frame's time in seconds; None where the picture stands alone, so that nothing is
        remembered.
    """
    if not classifier.state_size or now is None or not tracks:
        return classifier.probabilities(crops)
    zeros = np.zeros(classifier.state_size, np.float32)
    states = np.stack([zeros if t.state is None else t.state for t in tracks])
    # A step backwards counts as no time, as for the filter.
    seconds = np.array([0.0 if t.state is None else max(0.0, now - t.read_s) for t in tracks])
    raw, new = classifier.look(crops, seconds, states)
    for track, state in zip(tracks, new, strict=True):
        track.state, track.read_s = state, now
    return raw
