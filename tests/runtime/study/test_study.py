"""Studies: scripts and their errors, consent, order, trials; on an injected clock."""

from __future__ import annotations

import csv
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from readings import NOON, reading

from fer_runtime.errors import ConfigError
from fer_runtime.labels import EMOTIONS
from fer_runtime.reading import FaceReading
from fer_runtime.screen.screens import screen
from fer_runtime.screen.text import TextPainter
from fer_runtime.screen.window import Key
from fer_runtime.study.feedback import FeedbackLog, FeedbackRow
from fer_runtime.study.participant import Participant
from fer_runtime.study.script import Prompt, StudyScript, load
from fer_runtime.study.study import Study, StudyView, anonymous_id, arrange

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
PROMPTS = tuple(Prompt(e, f"look {e}") for e in EMOTIONS)
HZ = 50
Show = Callable[[str, float], Iterable[FaceReading]]
"""From the emotion asked for (empty between prompts) and seconds since it was, to faces."""


def script(**changes: object) -> StudyScript:
    values: dict[str, object] = {"title": "T", "consent": "I agree.", "prompts": PROMPTS[:2],
                                 "order": "fixed"}  # fmt: skip
    return StudyScript(**(values | changes))  # type: ignore[arg-type]


def study(content: StudyScript, seed: int = 0) -> Study:
    return Study(content, seed=seed, participant="p-1", session="s1")


def face(label: str, **changes: object) -> FaceReading:
    return reading(emotion=label, **changes)


def act(asked: str, seconds: float) -> list[FaceReading]:
    """A participant who needs 0.7 s."""
    return [face(asked if asked and seconds >= 0.7 else "neutral")]


def drive(
    run: Study, show: Show = act, *, hz: int = HZ
) -> tuple[list[StudyView], list[FeedbackRow]]:
    """Agree at once and go through a study; return what was shown and recorded."""
    views, records = [], []
    start = began = 5000.0
    view = run.step(start, "y", ())
    for index in range(1, 1000 * hz):
        now = start + index / hz
        asked = run.prompts[view.trial - 1].emotion if view.phase == "prompt" else ""
        before = (view.phase, view.trial)
        view = run.step(now, None, tuple(show(asked, now - began)))
        if (view.phase, view.trial) != before:
            began = now
        views.append(view)
        records += run.take_records()
        if run.finished:
            return views, records
    raise AssertionError("the study did not end")


# -- consent -----------------------------------------------------------------------------


def test_nothing_starts_without_consent() -> None:
    run = study(script(consent="First.\n\nSecond."))
    for tick in range(3000):
        view = run.step(tick / 10, (None, "3", "q", " ", "bars")[tick % 5], [face("happy")])
    assert (view.phase, view.title, view.countdown_s, view.trial) == ("consent", "T", None, 0)
    assert view.lines == ("First.", "Second.", "Press y to agree, n to refuse.")
    assert run.take_records() == [] and not run.finished


@pytest.mark.parametrize("key", ["n", "no"])
def test_who_refuses_leaves_only_the_refusal_without_an_id(key: str) -> None:
    run = study(script())
    assert run.step(0.0, key, [face("happy")]).phase == "refused"
    assert run.take_records() == [FeedbackRow("refusal", "s1", note="I agree.")]
    assert not run.finished  # the goodbye can be read
    for tick in range(1, 100):
        view = run.step(tick / 10, None, [face("happy")])
    assert view.phase == "refused" and run.finished and run.take_records() == []


@pytest.mark.parametrize("key", ["y", "s", "yes"])
def test_consent_is_recorded_with_its_text_before_the_first_prompt(key: str) -> None:
    run = study(script(participant="A-07"))
    assert run.step(5.0, key, ()).phase == "ready"
    assert run.take_records() == [FeedbackRow("consent", "s1", "A-07", note="I agree.")]
    assert run.take_records() == []


def test_the_language_of_the_screens() -> None:
    run = study(script(language="es"))
    assert run.step(0.0, None, ()).lines[-1].startswith("Pulse s")
    assert run.step(0.1, "y", ()).title == "Prepárese"


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (1920, 1080)])
def test_the_longest_consent_text_can_be_read_to_its_end(size: tuple[int, int]) -> None:
    consent = "\n".join(["As many words as there may be. " * 8] * 8)[:2000]
    view = study(script(consent=consent)).step(0.0, None, ())
    picture = screen(TextPainter(), size, view.title, view.lines)
    background = picture[0, 0]
    for edge in (picture[:2], picture[-2:], picture[:, :2], picture[:, -2:]):
        assert (edge == background).all()


