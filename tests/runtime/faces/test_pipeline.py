"""The pipeline on real frames and on fakes: times handed in, no clock of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fer_runtime import EmotionPipeline
from fer_runtime.faces.detector import Detection
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
    readings = [pipeline.analyze(face_frame, 5 + i / 10)[0] for i in range(3)]
    assert [r.frame for r in readings] == [0, 1, 2]
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
    pipeline, detector = fake(Settings().with_values({"detector.every": 3}))
    counts = [len(pipeline.analyze(face_frame, i / 30)) for i in range(30)]
    assert detector.calls == 10
    assert counts == [1] * 30


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


def test_views_are_averaged(face_frame: np.ndarray) -> None:
    values = {"classifier.mirror": True, "classifier.crop_scales": [0.9, 1.1]}
    pipeline, _ = fake(Settings().with_values(values))
    (reading,) = pipeline.analyze(face_frame)
    box = (245.0, 70.0, 89.0, 106.0)
    crops = [pipeline.classifier.crop(face_frame, box, scale=s) for s in (0.9, 1.1)]
    crops = [v for c in crops for v in (c, c[:, ::-1])]
    expected = pipeline.classifier.probabilities(np.stack(crops)).mean(axis=0)
    np.testing.assert_allclose(reading.probabilities, expected, atol=1e-6)


def test_alignment_turns_the_crop(face_frame: np.ndarray) -> None:
    import cv2

    turn = cv2.getRotationMatrix2D((290, 123), 25, 1.0)
    turned = cv2.warpAffine(face_frame, turn, (640, 480))
    plain = EmotionPipeline().analyze(turned)
    level = EmotionPipeline(Settings().with_values({"classifier.align": True})).analyze(turned)
    happy = EMOTIONS.index("happy")
    assert level[0].probabilities != plain[0].probabilities
    assert level[0].probabilities[happy] > 0.6


def test_stage_times_come_from_the_stopwatch(face_frame: np.ndarray) -> None:
    ticks = iter(range(100))
    pipeline = EmotionPipeline(detector=FakeDetector(), stopwatch=lambda: next(ticks) / 1000)
    pipeline.analyze(face_frame, 0.0)
    assert pipeline.stage_ms == pytest.approx(dict.fromkeys(pipeline.stage_ms, 1.0))


def test_reset_forgets_people_and_goes_on_counting(face_frame: np.ndarray) -> None:
    pipeline, _ = fake()
    assert pipeline.analyze(face_frame, 0.0)[0].face_id == 1
    pipeline.reset()
    assert pipeline.analyze(face_frame, 0.1)[0].face_id == 2
