"""One clip from file to results, with the daemon's own loop; runs in any process."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from fer_runtime.errors import CameraError, DataError, FerError, OutputError, PipelineError
from fer_runtime.faces.pipeline import EmotionPipeline
from fer_runtime.frames.clip import ClipSource
from fer_runtime.frames.feed import StepFeed
from fer_runtime.labels import LONGEST_NAME
from fer_runtime.out.csv.log import CsvLog, MinuteLog, VisitLog
from fer_runtime.out.sink import Sink
from fer_runtime.out.sinks import Sinks
from fer_runtime.reading import FrameReadings
from fer_runtime.settings.schema import Settings
from fer_runtime.wiring.processor import Processor

from .clips import Clip
from .frames import EveryFrame

WORK = ".work"
"""Folder beside the results for what is not finished; emptied when a batch starts."""


@dataclass(frozen=True)
class Outcome:
    """What the index says of one clip."""

    file: str
    sha256: str = ""
    duration_s: float = 0.0
    """Time of the last frame, counted from the first."""
    frames: int = 0
    faces: int = 0
    """Different people, by ``face_id``."""
    face_s: float = 0.0
    """Seconds in which at least one face was read."""
    error: str = ""
    """Why there are no results, in one line."""
    exit_code: int = 0
    """Of a failure that is not the clip's: the batch ends with it."""


class _Counts(Sink):
    """Counts frames, people and the seconds with a face."""

    def __init__(self) -> None:
        self.frames, self.face_s, self.last_s = 0, 0.0, 0.0
        self.people: set[int] = set()
        self._with_face = False

    def write(self, readings: FrameReadings) -> int:
        # A frame stands for the time until the next one.
        if self._with_face:
            self.face_s += readings.elapsed_s - self.last_s
        self.frames += 1
        self.last_s = readings.elapsed_s
        self._with_face = bool(readings.faces)
        self.people.update(face.face_id for face in readings.faces)
        return 0


def analyze_clip(clip: Clip, out: Path, settings: Settings, every_frame: bool) -> Outcome:
    """Read a clip and put its results into `out`, all of them or none.

    Parameters
    ----------
    clip
        What to read.
    out
        Folder of the results: ``NAME.csv``, ``NAME.visits.csv``, ``NAME.minutes.csv`` and, with
        `every_frame`, ``NAME.frames.csv``.
    settings
        Detector, model and so on; what concerns the log's rotation is set here.
    every_frame
        Also write a row per frame.

    Returns
    -------
    The figures; where the clip cannot be read, its error. Never raises a FerError, since the
    caller may be another process.
    """
    work = out / WORK / uuid.uuid4().hex
    try:
        digest = _digest(clip.path)
    except OSError as error:
        # Gone meanwhile, or on a disk that fails: this clip's error, not the batch's.
        return Outcome(clip.name, error=f"clip {clip.name}: cannot be read: {error.strerror}")
    try:
        work.mkdir(parents=True)
        outcome = _analyze(clip, work, settings, every_frame, digest)
        for made in sorted(work.iterdir()):
            if made.suffix == ".csv":
                target = out / f"{clip.name}{made.name.removeprefix('clip')}"
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(made, target)
        return replace(outcome, sha256=digest)
    except (DataError, CameraError) as error:
        return Outcome(clip.name, error=str(error))
    except FerError as error:
        return Outcome(clip.name, error=str(error), exit_code=error.exit_code)
    except OSError as error:
        text = f"{out}: cannot be written: {error.strerror}"
        return Outcome(clip.name, error=text, exit_code=OutputError.exit_code)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _analyze(clip: Clip, work: Path, settings: Settings, every_frame: bool, digest: str) -> Outcome:
    # One file per clip, whatever its length; a clip's rows go on where a day ends.
    settings = settings.with_values(
        {
            "csv.path": str(work / "clip.csv"),
            "csv.visits": str(work / "clip.visits.csv"),
            "csv.minutes": str(work / "clip.minutes.csv"),
            # Of a deep path the end, which tells clips apart.
            "mqtt.device": clip.name[-LONGEST_NAME:],
            "csv.rotate_mb": 0.0,
            "csv.rotate_daily": False,
            "csv.gzip": False,
            # Where each frame has its row, each is read: nothing is repeated to save time.
            **({"detector.look_rate": 240.0} if every_frame else {}),
        }
    )
    csv, counts = settings.csv, _Counts()
    logs = [CsvLog(csv), VisitLog(csv), MinuteLog(csv)]
    every = [EveryFrame(work / "clip.frames.csv")] if every_frame else []
    # The run's name follows from the clip, too.
    sinks = Sinks(settings, [counts, *logs, *every], run=digest[:12])
    # A clip has no clock of its own: its rows count from the file's last change, so that the
    # same file gives the same bytes whenever and wherever it is read.
    began = datetime.fromtimestamp(int(clip.path.stat().st_mtime), timezone.utc)
    feed = StepFeed(ClipSource(settings.source, clip.path))
    processor = Processor(feed, EmotionPipeline(settings), [sinks], wall_clock=lambda: began)
    try:
        sinks.open()
        feed.start()
        processor.start()
        processor.done.wait()
        if processor.error is not None:
            # One clip that the pipeline cannot take is a bad clip, and no reason to end all.
            if isinstance(processor.error, PipelineError):
                raise DataError(f"video {clip.path}: {processor.error}")
            if isinstance(processor.error, FerError):
                raise processor.error
            raise DataError(f"video {clip.path}: the pipeline failed on it: {processor.error}")
    finally:
        feed.stop()
        sinks.end(began + timedelta(seconds=counts.last_s))
        sinks.close()
    if any(log.dropped for log in logs) or any(frames.dropped for frames in every):
        raise OutputError(f"{work.parent.parent}: the disk is full", "make room and go on")
    return Outcome(
        clip.name,
        duration_s=round(counts.last_s, 3),
        frames=counts.frames,
        faces=len(counts.people),
        face_s=round(counts.face_s, 3),
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
