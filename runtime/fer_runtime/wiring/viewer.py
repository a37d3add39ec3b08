"""The window's loop: newest result, state screens, keys. Runs in the main thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from ..arrays import Image
from ..errors import DataError, OutputError
from ..frames.jpeg import BrokenPicture
from ..labels import EMOTIONS, label_name
from ..reading import FaceReading
from ..screen.overlay import Overlay, ViewInfo
from ..screen.screens import help_screen, screen, state_text
from ..screen.window import Key, Window
from ..settings.schema import Settings
from ..settings.screen import WindowSettings
from ..study.participant import Participant
from .processor import Processor, Result

_LOGGER = logging.getLogger(__name__)

_POLL_MS = 10
_MESSAGE_S = 2.0
_REDRAW_S = 0.25


class Viewer:
    """Shows what the processor has read.

    Parameters
    ----------
    settings
        Window, privacy and source settings.
    wall_clock
        Aware local time, for feedback.
    study
        Path of a study script, or None.
    feedback
        Path of the file that takes answers, or None; a study needs one.
    mark
        Takes the beginning of each screen of a study; see `Participant`.
    """

    def __init__(
        self,
        settings: Settings,
        wall_clock: Callable[[], datetime],
        study: str | None,
        feedback: str | None,
        mark: Callable[[str, float], None],
    ) -> None:
        self._settings = settings
        self._overlay = Overlay(settings.window, settings.privacy)
        self._window = Window(fullscreen=settings.window.fullscreen)
        self._shown: tuple[Any, ...] = ()
        self._drawn_s = -1e9
        self._chosen: int | None = None
        self._message = ""
        self._message_until_s = 0.0
        self._help = False
        self._guide: Participant | None = None
        if feedback is not None:
            self._guide = Participant(wall_clock, study, feedback, mark)

    def open(self) -> None:
        """Open the window with the first screen; DisplayError where there is no screen."""
        if self._guide is not None:
            self._guide.open()
        self._window.open(self._wanted_size())
        self._window.show(self._state("starting", 0.0))
        self._window.poll(1)

    def configure(self, settings: Settings) -> None:
        """Take over settings that can change while running."""
        self._settings = settings
        self._overlay.window, self._overlay.privacy = settings.window, settings.privacy

    def step(self, processor: Processor, state: tuple[str, float, str], now: float) -> bool:
        """Draw what is new and act on a key; return False where the user wants to end.

        Parameters
        ----------
        processor
            Has the newest result.
        state
            The source's state, for how long in seconds, and why where it is lost.
        now
            Monotonic seconds.
        """
        result = processor.result
        name, seconds, _ = state
        if result is None and name == "running":
            name = "starting"
        lost = name != "running"
        readings = () if lost or result is None else result.readings
        key = self._window.poll(_POLL_MS)
        guide = self._guide
        if guide is not None and guide.in_study:
            if key is Key.FULLSCREEN:
                self._window.toggle_fullscreen()
                key = None  # no answer, and no wish to go on
            guide.step(now, key, readings)
            if key is Key.QUIT or self._window.closed or guide.finished:
                return False
            self._draw_once(("study", guide.view), now, lambda: self._study_screen(guide))
            return True
        if key is Key.QUIT or self._window.closed:
            return False
        if key is not None:
            self._act(key, readings, now)
        live = processor.feed.source.live
        if lost or result is None:
            self._draw_once(("state", name, int(seconds)), now, lambda: self._state(name, seconds))
        else:
            age_s = now - result.frame.time_s if live else None
            # Not the object's id, which the next one but one may have again.
            seen = ("frame", result.frame.index, key, self._message, self._chosen)
            fps = processor.rate.rate(now)
            with suppress(BrokenPicture):  # that nobody has looked at: the last good one stays
                self._draw_once(seen, now, lambda: self._frame(result, fps, age_s, now))
        return True

    def close(self) -> None:
        """Close the window and the feedback file."""
        self._window.close()
        if self._guide is not None:
            self._guide.close()

    # -- drawing ----------------------------------------------------------------------

    def _draw_once(self, what: tuple[Any, ...], now: float, draw: Callable[[], Image]) -> None:
        """Draw where something has changed, or now and then for a resized window."""
        if what == self._shown and now - self._drawn_s < _REDRAW_S:
            return
        self._shown, self._drawn_s = what, now
        picture = draw()
        if self._help:
            window = self._settings.window
            picture = help_screen(
                self._overlay.painter,
                (picture.shape[0], picture.shape[1]),
                window.language,
                font_scale=window.font_scale,
            )
        self._window.show(picture)

    def _frame(self, result: Result, fps: float, age_s: float | None, now: float) -> Image:
        info = ViewInfo(
            # Rounded, so that few different texts have to be rendered.
            fps=round(fps),
            processing_ms=round(result.processing_ms),
            frame_age_ms=None if age_s is None else round(age_s * 100) * 10,
            chosen=self._chosen,
            message=self._message if now < self._message_until_s else "",
            time_s=result.frame.time_s,
        )
        size = self._size_for(result.frame.image)
        return self._overlay.draw(result.frame.image, result.readings, info, size)

    def _state(self, name: str, seconds: float) -> Image:
        window = self._settings.window
        title, advice = state_text(name, seconds, window.language)
        lines = [advice, window.notice] if window.notice else [advice]
        size = self._size_for(None) or self._wanted_size()
        return screen(self._overlay.painter, size, title, lines, font_scale=window.font_scale)

    def _study_screen(self, guide: Participant) -> Image:
        return guide.draw(self._overlay.painter, self._size_for(None) or self._wanted_size())

    def _size_for(self, frame: Image | None) -> tuple[int, int] | None:
        """Return the window's size, so that text is drawn sharp and nothing is stretched."""
        w = self._settings.window
        size = (w.height, w.width) if w.width and w.height else self._window.screen_size
        if size is None:
            return None
        # Never larger than four million pixels: drawing must stay cheap on a huge screen.
        factor = min(1.0, (4e6 / (size[0] * size[1])) ** 0.5)
        fitted = (round(size[0] * factor), round(size[1] * factor))
        if frame is not None and np.abs(np.subtract(fitted, frame.shape[:2])).max() <= 2:
            return None
        return fitted

    def _wanted_size(self) -> tuple[int, int]:
        w, s = self._settings.window, self._settings.source
        if w.width and w.height:
            return w.height, w.width
        size = (s.height, s.width)
        return size if s.rotate in (0, 180) else (size[1], size[0])

    # -- keys -------------------------------------------------------------------------

    def _act(self, key: Key, readings: tuple[FaceReading, ...], now: float) -> None:
        window = self._settings.window
        if key is Key.FULLSCREEN:
            self._window.toggle_fullscreen()
        elif key is Key.HELP:
            self._help = not self._help
        elif key is Key.BARS:
            self._change(replace(window, bars=not window.bars))
        elif key is Key.MIRROR:
            self._change(replace(window, mirror=not window.mirror))
        elif key is Key.LEGEND:
            self._change(replace(window, legend=not window.legend))
        elif key is Key.NEXT_FACE and readings:
            self._choose_next(readings)
        elif key.value.isdecimal() and readings:
            self._take_feedback(EMOTIONS[int(key.value) - 1], readings, now)

    def _change(self, window: WindowSettings) -> None:
        self.configure(replace(self._settings, window=window))

    def _choose_next(self, readings: tuple[FaceReading, ...]) -> None:
        """Go round the faces from left to right."""
        ids = [r.face_id for r in sorted(readings, key=lambda r: r.box[0])]
        at = ids.index(self._chosen) + 1 if self._chosen in ids else 0
        self._chosen = ids[at % len(ids)]

    def _take_feedback(self, real: str, readings: tuple[FaceReading, ...], now: float) -> None:
        language = self._settings.window.language
        if self._guide is None:
            text = {
                "en": "start with --feedback FILE to keep answers",
                "es": "inicie con --feedback FICHERO para guardar",
            }[language]
        else:
            by_id = {r.face_id: r for r in readings}
            # The nearest face, where none has been chosen.
            face = by_id.get(self._chosen) if self._chosen is not None else None
            face = face or max(readings, key=lambda r: r.box[2] * r.box[3])
            noted = {"en": "noted", "es": "anotado"}[language]
            text = f"{noted}: {label_name(real, language)}"
            try:
                self._guide.answer(real, face)
            except (DataError, OutputError) as error:
                text = str(error)
                _LOGGER.warning("%s", error)
        self._message, self._message_until_s = text, now + _MESSAGE_S
