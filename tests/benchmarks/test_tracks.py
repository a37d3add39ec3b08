"""The tracks benchmark: perfect ids score one, and the runtime's tracker well."""

from __future__ import annotations

import pytest

pytest.importorskip("motmetrics")


def test_ids_mean_people() -> None:
    import tracks
    from fer_runtime.faces.tracker import Tracker

    for kind, least in (("camera", 0.97), ("network", 0.97), ("10 fps", 0.96), ("slow", 0.93)):
        figures = tracks.judge(Tracker, kind, 3, weak=True)
        assert figures["idf1"] >= least, (kind, figures)


def test_the_whole_loop_is_judged() -> None:
    import tracks

    figures = tracks.judge(tracks.Runtime, "slow", 2, weak=True)
    assert 0.8 <= figures["idf1"] < 1 and figures["people"] > 4, figures


def test_a_new_id_for_every_box_scores_nothing() -> None:
    import tracks
    from fer_runtime.faces.tracker import Track

    class Forgetful:
        number = 0

        def update(self, found: list, now: float) -> list[Track]:
            out = []
            for d in found:
                self.number += 1
                out.append(Track(self.number, d, now))
            return out

    assert tracks.judge(Forgetful, "slow", 1, weak=True)["idf1"] < 0.1
