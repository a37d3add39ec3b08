"""Stable ids: gaps, crossings, misses, newcomers."""

from __future__ import annotations

import numpy as np
import pytest

from fer_runtime.faces.detector import Detection, iou
from fer_runtime.faces.tracker import Tracker
from fer_runtime.settings.faces import TrackerSettings


def face(x: float, y: float = 100, size: float = 80, score: float = 0.9) -> Detection:
    return Detection(x, y, size, size, score)


def known(*faces: Detection, settings: TrackerSettings | None = None, at: float = 0.0) -> Tracker:
    """Return a tracker that has confirmed people where `faces` are."""
    tracker = Tracker(settings)
    tracker.update(list(faces), at - 1 / 30)
    assert len(tracker.update(list(faces), at)) == len(faces)
    return tracker


def test_iou() -> None:
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert iou((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert iou((0, 0, 10, 10), (10, 0, 10, 10)) == 0


def test_one_person_keeps_the_id_while_moving() -> None:
    tracker = Tracker()
    ids = {t.face_id for i in range(40) for t in tracker.update([face(10 + 12 * i)], i / 30)}
    assert ids == {1}


def test_fast_motion_between_slow_frames() -> None:
    tracker = Tracker()
    # 4 frames a second, three quarters of a face width each: the boxes hardly overlap.
    ids = {t.face_id for i in range(8) for t in tracker.update([face(60 * i)], i / 4)}
    assert ids == {1}


def test_a_person_is_born_when_found_in_two_of_three_looks() -> None:
    tracker = Tracker()
    assert tracker.update([face(100)], 0.0) == []
    assert tracker.update([], 0.03) == []
    assert [t.face_id for t in tracker.update([face(100)], 0.07)] == [1]
    # Once in three looks is a ghost, and takes no number.
    assert [t.face_id for t in tracker.update([face(100), face(400)], 0.1)] == [1]
    for i in range(3):
        tracker.update([face(100)], 0.13 + i / 30)
    tracker.update([face(100), face(400)], 0.3)
    assert [t.face_id for t in tracker.update([face(100), face(400)], 0.33)] == [1, 2]


def test_pictures_that_stand_alone_are_read_at_once() -> None:
    tracks = Tracker().update([face(100), face(400)], 0.0, at_once=True)
    assert [t.face_id for t in tracks] == [1, 2]


def test_an_unsure_face_keeps_a_person_and_never_begins_one() -> None:
    tracker = known(face(100))
    for i in range(1, 200):
        (track,) = tracker.update([face(100, score=0.4), face(400, score=0.5)], i / 30)
        assert track.face_id == 1 and track.detection.score == 0.4
    # One who was lost for long comes back with a sure face only.
    tracker.update([], 6.7)
    assert [t.face_id for t in tracker.update([face(100, score=0.4)], 6.73)] == [1]
    for at in (6.8, 7.0, 7.2):
        tracker.update([], at)
    assert tracker.update([face(100, score=0.4)], 7.4) == []
    assert [t.face_id for t in tracker.update([face(100)], 7.5)] == [1]


@pytest.mark.parametrize(("first", "second", "born"), [(0.9, 0.45, True), (0.65, 0.5, False)])
def test_two_looks_that_are_sure_on_average_confirm(
    first: float, second: float, born: bool
) -> None:
    tracker = Tracker()
    tracker.update([face(100, score=first)], 0.0)
    assert bool(tracker.update([face(100, score=second)], 0.1)) == born
    # However often: an unsure face begins nobody.
    tracker = Tracker()
    for i in range(6):
        assert tracker.update([face(100, score=0.59)], i / 10) == []


def test_a_sure_stranger_does_not_take_the_place_of_who_is_seen_unsurely() -> None:
    tracker = known(face(100))
    there, stranger = face(102, score=0.45), face(150)
    for i in range(2):
        found = tracker.update([stranger, there], 0.1 + i / 10)
    assert [(t.face_id, t.detection) for t in found] == [(2, stranger), (1, there)]


def test_a_face_found_twice_is_one_person() -> None:
    tracker = known(face(100))
    for i in range(1, 9):
        assert len(tracker.update([face(100), face(115, 110)], i / 30)) == 1


def test_short_gap_survives_and_long_gap_makes_a_new_id() -> None:
    tracker = known(face(100), settings=TrackerSettings(max_gap_s=1.0))
    assert tracker.update([], 0.5) == []
    assert tracker.update([face(105)], 0.9)[0].face_id == 1
    tracker.update([], 1.5)
    tracker.update([face(105)], 2.5)
    assert tracker.update([face(105)], 2.53)[0].face_id == 2


def test_ids_are_never_used_again() -> None:
    tracker = Tracker(TrackerSettings(max_gap_s=0.1))
    seen = []
    for i in range(5):
        tracker.update([face(100)], float(i))
        seen += [t.face_id for t in tracker.update([face(100)], i + 0.03)]
    assert seen == [1, 2, 3, 4, 5]
    tracker.reset()
    tracker.update([face(100)], 5.1)
    assert tracker.update([face(100)], 5.13)[0].face_id == 6


def test_a_source_slower_than_the_gap_keeps_its_people() -> None:
    tracker = Tracker(TrackerSettings(max_gap_s=1.0))
    ids = [t.face_id for i in range(6) for t in tracker.update([face(100 + 3 * i)], i * 2.0)]
    assert ids == [1] * 5


def test_frames_that_arrive_in_bursts_do_not_multiply_people() -> None:
    """A network camera at 15 a second delivers three frames at a time, two milliseconds apart."""
    tracker = Tracker()
    ids = set()
    for i in range(150):
        arrived = (i // 3 * 3 + 2) / 15 + 0.002 * (i % 3)
        ids |= {t.face_id for t in tracker.update([face(10 + 8 * i)], arrived)}
    assert ids == {1}


def test_two_people_who_cross_keep_their_ids() -> None:
    tracker = Tracker()
    first = second = 0
    for i in range(61):
        left, right = face(10 + 8 * i, 100), face(490 - 8 * i, 130)
        # The detector's order says nothing: largest first flips at random.
        tracks = tracker.update([left, right] if i % 2 else [right, left], i / 30)
        by_left = {round(t.detection.y): t.face_id for t in tracks}
        if i == 0:
            continue
        if i == 1:
            first, second = by_left[100], by_left[130]
        assert (by_left[100], by_left[130]) == (first, second), f"frame {i}"


def test_crossing_with_an_occlusion() -> None:
    tracker = Tracker()
    start = {}
    for i in range(61):
        left, right = face(10 + 8 * i, 100), face(490 - 8 * i, 110)
        hidden = abs(left.x - right.x) < 40  # the one behind is not found
        tracks = tracker.update([left] if hidden else [left, right], i / 30)
        ids = {round(t.detection.y): t.face_id for t in tracks}
        start = start or ids
    assert ids == start


@pytest.mark.parametrize("missing_s", [0.0, 0.5])
def test_who_is_behind_somebody_is_not_gone(missing_s: float) -> None:
    """The one in front walks on with the other behind, and may be missed now and then."""
    tracker = known(face(100, 120, 60), face(150, 100, 100), settings=TrackerSettings(max_gap_s=1))
    tracker.update([face(100, 120, 60), face(120, 100, 100)], 0.1)
    for i in range(2, 40):
        missed = i % 10 >= 10 * (1 - missing_s)
        tracker.update([] if missed else [face(120 + 4 * i, 100, 100)], i / 10)
    tracks = tracker.update([face(240, 122, 61), face(320, 100, 100)], 4.0)
    assert [t.face_id for t in tracks] == [1, 2]


def test_who_does_not_come_out_from_behind_is_gone_in_the_end() -> None:
    tracker = known(face(60, 120, 60), face(90, 100, 100), settings=TrackerSettings(max_gap_s=1))
    for i in range(1, 50):
        tracker.update([face(90, 100, 100)], i / 10)
    assert {t.face_id for t in tracker.tracks} == {2}


def test_who_is_behind_nobody_is_gone_as_ever() -> None:
    tracker = known(face(100, 120, 60), face(300, 100, 100), settings=TrackerSettings(max_gap_s=1))
    for i in range(1, 13):
        tracker.update([face(300, 100, 100)], i / 10)
    assert {t.face_id for t in tracker.tracks} == {2}


@pytest.mark.parametrize(("there", "same"), [((160, 100), True), ((100, 160), False)])
def test_people_go_further_sideways_than_up_and_down(there: tuple[int, int], same: bool) -> None:
    tracker = known(face(100))
    tracker.update([], 0.1)
    tracker.update([], 0.2)
    tracker.update([face(*there)], 0.3)
    assert (1 in {t.face_id for t in tracker.tracks if not t.missed}) == same


def test_a_second_person_gets_a_new_id() -> None:
    tracker = known(face(50))
    tracker.update([face(400), face(52)], 0.03)
    ids = [t.face_id for t in tracker.update([face(400), face(52)], 0.07)]
    assert ids == [2, 1]


def test_another_size_is_another_person() -> None:
    tracker = known(face(100, size=40))
    tracker.update([face(170, size=160)], 0.03)
    assert tracker.update([face(170, size=160)], 0.07)[0].face_id == 2


def test_who_steps_in_front_is_not_the_one_who_was_there() -> None:
    tracker = known(face(100))
    tracker.update([face(130, 70, 115)], 0.2)
    assert [t.face_id for t in tracker.update([face(130, 70, 115)], 0.4)] == [2]
    # A face that comes nearer at the same place is the same, however fast.
    tracker = known(face(100))
    assert [t.face_id for t in tracker.update([face(90, 90, 110)], 0.2)] == [1]


def test_a_newcomer_is_not_taken_for_somebody_lost_beside() -> None:
    tracker = known(face(100))
    tracker.update([], 0.1)
    tracker.update([face(190)], 0.2)  # too far for the time that has passed
    assert [t.face_id for t in tracker.update([face(190)], 0.7)] == [2]


def test_faces_met_between_two_looks() -> None:
    """Nobody known is missed by it; somebody lost is found, somebody new begins."""
    tracker = known(face(100), face(400))
    tracker.update([face(100)], 0.1)
    assert not tracker.meet([face(700, score=0.5)], 0.13)
    assert tracker.meet([face(402), face(700)], 0.17)
    assert [(t.face_id, t.missed, t.looks) for t in tracker.tracks] == [
        (1, 0, 3),
        (2, 0, 3),
        (0, 0, 1),
    ]
    assert [t.face_id for t in tracker.coast(0.2)] == [1, 2]
    found = tracker.update([face(100), face(402), face(700)], 0.23)
    assert [t.face_id for t in found] == [1, 2, 3]


def test_nothing_is_read_of_people_who_were_missed() -> None:
    tracker = known(face(100), face(400))
    tracker.update([face(100)], 0.1)
    assert [t.face_id for t in tracker.coast(0.13)] == [1]
    # The one who was missed is still known.
    assert {t.face_id for t in tracker.update([face(100), face(400)], 0.2)} == {1, 2}


def test_coasting_follows_the_motion_and_ends() -> None:
    tracker = Tracker(TrackerSettings(max_gap_s=0.5))
    for i in range(20):
        tracker.update([face(100 + 10 * i)], i / 30)
    last = 100 + 10 * 19
    (track,) = tracker.coast(20 / 30)
    assert last + 5 < track.detection.x < last + 12
    assert track.face_id == 1 and track.detection.eyes is None
    assert tracker.coast(20 / 30 + 1.0) == []


def test_misses_and_noise_over_a_long_run_give_one_id() -> None:
    rng = np.random.default_rng(5)
    tracker = Tracker()
    ids = set()
    for i in range(3000):
        x = 300 + 200 * np.sin(i / 40) + rng.normal(0, 2)
        y, size = 100 + rng.normal(0, 2), 80 + rng.normal(0, 3)
        found = [] if rng.random() < 0.1 else [face(x, y, size)]
        ids |= {t.face_id for t in tracker.update(found, i / 30)}
    assert ids == {1}


@pytest.mark.parametrize("fps", [5, 10, 30])
@pytest.mark.parametrize(("speed", "height"), [(0.5, 100), (1.0, 130), (1.5, 130)])
def test_who_sits_and_is_passed_by_keeps_the_id(fps: int, speed: float, height: float) -> None:
    """Somebody nearer walks past and hides them, for 0.6 s longer than the faces overlap."""
    tracker, ids, hidden_s = Tracker(), set(), -9.0
    for i in range(10 * fps):
        now = i / fps
        x = speed * height * now - 60
        found = [face(x - 0.5 * height, 210 - 0.5 * height, height)] if -40 < x < 680 else []
        if abs(x - 300) < 0.3 * (height + 80):
            hidden_s = now
        elif now - hidden_s > 0.6:
            found.append(face(260, 160))
        ids |= {t.face_id for t in tracker.update(found, now) if t.detection.h == 80}
    assert len(ids) == 1
