"""Settings of what leaves the daemon."""

from __future__ import annotations

from dataclasses import dataclass

from .limits import setting


@dataclass(frozen=True)
class CsvSettings:
    """The CSV log."""

    path: str = setting("", "file to append readings to; empty for none", flag="--csv", path=True)
    visits: str = setting(
        "", "file to append visits to, one row per stay of a face; empty for none",
        flag="--visits", path=True,
    )  # fmt: skip
    minutes: str = setting(
        "", "file to append minutes to, one row per minute; empty for none",
        flag="--minutes", path=True,
    )  # fmt: skip
    interval_s: float = setting(
        1.0, "one row per face so often; 0 writes every frame", "s", low=0, high=3600,
        flag="--csv-interval", reload=True,
    )  # fmt: skip
    rotate_mb: float = setting(
        50.0, "start a new file at this size; 0 never", "MB", low=0, high=100_000, reload=True
    )
    rotate_daily: bool = setting(True, "start a new file each day (local time)", reload=True)
    keep_files: int = setting(0, "rotated files kept; 0 all", low=0, high=100_000, reload=True)
    keep_days: int = setting(
        400, "days that rotated files are kept; 0 for ever", "d", low=0, high=36_500, reload=True
    )
    gzip: bool = setting(True, "compress rotated files", reload=True)
    fsync_s: float = setting(
        10.0, "force rows onto the disk so often; 0 at each row", "s", low=0, high=3600, reload=True
    )


@dataclass(frozen=True)
class RecordsSettings:
    """Moments, visits and minutes, whoever takes them."""

    visit_update_s: float = setting(
        10.0, "tell of a visit under way so often; 0 never", "s", low=0, high=3600, reload=True
    )


@dataclass(frozen=True)
class StatusSettings:
    """Health: the status file."""

    path: str = setting(
        "", "status JSON to keep up to date; empty for none", flag="--status-file", path=True
    )
    interval_s: float = setting(
        5.0, "time between two updates", "s", low=0.5, high=3600, reload=True
    )


@dataclass(frozen=True)
class MetricsSettings:
    """Metrics for Prometheus without a network."""

    textfile: str = setting(
        "", "file for node_exporter's textfile collector, name.prom; empty for none",
        flag="--metrics-textfile", path=True,
    )  # fmt: skip


@dataclass(frozen=True)
class WebSettings:
    """The web interface (extra ``web``)."""

    listen: str = setting(
        "", "address and port of the web interface, 127.0.0.1:8765; empty for none", flag="--web"
    )
    rate_hz: float = setting(
        10.0, "most moments a second, beside news", "1/s", low=0.1, high=60, reload=True
    )
    origins: str = setting("", "origins of pages that may read it, comma-separated")


@dataclass(frozen=True)
class MqttSettings:
    """The MQTT sink (extra ``mqtt``)."""

    host: str = setting("", "broker; empty for none", flag="--mqtt-host")
    port: int = setting(1883, "port of the broker", low=1, high=65_535)
    device: str = setting(
        "", "name of this kiosk in topics and records; empty for the host's name", name=True
    )
    prefix: str = setting("fer", "first level of all topics")
    user: str = setting("", "user name at the broker")
    password_file: str = setting("", "file that holds the password on its first line", path=True)
    tls: bool = setting(False, "encrypt the connection")
    ca_file: str = setting("", "certificates to trust; empty for the system's", path=True)
    interval_s: float = setting(
        1.0, "one message per face so often; 0 every frame", "s", low=0, high=3600
    )
    qos: int = setting(1, "quality of service", choices=(0, 1, 2))
    buffer: int = setting(10_000, "messages kept while the broker is away", low=0, high=10_000_000)
    discovery: bool = setting(
        True, "tell Home Assistant of this kiosk; false removes it there again"
    )


@dataclass(frozen=True)
class LslSettings:
    """The outlet of the Lab Streaming Layer (extra ``lsl``)."""

    stream: str = setting("", "name of the stream; empty for none", flag="--lsl")
