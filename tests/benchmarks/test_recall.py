"""The recall benchmark: known boxes are right, modes are compared on the same frames."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FOLDER = os.environ.get("FER2013_DIR", "")


def test_known_boxes_are_where_the_detector_sees_faces(assets: Path) -> None:
    """And near search keeps the large faces that a full search finds."""
    from recall import measure
    from recall_clips import make_clips

    figures = measure(make_clips(None, 8, low=100, width=640), ["full", "near"], "fer2013")
    assert figures["clips"] == 8 and figures["faces"] >= 8
    full, near = figures["modes"]["full"], figures["modes"]["near"]
    assert list(full) == list(near)
    key = "recall, portrait 100-200 px in 640"
    assert [k for k in full if k.startswith("recall, portrait")] == [key]
    assert full[key] >= 90 and near[key] >= full[key] - 5
    assert full["IoU, median"] > 0.6 and near["IoU, median"] > 0.6
    assert full["recall, difference"] == full["recall, ±"] == 0
    # A clip lasts longer than near search goes without looking everywhere: newcomers are found.
    large = "64 px and more"
    assert full[f"newcomers, {large}"] > 0
    for mode in (full, near):
        assert mode[f"newcomers seen, {large}"] == mode[f"newcomers, {large}"]
    delay = f"newcomers' delay, {large}, mean ms"
    assert full[delay] <= near[delay] <= 500


def test_clips_are_seeded_and_faces_move_and_grow(assets: Path) -> None:
    from recall_clips import BANDS, FRAMES, make_clips

    one, same = (list(make_clips(None, 3)) for _ in range(2))
    assert [c.boxes for c in one] == [c.boxes for c in same]
    assert all(np.array_equal(a.frames[5], b.frames[5]) for a, b in zip(one, same, strict=True))
    assert [c.frames[0].shape for c in one] == [(480, 640, 3), (720, 1280, 3), (480, 640, 3)]
    for clip in one:
        assert len(clip.frames) == FRAMES
        first, last = clip.boxes[0][0], clip.boxes[-1][0]
        assert first and last and first[:2] != last[:2]
        assert BANDS[0] <= first[3] <= last[3] <= BANDS[-1]


def test_boxes_go_to_the_right_faces() -> None:
    from recall import match

    known = [(100.0, 100.0, 80.0, 100.0), None, (400.0, 100.0, 80.0, 100.0)]
    assert match(known, []) == {}
    assert match(known, [(400, 100, 80, 100), (0, 0, 9, 9), (95, 105, 80, 100)]) == {2: 0, 0: 2}
    # Of two boxes on one face the better one counts; an eye is no face.
    assert match(known, [(110, 120, 80, 100), (100, 100, 80, 100)]) == {0: 1}
    assert match(known, [(135, 145, 10, 10)]) == {}


def test_intervals_count_a_group_as_one_observation() -> None:
    from recall import paired

    rng = np.random.default_rng(0)
    one, none = rng.integers(0, 2, 400).astype(float), np.zeros(400)
    assert paired(one, one, np.arange(400)) == (0, 0)
    mean, alone = paired(one, none, np.arange(400))
    assert mean == one.mean()
    assert alone == pytest.approx(1.96 * one.std() / 20)
    # The same values, each twelve times: no surer.
    repeated = paired(one.repeat(12), none.repeat(12), np.arange(400).repeat(12))
    assert repeated == pytest.approx((mean, alone))


@pytest.mark.data
@pytest.mark.skipif(not FOLDER, reason="FER2013_DIR is not set")
def test_the_command_prints_every_mode(assets: Path, tmp_path: Path) -> None:
    file = tmp_path / "recall.json"
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "recall.py"), FOLDER, "--clips", "4", "--low", "100",
         "--width", "640", "--modes", "full,near,rate 15", "--json", str(file)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    figures = json.loads(file.read_text("utf-8"))
    assert list(figures["modes"]) == ["full", "near", "rate 15"]
    shown = figures["modes"]["near"]["pictures shown"]
    assert 1 <= figures["modes"]["near"]["pictures found by both"] <= shown <= figures["faces"]
    lines = done.stdout.splitlines()
    assert lines[1].split("  ")[-1].strip() == "rate 15"
    assert {line[:44].strip() for line in lines[2:]} == set(figures["modes"]["full"])
