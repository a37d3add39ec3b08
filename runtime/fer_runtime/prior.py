"""The prior: how common each emotion is taken to be before a face is looked at.

A network learns Bayes' rule with the crowd that it was shown, p(e | face) ∝ p(face | e) · p(e):
where every third picture was neutral it calls doubtful faces neutral, wherever it hangs. Our
files therefore hold logits without p(e), and say in ``shares`` what it was. At run time the
prior of the place is put on, after the temperature T::

    p(e | face) = softmax(logits / T + log prior)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from .errors import ConfigError
from .labels import EMOTIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BALANCED: Final = "balanced"
"""Every emotion as likely as every other."""
TRAINING: Final = "training"
"""As in the pictures that the network learnt from."""
DEFAULT_PRIOR: Final = "1,1,1,1,2.25,1,1"
"""Of ``classifier.prior``: balanced but for neutral, 2.25 times as common as any other.

Chosen on validation, with the default model: the highest mean recall over both label sets that
keeps four of five neutral faces neutral and 81 % of the FER+ majority right.
"""


def log_prior(prior: str, shares: Mapping[str, float]) -> NDArray[np.float32]:
    """Return what is added to ``logits / T``, (7,) float32 in the order of EMOTIONS.

    Parameters
    ----------
    prior
        ``balanced``, ``training``, or seven shares of 0–1, comma-separated, in that order;
        they need not sum to 1.
    shares
        Of the model's metadata, by emotion; empty where its logits still carry their prior,
        which then cannot be taken out: zeros are returned.

    Raises
    ------
    ConfigError
        If `prior` is none of these.
    """
    # Not at the top: the settings check a prior before numpy may be imported.
    import numpy as np

    given = check_prior(prior)
    if not shares or prior == BALANCED:
        return np.zeros(len(EMOTIONS), np.float32)
    values = np.array(given or [shares[e] for e in EMOTIONS])
    return np.asarray(np.log(values / values.sum()), np.float32)


def check_prior(text: str) -> list[float]:
    """Return the seven shares that a text names, none for a word; ConfigError for all else."""
    if text in (BALANCED, TRAINING):
        return []
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(EMOTIONS) or not all(0.0 < value < math.inf for value in values):
        raise ConfigError(
            f"classifier.prior: expected {BALANCED}, {TRAINING} or seven shares above 0 in the "
            f"order {','.join(EMOTIONS)}, received {text!r}",
            "for a place where half the faces are neutral: 1,1,1,1,6,1,1",
        )
    return values
