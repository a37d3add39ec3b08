"""How calm are the shown labels? 200 seeded sequences at 15 and 30 frames a second.

    python benchmarks/calm.py FER2013_DIR [--split validation] [--model ferplus] [--seed N]

Each sequence shows three pictures of the data set for three seconds each. Every frame is moved
(±4 % shift, ±5 % scale, ±4° rotation), noisy (σ 6) and lit differently (±8 %), drawn anew for
each frame; these parameters were fixed before the filter was tuned. The raw label is the
likeliest of each frame, the shown one is the smoother's.

Flips are changes of label from frame to frame beyond the one that is due where a new picture
settles on another label; delay is the time from a change of picture to the shown label that the
raw classifier settles on (its most frequent label of that picture), over the changes where the
raw classifier does change its mind. Accuracy is that of all frames, against the folders' labels or,
of the model ferplus, the majority of votes; ``uncertain`` counts as wrong.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from fer_runtime.faces.smoothing import Smoother
from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.model.classifier import Classifier
from fer_runtime.settings.faces import SmoothingSettings
from fer_training.data.ferplus import VOTES_NAME, majority, read_votes

SEQUENCES = 200
PICTURES = 3
SECONDS = 3
SEED = 20231


def shaken(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return one frame's version of a (48, 48) uint8 picture."""
    turn = cv2.getRotationMatrix2D((23.5, 23.5), rng.uniform(-4, 4), rng.uniform(0.95, 1.05))
    turn[:, 2] += rng.uniform(-0.04, 0.04, 2) * 48
    moved = cv2.warpAffine(picture, turn, (48, 48), borderMode=cv2.BORDER_REPLICATE)
    light = 1 + rng.uniform(-0.08, 0.08)
    noisy = moved * light + rng.normal(0, 6, moved.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def raw_probabilities(
    folder: Path, model: str, fps: int, sequences: int = SEQUENCES, seed: int = SEED
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (S, P, F, 7) of every frame, and the labels (S, P), -1 for none."""
    classifier = Classifier(model)
    files = sorted(folder.glob("*/*.jpg"))
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(files), (sequences, PICTURES), replace=False)
    out = np.zeros((sequences, PICTURES, SECONDS * fps, 7), np.float32)
    for s, p in np.ndindex(chosen.shape):
        picture = cv2.imread(str(files[chosen[s, p]]), cv2.IMREAD_GRAYSCALE)
        frames = np.stack([shaken(picture, rng) for _ in range(SECONDS * fps)])
        out[s, p] = classifier.probabilities(frames)
    return out, truth(folder, [files[i] for i in chosen.flat], model).reshape(chosen.shape)


def truth(folder: Path, files: list[Path], model: str) -> np.ndarray:
    """Return what `model` was trained to say of each picture; -1 where people do not agree."""
    table = folder.parent / VOTES_NAME
    if model == "ferplus" and table.exists():
        votes = read_votes(table)
        names = [f.relative_to(folder.parent).as_posix() for f in files]
        return majority(np.array([votes.get(name, (0,) * 10) for name in names])).labels
    return np.array([EMOTIONS.index(f.parent.name) for f in files])


def measure(
    raw: np.ndarray, labels: np.ndarray, fps: int, settings: SmoothingSettings
) -> dict[str, float]:
    """Run the smoother over raw probabilities and compare it with the raw labels."""
    names = [*EMOTIONS, UNCERTAIN]
    first = raw.argmax(-1)  # (S, P, F)
    shown = np.zeros_like(first)
    frames = raw.shape[2]
    delays: list[float] = []
    missed = 0
    for s in range(len(raw)):
        smoother = Smoother(settings)
        for p, f in np.ndindex(raw.shape[1:3]):
            now = (p * frames + f) / fps
            shown[s, p, f] = names.index(smoother.update(1, raw[s, p, f], now)[0])
        for p in range(1, raw.shape[1]):
            before, after = _mode(first[s, p - 1]), _mode(first[s, p])
            if before == after:
                continue
            hit = np.flatnonzero(shown[s, p] == after)
            if len(hit):
                delays.append(hit[0] / fps)
            else:
                missed += 1
                delays.append(SECONDS)
    judged = labels >= 0
    known = shown[judged] < len(EMOTIONS)
    right = (shown == labels[..., None])[judged]
    # One draw is a picture, not a frame.
    gain = ((shown == labels[..., None]).mean(-1) - (first == labels[..., None]).mean(-1))[judged]
    raw_flips, flips = _flips(first), _flips(shown)
    within = frames * raw.shape[0] * raw.shape[1]
    return {
        "fps": fps,
        "raw_flips": raw_flips,
        "shown_flips": flips,
        "raw_flip_share": raw_flips / within,
        "shown_flip_share": flips / within,
        "fewer": raw_flips / max(flips, 1),
        "delay_median_ms": 1000 * float(np.median(delays)),
        "delay_p90_ms": 1000 * float(np.percentile(delays, 90)),
        "changes": len(delays),
        "never_shown": missed,
        "raw_accuracy": float((first == labels[..., None])[judged].mean()),
        "shown_accuracy": float(right.mean()),
        "shown_accuracy_when_certain": float(right[known].mean()),
        "accuracy_gain": float(gain.mean()),
        "accuracy_gain_95_interval": 1.96 * float(gain.std(ddof=1) / np.sqrt(gain.size)),
        "uncertain_share": float((shown == len(EMOTIONS)).mean()),
    }


def _flips(labels: np.ndarray) -> int:
    """Count changes along sequences (S, P, F), less those that a change of picture owes."""
    changes = int((np.diff(labels.reshape(len(labels), -1), axis=1) != 0).sum())
    settled = np.array([[np.bincount(p, minlength=8).argmax() for p in s] for s in labels])
    return changes - int((np.diff(settled, axis=1) != 0).sum())


def _mode(values: np.ndarray) -> int:
    return int(np.bincount(values, minlength=7).argmax())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--model", default="ferplus")
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    for fps in (15, 30):
        raw, labels = raw_probabilities(
            given.folder / given.split, given.model, fps, given.sequences, given.seed
        )
        rows.append(measure(raw, labels, fps, SmoothingSettings()))
    for key in rows[0]:
        print(f"{key:<28}" + "".join(f"{row[key]:>12.4g}" for row in rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
