"""The alignment benchmark turns faces the way that the runtime turns crops back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FOLDER = os.environ.get("FER2013_DIR", "")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("degrees", [-30, -10, 10, 30])
def test_a_turned_face_is_turned_back(assets: Path, degrees: int) -> None:
    """A wrong sign, here or in the crop, would double the tilt."""
    from align import turned_frame
    from clips import portrait_head
    from fer_runtime.model.crop import crop_face

    level, box = turned_frame(portrait_head(False), 0)
    frame, same = turned_frame(portrait_head(False), degrees)
    assert same == box
    straight = crop_face(level, box).astype(float)
    back = crop_face(frame, box, angle=degrees).astype(float)
    tilted = crop_face(frame, box).astype(float)
    assert np.abs(back - straight).mean() < 0.4 * np.abs(tilted - straight).mean()


def test_the_table(assets: Path) -> None:
    from align import ROTATIONS, VARIANTS, as_table, measure
    from clips import portrait_head

    happy = replace(portrait_head(False), label=3)
    figures = measure([happy, replace(happy, label=0)], "ferplus")
    assert figures["missed"] == dict.fromkeys(map(str, ROTATIONS), 0)
    row = figures["rows"]["0"]
    assert row["found"] == 2
    # One picture is labelled as what it is and one is not.
    assert {row[v]["accuracy"] for v in VARIANTS} == {50.0}
    assert row["plain"]["difference"] == row["plain"]["half"] == 0
    assert figures["extra_cpu_ms"]["scales"] > 0
    lines = as_table(figures).splitlines()
    assert lines[1].split() == ["degrees", "found", "eyes", *VARIANTS]
    assert len(lines) == 2 + len(ROTATIONS) + 2 + 1


@pytest.mark.data
@pytest.mark.skipif(not FOLDER, reason="FER2013_DIR is not set")
def test_the_command(assets: Path, tmp_path: Path) -> None:
    file = tmp_path / "align.json"
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "align.py"), FOLDER, "--pictures", "8", "--model",
         "ferplus", "--json", str(file)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    (figures,) = json.loads(file.read_text("utf-8"))
    for turn, missed in figures["missed"].items():
        assert figures["rows"][turn]["found"] + missed == 8
    # Judged by the FER+ majority; by chance one in seven would be right.
    assert figures["rows"]["0"]["plain"]["accuracy"] >= 40
    assert done.stdout.startswith("ferplus: 8 pictures")