# -- phases ------------------------------------------------------------------------------


def test_phases_follow_each_other_for_their_times() -> None:
    views, _ = drive(study(script(ready_s=3.0, hold_s=4.0, rest_s=2.0)))
    seconds = Counter((v.phase, v.trial) for v in views)
    expected = {("ready", 0): 3, ("prompt", 1): 4, ("rest", 1): 2, ("prompt", 2): 4, ("done", 2): 4}
    assert {k: round(n / HZ, 1) for k, n in seconds.items()} == expected
    assert list(dict.fromkeys(v.phase for v in views)) == ["ready", "prompt", "rest", "done"]
    assert {v.trials for v in views} == {2}
    progress = [v.progress for v in views]
    assert progress == sorted(progress) and progress[0] == 0 and progress[-1] == 1
    prompt = [v.countdown_s for v in views if v.phase == "prompt" and v.trial == 1]
    assert list(dict.fromkeys(prompt)) == [4, 3, 2, 1]


def test_no_rest_and_no_getting_ready() -> None:
    run = study(script(ready_s=0.0, rest_s=0.0))
    assert run.step(0.0, "y", ()).phase == "prompt"
    run = study(script(ready_s=0.0, rest_s=0.0))
    views, records = drive(run)
    assert {v.phase for v in views} == {"prompt", "done"} and len(records) == 3


def test_any_key_ends_the_last_screen_but_not_the_one_that_led_to_it() -> None:
    run = study(script())
    run.step(0.0, "n", ())
    assert not run.finished
    run.step(0.1, " ", ())
    assert run.finished


def test_a_prompt_shows_its_text_and_picture_and_never_the_prediction(tmp_path: Path) -> None:
    prompts = (Prompt("fear", "Imagine a spider", tmp_path / "spider.png"),)
    views, _ = drive(study(script(prompts=prompts)), lambda asked, s: [face("disgust")])
    shown = [v for v in views if v.phase == "prompt"]
    assert {(v.title, v.picture) for v in shown} == {("Imagine a spider", tmp_path / "spider.png")}
    assert not any("disgust" in " ".join((v.title, *v.lines)) for v in views)
    assert all(v.picture is None for v in views if v.phase != "prompt")


def test_a_missing_face_is_said_but_does_not_stop_the_study() -> None:
    views, records = drive(study(script()), lambda asked, s: ())
    assert all("No face" in v.lines[-1] for v in views if v.phase in ("ready", "prompt", "rest"))
    trials = [r for r in records if r.kind == "study"]
    assert [(r.real, r.predicted, r.probabilities, r.face_id) for r in trials] == [
        ("angry", "", None, None), ("disgust", "", None, None),
    ]  # fmt: skip


def test_a_computer_that_slept_skips_no_prompt() -> None:
    run = study(script(ready_s=1.0, hold_s=4.0))
    run.step(0.0, "y", ())
    assert run.step(9000.0, None, [face("happy")]).trial == 1
    assert run.step(9003.9, None, [face("happy")]).phase == "prompt"
    # For 3.9 s nobody knows what was shown.
    run.step(9004.0, None, [face("happy")])
    (_, row) = run.take_records()
    assert row.predicted == ""


# -- records -----------------------------------------------------------------------------


def test_a_participant_who_needs_a_moment() -> None:
    _, records = drive(study(script()))
    assert [r.kind for r in records] == ["consent", "study", "study"]
    trials = [r for r in records if r.kind == "study"]
    assert [(r.trial, r.real, r.predicted) for r in trials] == [
        (1, "angry", "angry"), (2, "disgust", "disgust"),
    ]  # fmt: skip
    for row in trials:
        assert row.reaction_s == pytest.approx(0.7, abs=1.5 / HZ)
        assert row.confidence == pytest.approx(0.61234)
        assert row.probabilities == pytest.approx(reading().probabilities)
        assert (row.participant, row.session, row.model, row.face_id) == (
            "p-1", "s1", "ferplus", 1,
        )  # fmt: skip


