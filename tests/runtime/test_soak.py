"""The short form of `make soak`: what must not grow does not, through every camera fault."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.usefixtures("assets")
def test_five_thousand_frames_with_faults(tmp_path: Path) -> None:
    import soak

    figures = soak.soak(5000, tmp_path, print)
    held = soak.verdicts(figures)
    # Wall-clock figures belong to `make soak`; here only what does not depend on the machine.
    for what in ("memory", "open files", "threads", "rows are readings"):
        assert held[what], (what, figures)
    assert figures["faults"] >= 3
