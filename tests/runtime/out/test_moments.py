"""Moments, visits and minutes, and that they agree with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
import schemas
from readings import in_frame, reading

from fer_runtime.labels import EMOTIONS
from fer_runtime.out.moments import Moments
from fer_runtime.reading import FaceReading, Minute, Moment, Record, Visit, valence

START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=timezone(timedelta(hours=1)))
RUN = "3f2a91c07be4"


def face(face_id: int, emotion: str = "happy") -> FaceReading:
    p = tuple(0.7 if e == emotion else 0.05 for e in EMOTIONS)
    return replace(reading(face_id=face_id), emotion=emotion, smoothed=p)


class Kiosk:
    """A camera of ten frames a second, its wall clock, and what is derived."""

    def __init__(self, start: datetime = START, **changes: float) -> None:
        self.moments = Moments("hall-2", RUN, **changes)
        self.start, self.now, self.frames = start, 1000.0, 0
        self.records: list[Record] = []

    @property
    def wall(self) -> datetime:
        return self.start + timedelta(seconds=self.now - 1000.0)

    def see(self, faces: Sequence[FaceReading], seconds: float, step: float = 0.1) -> None:
        for _ in range(round(seconds / step)):
            elapsed = self.now - 1000.0
            frame = in_frame(faces, self.now, self.wall, elapsed)
            self.records += self.moments.frame(replace(frame, frame=self.frames))
            self.frames += 1
            self.now = round(self.now + step, 6)

    def lose(self, seconds: float, state: str = "retrying") -> None:
        for _ in range(round(seconds / 0.1)):
            self.records += self.moments.state(state, self.now, self.wall)
            self.now = round(self.now + 0.1, 6)

    def end(self) -> None:
        self.records += self.moments.end(self.wall)

    def of(self, kind: type) -> list:
        for record in self.records:
            schemas.check(type(record).__name__.lower(), record.to_dict())
            if isinstance(record, Moment):
                schemas.check("room", record.to_dict(faces=False))
            if isinstance(record, Minute):
                assert record.seconds_watched + record.seconds_away <= 60.0 + 1e-6
        return [record for record in self.records if isinstance(record, kind)]

    def visits(self) -> list[Visit]:
        return [v for v in self.of(Visit) if v.event == "end"]


def test_valence_is_the_pleasant_part_less_the_unpleasant_one() -> None:
    assert valence((0, 0, 0, 1, 0, 0, 0)) == 1.0
    assert valence((0, 0, 0, 0, 1, 0, 0)) == valence((0, 0, 0, 0, 0, 0, 1)) == 0.0
    assert valence((0.25, 0.25, 0.25, 0, 0, 0.25, 0)) == -1.0
    assert valence((0.1, 0.1, 0.0, 0.5, 0.2, 0.1, 0.0)) == pytest.approx(0.2)


def test_a_moment_says_who_is_in_view_and_how_the_room_is() -> None:
    kiosk = Kiosk()
    kiosk.see([face(1, "happy"), face(2, "sad"), face(3, "happy")], 1.1)
    moment = kiosk.of(Moment)[-1]
    assert (moment.device, moment.run, moment.state, moment.frame) == ("hall-2", RUN, "running", 10)
    assert (moment.people, moment.emotion) == (3, "happy")
    happy, sad = 0.7 - 4 * 0.05, 0.05 - 0.7 - 3 * 0.05
    assert moment.valence == pytest.approx((2 * happy + sad) / 3)
    first = moment.faces[0]
    assert first.probabilities["happy"] == 0.7 and first.valence == pytest.approx(happy)
    assert first.seconds_in_view == pytest.approx(1.0)
    # The box is 110×120 px at (10, 20) of a frame of 640×480.
    assert first.box == pytest.approx((10 / 640, 20 / 480, 110 / 640, 120 / 480))
    assert "faces" not in moment.to_dict(faces=False)


def test_an_empty_room_differs_from_a_lost_camera() -> None:
    kiosk = Kiosk()
    kiosk.see([], 1.0)
    empty = kiosk.of(Moment)[-1]
    kiosk.lose(1.0)
    lost = kiosk.of(Moment)[-1]
    assert (empty.state, empty.people, empty.emotion, empty.valence) == ("running", 0, None, None)
    assert (lost.state, lost.people) == ("retrying", 0)
    assert lost.elapsed_s > empty.elapsed_s
    kiosk.end()
    (minute,) = kiosk.of(Minute)
    # The stretch between the last frame and the loss belongs to the loss.
    assert minute.seconds_watched == pytest.approx(0.9) and minute.seconds_away == pytest.approx(
        1.0
    )


def test_before_the_first_frame_there_is_a_moment_too() -> None:
    kiosk = Kiosk()
    kiosk.lose(3.0)
    kiosk.end()
    first = kiosk.of(Moment)[0]
    assert (first.state, first.frame, first.elapsed_s) == ("retrying", None, 0.0)
    (minute,) = kiosk.of(Minute)
    assert (minute.seconds_watched, minute.face_seconds) == (0.0, 0.0)
    assert minute.seconds_away == pytest.approx(2.9)


def test_a_change_of_state_keeps_the_faces_while_there_is_a_picture() -> None:
    kiosk = Kiosk()
    kiosk.see([], 1.0)
    kiosk.records += kiosk.moments.state("idle", kiosk.now, kiosk.wall)
    assert kiosk.of(Moment)[-1].state == "idle"
    kiosk.see([], 0.5)
    assert kiosk.of(Moment)[-1].state == "idle"
    kiosk.see([face(1)], 0.1)
    assert kiosk.of(Moment)[-1].state == "running"
    count = len(kiosk.records)
    kiosk.records += kiosk.moments.state("running", kiosk.now, kiosk.wall)
    assert len(kiosk.records) == count  # nobody seems to have gone


def test_a_visit_begins_is_told_and_ends_at_its_last_detection() -> None:
    kiosk = Kiosk(visit_update_s=2.0)
    kiosk.see([face(1, "neutral")], 1.5)
    kiosk.see([face(1, "happy")], 3.6)
    kiosk.see([], 0.9)
    assert [v.event for v in kiosk.of(Visit)] == ["begin", "update", "update"]
    kiosk.see([], 0.3)
    (visit,) = kiosk.visits()
    assert (visit.begin, visit.end) == (START, START + timedelta(seconds=5))
    assert visit.seconds == pytest.approx(5.0)
    assert visit.emotion_seconds["neutral"] == pytest.approx(1.4)
    assert (visit.emotion, visit.largest_face) == ("happy", 0.25)
    assert visit.valence == pytest.approx((3.6 * 0.5 - 1.4 * 0.15) / 5.0)


def test_without_updates_there_is_a_begin_and_an_end() -> None:
    kiosk = Kiosk(visit_update_s=0.0)
    kiosk.see([face(1)], 30.0)
    kiosk.end()
    assert [v.event for v in kiosk.of(Visit)] == ["begin", "end"]


def test_a_face_that_is_missed_for_a_moment_has_been_in_view_all_the_while() -> None:
    kiosk = Kiosk()
    for _ in range(3):
        kiosk.see([face(1)], 1.0)
        kiosk.see([], 0.8)
    kiosk.see([face(1)], 0.1)
    kiosk.end()
    (visit,) = kiosk.visits()
    assert visit.seconds == pytest.approx(5.4)


def test_a_visit_of_one_frame_has_a_label_and_no_length() -> None:
    kiosk = Kiosk()
    kiosk.see([face(1, "sad")], 0.1)
    kiosk.end()
    (visit,) = kiosk.visits()
    assert (visit.seconds, visit.emotion, visit.valence) == (0.0, "sad", None)


def test_a_slow_camera_still_sees_one_visit() -> None:
    kiosk = Kiosk()
    kiosk.see([face(1)], 30.0, step=5.0)
    kiosk.see([], 10.0, step=5.0)
    (visit,) = kiosk.visits()
    assert visit.seconds == pytest.approx(25.0)


def test_a_lost_camera_ends_visits_and_counts_nothing_twice() -> None:
    kiosk = Kiosk()
    kiosk.see([face(1)], 5.1)
    kiosk.lose(10.0)
    (visit,) = kiosk.visits()
    assert (visit.end, visit.seconds) == (START + timedelta(seconds=5), pytest.approx(5.0))
    kiosk.see([face(2)], 5.1)
    kiosk.end()
    assert [v.seconds for v in kiosk.visits()] == [pytest.approx(5.0)] * 2
    (minute,) = kiosk.of(Minute)
    assert minute.face_seconds == pytest.approx(10.0)
    assert minute.seconds_watched == pytest.approx(10.0)
    assert minute.seconds_away == pytest.approx(10.1)
    assert (minute.visits_begun, minute.visits_ended, minute.people_max) == (2, 2, 1)


def test_a_loss_shorter_than_the_gap_does_not_end_a_visit_and_is_not_in_view() -> None:
    kiosk = Kiosk()
    kiosk.see([face(1)], 2.1)
    kiosk.lose(0.4)
    kiosk.see([face(1)], 2.1)
    kiosk.end()
    (visit,) = kiosk.visits()
    (minute,) = kiosk.of(Minute)
    assert visit.seconds == minute.face_seconds == pytest.approx(4.0)
    assert minute.seconds_away == pytest.approx(0.5)


def test_covered_is_away_as_well() -> None:
    kiosk = Kiosk()
    kiosk.see([face(1)], 1.0)
    kiosk.lose(3.0, "covered")
    kiosk.end()
    assert kiosk.of(Minute)[0].seconds_away == pytest.approx(3.0)
    assert len(kiosk.visits()) == 1


def test_minutes_are_those_of_the_wall_clock_and_sum_up() -> None:
    kiosk = Kiosk(START + timedelta(seconds=47.3))
    kiosk.see([face(1), face(2, "sad")], 100.05, step=0.05)
    kiosk.see([], 40.0)
    kiosk.end()
    minutes = kiosk.of(Minute)
    assert [m.minute.strftime("%H:%M") for m in minutes] == ["12:00", "12:01", "12:02", "12:03"]
    assert minutes[0].seconds_watched == pytest.approx(12.7)
    assert [m.seconds_watched for m in minutes[1:3]] == [pytest.approx(60.0)] * 2
    assert minutes[1].face_seconds == pytest.approx(120.0)
    assert minutes[1].emotion_seconds["sad"] == pytest.approx(60.0)
    assert minutes[1].valence == pytest.approx((0.5 - 0.8) / 2)
    assert [m.people_max for m in minutes] == [2, 2, 2, 0] and minutes[3].valence is None
    assert sum(m.face_seconds for m in minutes) == pytest.approx(200.0)
    assert sum(v.seconds for v in kiosk.visits()) == pytest.approx(200.0)


def test_a_face_missed_over_the_end_of_a_minute_is_not_lost() -> None:
    kiosk = Kiosk(START + timedelta(seconds=59.0))
    kiosk.see([face(1)], 0.6)
    kiosk.see([], 0.8)
    kiosk.see([face(1)], 0.6)
    kiosk.end()
    total = sum(m.face_seconds for m in kiosk.of(Minute))
    assert total == kiosk.visits()[0].seconds == pytest.approx(1.9)


@pytest.mark.parametrize("step_s", [-3600.0, -20.0, 20.0, 86400.0 * 400])
def test_a_set_clock_cuts_the_minute_and_no_second_is_lost(step_s: float) -> None:
    kiosk = Kiosk()
    kiosk.see([face(1)], 40.0)
    kiosk.start += timedelta(seconds=step_s)
    kiosk.see([face(1)], 40.1)
    kiosk.end()
    minutes = kiosk.of(Minute)
    assert len(minutes) <= 4
    assert sum(m.seconds_watched for m in minutes) == pytest.approx(80.0)
    assert sum(m.face_seconds for m in minutes) == pytest.approx(80.0)
    assert kiosk.visits()[0].seconds == pytest.approx(80.0)


def test_a_clock_that_is_slewed_gives_no_minute_of_61_seconds() -> None:
    kiosk = Kiosk()
    for _ in range(180):
        kiosk.see([face(1)], 1.0)
        kiosk.start -= timedelta(milliseconds=5)
    kiosk.end()
    assert [m.minute.minute for m in kiosk.of(Minute)] == [0, 1, 2]


def test_minutes_after_a_change_to_summer_time_are_in_summer_time() -> None:
    winter, summer = (timezone(timedelta(hours=h)) for h in (1, 2))
    moments, start = Moments("hall-2", RUN), datetime(2026, 3, 29, 1, 58, tzinfo=winter)
    out: list[Record] = []
    for second in range(300):
        wall = (start + timedelta(seconds=second)).astimezone(summer if second >= 120 else winter)
        out += moments.frame(in_frame([], 1000.0 + second, wall, float(second)))
    begun = [m.minute.isoformat()[11:] for m in out if isinstance(m, Minute)]
    assert begun == ["01:58:00+01:00", "01:59:00+01:00", "03:00:00+02:00", "03:01:00+02:00"]


def test_a_clip_that_begins_again_is_a_new_stretch() -> None:
    kiosk = Kiosk()
    kiosk.see([face(1)], 100.1)
    kiosk.now = 1000.0
    kiosk.see([face(2)], 5.1)
    kiosk.end()
    assert [v.seconds for v in kiosk.visits()] == [pytest.approx(100.0), pytest.approx(5.0)]


def test_a_frame_that_was_under_way_when_the_source_was_lost_is_counted_once() -> None:
    kiosk = Kiosk()
    kiosk.see([face(1)], 2.0)
    late = kiosk.now
    kiosk.now += 0.3
    kiosk.lose(0.1)
    kiosk.records += kiosk.moments.frame(in_frame([face(1)], late, kiosk.wall, 2.0))
    kiosk.lose(5.0)
    kiosk.end()
    (minute,) = kiosk.of(Minute)
    assert minute.seconds_watched + minute.seconds_away == pytest.approx(kiosk.now - 0.1 - 1000.0)
