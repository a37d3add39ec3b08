"""Store the shipped models' answers: python tests/runtime/model/make_golden.py [FER2013_DIR].

Run it when a shipped model changes, and look at what changes in golden.json. The two
interpreters round their int8 sums differently, so each has its own answers; how far they are
apart is tested as well.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np

from fer_runtime.model.classifier import Classifier
from fer_runtime.model.interpreter import INTERPRETERS
from fer_runtime.model.metadata import shipped_models

GOLDEN = Path(__file__).parent / "golden.json"
SEED = 7
TRANSFORMS = 20
PICTURES = 100


def transforms(portrait: np.ndarray) -> np.ndarray:
    """Return (20, 48, 48) uint8: the portrait's face, moved, turned, lit and blurred by seed."""
    grey = cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY)
    rng = np.random.default_rng(SEED)
    out = []
    for _ in range(TRANSFORMS):
        # The face is 108 px high around (224, 118) in the 512 px portrait.
        side = 108 * rng.uniform(0.85, 1.25)
        turn = cv2.getRotationMatrix2D((224, 118), rng.uniform(-20, 20), 48 / side)
        turn[:, 2] += np.array([23.5 - 224, 23.5 - 118]) + rng.uniform(-4, 4, 2)
        crop = cv2.warpAffine(grey, turn, (48, 48), flags=cv2.INTER_AREA).astype(float)
        crop = crop * rng.uniform(0.4, 1.3) + rng.uniform(-20, 30)
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.2, 1.6)) + rng.normal(0, 3, (48, 48))
        out.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def picture_names(folder: Path) -> list[str]:
    """Return a hundred names of validation pictures, by seed."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.glob("validation/*/*.jpg"))
    return sorted(np.random.default_rng(SEED).choice(names, PICTURES, replace=False).tolist())


def read(folder: Path, name: str) -> np.ndarray:
    """Read one picture, (48, 48) uint8."""
    return cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE)


def main() -> None:
    """Write golden.json."""
    from fer_runtime.assets import asset_path

    portrait = cv2.imread(str(asset_path("portrait")))
    stored: dict[str, dict[str, dict[str, object]]] = {}
    for model in shipped_models():
        stored[model] = {}
        for interpreter in INTERPRETERS:
            classifier = Classifier(model, interpreter=interpreter)
            p = classifier.probabilities(transforms(portrait))
            entry: dict[str, object] = {"portrait": np.round(p, 4).tolist()}
            if len(sys.argv) > 1:
                folder = Path(sys.argv[1])
                names = picture_names(folder)
                q = classifier.probabilities(np.stack([read(folder, n) for n in names]))
                entry["pictures"] = dict(zip(names, np.round(q, 4).tolist(), strict=True))
            stored[model][interpreter] = entry
    GOLDEN.write_text(json.dumps(stored, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
