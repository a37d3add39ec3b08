"""The YAML configuration: read with line numbers, write as a commented sample."""

from __future__ import annotations

import dataclasses
import difflib
import logging
import math
import re
from pathlib import Path
from typing import Any, Final

import yaml

from ..errors import ConfigError
from .limits import Limits
from .schema import Settings, all_settings, check

_LOGGER = logging.getLogger(__name__)

_EXPONENT: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_BASE_60: Final = re.compile(r"[-+]?\d+(:\d+)+(\.\d*)?")

RETIRED: Final = {
    "detector.width": "detector.smallest_face says what must be seen",
    "detector.scan_s": "detector.scan_rate says how often newcomers are looked for",
    "classifier.align": "it gained nothing",
    "classifier.mirror": "it gained nothing",
    "classifier.crop_scales": "it gained nothing",
    "detector.every": "detector.look_rate says how often known faces are looked for",
    "smoothing.tau_ms": "smoothing.dwell_s and smoothing.evidence say how calm labels are",
    "status.prometheus_port": "web.listen serves /metrics",
}
"""Keys of earlier versions, and why they are gone. The sample that an installer left has every
key, and an update must not end the service for it."""


def load(path: str | Path) -> Settings:
    """Read a YAML file and put it over the defaults.

    Raises
    ------
    ConfigError
        If the file cannot be read or parsed, or holds unknown keys or bad values; all of them
        are named at once, with their lines.
    """
    path = Path(path)
    root = read_yaml(path, "config", "write one: fer-runtime --print-config > kiosk.yaml")
    values, problems, retired = _collect(root)
    checked: dict[str, Any] = {}
    for key, (value, line) in values.items():
        try:
            checked[key] = check(key, value)
        except ConfigError as error:
            problems.append((line, str(error)))
    for key, line in retired:
        _LOGGER.warning(
            "config %s: line %d: %s is no longer a setting and does nothing: %s",
            path, line, key, RETIRED[key],
        )  # fmt: skip
    if problems:
        lines = "; ".join(f"line {line}: {what}" for line, what in sorted(problems))
        raise ConfigError(f"config {path}: {lines}")
    return Settings().with_values(checked)


