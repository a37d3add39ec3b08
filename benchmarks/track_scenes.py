"""Generated scenes of people who come and go, for `tracks.py`: boxes with known truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_runtime.faces.detector import Detection

WIDTH, HEIGHT, SECONDS = 640, 480, 20.0
CAMERAS = {"camera": 30.0, "network": 15.0, "slow": 5.0, "15 fps": 15.0, "10 fps": 10.0}
MISSED, MISSED_S, UNSURE, FALSE, COVERED = 0.2, 0.2, 0.5, 0.01, 0.5
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
