"""A study: leads one participant through prompts and says what was predicted.

A state machine without clock, window or file: `Study.step` takes the time, a key and the
newest readings and returns what to show; `Study.take_records` returns the rows that a
`feedback.FeedbackLog` is to keep. What is predicted is never shown, lest the participant act
for the model.
"""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..reading import FaceReading
from .feedback import FeedbackRow
from .script import Prompt, StudyScript
from .trial import Trial

_YES: Final = ("y", "s", "yes")  # s for sí
_NO: Final = ("n", "no")
_END_S: Final = 4.0
"""How long the last screen stays, unless a key is pressed."""

_TEXTS: Final = {
    "en": {
        "ask": "Press y to agree, n to refuse.",
        "ready": "Get ready",
        "how": "Look at the camera and do what the screen asks.",
        "stop": "You may stop at any time: press q.",
        "rest": "Relax",
        "done": "Thank you",
        "kept": "Numbers and labels were kept, no pictures.",
        "refused": "Thank you",
        "nothing": "You do not take part. Nothing is kept but that somebody refused.",
        "no face": "No face in sight: please look at the camera.",
    },
    "es": {
        "ask": "Pulse s para aceptar, n para no participar.",
        "ready": "Prepárese",
        "how": "Mire a la cámara y haga lo que pida la pantalla.",
        "stop": "Puede dejarlo en cualquier momento: pulse q.",
        "rest": "Descanse",
        "done": "Gracias",
        "kept": "Se guardaron números y etiquetas, ninguna imagen.",
        "refused": "Gracias",
        "nothing": "Usted no participa. Solo se guarda que alguien no quiso.",
        "no face": "No se ve ninguna cara: mire a la cámara, por favor.",
    },
}


@dataclass(frozen=True)
class StudyView:
    """What the window shows; equal views need no new drawing."""

    phase: str
    """``consent``, ``ready``, ``prompt``, ``rest``, ``done`` or ``refused``."""
    title: str
    lines: tuple[str, ...]
    """Smaller text below the title; each is a paragraph."""
    progress: float
    """Part of the study that is over, 0–1 in steps of 0.01."""
    picture: Path | None = None
    """Picture to show with the prompt."""
    countdown_s: int | None = None
    """Seconds until the phase ends, rounded up; None where a key ends it."""
    trial: int = 0
    """Number of the present trial, or of the last one, from 1; 0 before the first."""
    trials: int = 0
    """How many there are."""


