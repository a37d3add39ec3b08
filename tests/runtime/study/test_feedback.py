"""The feedback file: rows, locks, damage, full disks."""

from __future__ import annotations

import csv
import errno
import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from readings import NOON, reading

from fer_runtime.errors import DataError, OutputError
from fer_runtime.labels import EMOTIONS
from fer_runtime.study.feedback import FIELDS, HEADER, FeedbackLog, FeedbackRow, key_row

STUDY = FeedbackRow(
    "study", "s1", "p-1", 3, "fear", "surprise", 0.51236, (0.1, 0, 0.2, 0, 0, 0, 0.7), 4, 1.25, "m"
)


def opened(path: Path) -> FeedbackLog:
    log = FeedbackLog(path)
    log.open()
    return log


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_trial_has_every_column(tmp_path: Path) -> None:
    log = opened(tmp_path / "f.csv")
    log.add(STUDY, NOON)
    log.close()
    (row,) = rows(tmp_path / "f.csv")
    assert tuple(row) == FIELDS
    assert row["timestamp"] == "2026-11-22T12:00:00.250+01:00"
    assert [row[k] for k in ("kind", "session", "participant", "trial")] == [
        "study", "s1", "p-1", "3",
    ]  # fmt: skip
    assert (row["real"], row["predicted"], row["confidence"]) == ("fear", "surprise", "0.5124")
    assert [float(row[f"p_{e}"]) for e in EMOTIONS] == [0.1, 0, 0.2, 0, 0, 0, 0.7]
    assert (row["face_id"], row["reaction_s"], row["model"]) == ("4", "1.250", "m")


def test_a_key_says_what_a_face_really_shows(tmp_path: Path) -> None:
    log = opened(tmp_path / "f.csv")
    log.add(key_row(reading(7, 2), "sad", "s1"), NOON)
    log.close()
    (row,) = rows(tmp_path / "f.csv")
    assert (row["kind"], row["real"], row["predicted"], row["face_id"]) == (
        "key", "sad", "happy", "2",
    )  # fmt: skip
    assert (row["confidence"], row["p_happy"]) == ("0.6123", "0.7000")
    assert (row["participant"], row["trial"], row["reaction_s"]) == ("", "", "")


def test_a_trial_without_a_face_has_no_prediction(tmp_path: Path) -> None:
    log = opened(tmp_path / "f.csv")
    log.add(FeedbackRow("study", "s1", "p-1", 1, "sad"), NOON)
    log.close()
    (row,) = rows(tmp_path / "f.csv")
    empty = ["predicted", "confidence", *(f"p_{e}" for e in EMOTIONS), "face_id", "reaction_s"]
    assert not any(row[name] for name in empty)


def test_a_consent_text_of_many_lines_is_one_row(tmp_path: Path) -> None:
    log = opened(tmp_path / "f.csv")
    text = 'I agree,\n"freely",\r\nto señas\0.'
    log.add(FeedbackRow("consent", "s1", "p-1", note=text), NOON)
    log.close()
    assert (tmp_path / "f.csv").read_bytes().count(b"\n") == 2
    assert rows(tmp_path / "f.csv")[0]["note"] == 'I agree, "freely", to señas .'