def test_the_prediction_is_the_label_shown_longest_in_the_second_half() -> None:
    def show(asked: str, s: float) -> list[FaceReading]:
        # 2 s of angry do not count; then happy 0.8 s, sad 1.2 s.
        label = "angry" if s < 2 else "happy" if s < 2.8 else "sad"
        share = {"angry": 0.9, "happy": 0.5, "sad": 0.8}[label]
        return [face(label, confidence=share, probabilities=(share, *(0.0,) * 5, 1 - share))]

    _, records = drive(study(script(prompts=PROMPTS[:1], hold_s=4.0)), show)
    row = next(r for r in records if r.kind == "study")
    assert row.predicted == "sad" and row.confidence == pytest.approx(0.8)
    assert row.probabilities is not None
    assert row.probabilities[0] == pytest.approx((0.5 * 0.8 + 0.8 * 1.2) / 2, abs=0.01)
    assert sum(row.probabilities) == pytest.approx(1)
    assert row.reaction_s == pytest.approx(0, abs=1.5 / HZ)  # it was angry that was asked for


def test_time_counts_and_not_the_rate_of_calls() -> None:
    """Happy for 1.2 s of few calls goes before sad for 0.8 s of many."""
    run = study(script(prompts=PROMPTS[:1], hold_s=4.0, ready_s=0.0))
    run.step(0.0, "y", ())
    times = [2 + i * 0.3 for i in range(4)] + [3.2 + i * 0.01 for i in range(80)]
    for now in times:
        run.step(now, None, [face("happy" if now < 3.19 else "sad")])
    run.step(4.0, None, [face("sad")])
    row = run.take_records()[-1]
    assert row.predicted == "happy" and row.reaction_s is None


def test_uncertain_is_a_prediction_and_absence_is_none() -> None:
    def show(asked: str, s: float) -> list[FaceReading]:
        if asked == "angry":
            return [face("uncertain")]
        return [face("disgust")] if s < 2.9 else []  # away for most of the second half

    _, records = drive(study(script(hold_s=4.0)), show)
    trials = [r for r in records if r.kind == "study"]
    assert [r.predicted for r in trials] == ["uncertain", ""]
    assert [r.reaction_s is None for r in trials] == [True, False]


def test_the_largest_face_is_the_participant() -> None:
    def show(asked: str, s: float) -> list[FaceReading]:
        passer_by = face("sad", face_id=9, box=(0, 0, 300, 50))
        return [passer_by, face(asked or "neutral", face_id=4, box=(0, 0, 130, 140))]

    _, records = drive(study(script()), show)
    trials = [r for r in records if r.kind == "study"]
    assert [(r.predicted, r.face_id) for r in trials] == [("angry", 4), ("disgust", 4)]


@pytest.mark.parametrize("hz", [10, 15, 30, 100])
def test_the_result_does_not_depend_on_the_frame_rate(hz: int) -> None:
    _, records = drive(study(script(prompts=PROMPTS)), hz=hz)
    trials = [r for r in records if r.kind == "study"]
    assert [r.predicted for r in trials] == list(EMOTIONS)
    assert all(abs((r.reaction_s or 0) - 0.7) <= 1.01 / hz for r in trials if r.real != "neutral")


def test_who_stops_in_the_middle_leaves_only_whole_trials() -> None:
    run = study(script(ready_s=1.0, hold_s=2.0, rest_s=1.0))
    run.step(0.0, "y", ())
    for tick in range(1, 50):  # 4.9 s: within the second prompt
        run.step(tick / 10, None, [face("angry")])
    assert [r.kind for r in run.take_records()] == ["consent", "study"]


