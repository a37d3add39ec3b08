"""Feedback and study files."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from fer_report.feedback.answers import NEEDED, NO_FACE, OUTCOMES
from fer_report.feedback.evaluation import evaluate
from fer_report.feedback.text import as_dict, as_text
from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.study.feedback import FIELDS, HEADER, FeedbackRow, format_row

WALL = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)


def study(participant: str, trial: int, real: str, predicted: str, **other: object) -> FeedbackRow:
    raw = np.full(7, 0.05)
    raw[EMOTIONS.index(predicted if predicted in EMOTIONS else "neutral")] = 0.7
    values: dict[str, object] = {
        "trial": trial, "real": real, "predicted": predicted,
        "probabilities": tuple(raw) if predicted else None,
        "reaction_s": 1.5 if real == predicted else None, "model": "fer2013",
    }  # fmt: skip
    return FeedbackRow("study", "s1", participant, **(values | other))  # type: ignore[arg-type]


def write(path: Path, rows: list[FeedbackRow]) -> Path:
    blob = b"".join(format_row(r, WALL + timedelta(seconds=i)) for i, r in enumerate(rows))
    path.write_bytes(HEADER + blob)
    return path


@pytest.fixture
def rows() -> list[FeedbackRow]:
    rng = np.random.default_rng(3)
    out = []
    for person in ("p1", "p2", "ñandú, 3"):
        out.append(FeedbackRow("consent", "s1", person, note='I agree, "really"'))
        for trial in range(1, 29):
            real = EMOTIONS[trial % 7]
            draw = rng.random()
            predicted = real if draw < 0.6 else (*EMOTIONS, UNCERTAIN, "")[int(rng.integers(9))]
            out.append(study(person, trial, real, predicted))
    out.append(FeedbackRow("refusal", "s1", note="I agree"))
    out.append(FeedbackRow("key", "r1", real="sad", predicted="neutral", face_id=4))
    return out


def test_figures_against_counting(tmp_path: Path, rows: list[FeedbackRow]) -> None:
    result = evaluate(write(tmp_path / "f.csv", rows))
    trials = [r for r in rows if r.kind == "study"]
    by_study, by_key = result.evaluations
    assert (by_study.kind, by_key.kind) == ("study", "key")
    right = sum(r.real == r.predicted for r in trials)
    assert by_study.scores.accuracy == right / 84
    claimed = sum(r.predicted in EMOTIONS for r in trials)
    assert by_study.scores.claimed == claimed / 84 < 1
    assert by_study.scores.accuracy_claimed == right / claimed
    assert by_study.scores.reaction_s == 1.5
    for i, real in enumerate(EMOTIONS):
        for j, outcome in enumerate(OUTCOMES):
            n = sum(r.real == real and (r.predicted or NO_FACE) == outcome for r in trials)
            assert by_study.confusion[i][j] == n
        hits = sum(r.real == r.predicted == real for r in trials)
        said = sum(r.predicted == real for r in trials)
        figures = by_study.by_emotion[real]
        assert figures["recall"] == pytest.approx(hits / 12)
        assert figures["precision"] == pytest.approx(hits / said)
        assert figures["support"] == 12
    for person, scores in by_study.participants.items():
        own = [r for r in trials if r.participant == person]
        assert scores.answers == len(own) == 28
        assert scores.accuracy == sum(r.real == r.predicted for r in own) / 28
    assert (result.consents, result.refusals, result.bad_rows) == (3, 1, 0)
    assert result.without_consent == ()
    assert by_key.scores.answers == 1 and by_key.scores.accuracy == 0


def test_text_and_json(tmp_path: Path, rows: list[FeedbackRow]) -> None:
    result = evaluate(write(tmp_path / "f.csv", rows))
    text = as_text(result)
    assert "study trials: 84" in text and "feedback keys: 1" in text
    assert f"{result.evaluations[0].by_emotion['happy']['f1-score']:.4f}" in text
    assert "ñandú, 3" in text and "no fair sample" in text
    numbers = json.loads(json.dumps(as_dict(result), allow_nan=False))
    assert sum(sum(r.values()) for r in numbers["study"]["confusion"].values()) == 84
    assert numbers["key"]["accuracy_claimed"] == 0


def test_trials_without_consent_are_named(tmp_path: Path) -> None:
    result = evaluate(write(tmp_path / "f.csv", [study("p9", 1, "sad", "sad")]))
    assert result.without_consent == ("p9",)
    assert "No consent row for: p9" in as_text(result)


def test_damaged_rows_are_counted(tmp_path: Path, rows: list[FeedbackRow]) -> None:
    path = write(tmp_path / "f.csv", [*rows, study("p1", 99, "bored", "sad")])
    path.write_bytes(path.read_bytes() + b"2026-03-02T09:00:00.000+00:00,study,s1,p1,3,sa\0\0")
    result = evaluate(path)
    assert result.bad_rows == 2
    assert result.evaluations[0].scores.answers == 84


def test_a_row_of_damage_beyond_any_length_is_one_bad_row(
    tmp_path: Path, rows: list[FeedbackRow]
) -> None:
    path = write(tmp_path / "f.csv", rows)
    before = evaluate(path).bad_rows
    with path.open("ab") as file:
        file.write(b"x" * 200_000 + b"\n")
    assert evaluate(path).bad_rows == before + 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected a header with kind"),
        (b"timestamp,elapsed_s,frame\n", "received 'timestamp,elapsed_s,frame'"),
        (b"\x89PNG\r\n" + bytes(range(200)), "expected a header"),
        (HEADER, "received none"),
    ],
)
def test_what_is_no_feedback(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        evaluate(path)
    assert words in str(caught.value)


def test_every_column_that_is_read_is_written() -> None:
    assert {*NEEDED, *(f"p_{e}" for e in EMOTIONS)} <= set(FIELDS)


def test_an_emotion_nobody_was_asked_for_is_null_in_json(tmp_path: Path) -> None:
    numbers = as_dict(evaluate(write(tmp_path / "f.csv", [study("p1", 1, "sad", "happy")])))
    text = json.dumps(numbers, allow_nan=False)
    assert json.loads(text)["study"]["by_emotion"]["fear"]["recall"] is None


def test_command(tmp_path: Path, rows: list[FeedbackRow]) -> None:
    path = write(tmp_path / "f.csv", rows)
    command = [sys.executable, "-m", "fer_report.cli", "--feedback"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, timeout=120,
            cwd=tmp_path,
        )  # fmt: skip

    done = run(str(path), "-o", "out")
    assert done.returncode == 0, done.stderr
    assert "precision" in done.stdout and "macro avg" in done.stdout
    assert (tmp_path / "out" / "feedback.txt").read_text() == done.stdout
    assert json.loads(run(str(path), "--json").stdout)["consents"] == 3
    done = run("nowhere.csv")
    assert done.returncode == 65
    assert done.stderr.count("\n") == 1 and "nowhere.csv" in done.stderr
    assert run(str(path), "--since", "2026-01-01").returncode == 2