def test_every_row_is_in_the_file_at_once_and_none_twice(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    log = opened(path)
    assert path.read_bytes() == HEADER
    for number in range(1, 6):
        log.add(STUDY, NOON + timedelta(seconds=number))
        assert len(rows(path)) == number
    log.close()
    log.close()
    assert log.rows == 5 and len(rows(path)) == 5
    again = opened(path)
    again.add(STUDY, NOON)
    again.close()
    assert len(rows(path)) == 6 and path.read_bytes().count(HEADER) == 1


def test_only_owner_and_group_may_read_it(tmp_path: Path) -> None:
    opened(tmp_path / "f.csv").close()
    assert not stat.S_IMODE((tmp_path / "f.csv").stat().st_mode) & 0o027


@pytest.mark.parametrize(
    "damage", [b"2026-11-22T12:00:", b"\0" * 5000, b'2026,"half a no', b"x,y\xff\0\0\0"]
)
def test_a_torn_tail_is_cut_off_and_the_rest_kept(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "f.csv"
    log = opened(path)
    log.add(STUDY, NOON)
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole + damage)
    log = opened(path)
    assert path.read_bytes() == whole
    log.add(STUDY, NOON)
    log.close()
    assert path.read_bytes() == whole + whole[len(HEADER) :]


@pytest.mark.parametrize("damage", [b"", HEADER[:20], HEADER[:-1], b"\0" * 40])
def test_a_torn_header_is_begun_again(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(damage)
    opened(path).close()
    assert path.read_bytes() == HEADER


@pytest.mark.parametrize(
    "content", [b"timestamp,frame\n", b"\x89PNG\r\n\x1a\n" + bytes(900), b"\xef\xbb\xbf" + HEADER]
)
def test_what_is_no_feedback_file_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    log = FeedbackLog(path)
    with pytest.raises(DataError, match=r"expected a feedback file .* give --feedback another"):
        log.open()
    assert path.read_bytes() == content
    path.unlink()
    opened(path).close()  # the lock is free again


def test_a_folder_that_is_missing_or_the_file_itself(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"folder .* does not exist; mkdir -p"):
        FeedbackLog(tmp_path / "no" / "f.csv").open()
    with pytest.raises(OutputError, match="expected a file, received a folder"):
        FeedbackLog(tmp_path).open()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OutputError, match="expected a file"):
            FeedbackLog(tmp_path / "pipe").open()


def test_another_process_has_it(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    holder = (
        "import sys; from fer_runtime.study.feedback import FeedbackLog;"
        "log = FeedbackLog(sys.argv[1]); log.open(); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(OutputError, match="another process writes to it"):
            FeedbackLog(path).open()
        process.communicate("")
    opened(path).close()


def test_a_file_deleted_or_moved_meanwhile_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    log = opened(path)
    log.add(STUDY, NOON)
    path.rename(tmp_path / "old.csv")
    log.add(STUDY, NOON)
    log.close()
    assert len(rows(path)) == len(rows(tmp_path / "old.csv")) == 1


def test_a_row_that_cannot_be_written_is_kept_for_later(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    log = opened(path)
    log.add(STUDY, NOON)
    path.rename(tmp_path / "old.csv")
    path.mkdir()  # nothing can be written under this name now
    with pytest.raises(OutputError, match="cannot be written"):
        log.add(key_row(reading(), "sad", "s1"), NOON)
    path.rmdir()
    log.add(STUDY, NOON)
    log.close()
    assert [r["kind"] for r in rows(path)] == ["key", "study"] and log.rows == 3


def test_rows_that_are_lost_in_the_end_are_said(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    log = opened(path)
    path.rename(tmp_path / "old.csv")
    path.mkdir()
    with pytest.raises(OutputError):
        log.add(STUDY, NOON)
    with pytest.raises(OutputError):
        log.close()
    path.rmdir()
    opened(path).close()  # the lock is free all the same


@pytest.mark.skipif(not hasattr(os, "fork"), reason="resource limits are POSIX's")
def test_a_full_disk_leaves_whole_rows_only(tmp_path: Path) -> None:
    """A limit of the file's size stands for the full disk: writing stops within a row."""
    path = tmp_path / "f.csv"
    opened(path).close()
    code = f"""
import resource, signal, sys
from datetime import datetime
from fer_runtime.errors import OutputError
from fer_runtime.study.feedback import FeedbackLog, FeedbackRow
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(HEADER)} + 150, {len(HEADER)} + 150))
row, wall = FeedbackRow("study", "s1", "p-1", 1, "sad"), datetime.now().astimezone()
log = FeedbackLog(sys.argv[1]); log.open()
try:
    for _ in range(9): log.add(row, wall)
except OutputError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert "cannot be written" in done.stdout and "free or mount the disk" in done.stdout
    assert path.read_bytes().endswith(b"\n") and 1 <= len(rows(path)) < 9
    assert all(None not in r and None not in r.values() for r in rows(path))


def test_misuse_is_refused(tmp_path: Path) -> None:
    log = FeedbackLog(tmp_path / "f.csv")
    with pytest.raises(OutputError, match="closed"):
        log.add(STUDY, NOON)
    log.open()
    with pytest.raises(ValueError, match="kind"):
        log.add(FeedbackRow("picture", "s1"), NOON)
    log.close()


def test_a_file_that_is_replaced_under_way_ends_nothing_and_loses_nothing(tmp_path: Path) -> None:
    from datetime import datetime, timezone

    from fer_runtime.study.participant import Participant

    path = tmp_path / "feedback.csv"
    guide = Participant(lambda: datetime.now(timezone.utc), None, str(path), lambda *_: None)
    guide.open()
    original = path.read_bytes()
    path.write_text("somebody,else's\n1,2\n")
    log = guide._log
    from fer_runtime.errors import DataError

    # What the study does with its rows, and what a key does.
    guide._study = Ended()  # type: ignore[assignment]
    guide.step(0.0, None, [])
    with pytest.raises(DataError, match="expected a feedback file"):
        log.add(FeedbackRow("key", "s"), datetime.now(timezone.utc))
    assert path.read_text().startswith("somebody")
    path.write_bytes(original)
    guide.close()
    assert len(path.read_text().splitlines()) == 3


class Ended:
    """A study that has one row to keep."""

    finished = False
    event = 0, "consent"

    def step(self, now: float, word: str | None, readings: object) -> None:
        return

    def take_records(self) -> list[FeedbackRow]:
        return [FeedbackRow("consent", "s")]


def test_a_row_that_the_disk_did_not_keep_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "feedback.csv"
    log = FeedbackLog(path)
    log.open()

    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", failing)
        with pytest.raises(OutputError, match="Input/output error"):
            log.add(FeedbackRow("refusal", "s1"), NOON)
    log.add(FeedbackRow("refusal", "s2"), NOON)
    log.close()
    assert [row.split(",")[2] for row in path.read_text().splitlines()[1:]] == ["s1", "s2"]
