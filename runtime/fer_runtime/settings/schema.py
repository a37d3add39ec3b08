"""Every setting of the runtime: type, default, unit, range, YAML key and flag.

``Settings()`` is the default configuration; ``file.load`` puts a YAML file over it and the
command line goes over both. All records are frozen. Each section stands in the file that is
named after the room it is for.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError
from .faces import ClassifierSettings, DetectorSettings, SmoothingSettings, TrackerSettings
from .frames import SourceSettings
from .limits import Limits, checked, setting
from .out import (
    CsvSettings,
    LslSettings,
    MetricsSettings,
    MqttSettings,
    RecordsSettings,
    StatusSettings,
    WebSettings,
)
from .screen import PrivacySettings, WindowSettings


@dataclass(frozen=True)
class RunSettings:
    """How long to run, and what is logged."""

    max_frames: int = setting(
        0, "end after so many frames; 0 never", low=0, high=10**12, flag="--max-frames"
    )
    duration_s: float = setting(
        0.0, "end after so long; 0 never", "s", low=0, high=10**9, flag="--duration"
    )
    log_level: str = setting(
        "info", "least important message logged", choices=("debug", "info", "warning", "error"),
        flag="--log-level", reload=True,
    )  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The whole configuration; each field is one section of the YAML file."""

    source: SourceSettings = field(default=SourceSettings())
    detector: DetectorSettings = field(default=DetectorSettings())
    classifier: ClassifierSettings = field(default=ClassifierSettings())
    tracker: TrackerSettings = field(default=TrackerSettings())
    smoothing: SmoothingSettings = field(default=SmoothingSettings())
    window: WindowSettings = field(default=WindowSettings())
    privacy: PrivacySettings = field(default=PrivacySettings())
    records: RecordsSettings = field(default=RecordsSettings())
    csv: CsvSettings = field(default=CsvSettings())
    status: StatusSettings = field(default=StatusSettings())
    metrics: MetricsSettings = field(default=MetricsSettings())
    web: WebSettings = field(default=WebSettings())
    mqtt: MqttSettings = field(default=MqttSettings())
    lsl: LslSettings = field(default=LslSettings())
    run: RunSettings = field(default=RunSettings())

    def with_values(self, values: dict[str, Any]) -> Settings:
        """Return a copy with values by dotted key, ``{"csv.interval_s": 0.5}``, each checked.

        Raises ConfigError that names all bad values.
        """
        problems: list[str] = []
        checked: dict[str, dict[str, Any]] = {}
        for key, value in values.items():
            section, _, name = key.partition(".")
            try:
                checked.setdefault(section, {})[name] = check(key, value)
            except ConfigError as error:
                problems.append(str(error))
        if problems:
            raise ConfigError("; ".join(problems))
        parts = {s: dataclasses.replace(getattr(self, s), **v) for s, v in checked.items()}
        return dataclasses.replace(self, **parts)


def all_settings() -> dict[str, tuple[dataclasses.Field[Any], Limits]]:
    """Return every setting by dotted key, such as ``csv.interval_s``."""
    out = {}
    for section in dataclasses.fields(Settings):
        for item in dataclasses.fields(section.default):  # type: ignore[arg-type]
            out[f"{section.name}.{item.name}"] = (item, item.metadata["limits"])
    return out


def check(key: str, value: Any) -> Any:
    """Return `value` as the type of the setting `key`; ConfigError where it does not fit."""
    return checked(key, all_settings()[key][0], value)


def changed_but_fixed(old: Settings, new: Settings) -> list[str]:
    """Return the keys that differ and cannot change in a running process."""
    out = []
    for key, (item, limits) in all_settings().items():
        section = key.partition(".")[0]
        a, b = (getattr(getattr(s, section), item.name) for s in (old, new))
        if a != b and not limits.reload:
            out.append(key)
    return out


def in_force(old: Settings, new: Settings) -> Settings:
    """Return `new` with the values of `old` where they cannot change in a running process."""
    values = {}
    for key in changed_but_fixed(old, new):
        section, _, name = key.partition(".")
        values[key] = getattr(getattr(old, section), name)
    return new.with_values(values)
