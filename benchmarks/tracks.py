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
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
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

SEED = 20231
WIDTH, HEIGHT, SECONDS = 640, 480, 20.0
NEAR_IOU = 0.3  # as YuNetDetector.detect_near
CAMERAS = {"camera": 30.0, "network": 15.0, "slow": 5.0, "15 fps": 15.0, "10 fps": 10.0}
MISSED, MISSED_S, UNSURE, FALSE, COVERED = 0.2, 0.2, 0.5, 0.01, 0.5
SURE = 0.6
FINE = 60  # steps a second of the people's motion

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Person:
    """When somebody is there, and where: (N, 3) centre x, y and height at each fine step."""

    begin: int
    path: NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """One delivered frame."""

    arrived_s: float
    truth: dict[int, Box]
    found: list[Detection]


def stroll(rng: np.random.Generator, steps: int) -> NDArray[np.float64]:
    """Walk from one side (or from where one sits) with pauses; come and go at the border."""
    height = math.exp(rng.uniform(math.log(40), math.log(130)))
    out = np.zeros((steps, 3))
    x = float(rng.choice([-0.4 * height, WIDTH + 0.4 * height, rng.uniform(80, WIDTH - 80)]))
    y, goal_x = rng.uniform(0.2, 0.7) * HEIGHT, rng.uniform(60, WIDTH - 60)
    speed, wait, phase = rng.uniform(0.4, 1.5) * height, 0, rng.uniform(0, 6)
    for i in range(steps):
        if wait:
            wait -= 1
        elif abs(goal_x - x) < speed / FINE:
            goal_x, wait = rng.uniform(60, WIDTH - 60), int(rng.uniform(0, 3) * FINE)
            speed = rng.uniform(0.4, 1.5) * height
        else:
            x += math.copysign(speed / FINE, goal_x - x)
        nod = 0.03 * height * math.sin(2 * math.pi * 0.8 * i / FINE + phase)
        out[i] = x, y + nod, height * (1 + 0.08 * math.sin(0.5 * i / FINE + phase))
    return out


def people(rng: np.random.Generator) -> list[Person]:
    """Fill two to six places for the whole scene; who leaves is followed after a while."""
    total, out = int(SECONDS * FINE), []
    for _ in range(rng.integers(2, 7)):
        at = int(rng.uniform(0, 2) * FINE)
        while at < total - FINE:
            steps = min(total - at, int(rng.uniform(4, 15) * FINE))
            out.append(Person(at, stroll(rng, steps)))
            at += steps + int(rng.uniform(1.5, 4) * FINE)
    return out


def scene(rng: np.random.Generator, kind: str) -> list[Look]:
    """Make the looks of one scene."""
    cast, fps = people(rng), CAMERAS[kind]
    missing = [0] * len(cast)
    weak = [False] * len(cast)
    lost_until, next_loss = 0.0, rng.uniform(2, 5)
    looks: list[Look] = []
    for frame in range(int(SECONDS * fps)):
        now = frame / fps
        if now >= next_loss:
            lost_until, next_loss = now + rng.uniform(0.1, 0.4), now + rng.uniform(2, 5)
        if now < lost_until:
            continue
        boxes: dict[int, Box] = {}
        for n, person in enumerate(cast):
            step = int(now * FINE) - person.begin
            if 0 <= step < len(person.path):
                x, y, h = person.path[step]
                boxes[n] = (x - 0.4 * h, y - 0.5 * h, 0.8 * h, h)
        truth = {n: b for n, b in boxes.items() if not _covered(n, boxes)}
        found = []
        run = max(1.0, MISSED_S * fps / 2 + 0.5)  # mean frames of a run
        visible = list(truth.items())
        for n, (x, y, _, h) in visible:
            if not missing[n] and rng.random() < MISSED / run / (1 - MISSED):
                missing[n] = 1 if run == 1 else int(rng.integers(1, round(2 * run)))
                weak[n] = rng.random() < UNSURE
            gone = missing[n] > 0
            missing[n] = max(0, missing[n] - 1)
            if gone and not weak[n]:
                del truth[n]  # nobody can be joined to what was not found
                continue
            score = rng.uniform(0.35, 0.58) if gone else rng.uniform(0.65, 0.95)
            dx, dy, grow = rng.normal(0, 0.03, 3)
            high = h * (1 + grow)
            found.append(Detection(x + dx * h, y + dy * h, 0.8 * high, high, float(score)))
        if rng.random() < FALSE:
            h = rng.uniform(30, 80)
            at = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
            found.append(Detection(*at, 0.8 * h, h, float(rng.uniform(0.6, 0.7))))
        rng.shuffle(found)  # type: ignore[arg-type]
        late = (2 - frame % 3) / fps - 0.002 * (2 - frame % 3) if kind == "network" else 0.0
        looks.append(Look(now + late, truth, found))
    return looks


def _covered(n: int, boxes: dict[int, Box]) -> bool:
    """Tell whether a larger face, nearer to the camera, hides this one."""
    x, y, w, h = boxes[n]
    if not (0 <= x + w / 2 <= WIDTH):
        return True
    for m, (x1, y1, w1, h1) in boxes.items():
        if m != n and h1 > h:
            across = min(x + w, x1 + w1) - max(x, x1)
            down = min(y + h, y1 + h1) - max(y, y1)
            if across > 0 and down > 0 and across * down > COVERED * w * h:
                return True
    return False


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
