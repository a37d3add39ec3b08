"""The pipeline on real frames and on fakes: times handed in, no clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest

from fer_runtime import EmotionPipeline
from fer_runtime.assets import asset_path
from fer_runtime.faces.detector import Detection, YuNetDetector
from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.settings.schema import Settings

pytestmark = pytest.mark.usefixtures("assets")


class FakeDetector:
    """Finds what it is told, and counts how often it is asked."""

    def __init__(self, faces: list[Detection] | None = None) -> None:
        self.faces = [Detection(245, 70, 89, 106, 0.9)] if faces is None else faces
        self.calls = 0

    def detect(self, frame: np.ndarray) -> list[Detection]:
        self.calls += 1
        return self.faces


@pytest.fixture(scope="module")
def pipeline() -> EmotionPipeline:
    return EmotionPipeline()


def fake(
    settings: Settings | None = None, **kwargs: object
) -> tuple[EmotionPipeline, FakeDetector]:
    detector = FakeDetector(**kwargs)  # type: ignore[arg-type]
    return EmotionPipeline(settings, detector=detector), detector


def test_a_smiling_portrait_is_happy(pipeline: EmotionPipeline, face_frame: np.ndarray) -> None:
    (reading,) = pipeline.analyze(face_frame)
    assert reading.emotion == "happy" and reading.confidence > 0.6
    assert sum(reading.probabilities) == pytest.approx(1, abs=1e-4)
    assert len(reading.probabilities) == len(EMOTIONS)
    x, y, w, h = reading.box
    assert abs(x + w / 2 - 290) < 25 and abs(y + h / 2 - 123) < 25 and 80 < h < 140


def test_a_picture_on_its_own_leaves_no_trace(
    pipeline: EmotionPipeline, face_frame: np.ndarray
) -> None:
    first = pipeline.analyze(face_frame)
    pipeline.analyze(np.zeros_like(face_frame))
    assert pipeline.analyze(face_frame) == first


def test_no_face(pipeline: EmotionPipeline) -> None:
    assert pipeline.analyze(np.full((480, 640, 3), 128, np.uint8)) == []


def test_grey_frames_are_taken(pipeline: EmotionPipeline, face_frame: np.ndarray) -> None:
    grey = face_frame.mean(axis=2).astype(np.uint8)
    assert [r.emotion for r in pipeline.analyze(grey)] == ["happy"]


@pytest.mark.parametrize("frame", [np.zeros((4, 4), float), np.zeros((0, 3, 3), np.uint8), None])
def test_what_is_no_frame(pipeline: EmotionPipeline, frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frame: expected"):
        pipeline.analyze(frame)


def test_one_person_one_id_over_the_demo(demo_frames: Callable[[int], np.ndarray]) -> None:
    pipeline = EmotionPipeline()
    ids = set()
    for i in range(60):
        readings = pipeline.analyze(demo_frames(i), i / 30)
        ids |= {r.face_id for r in readings}
    assert ids == {1}


def test_frames_are_numbered_and_timed(face_frame: np.ndarray) -> None:
    pipeline, _ = fake()
    assert pipeline.analyze(face_frame, 4.9) == []  # a newcomer is looked at twice
    readings = [pipeline.analyze(face_frame, 5 + i / 10)[0] for i in range(3)]
    assert [r.frame for r in readings] == [1, 2, 3]
    assert [r.time_s for r in readings] == [5.0, 5.1, 5.2]


def test_all_faces_in_one_batch_give_what_one_by_one_gives(face_frame: np.ndarray) -> None:
    boxes = [Detection(245, 70, 89, 106, 0.9), Detection(240, 60, 90, 110, 0.8)]
    both, _ = fake(faces=boxes)
    together = [r.probabilities for r in both.analyze(face_frame)]
    for box, expected in zip(boxes, together, strict=True):
        single, _ = fake(faces=[box])
        np.testing.assert_allclose(single.analyze(face_frame)[0].probabilities, expected, atol=1e-6)


def test_too_small_a_face_is_uncertain(face_frame: np.ndarray) -> None:
    settings = Settings().with_values({"classifier.min_face": 120})
    pipeline, _ = fake(settings)
    (reading,) = pipeline.analyze(face_frame)
    assert reading.emotion == UNCERTAIN
    assert max(reading.probabilities) > 0.6  # the raw ones stay in the log


def test_boxes_are_clipped_to_the_frame(face_frame: np.ndarray) -> None:
    pipeline, _ = fake(faces=[Detection(-30, -20, 100, 120, 0.9), Detection(600, 400, 90, 99, 0.9)])
    first, second = pipeline.analyze(face_frame)
    assert first.box == (0, 0, 70, 100) and second.box == (600, 400, 40, 80)


def test_every_kth_frame_is_searched(face_frame: np.ndarray) -> None:
    pipeline, detector = fake(Settings().with_values({"detector.look_rate": 10}))
    counts = [len(pipeline.analyze(face_frame, i / 30)) for i in range(31)]
    assert detector.calls == 11  # the second frame too, to confirm
    assert counts == [0] + [1] * 30


def test_where_faces_are_hidden_every_frame_is_searched_whole(face_frame: np.ndarray) -> None:
    """A newcomer must not be shown bare, neither beside a known person nor after a quiet time."""
    values = {"privacy.blur_faces": True, "window.show": True, "detector.look_rate": 10}
    pipeline, detector = fake(Settings().with_values(values), faces=[])
    for i in range(30 * 12):
        pipeline.analyze(face_frame, i / 30)
    assert detector.calls == 30 * 12
    detector.faces = [Detection(245, 70, 89, 106, 0.9)]
    assert len(pipeline.analyze(face_frame, 12.0)) == 1
    real = EmotionPipeline(Settings().with_values(values))
    real.analyze(face_frame, 0.0)
    both = face_frame.copy()
    both[:, 420:600] = face_frame[:, 200:380]
    assert len(real.analyze(both, 0.03)) == 2


def test_any_number_of_known_faces_is_looked_for_near(face_frame: np.ndarray) -> None:
    import cv2

    half = cv2.resize(face_frame, (320, 240))
    frame = np.concatenate([np.concatenate([half] * 4, axis=1)] * 2)  # eight faces, 53 px high
    values = {"detector.smallest_face": 24}
    pipeline = EmotionPipeline(Settings().with_values(values))
    for i in range(30):
        pipeline.analyze(frame, i / 3)
    known = {r.face_id: r.box for r in pipeline.analyze(frame, 10.0)}
    assert len(known) == 8
    pipeline.configure(Settings().with_values(values | {"detector.scan_rate": 0.5}))

    def forbidden(frame: np.ndarray, part: object) -> list[Detection]:
        raise AssertionError("the frame was searched beside the known faces")

    pipeline.detector.detect_part = forbidden  # type: ignore[attr-defined]
    again = {r.face_id: r.box for r in pipeline.analyze(frame, 10.03)}
    assert again.keys() == known.keys()
    for face_id, box in again.items():
        assert np.abs(np.subtract(box, known[face_id])).max() < 12


def test_idle_searches_less_often_and_wakes_within_300_ms() -> None:
    pipeline, detector = fake(faces=[])
    frame = np.zeros((480, 640, 3), np.uint8)
    for i in range(30 * 12):
        pipeline.analyze(frame, i / 30)
    assert pipeline.idle
    detector.calls = 0
    for i in range(30 * 12, 30 * 14):
        pipeline.analyze(frame, i / 30)
    assert detector.calls <= 9  # four a second
    detector.faces = [Detection(245, 70, 89, 106, 0.9)]
    start = i = 30 * 14
    while not pipeline.analyze(frame, i / 30):
        i += 1
    assert (i - start) / 30 <= 0.3
    pipeline.analyze(frame, (i + 1) / 30)
    assert not pipeline.idle


def test_stage_times_come_from_the_stopwatch(face_frame: np.ndarray) -> None:
    ticks = iter(range(100))
    pipeline = EmotionPipeline(detector=FakeDetector(), stopwatch=lambda: next(ticks) / 1000)
    pipeline.analyze(face_frame, 0.0)
    assert pipeline.stage_ms == pytest.approx(dict.fromkeys(pipeline.stage_ms, 1.0))


def test_reset_forgets_people_and_goes_on_counting(face_frame: np.ndarray) -> None:
    pipeline, _ = fake()
    pipeline.analyze(face_frame, 0.0)
    assert pipeline.analyze(face_frame, 0.1)[0].face_id == 1
    pipeline.reset()
    assert pipeline.analyze(face_frame, 0.2) == []
    assert pipeline.analyze(face_frame, 0.3)[0].face_id == 2


def test_independent_pictures_are_read_at_once_under_new_numbers(face_frame: np.ndarray) -> None:
    pipeline, _ = fake()
    readings = [pipeline.analyze(face_frame, i / 10, independent=True)[0] for i in range(3)]
    assert [r.face_id for r in readings] == [1, 2, 3]
    assert [r.frame for r in readings] == [0, 1, 2]


def test_nobody_is_read_after_having_left(face_frame: np.ndarray) -> None:
    values = {"detector.look_rate": 10, "tracker.max_gap_s": 5.0}
    pipeline, detector = fake(Settings().with_values(values))
    for i in range(12):
        pipeline.analyze(face_frame, i / 30)
    detector.faces = []
    assert sum(len(pipeline.analyze(face_frame, i / 30)) for i in range(12, 90)) <= 2


def test_a_face_missed_once_is_looked_for_again_in_the_next_frame(face_frame: np.ndarray) -> None:
    pipeline, detector = fake(Settings().with_values({"detector.look_rate": 5}))
    face = detector.faces
    calls, counts = [], []
    for i in range(20):
        before = detector.calls
        detector.faces = [] if i == 13 else face
        counts.append(len(pipeline.analyze(face_frame, i / 30)))
        calls.append(detector.calls - before)
    looks = [i for i, n in enumerate(calls) if n]
    assert looks == [0, 1, 7, 13, 14]
    assert counts == [0] + [1] * 12 + [0] + [1] * 6


def test_a_face_lost_is_searched_for(face_frame: np.ndarray) -> None:
    pipeline = EmotionPipeline()
    for i in range(20):
        pipeline.analyze(face_frame, i / 15)
    (before,) = pipeline.analyze(face_frame, 20 / 15)
    away = np.roll(face_frame, 250, axis=1)  # out of the square around it
    places = []
    for i in range(21, 28):
        readings = pipeline.follow(i / 15)
        if readings is None:
            readings = pipeline.analyze(away, i / 15)
        places.append([r.box[0] - before.box[0] for r in readings])
    assert len(places[-1]) == 1 and abs(places[-1][0] - 250) < 10, places


def test_a_face_that_its_tile_does_not_show_is_found_in_the_frame(face_frame: np.ndarray) -> None:
    pipeline = EmotionPipeline()
    for i in range(10):
        pipeline.analyze(face_frame, i / 15)
    pipeline.detector.detect_near = lambda frame, boxes, unseen_s: [None] * len(boxes)  # type: ignore[attr-defined]
    readings = [pipeline.analyze(face_frame, i / 15) for i in range(10, 40)]
    assert [[r.face_id for r in rs] for rs in readings] == [[1]] * 30


def test_the_longer_a_face_is_unseen_the_wider_is_its_tile(face_frame: np.ndarray) -> None:
    detector = YuNetDetector(asset_path("yunet"))
    (face,) = detector.detect(face_frame)
    x, y, w, h = face.box
    lower = (x, y + 0.5 * h, w, h)
    heights = []
    for unseen_s in (0.0, 0.5):
        (found,) = detector.detect_near(face_frame, [lower], [unseen_s])
        assert found is not None
        heights.append(found.h / h)
    # The rim of the narrow tile cuts the forehead.
    assert heights[0] < 0.93 < heights[1] < 1.07


def test_a_second_person_is_soon_seen_after_an_empty_room(face_frame: np.ndarray) -> None:
    pipeline = EmotionPipeline()
    empty, both = np.full_like(face_frame, 90), face_frame.copy()
    both[:, 420:600] = face_frame[:, 200:380]
    counts = []
    for i in range(30 * 12):
        frame = empty if i < 270 else face_frame if i < 330 else both
        readings = pipeline.follow(i / 30)
        counts.append(len(pipeline.analyze(frame, i / 30) if readings is None else readings))
    assert counts[279] == 1 and counts[342] == 2


def test_where_something_changes_parts_are_searched_at_the_full_rate(
    face_frame: np.ndarray,
) -> None:
    pipeline = EmotionPipeline()
    part = pipeline.detector.detect_part  # type: ignore[attr-defined]
    did: list[int] = []
    pipeline.detector.detect_part = lambda *a: did.append(1) or part(*a)  # type: ignore[attr-defined]
    rng = np.random.default_rng(0)
    for i in range(60):
        if pipeline.follow(i / 15) is None:
            frame = face_frame.copy()
            frame[:, 520:] = rng.integers(0, 255, (12, 1, 3)).repeat(40, 0)
            pipeline.analyze(frame, i / 15)
    assert 26 <= len(did) - 4 <= 30


def test_somebody_who_joins_the_known_is_soon_seen(face_frame: np.ndarray) -> None:
    """Whenever it is: the part that changed comes first."""
    both = face_frame.copy()
    both[:, 420:600] = face_frame[:, 200:380]
    waits = []
    for begin in range(20, 34):
        pipeline = EmotionPipeline()
        for i in range(begin + 20):
            frame = both if i >= begin else face_frame
            readings = pipeline.follow(i / 15)
            if readings is None:
                readings = pipeline.analyze(frame, i / 15)
            if len(readings) == 2:
                waits.append((i - begin) / 15)
                break
    assert len(waits) == 14
    assert np.mean(waits) <= 0.2 and max(waits) <= 0.4, waits


def test_an_unsure_face_is_no_reading_of_its_own(face_frame: np.ndarray) -> None:
    pipeline, _ = fake(faces=[Detection(245, 70, 89, 106, 0.45)])
    assert pipeline.analyze(face_frame) == []
    assert [pipeline.analyze(face_frame, i / 30) for i in range(5)] == [[]] * 5


def test_between_looks_a_frame_is_followed_without_its_pixels(face_frame: np.ndarray) -> None:
    """At most ten looks a second, and the part for newcomers in the frames between them."""
    pipeline = EmotionPipeline()
    near, part = pipeline.detector.detect_near, pipeline.detector.detect_part  # type: ignore[attr-defined]
    did: list[str] = []
    pipeline.detector.detect_near = lambda *a: did.append("near") or near(*a)  # type: ignore[attr-defined]
    pipeline.detector.detect_part = lambda *a: did.append("part") or part(*a)  # type: ignore[attr-defined]
    work, counts = [], []
    for i in range(60):
        did.clear()
        readings = pipeline.follow(i / 15)
        if readings is None:
            readings = pipeline.analyze(face_frame, i / 15)
        work.append("+".join(did))
        counts.append(len(readings))
        if readings:
            assert readings[0].frame == i and readings[0].time_s == i / 15
            assert readings[0].face_id == 1 and readings[0].emotion == "happy"
    assert counts == [0] + [1] * 59
    later = work[4:]
    assert set(later) <= {"near", "part", ""}
    assert 27 <= later.count("near") <= 29
    # Once all parts were searched, half as many as where something changes: nobody can have come.
    assert later[-30:].count("part") in (7, 8)


def test_a_newcomer_found_between_two_looks_is_taken_with_the_known(
    face_frame: np.ndarray,
) -> None:
    """And the network runs once a frame, in the one that shows a quiet room changed too."""
    pipeline = EmotionPipeline()
    near, part = pipeline.detector.detect_near, pipeline.detector.detect_part  # type: ignore[attr-defined]
    runs = [0]
    pipeline.detector.detect_near = lambda *a: runs.append(runs.pop() + 1) or near(*a)  # type: ignore[attr-defined]
    pipeline.detector.detect_part = lambda *a: runs.append(runs.pop() + 1) or part(*a)  # type: ignore[attr-defined]
    for i in range(20):
        pipeline.analyze(face_frame, i / 15)
    both = face_frame.copy()
    both[:, 420:600] = face_frame[:, 200:380]
    ids: list[set[int]] = []
    for i in range(20, 40):
        runs[0] = 0
        readings = pipeline.follow(i / 15)
        if readings is None:
            readings = pipeline.analyze(both, i / 15)
        ids.append({r.face_id for r in readings})
        assert runs[0] <= 1
    assert all(1 in seen for seen in ids) and ids[-1] == {1, 2}
    assert ids.index({1, 2}) <= 4


def test_where_frames_come_no_faster_than_looks_no_look_is_given_up(
    face_frame: np.ndarray,
) -> None:
    """At fifteen a second a part takes the place of the look; at ten it is searched beside it."""
    both = face_frame.copy()
    both[:, 420:600] = face_frame[:, 200:380]
    for fps, expected in ((15, False), (10, True)):
        pipeline = EmotionPipeline()
        detector = pipeline.detector
        assert isinstance(detector, YuNetDetector)
        begin = 3 * fps  # a look is due in this frame
        for i in range(begin):
            if pipeline.follow(i / fps) is None:
                pipeline.analyze(face_frame, i / fps)
        with (
            patch.object(detector, "detect_near", wraps=detector.detect_near) as near,
            patch.object(detector, "detect_part", wraps=detector.detect_part) as part,
        ):
            assert pipeline.follow(begin / fps) is None
            pipeline.analyze(both, begin / fps)
        assert part.called and near.called is expected, fps
