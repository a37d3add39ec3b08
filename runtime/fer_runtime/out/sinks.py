"""The sinks that the settings ask for."""

from __future__ import annotations

from ..settings.schema import Settings
from .sink import Sink


def make_sinks(settings: Settings) -> list[Sink]:
    """Return the sinks that `settings` name, not yet open; extras are imported only if used.

    Raises
    ------
    ConfigError
        If a setting cannot be used or its extra is not installed.
    """
    sinks: list[Sink] = []
    if settings.csv.path:
        from .csv.log import CsvLog

        sinks.append(CsvLog(settings.csv))
    if settings.mqtt.host:
        from .mqtt.sink import MqttSink

        sinks.append(MqttSink(settings.mqtt))
    if settings.lsl.stream:
        from .lsl import LslOutlet

        sinks.append(LslOutlet(settings.lsl))
    return sinks