class Study:
    """Leads one participant through a script.

    Parameters
    ----------
    script
        What to ask.
    seed
        Seed of the random order where the script has none.
    participant
        Id of the participant where the script has none, such as `anonymous_id` gives.
    session
        Id of this run, the same in all its rows.
    """

    def __init__(self, script: StudyScript, *, seed: int, participant: str, session: str) -> None:
        self.script = script
        self.participant = script.participant or participant
        self.session = session
        self.prompts = arrange(script, seed if script.seed is None else script.seed)
        """The prompts of all trials, in their order."""
        self.phase = "consent"
        self.finished = False
        """Whether the last screen has been shown long enough."""
        self._texts = _TEXTS[script.language]
        self._since_s: float | None = None
        self._index = 0
        self._trial: Trial | None = None
        self._records: list[FeedbackRow] = []

    def step(self, now: float, key: str | None, readings: Sequence[FaceReading]) -> StudyView:
        """Go on to `now` and return what to show.

        Parameters
        ----------
        now
            Monotonic seconds; call it at least ten times a second.
        key
            The key that was pressed since the last call: ``y`` (or ``s``, ``yes``) and ``n``
            (or ``no``) answer the consent text, any key ends the last screen; or None.
        readings
            The newest faces; the largest is the participant's. Empty where none is seen.
        """
        if self._since_s is None:
            self._since_s = now
        face = max(readings, key=lambda r: r.box[2] * r.box[3]) if readings else None
        if self.phase == "consent":
            self._answer(now, key)
        elif self.phase in ("done", "refused"):
            self.finished |= key is not None or self._left_s(now) <= 0
        else:
            if self._trial is not None:
                self._trial.see(now, face)
            if self._left_s(now) <= 0:
                self._next(now)
                if self._trial is not None:
                    self._trial.see(now, face)
        return self._view(now, face)

    @property
    def event(self) -> tuple[int, str]:
        """Trials that are over, and the phase; with the emotion asked for: ``prompt happy``."""
        asked = f" {self.prompts[self._index].emotion}" if self.phase == "prompt" else ""
        return self._index, self.phase + asked

    def take_records(self) -> list[FeedbackRow]:
        """Return the rows that have come up since the last call, for `FeedbackLog.add`."""
        taken, self._records = self._records, []
        return taken

    def _answer(self, now: float, key: str | None) -> None:
        note = self.script.consent
        if key in _YES:
            self._records.append(FeedbackRow("consent", self.session, self.participant, note=note))
            self._enter("ready", now)
            if not self.script.ready_s:
                self._next(now)
        elif key in _NO:
            # Who refuses is given no id.
            self._records.append(FeedbackRow("refusal", self.session, note=note))
            self._enter("refused", now)

    def _next(self, now: float) -> None:
        """Go to the next phase; each lasts its full time even where calls were late."""
        if self._trial is not None:
            row = self._trial.row(self.session, self.participant, self._index + 1)
            self._records.append(row)
            self._trial = None
            self._index += 1
            if self._index == len(self.prompts):
                self._enter("done", now)
                return
            if self.script.rest_s:
                self._enter("rest", now)
                return
        self._enter("prompt", now)
        self._trial = Trial(self.prompts[self._index].emotion, now, self.script.hold_s)

    def _enter(self, phase: str, now: float) -> None:
        self.phase, self._since_s = phase, now

    def _left_s(self, now: float) -> float:
        """Return the seconds until the phase ends; infinite where only a key ends it."""
        script = self.script
        lasts = {"ready": script.ready_s, "prompt": script.hold_s, "rest": script.rest_s,
                 "done": _END_S, "refused": _END_S}.get(self.phase, math.inf)  # fmt: skip
        return lasts - (now - (now if self._since_s is None else self._since_s))

    def _view(self, now: float, face: FaceReading | None) -> StudyView:
        texts, phase = self._texts, self.phase
        title, lines, picture = texts.get(phase, ""), [], None
        if phase == "consent":
            title = self.script.title
            lines = [line for line in self.script.consent.splitlines() if line.strip()]
            lines.append(texts["ask"])
        elif phase == "ready":
            lines = [texts["how"], texts["stop"]]
        elif phase == "prompt":
            prompt = self.prompts[self._index]
            title, picture = prompt.text, prompt.picture
        elif phase in ("done", "refused"):
            lines = [texts["kept" if phase == "done" else "nothing"]]
        if face is None and phase in ("ready", "prompt", "rest"):
            lines.append(texts["no face"])
        left = self._left_s(now)
        held = 1 - max(0.0, left) / self.script.hold_s if phase == "prompt" else 0.0
        started = phase not in ("consent", "ready", "refused")
        return StudyView(
            phase,
            title,
            tuple(lines),
            round((self._index + held) / len(self.prompts), 2),
            picture,
            math.ceil(max(0.0, left)) if phase in ("ready", "prompt", "rest") else None,
            # During a rest it is still the trial that has just ended.
            (self._index + (phase == "prompt")) if started else 0,
            len(self.prompts),
        )


def arrange(script: StudyScript, seed: int) -> tuple[Prompt, ...]:
    """Return the prompts of all trials in their order.

    ``random`` shuffles every repetition by itself, so that each emotion comes once before any
    comes again and fatigue is spread evenly; where two repetitions meet, the same emotion does
    not come twice in a row if there is another one.
    """
    if script.order == "fixed":
        return script.prompts * script.repetitions
    rng = random.Random(seed)
    out: list[Prompt] = []
    for _ in range(script.repetitions):
        block = list(script.prompts)
        rng.shuffle(block)
        if out and block[0].emotion == out[-1].emotion:
            others = [i for i, p in enumerate(block) if p.emotion != out[-1].emotion]
            if others:
                swap = rng.choice(others)
                block[0], block[swap] = block[swap], block[0]
        out += block
    return tuple(out)


def anonymous_id(unique: uuid.UUID) -> str:
    """Return an id of a participant that says nothing of the person: ``p-1f0c2a9e``."""
    return f"p-{unique.hex[:8]}"
