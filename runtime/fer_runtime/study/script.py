"""Study scripts: what a participant is asked, as a YAML file.

Keys: ``title``, ``language``, ``consent``, ``participant``, ``prompts`` (a list of ``emotion``,
``text``, ``picture``), ``repetitions``, ``order``, ``seed``, ``hold_s``, ``rest_s``,
``ready_s``. Only ``title``, ``consent`` and ``prompts`` are required. docs/study.md explains
them and docs/examples/study.yaml is a sample.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import yaml

from ..errors import ConfigError
from ..labels import EMOTIONS, LANGUAGES
from ..settings.file import plain_value, read_yaml, unknown_key
from ..settings.limits import at_home

ORDERS: Final = ("random", "fixed")

_REMEDY: Final = "docs/examples/study.yaml is one to begin with"
# What a window of 640×480 still shows to its end.
_CONSENT_CHARS: Final = 2000
_CONSENT_LINES: Final = 20
_PATH_CHARS: Final = 4000
_TEXT_CHARS: Final = 300
_TRIALS: Final = 1000

_LOOK: Final[dict[str, dict[str, str]]] = {
    "en": {
        "angry": "Now look angry",
        "disgust": "Now look disgusted",
        "fear": "Now look afraid",
        "happy": "Now look happy",
        "neutral": "Now look neutral",
        "sad": "Now look sad",
        "surprise": "Now look surprised",
    },
    "es": {
        "angry": "Ahora ponga cara de enojo",
        "disgust": "Ahora ponga cara de asco",
        "fear": "Ahora ponga cara de miedo",
        "happy": "Ahora ponga cara de alegría",
        "neutral": "Ahora ponga cara neutral",
        "sad": "Ahora ponga cara de tristeza",
        "surprise": "Ahora ponga cara de sorpresa",
    },
}


@dataclass(frozen=True)
class Prompt:
    """One thing that a participant is asked for."""

    emotion: str
    """The emotion asked for, one of `labels.EMOTIONS`."""
    text: str
    """What the screen says."""
    picture: Path | None = None
    """Picture shown with it; relative paths are relative to the script."""


@dataclass(frozen=True)
class StudyScript:
    """A checked study script."""

    title: str
    consent: str
    """What the participant must agree to before anything starts."""
    prompts: tuple[Prompt, ...]
    language: str = "en"
    """Language of the screens, one of `labels.LANGUAGES`."""
    participant: str = ""
    """Id of the participant; empty for a random one."""
    repetitions: int = 1
    """How often each prompt comes, 1–100."""
    order: str = "random"
    """``random``: each repetition is shuffled; ``fixed``: as written."""
    seed: int | None = None
    """Seed of the random order; None for another order each time."""
    hold_s: float = 4.0
    """Seconds that a prompt is shown, 1–60."""
    rest_s: float = 2.0
    """Seconds between two prompts, 0–60."""
    ready_s: float = 3.0
    """Seconds between the consent and the first prompt, 0–60."""


def load(path: str | Path) -> StudyScript:
    """Read and check a study script.

    Raises
    ------
    ConfigError
        If it cannot be read or parsed, lacks a required key, or holds unknown keys, bad values
        or pictures that are not there; all of them are named at once, with their lines.
    """
    path = Path(path)
    root = read_yaml(path, "study", _REMEDY)
    problems: list[tuple[int, str]] = []
    found = _keys(root, "", set(_CHECKS), problems)
    values: dict[str, Any] = {}
    for key, (node, line) in found.items():
        if key == "prompts":
            continue
        try:
            # An id stays as written: YAML would make the number 10 of 012.
            as_written = key == "participant" and isinstance(node, yaml.ScalarNode)
            value = node.value if as_written else plain_value(node)
            values[key] = _CHECKS[key](value)
        except ConfigError as error:
            problems.append((line, f"{key}: {error}"))
    if root is None or isinstance(root, yaml.MappingNode):
        problems += [(1, f"{k}: required and missing") for k in _REQUIRED if k not in found]
    if "prompts" in found:
        language = values.get("language", "en")
        node, line = found["prompts"]
        prompts = _prompts(node, line, language, path.parent, problems)
        values["prompts"] = prompts
        trials = len(prompts) * values.get("repetitions", 1)
        if trials > _TRIALS:
            what = f"expected at most {_TRIALS} trials, received {trials}"
            problems.append((found.get("repetitions", found["prompts"])[1], what))
    if problems:
        lines = "; ".join(f"line {line}: {what}" for line, what in sorted(problems))
        raise ConfigError(f"study {path}: {lines}")
    return StudyScript(**values)


def default_text(emotion: str, language: str) -> str:
    """Return what a prompt says where the script gives no text."""
    return _LOOK[language][emotion]


def _keys(
    node: yaml.Node | None, where: str, valid: set[str], problems: list[tuple[int, str]]
) -> dict[str, tuple[yaml.Node, int]]:
    """Return the nodes of a mapping by key, with their lines; note what is wrong."""
    found: dict[str, tuple[yaml.Node, int]] = {}
    if node is None:
        return found
    if not isinstance(node, yaml.MappingNode):
        name = f"{where}: " if where else ""
        problems.append((node.start_mark.line + 1, f"{name}expected keys, received something else"))
        return found
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key not in valid:
            problems.append((line, unknown_key(f"key in {where}" if where else "key", key, valid)))
        elif key in found:
            problems.append((line, f"{key}: given twice, first in line {found[key][1]}"))
        else:
            found[key] = (value_node, line)
    return found


def _prompts(
    node: yaml.Node, line: int, language: str, folder: Path, problems: list[tuple[int, str]]
) -> tuple[Prompt, ...]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        problems.append((line, "prompts: expected a list of - emotion: ..., received none"))
        return ()
    prompts = []
    for number, item in enumerate(node.value, 1):
        where = f"prompt {number}"
        found = _keys(item, where, {"emotion", "text", "picture"}, problems)
        if isinstance(item, yaml.MappingNode) and "emotion" not in found:
            problems.append((item.start_mark.line + 1, f"{where}: emotion: expected one, "
                             f"received none"))  # fmt: skip
        values: dict[str, Any] = {}
        for key, (value_node, at) in found.items():
            try:
                value = plain_value(value_node)
                if key == "picture":
                    values[key] = _picture(value, folder)
                elif key == "emotion":
                    values[key] = _emotion(value)
                else:
                    values[key] = _text(_TEXT_CHARS)(value)
            except ConfigError as error:
                problems.append((at, f"{where}: {key}: {error}"))
        if "emotion" in values:
            text = values.get("text") or default_text(values["emotion"], language)
            prompts.append(Prompt(values["emotion"], text, values.get("picture")))
    return tuple(prompts)


def _emotion(value: Any) -> str:
    if value not in EMOTIONS:
        raise ConfigError(unknown_key("emotion", str(value), set(EMOTIONS)))
    return str(value)


def _picture(value: Any, folder: Path) -> Path:
    name = _text(_PATH_CHARS)(value)
    path = folder / at_home(name)
    try:
        # imread knows no accented paths on Windows.
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # far too many pixels
        picture = None
    if picture is None:
        raise ConfigError(f"{path}: expected a picture (PNG, JPEG, ...), received something else")
    return path


def _text(limit: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"expected a text, received {value!r}")
        if len(value) > limit:
            raise ConfigError(f"expected at most {limit} characters, received {len(value)}")
        return value.strip()

    return check


def _consent(value: Any) -> str:
    text = _text(_CONSENT_CHARS)(value)
    lines = sum(bool(line.strip()) for line in text.splitlines())
    if lines > _CONSENT_LINES:
        raise ConfigError(
            f"expected at most {_CONSENT_LINES} paragraphs, received {lines}; "
            "write 'consent: >' to join lines, with empty lines between paragraphs"
        )
    return text


def _participant(value: Any) -> str:
    if value in ("", "null", "~"):
        return ""  # the key is there and left empty
    text = value if isinstance(value, str) else ""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise ConfigError(
            f"expected an id of letters, digits, - _ . and no name, received {value!r}"
        )
    return text


def _choice(*valid: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in valid:
            raise ConfigError(f"expected one of {', '.join(valid)}, received {value!r}")
        return str(value)

    return check


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ConfigError(f"expected a whole number {low} to {high}, received {value!r}")
        return value

    return check


def _seconds(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            raise ConfigError(f"expected {low:g} to {high:g} seconds, received {value!r}")
        return float(value)

    return check


def _seed(value: Any) -> int | None:
    return None if value is None else _whole(0, 2**31 - 1)(value)


_CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    "title": _text(_TEXT_CHARS),
    "language": _choice(*LANGUAGES),
    "consent": _consent,
    "participant": _participant,
    "prompts": lambda value: value,
    "repetitions": _whole(1, 100),
    "order": _choice(*ORDERS),
    "seed": _seed,
    "hold_s": _seconds(1, 60),
    "rest_s": _seconds(0, 60),
    "ready_s": _seconds(0, 60),
}
_REQUIRED: Final = ("title", "consent", "prompts")