def test_a_whole_study_in_its_file(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path / "study.csv")
    log.open()
    run = study(script(prompts=PROMPTS, repetitions=2, order="random"))
    run.step(0.0, "y", ())
    now = 0.0
    while not run.finished:
        for row in run.take_records():
            log.add(row, NOON + timedelta(seconds=now))
        now += 0.02
        run.step(now, None, [face("happy")])
    log.close()
    with (tmp_path / "study.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["kind"] for r in rows] == ["consent"] + ["study"] * 14
    assert Counter(r["real"] for r in rows[1:]) == dict.fromkeys(EMOTIONS, 2)
    assert [r["trial"] for r in rows[1:]] == [str(i) for i in range(1, 15)]
    assert rows[0]["note"] == "I agree." and {r["participant"] for r in rows} == {"p-1"}
    times = [r["timestamp"] for r in rows]
    assert times == sorted(times) and len(set(times)) == 15


# -- order -------------------------------------------------------------------------------


def test_random_order_repeats_with_its_seed_and_holds_each_prompt_once_per_repetition() -> None:
    content = script(prompts=PROMPTS, repetitions=10, order="random")
    orders = [arrange(content, seed) for seed in range(30)]
    assert orders == [arrange(content, seed) for seed in range(30)]
    assert len(set(orders)) == 30
    for order in orders:
        assert all(set(order[i : i + 7]) == set(PROMPTS) for i in range(0, 70, 7))
        assert all(a.emotion != b.emotion for a, b in pairwise(order))


def test_fixed_order_and_a_seed_in_the_script() -> None:
    fixed = script(prompts=PROMPTS, repetitions=2)
    assert arrange(fixed, 1) == arrange(fixed, 2) == PROMPTS * 2
    seeded = script(prompts=PROMPTS, order="random", seed=5)
    assert study(seeded, 1).prompts == study(seeded, 2).prompts == arrange(seeded, 5)


def test_a_single_emotion_can_be_shuffled_too() -> None:
    content = script(prompts=PROMPTS[:1], repetitions=3, order="random")
    assert arrange(content, 0) == PROMPTS[:1] * 3


def test_anonymous_ids_pass_as_ids_of_scripts(tmp_path: Path) -> None:
    name = anonymous_id(uuid.UUID("1f0c2a9e-0000-4000-8000-000000000000"))
    assert name == "p-1f0c2a9e"
    assert load(write(tmp_path, f"{GOOD}participant: {name}\n")).participant == name


# -- scripts -----------------------------------------------------------------------------

GOOD = "title: T\nconsent: I agree.\nprompts:\n- emotion: happy\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "script.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_samples_load_and_run() -> None:
    english, spanish = load(EXAMPLES / "study.yaml"), load(EXAMPLES / "study.es.yaml")
    assert [p.emotion for p in english.prompts] == [p.emotion for p in spanish.prompts]
    assert {p.emotion for p in english.prompts} == set(EMOTIONS)
    assert (english.language, spanish.language) == ("en", "es")
    _, records = drive(study(english))
    assert sum(r.kind == "study" for r in records) == 21


def test_a_short_script_has_sensible_defaults(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, GOOD))
    assert loaded == StudyScript("T", "I agree.", (Prompt("happy", "Now look happy"),))
    spanish = load(write(tmp_path, GOOD + "language: es\n"))
    assert spanish.prompts[0].text == "Ahora ponga cara de alegría"


def test_a_picture_is_found_beside_the_script(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), np.zeros((4, 4, 3), np.uint8))
    loaded = load(write(tmp_path, GOOD + "  picture: p.png\n"))
    assert loaded.prompts[0].picture == tmp_path / "p.png"


