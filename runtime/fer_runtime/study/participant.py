"""Feedback keys and studies in the window: who answers, what is kept, what is drawn."""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from ..arrays import Image, read_picture
from ..errors import DataError, OutputError
from ..reading import FaceReading
from ..screen.overlay import fit
from ..screen.screens import screen
from ..screen.text import TextPainter
from ..screen.window import Key
from .feedback import FeedbackLog, key_row
from .script import load as load_script
from .study import Study, StudyView, anonymous_id

_LOGGER = logging.getLogger(__name__)


class Participant:
    """Takes answers from the window and keeps them in the feedback file.

    Parameters
    ----------
    wall_clock
        Aware local time.
    script
        Path of a study script, or None where only keys 1-7 are taken.
    path
        The feedback file.
    mark
        Called when another screen of the study begins: its phase, in a trial with the emotion
        asked for (``consent``, ``ready``, ``prompt happy``, ``rest``, ``done``, ``refused``), and
        monotonic seconds.
    """

    def __init__(
        self,
        wall_clock: Callable[[], datetime],
        script: str | None,
        path: str,
        mark: Callable[[str, float], None],
    ) -> None:
        self._wall_clock, self._mark = wall_clock, mark
        self._event: tuple[int, str] | None = None
        self._log = FeedbackLog(path)
        self._session = f"{wall_clock():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
        self._view: StudyView | None = None
        self._study: Study | None = None
        self._picture: tuple[Path, tuple[int, int], Image] | None = None
        if script is not None:
            self._study = Study(
                load_script(script),
                seed=random.SystemRandom().getrandbits(32),
                participant=anonymous_id(uuid.uuid4()),
                session=self._session,
            )

    @property
    def in_study(self) -> bool:
        """Whether a study owns the window."""
        return self._study is not None

    @property
    def finished(self) -> bool:
        """Whether the study is over."""
        return self._study is not None and self._study.finished

    @property
    def view(self) -> StudyView | None:
        """What the study shows now."""
        return self._view

    def open(self) -> None:
        """Open the feedback file; OutputError or DataError where that fails."""
        self._log.open()

    def answer(self, real: str, face: FaceReading) -> None:
        """Keep what somebody says that a face really shows."""
        self._log.add(key_row(face, real, self._session), self._wall_clock())

    def step(self, now: float, key: Key | None, readings: Sequence[FaceReading]) -> None:
        """Let the study go on to `now`, and keep what it has found."""
        if self._study is None:
            return
        self._view = self._study.step(now, None if key is None else key.value, readings)
        if self._study.event != self._event:
            self._event = self._study.event
            self._mark(self._event[1], now)
        for row in self._study.take_records():
            try:
                self._log.add(row, self._wall_clock())
            except (DataError, OutputError) as error:
                # The row waits in the log for the disk, or for the file to be put back; the
                # participant need not.
                _LOGGER.warning("%s", error)

    def draw(self, painter: TextPainter, size: tuple[int, int]) -> Image:
        """Draw what the study shows, (H, W, 3) uint8 BGR of `size`."""
        view = self._view
        if view is None:
            return screen(painter, size, "")
        lines = list(view.lines)
        if view.countdown_s is not None:
            lines.append(f"{view.countdown_s}")
        height, width = size
        if view.picture is None:
            # A consent text is read from near, a prompt from where one stands for the camera.
            scale = 1.0 if view.phase == "consent" else 1.8
            picture = screen(painter, size, view.title, lines, font_scale=scale)
        else:
            # The example above, the words below.
            above = self._example(view.picture, (round(height * 0.6), width))
            space = (height - above.shape[0], width)
            below = screen(painter, space, view.title, lines, font_scale=2.0)
            picture = cv2.vconcat([above, below])  # type: ignore[assignment]
        bar = round(width * view.progress)
        cv2.rectangle(picture, (0, height - 6), (width, height), (70, 62, 56), cv2.FILLED)
        cv2.rectangle(picture, (0, height - 6), (bar, height), (233, 180, 86), cv2.FILLED)
        return picture

    def _example(self, path: Path, size: tuple[int, int]) -> Image:
        """Return a prompt's picture in `size`; it is read once, as it is drawn every second.

        One that somebody has deleted since the script was read leaves its place dark: the words
        are there, and the participant's answers must not be lost.
        """
        if self._picture is None or self._picture[:2] != (path, size):
            try:
                shown = fit(read_picture(path), size)[0]
            except DataError as error:
                _LOGGER.warning("%s; shown without it", error)
                shown = np.zeros((*size, 3), np.uint8)
            self._picture = (path, size, shown)
        return self._picture[2]

    def close(self) -> None:
        """Close the feedback file."""
        self._log.close()
