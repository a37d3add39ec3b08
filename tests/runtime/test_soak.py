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
    pytest.importorskip("paho.mqtt", reason="extra mqtt is not installed")
    from broker import MOSQUITTO

    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
    import soak

    figures = soak.soak(5000, tmp_path, print)
    held = soak.verdicts(figures)
    # Wall-clock figures belong to `make soak`; here only what does not depend on the machine.
    steady = "open files", "threads"
    whole = "rows are readings", "compressed", "messages are readings", "metrics"
    for what in steady + whole:
        assert held[what], (what, figures)
    # Single samples differ by some MB (the allocator's arenas); 2 MB over a long run are judged by
    # `make soak`. A picture that is kept for each frame would be 4,500 MB.
    assert figures["rss_growth_mb"] <= 25, figures
    assert figures["faults"] >= 3