@pytest.mark.parametrize(("text", "kept"), [("012", "012"), ("7", "7"), ("A-7", "A-7"), ("", "")])
def test_ids_stay_as_written(tmp_path: Path, text: str, kept: str) -> None:
    assert load(write(tmp_path, f"{GOOD}participant: {text}\n")).participant == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: consent: required and missing; line 1: prompts: required"),
        ("- a\n", "line 1: expected keys"),
        ("title: [", "line .*: expected YAML"),
        ("[" * 1500, "expected YAML"),
        (GOOD.replace("I agree.", "''"), "line 2: consent: expected a text, received ''"),
        (GOOD.replace("consent: I agree.\n", ""), "consent: required"),
        (GOOD.replace("I agree.", "x" * 2001), "at most 2000 characters"),
        (GOOD.replace("I agree.", "|\n" + "  a\n" * 21), "line 2: consent: .* 20 paragraphs"),
        (GOOD.replace("happy", "hapy"), "line 4: prompt 1: emotion: .*did you mean happy"),
        (GOOD.replace("emotion:", "emotoin:"), "key in prompt 1: emotoin, did you mean emotion"),
        (GOOD.replace("- emotion: happy\n", "- happy\n"), "line 4: prompt 1: expected keys"),
        ("title: T\nconsent: c\nprompts: []\n", "line 3: prompts: expected a list"),
        (GOOD + "repetition: 3\n", "line 5: unknown key: repetition, did you mean repetitions"),
        (GOOD + "repetitions: 0\n", "line 5: repetitions: expected a whole number 1 to 100"),
        (GOOD + "repetitions: true\n", "line 5: repetitions: expected a whole number"),
        (GOOD + "- emotion: sad\n" * 10 + "repetitions: 100\n", "at most 1000 trials, .*1100"),
        (GOOD + "order: shuffled\n", "line 5: order: expected one of random, fixed"),
        (GOOD + "seed: -1\n", "line 5: seed: expected a whole number"),
        (GOOD + "hold_s: .nan\n", "line 5: hold_s: expected 1 to 60 seconds, received nan"),
        (GOOD + "hold_s: 2026-02-30\n", "line 5: hold_s: expected a plain value"),
        (GOOD + "rest_s: soon\n", "line 5: rest_s: expected 0 to 60 seconds, received 'soon'"),
        (GOOD + "language: de\n", "line 5: language: expected one of en, es"),
        (GOOD + "participant: Ana García\n", "line 5: participant: expected an id"),
        (GOOD + "participant: [1]\n", "line 5: participant: expected an id"),
        (GOOD + "order: fixed\norder: fixed\n", "line 6: order: given twice, first in line 5"),
        (GOOD + "  picture: no.png\n", r"line 5: prompt 1: picture: .*no\.png: no such file"),
        (GOOD + "  picture: ~nosuchuser/p.png\n", "line 5: prompt 1: picture: expected a path"),
        (GOOD + "  picture: script.yaml\n", "expected a picture"),
        (GOOD + "  picture: .\n", "picture: .* cannot be read"),
        (GOOD + "  text: 5\n", "line 5: prompt 1: text: expected a text, received 5"),
    ],
)
def test_what_is_wrong_with_a_script(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        load(write(tmp_path, text))
    assert str(raised.value).startswith(f"study {tmp_path / 'script.yaml'}")
    assert "\n" not in str(raised.value) and raised.value.exit_code == 78


def test_all_errors_are_named_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = "titel: T\nconsent: c\nprompts:\n- emotion: happy\n- emotion: x\nhold_s: 99\n"
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, text))
    assert re.findall(r"line (\d)", str(raised.value)) == ["1", "1", "5", "6"]


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; docs/examples/study\.yaml"):
        load(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_each_screen_is_marked_for_the_recorder_when_it_begins(tmp_path: Path) -> None:
    """What a sink is told, through the sinks of the daemon."""
    from datetime import datetime, timezone

    from fer_runtime.out.sink import Sink
    from fer_runtime.out.sinks import Sinks
    from fer_runtime.settings.schema import Settings

    class Recorder(Sink):
        def __init__(self) -> None:
            self.marks: list[tuple[str, float]] = []

        def mark(self, text: str, now: float) -> None:
            self.marks.append((text, now))

    path = tmp_path / "study.yaml"
    path.write_text(
        "title: t\nconsent: c\norder: fixed\nready_s: 1\nhold_s: 2\nrest_s: 1\n"
        "prompts: [{emotion: happy}, {emotion: sad}]\n"
    )
    recorder = Recorder()
    guide = Participant(
        lambda: datetime.now(timezone.utc),
        str(path),
        str(tmp_path / "study.csv"),
        Sinks(Settings(), [recorder]).mark,
    )
    guide.open()
    for n in range(80):
        guide.step(n / 10, Key.YES if n == 5 else None, [face("happy")])
    guide.close()
    assert recorder.marks == [
        ("consent", 0.0),
        ("ready", 0.5),
        ("prompt happy", 1.5),
        ("rest", 3.5),
        ("prompt sad", 4.5),
        ("done", 6.5),
    ]


def test_a_picture_that_is_deleted_meanwhile_ends_no_study(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, shown = tmp_path / "study.yaml", tmp_path / "smile.png"
    cv2.imwrite(str(shown), np.full((40, 40, 3), 200, np.uint8))
    path.write_text(
        "title: t\nconsent: c\nready_s: 0\nhold_s: 2\nrest_s: 0\n"
        "prompts: [{emotion: happy, picture: smile.png}]\n"
    )
    answers = tmp_path / "study.csv"
    guide = Participant(lambda: NOON, str(path), str(answers), lambda *_: None)
    guide.open()
    shown.unlink()
    painter = TextPainter()
    for n in range(60):
        guide.step(n / 10, Key.YES if n == 1 else None, [face("happy")])
        assert guide.draw(painter, (480, 640)).shape == (480, 640, 3)
    guide.close()
    assert [line.split(",")[1] for line in answers.read_text().splitlines()[1:]] == [
        "consent", "study",
    ]  # fmt: skip
    assert [m for m in caplog.messages if "smile.png: cannot be read" in m] == caplog.messages
    assert len(caplog.messages) == 1
