"""What is known of one setting beside its type and default, and whether a value fits it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError
from ..labels import EMOTIONS, LONGEST_NAME
from ..prior import check_prior


@dataclass(frozen=True)
class Limits:
    """What is known of one setting beside its type and default."""

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    flag: str = ""
    """Command-line flag, or empty where the setting is for the file only."""
    reload: bool = False
    """Whether SIGHUP changes it in a running daemon."""
    required: bool = False
    """Whether an empty text is none."""
    name: bool = False
    """Whether it is a name that stands in records, and therefore no longer than others."""
    path: bool = False
    """Whether it may name a file: a leading ~ is the user's home."""


def setting(default: Any, help: str, unit: str = "", **limits: Any) -> Any:
    """Make a dataclass field that carries its `Limits`."""
    return field(default=default, metadata={"limits": Limits(help, unit, **limits)})


def checked(key: str, item: dataclasses.Field[Any], value: Any) -> Any:
    """Return `value` as the type of the setting `key`; ConfigError where it does not fit."""
    limits: Limits = item.metadata["limits"]
    expected = _expected(item, limits)
    bad = ConfigError(f"{key}: expected {expected}, received {value!r}")
    if isinstance(item.default, bool):
        if not isinstance(value, bool):
            raise bad
    elif isinstance(item.default, int):
        if isinstance(value, bool) or not isinstance(value, int):
            raise bad
        _number(value, limits, bad)
    elif isinstance(item.default, float):
        value = _number(value, limits, bad)
    else:
        if key == "classifier.prior" and isinstance(value, list):
            value = ",".join(str(v) for v in value)
        # `source: 0` in YAML is the camera of index 0.
        if isinstance(value, int) and not isinstance(value, bool) and key == "source.source":
            value = str(value)
        if not isinstance(value, str) or (limits.required and not value.strip()):
            raise bad
        if "\0" in value or not _can_be_said(key, value, limits):
            raise bad  # no path, host or name may hold a NUL
        if limits.name and len(value) > LONGEST_NAME:
            raise ConfigError(
                f"{key}: expected at most {LONGEST_NAME} characters, received {len(value)}"
            )
        if limits.path:
            value = at_home(value, key)
    if limits.choices and value not in limits.choices:
        raise bad
    if key == "classifier.prior":
        check_prior(value)
    if key == "classifier.labels" and value:
        names = [v.strip() for v in value.split(",")]
        if set(EMOTIONS) - set(names) or len(set(names)) != len(names):
            raise bad
        return ",".join(names)
    return value


def at_home(path: str, key: str = "") -> str:
    """Return a path with its leading ~ replaced; ConfigError where that is nobody's home.

    Left as it is, it would be a folder named ~ here and an exception there.
    """
    out = os.path.expanduser(path)
    if out.startswith("~"):
        raise ConfigError(
            f"{key}{': ' * bool(key)}expected a path, or ~ and a user of this machine, "
            f"received {path!r}",
            "write the whole path; a name that begins with ~ as ./~",
        )
    return out


def _can_be_said(key: str, value: str, limits: Limits) -> bool:
    """Return whether a text is one where it goes: into UTF-8, or into the name of a file.

    A name of a file may have any bytes. Records and libraries take characters, and OpenCV dies
    of an address that is none.
    """
    address = key == "source.source" and ("://" in value or value.startswith("/dev/"))
    try:
        _ = os.fsencode(value) if limits.path and not address else value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(value: Any, limits: Limits, bad: ConfigError) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise bad
    if limits.low is not None and value < limits.low:
        raise bad
    if limits.high is not None and value > limits.high:
        raise bad
    return float(value)


def _expected(item: dataclasses.Field[Any], limits: Limits) -> str:
    """Say in words what a setting takes."""
    if limits.choices:
        return "one of " + ", ".join(map(str, limits.choices))
    if item.name == "labels":
        return f"distinct names that include {', '.join(EMOTIONS)}"
    kind = type(item.default)
    word = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[kind]
    if limits.required:
        word += " that is not empty"
    if limits.low is not None:
        word += f" from {limits.low:g} to {limits.high:g}"
    return f"{word} {limits.unit}".strip()
