"""Teachers' probabilities for every picture, kept in a file for students to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..atomic import replacing
from ..nets.heads import Targets


def write_soft_labels(path: str | Path, files: list[str], soft: Targets) -> None:
    """Write an .npz with ``files``, ``fer2013`` and ``ferplus``, atomically; half precision."""
    arrays = {head: values.astype(np.float16) for head, values in soft.items()}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, files=np.asarray(files), **arrays)