def read_yaml(path: Path, what: str, remedy: str) -> yaml.Node | None:
    """Read a YAML file as nodes, which know their lines; None where it is empty.

    Parameters
    ----------
    path
        The file.
    what
        What to call it in messages.
    remedy
        What to do where there is no such file.

    Raises
    ------
    ConfigError
        If it cannot be read or parsed.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{what} {path}: no such file", remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "expected text in UTF-8"
        raise ConfigError(f"{what} {path}: cannot be read: {reason}") from None
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise ConfigError(f"{what} {path}{where}: expected YAML: {problem}") from None


def _collect(
    root: yaml.Node | None,
) -> tuple[dict[str, tuple[Any, int]], list[tuple[int, str]], list[tuple[str, int]]]:
    """Walk the parsed document.

    Returns
    -------
    Values by dotted key with their lines, what is wrong, and retired keys with their lines.
    """
    values: dict[str, tuple[Any, int]] = {}
    problems: list[tuple[int, str]] = []
    retired: list[tuple[str, int]] = []
    if root is None:
        return values, problems, retired
    if not isinstance(root, yaml.MappingNode):
        return values, [(1, "expected sections with keys, received something else")], retired
    known = all_settings()
    sections = {f.name for f in dataclasses.fields(Settings)}
    seen: dict[str, int] = {}
    for section_node, body in root.value:
        section, line = str(section_node.value), section_node.start_mark.line + 1
        if section not in sections:
            problems.append((line, unknown_key("section", section, sections)))
            continue
        if isinstance(body, yaml.ScalarNode) and body.tag.endswith(":null"):
            continue  # a section whose keys are all commented out
        if not isinstance(body, yaml.MappingNode):
            problems.append((line, f"{section}: expected keys below it, received a value"))
            continue
        for key_node, value_node in body.value:
            line = key_node.start_mark.line + 1
            key = f"{section}.{key_node.value}"
            if key in seen:
                problems.append((line, f"{key}: given twice, first in line {seen[key]}"))
            elif key in RETIRED:
                retired.append((key, line))
            elif key not in known:
                names = {k.partition(".")[2] for k in known if k.startswith(f"{section}.")}
                # The right key in the wrong section is the likelier slip.
                elsewhere = [k for k in known if k.endswith(f".{key_node.value}")]
                hint = f", did you mean {elsewhere[0]}?" if elsewhere else ""
                text = unknown_key(f"key in {section}", str(key_node.value), names)
                problems.append((line, text if not hint else text.split(",")[0] + hint))
            else:
                seen[key] = line
                try:
                    number = type(known[key][0].default) in (int, float)
                    value = number_value(value_node) if number else plain_value(value_node)
                    values[key] = (value, line)
                except ConfigError as error:
                    problems.append((line, f"{key}: {error}"))
    return values, problems, retired


def plain_value(node: yaml.Node) -> Any:
    """Construct one value as the safe loader does; ConfigError where it cannot."""
    # Lists in lists are no setting, and with aliases a few lines are billions of words.
    inside: list[Any] = node.value if isinstance(node, yaml.SequenceNode) else []
    if isinstance(node, yaml.MappingNode):
        inside = [part for pair in node.value for part in pair]
    if not all(isinstance(item, yaml.ScalarNode) for item in inside):
        raise ConfigError("expected a plain value, received lists in lists")
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except (
        yaml.YAMLError, ValueError, RecursionError, AttributeError, LookupError, OverflowError,
    ) as error:  # fmt: skip
        # An unknown tag, the 30th of February, or a tag that its text does not fit.
        what = getattr(error, "problem", None) or error
        raise ConfigError(f"expected a plain value: {what}") from None
    finally:
        loader.dispose()


def number_value(node: yaml.Node) -> Any:
    """Construct the value of a key that takes a number.

    YAML 1.1 takes 1e3 for a text, as it has no point, and 1:30 for 90, sixty to the unit. Ranges
    are shown as the one, and nobody means the other.
    """
    if isinstance(node, yaml.ScalarNode) and node.style is None:
        if _EXPONENT.fullmatch(node.value):
            value = float(node.value)
            return int(value) if value.is_integer() else value
        if _BASE_60.fullmatch(node.value):
            raise ConfigError(f"expected a number, received {node.value}; write it in one unit")
    return plain_value(node)


def unknown_key(what: str, name: str, valid: set[str]) -> str:
    """Say that `name` is not known, with the nearest valid one."""
    near = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"valid: {' '.join(sorted(valid))}"
    return f"unknown {what}: {name}, {hint}"


def dump(settings: Settings) -> str:
    """Write settings as YAML, each key with its meaning, unit and range above it."""
    known = all_settings()
    out = [
        "# fer-edge: configuration of fer-runtime. Every key is optional: one that is left out has",
        "# its default, the value below unless a note names another. Flags go over this file.",
        "# Keys marked (reload) change in a running service: systemctl reload fer-runtime",
    ]
    for section in dataclasses.fields(Settings):
        out += ["", f"{section.name}:"]
        record = getattr(settings, section.name)
        for item in dataclasses.fields(record):
            limits = known[f"{section.name}.{item.name}"][1]
            value = getattr(record, item.name)
            out += [
                f"  # {_comment(limits, value, item.default)}",
                f"  {item.name}: {_scalar(value)}",
            ]
    return "\n".join(out) + "\n"


def _comment(limits: Limits, value: Any, default: Any) -> str:
    notes = []
    if limits.choices:
        notes.append(" | ".join(map(str, limits.choices)))
    elif limits.low is not None:
        notes.append(f"{limits.low:g} to {limits.high:g} {limits.unit}".strip())
    if limits.flag:
        notes.append(limits.flag)
    if value != default:
        notes.append(f"default {_scalar(default)}")
    text = limits.help + (f" [{', '.join(notes)}]" if notes else "")
    return text + (" (reload)" if limits.reload else "")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        # Quoted, so that "0", "yes" and "" stay texts.
        return str(
            yaml.safe_dump(value, default_style='"', allow_unicode=True, width=math.inf)
        ).rstrip("\n")
    return str(yaml.safe_dump(value)).split("\n")[0]
