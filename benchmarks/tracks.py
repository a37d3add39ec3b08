"""Do ids mean people? Generated scenes with known truth, judged by motmetrics.

    python benchmarks/tracks.py [--scenes 30] [--seed 7] [--other FILE]    FILE: another tracker.py
    python benchmarks/tracks.py --looks           through the pipeline, as the runtime looks

A scene is 20 seconds of boxes in 640×480, two to six people at a time with faces of 40–130 px who
stroll (up to 1.5 face heights a second), cross, stand, leave and are followed by others. What the
tracker gets: boxes with noise (3 % of the height), of which 20 % are missed in runs of up to
0.2 s, half of them wholly, half with a low score; nothing of a face that is covered by a larger one
by more than half; a false box in one frame of a hundred; and every two to five seconds a burst of
up to 0.4 s of lost frames. *camera*: 30 frames a second. *network*: 15 a second that
arrive in bursts of three, 2 ms apart. *slow*: 5 a second.

The tracker alone gets every frame. With --looks the runtime's own loop is judged on every frame:
known faces looked for near where they are expected, `detector.look_rate` times a second, newcomers
searched for part by part between; a stand-in for YuNet answers with the scene's boxes.

Judged are the faces that were found, surely or not, in the frames that were delivered: IDF1
(Ristani et al. 2016), identity switches, fragmentations, and ids in all beside people in all. A box
counts for a person if their IoU is 0.4 or more. Seed 20231 was tuned on; judge with another.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import motmetrics
import numpy as np
from numpy.typing import NDArray

from fer_runtime import EmotionPipeline
from fer_runtime.arrays import Image
from fer_runtime.faces.detector import Detection, YuNetDetector, iou
from fer_runtime.faces.scan import FACE_PX, Part, parts
from fer_runtime.faces.tracker import Track, Tracker
from fer_runtime.settings.faces import DetectorSettings
from track_scenes import CAMERAS, HEIGHT, WIDTH, Box, scene

SEED = 20231
NEAR_IOU = 0.3  # as YuNetDetector.detect_near
SURE = 0.6


class StandIn(YuNetDetector):
    """Answers with the boxes of a scene where YuNet would look."""

    def __init__(self) -> None:
        self.found: list[Detection] = []

    def parts(self, frame: Image) -> list[Part]:
        """Divide the frame as ever."""
        return parts(WIDTH, HEIGHT, DetectorSettings().smallest_face)

    def detect_part(self, frame: Image, part: Part) -> list[Detection]:
        """Return the faces that lie in the part and are not too small for its scale."""
        return [
            d
            for d in self.found
            if d.h * part.scale >= FACE_PX - 4
            and (d.x > part.x or part.x == 0)
            and (d.y > part.y or part.y == 0)
            and (d.x + d.w < part.x + part.w or part.x + part.w == WIDTH)
            and (d.y + d.h < part.y + part.h or part.y + part.h == HEIGHT)
        ]

    def detect_near(
        self, frame: Image, boxes: list[Box], unseen_s: list[float]
    ) -> list[Detection | None]:
        """Return the face that overlaps each box most, each face once."""
        out: list[Detection | None] = []
        for box in boxes:
            overlaps = [iou(d.box, box) for d in self.found]
            most = max(overlaps, default=0.0)
            best = self.found[overlaps.index(most)] if most >= NEAR_IOU else None
            out.append(None if best in out else best)
        return out


class NoClassifier:
    """Stands in for the network: what a face shows is not judged here."""

    crop_shape, state_size, name = (1, 1), 0, "none"

    def crop(self, frame: Image, box: Box) -> Image:
        """Cut nothing."""
        return np.zeros((1, 1), np.uint8)

    def probabilities(self, crops: Image) -> NDArray[np.float32]:
        """Say nothing."""
        return np.full((len(crops), 7), 1 / 7, np.float32)


class Runtime:
    """The pipeline in the place of a tracker."""

    def __init__(self) -> None:
        self._eye = StandIn()
        nobody: Any = NoClassifier()
        self._pipeline = EmotionPipeline(detector=self._eye, classifier=nobody)
        self._frame = np.zeros((int(HEIGHT), WIDTH, 3), np.uint8)

    def update(self, found: list[Detection], now: float) -> list[Track]:
        """Read a frame in which these faces can be found; each is drawn, and so is a change."""
        self._eye.found = found
        self._frame.fill(0)
        for d in found:
            left, top = round(max(0.0, d.x)), round(max(0.0, d.y))
            self._frame[top : round(d.y + d.h), left : round(d.x + d.w)] = 128
        readings = self._pipeline.follow(now)
        if readings is None:
            readings = self._pipeline.analyze(self._frame, now)
        return [Track(r.face_id, Detection(*map(float, r.box), 1.0), now) for r in readings]


def judge(
    make: Callable[[], Any], kind: str, scenes: int, weak: bool, seed: int = SEED
) -> dict[str, float]:
    """Run a tracker over scenes, with or without unsure faces, and return the figures."""
    accumulators, ids, persons = [], 0, 0
    for n in range(scenes):
        rng = np.random.default_rng([seed, list(CAMERAS).index(kind), n])
        tracker, truth = make(), motmetrics.MOTAccumulator(auto_id=True)
        seen: set[int] = set()
        known: set[int] = set()
        for look in scene(rng, kind):
            # 0.1.0 was given sure faces only.
            found = [d for d in look.found if weak or d.score >= SURE]
            given = tracker.update(found, look.arrived_s)
            boxes = [t.detection.box for t in given]
            distance = motmetrics.distances.iou_matrix(
                list(look.truth.values()), boxes, max_iou=0.6
            )
            truth.update(list(look.truth), [t.face_id for t in given], distance)
            seen |= {t.face_id for t in given}
            known |= set(look.truth)
        accumulators.append(truth)
        ids, persons = ids + len(seen), persons + len(known)
    names = ["idf1", "idp", "idr", "num_switches", "num_fragmentations"]
    table = motmetrics.metrics.create().compute_many(
        accumulators, metrics=names, generate_overall=True
    )
    out = {name: float(table.loc["OVERALL", name]) for name in names}
    return out | {"ids": ids, "people": persons}


def load(file: Path) -> Any:
    """Import another version of the tracker in the place of its package."""
    spec = importlib.util.spec_from_file_location("fer_runtime.faces.other_tracker", file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file}: expected a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--other", type=Path, help="another version of tracker.py")
    parser.add_argument("--looks", action="store_true", help="judge the pipeline, not the tracker")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    makers: dict[str, Callable[[], Any]] = {"now": Runtime if given.looks else Tracker}
    if given.other:
        makers["other"] = load(given.other).Tracker
    out = {}
    for kind in CAMERAS:
        for name, make in makers.items():
            out[f"{kind} {name}"] = figures = judge(
                make, kind, given.scenes, name == "now", given.seed
            )
            print(f"{kind:<8} {name:<6}" + "  ".join(f"{k} {v:.4g}" for k, v in figures.items()))
    if given.json:
        given.json.write_text(json.dumps(out, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
