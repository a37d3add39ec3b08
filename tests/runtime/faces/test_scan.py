"""The frame is searched part by part: all of it, nothing too large for one frame's time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fer_runtime.faces.scan import FACE_PX, Scan, frequencies, part_size, parts, whole

FIVE, TEN = ([1 / 3, *[2 / 3 / n] * n] for n in (4, 9))


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080), (480, 640), (160, 120)])
@pytest.mark.parametrize("smallest", [12, 24, 32, 64, 400])
def test_parts_cover_the_frame_and_are_small(size: tuple[int, int], smallest: int) -> None:
    coarse, *fine = parts(*size, smallest)
    assert (coarse.x, coarse.y, coarse.w, coarse.h) == (0, 0, *size)
    most = part_size(size[0])
    assert coarse.size[0] <= most[0] and coarse.size[1] <= most[1]
    for part in fine:
        assert part.size[0] <= most[0] and part.size[1] <= most[1]
        assert part.x + part.w <= size[0] and part.y + part.h <= size[1]
    before = coarse.scale
    for scale in sorted({p.scale for p in fine}):
        assert before < scale <= 3.01 * before
        level = [p for p in fine if p.scale == scale]
        # Wherever a face of the height lies that the coarser search finds (two thirds of the sure
        # one), one part shows it whole.
        face = int(FACE_PX / before * 2 / 3)
        whole_in = np.zeros((size[1] - face + 1, size[0] - face + 1), bool)
        for part in level:
            whole_in[part.y : part.y + part.h - face + 1, part.x : part.x + part.w - face + 1] = 1
        assert whole_in.all()
        before = scale
    assert before == pytest.approx(max(coarse.scale, min(1.0, FACE_PX / smallest)))


def test_the_scale_is_that_of_the_smallest_face() -> None:
    assert whole(640, 480, 24).size == (640, 480)
    assert whole(640, 480, 48).size == (320, 240)
    assert whole(1920, 1080, 48).size == (960, 540)
    # Nothing is enlarged, and nothing searched more coarsely than the coarse search.
    assert whole(640, 480, 12).size == (640, 480)
    assert whole(640, 480, 1000).size == (288, 216)
    assert len(parts(640, 480, 60)) == 1 and len(parts(640, 480, 24)) == 10


@pytest.mark.parametrize(("size", "levels"), [((160, 120), 1), ((640, 480), 2), ((1920, 1080), 3)])
def test_coarser_scales_have_their_turns_more_often(size: tuple[int, int], levels: int) -> None:
    all_parts = parts(*size, 24)
    often = frequencies(all_parts)
    assert sum(often) == pytest.approx(1) and len(set(often)) == levels
    assert often == sorted(often, reverse=True)
    scan, taken = Scan(), [0] * len(often)
    for i in range(2000):
        taken[scan.next(often, float(i))] += 1
    np.testing.assert_allclose(np.array(taken) / 2000, often, rtol=0.15)


def test_every_part_has_its_turn_at_the_rate() -> None:
    scan = Scan()
    taken = [scan.next(FIVE, i / 30, 15.0) for i in range(60) if scan.due(i / 30, 15.0)]
    assert 28 <= len(taken) <= 31
    assert taken[0] == 0 and taken[:7] == [0, 1, 2, 0, 3, 4, 0]
    assert set(taken) == set(range(5))
    assert scan.due(2.1, 15.0)
    scan.next(FIVE, 2.1, 15.0)
    scan.next(FIVE, 2.11, 15.0)
    assert not scan.due(2.12, 15.0)
    assert scan.due(2.18, 15.0) and not scan.due(2.18, 15.0, 0.08)
    scan.reset()
    assert scan.due(2.12, 15.0) and scan.next(FIVE, 2.12, 15.0) == 0


def test_the_rate_is_held_where_frames_do_not_fit_it() -> None:
    """Every second frame of 15 a second is free: 7.5 chances a second for 6 turns."""
    scan, taken = Scan(), 0
    for i in range(75):
        if scan.due(i / 7.5, 6.0):
            scan.next(FIVE, i / 7.5, 6.0)
            taken += 1
    assert 59 <= taken <= 61
    # A long pause is not made up for.
    assert scan.due(20.0, 6.0)
    scan.next(FIVE, 20.0, 6.0)
    scan.next(FIVE, 20.001, 6.0)
    assert not scan.due(20.03, 6.0)


def test_a_changed_part_comes_first_and_the_others_have_their_turns_too() -> None:
    scan, taken = Scan(), []
    for i in range(10):
        scan.next(TEN, float(i))
    for i in range(30):
        taken.append(scan.next(TEN, 10.0 + i, changed=[n == 7 for n in range(10)]))
    assert taken[0] == 7
    # Something that moves all the time is searched often, and starves nobody.
    assert set(taken) == set(range(10)) and 3 <= taken.count(7) <= 12


def test_where_all_moves_the_coarse_search_has_every_second_turn_at_most() -> None:
    scan, taken = Scan(), []
    for i in range(60):
        changed = [n in (0, 7) for n in range(10)]
        taken.append(scan.next(TEN, float(i), changed=changed))
    assert (0, 0) not in list(pairwise(taken)) and 20 <= taken.count(0) <= 30
    assert set(taken) == set(range(10))


def test_turns_that_were_not_due_are_not_taken_from_later_ones() -> None:
    """An empty room is searched in every frame; whoever comes beside the first is not to wait."""
    scan = Scan()
    for i in range(600):
        scan.next(TEN, i / 30, 7.5)
    assert scan.due(599 / 30 + 0.14, 7.5)


def test_a_search_that_begins_again_and_again_starves_no_part() -> None:
    scan, taken = Scan(), set()
    for i in range(90):
        if i % 3 == 0:
            scan.reset()
        taken.add(scan.next(TEN, float(i)))
    assert taken == set(range(10))
