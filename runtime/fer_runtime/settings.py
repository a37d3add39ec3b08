"""Every setting of the runtime: type, default, unit, range, YAML key and flag, in one place.

``Settings()`` is the default configuration; ``settings_file.load`` puts a YAML file over it
and the command line goes over both. All records are frozen.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from .errors import ConfigError
from .labels import EMOTIONS
from .prior import DEFAULT_PRIOR, log_prior


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


def _setting(default: Any, help: str, unit: str = "", **limits: Any) -> Any:
    """Make a dataclass field that carries its `Limits`."""
    meta = {"limits": Limits(help, unit, **limits)}
    if isinstance(default, list | dict):
        raise TypeError("settings are immutable: use a tuple")
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class SourceSettings:
    """Where frames come from."""

    source: str = _setting(
        "0",
        "camera index, /dev/v4l/by-id/... path, video file, folder, picture, http/rtsp URL, demo",
        flag="--source",
    )
    width: int = _setting(640, "frame width asked of the camera", "px", low=160, high=7680)
    height: int = _setting(480, "frame height asked of the camera", "px", low=120, high=4320)
    fps: float = _setting(30.0, "frame rate asked of the camera", "1/s", low=1, high=240)
    fourcc: str = _setting("MJPG", "pixel format asked of the camera, empty for its own")
    rotate: int = _setting(
        0, "clockwise rotation of the frame", "°", choices=(0, 90, 180, 270), flag="--rotate"
    )
    realtime: bool = _setting(
        False, "play files at their own rate, dropping late frames", flag="--realtime"
    )
    loop: bool = _setting(False, "start a file or folder again at its end", flag="--loop")
    reconnect: bool = _setting(
        True, "keep trying when the source is absent or lost", flag="--reconnect/--no-reconnect"
    )
    retry_s: float = _setting(0.5, "pause between two attempts to open", "s", low=0.1, high=60)
    open_timeout_s: float = _setting(1.5, "longest wait for a URL to open", "s", low=0.2, high=60)
    read_timeout_s: float = _setting(
        1.5, "longest wait for a frame of a URL", "s", low=0.2, high=60
    )
    lost_after_s: float = _setting(
        3.0, "no new frame for so long means the source is lost", "s", low=0.5, high=600
    )
    frozen_after_s: float = _setting(
        4.0, "identical frames for so long mean that it hangs; 0 never", "s", low=0, high=600
    )
    stuck_after_s: float = _setting(
        30.0, "a read blocked for so long ends the process (status 1)", "s", low=2, high=3600
    )
    max_fps: float = _setting(
        0.0, "process at most so many frames a second; 0 all", "1/s", low=0, high=240,
        flag="--max-fps", reload=True,
    )  # fmt: skip


@dataclass(frozen=True)
class DetectorSettings:
    """How faces are found."""

    kind: str = _setting(
        "yunet", "face detector", choices=("yunet", "resnet-ssd"), flag="--detector"
    )
    width: int = _setting(
        320, "frames are scaled to this width for YuNet", "px", low=64, high=1920,
        flag="--detector-width",
    )  # fmt: skip
    score: float = _setting(0.6, "smallest detection score kept", low=0.05, high=0.99)
    min_face: int = _setting(24, "lowest face kept", "px of frame", low=8, high=2000)
    max_faces: int = _setting(10, "most faces per frame, largest first", low=1, high=100)
    near: bool = _setting(
        True, "between two searches of the whole frame look only around known faces"
    )
    scan_s: float = _setting(
        0.5, "search the whole frame at least so often, for newcomers", "s", low=0, high=10
    )
    every: int = _setting(1, "search every k-th frame, track in between", low=1, high=30)
    idle_after_s: float = _setting(
        10.0, "no face for so long: search less often; 0 never", "s", low=0, high=3600
    )
    idle_fps: float = _setting(4.0, "searches a second when idle", "1/s", low=0.5, high=60)
    ssd_weights: str = _setting("", "path of the .caffemodel for resnet-ssd")
    ssd_prototxt: str = _setting("", "path of deploy.prototxt for resnet-ssd")
    ssd_size: int = _setting(300, "input side of resnet-ssd (224 as in the seed)", "px",
                             low=100, high=1000)  # fmt: skip
    ssd_score: float = _setting(0.4, "smallest score kept by resnet-ssd", low=0.05, high=0.99)


@dataclass(frozen=True)
class ClassifierSettings:
    """How a face becomes probabilities."""

    model: str = _setting(
        "ferplus", "name of a shipped model (ferplus, fer2013) or path of a .tflite",
        flag="--model",
    )  # fmt: skip
    labels: str = _setting(
        "", "classes of a model without metadata, comma-separated", flag="--labels"
    )
    threads: int = _setting(1, "threads of the interpreter", low=1, high=16, flag="--threads")
    interpreter: str = _setting(
        "auto", "TFLite interpreter", choices=("auto", "litert", "tflite-runtime"),
        flag="--interpreter",
    )  # fmt: skip
    prior: str = _setting(
        DEFAULT_PRIOR,
        "how common each emotion is taken to be: balanced, training, or seven shares a,d,f,h,n,s,s",
        flag="--prior",
    )
    min_face: int = _setting(
        32, "under this face height the label is 'uncertain'", "px", low=8, high=2000, reload=True
    )
    align: bool = _setting(False, "turn the crop so that the eyes are level", reload=True)
    mirror: bool = _setting(False, "average with the mirrored crop (twice the work)", reload=True)
    crop_scales: tuple[float, ...] = _setting(
        (1.0,), "sides of the crops averaged, in crop sizes", low=0.5, high=2.0, reload=True
    )


@dataclass(frozen=True)
class TrackerSettings:
    """How a person keeps one face_id."""

    max_gap_s: float = _setting(
        1.0, "a person unseen for so long is gone", "s", low=0, high=60, reload=True
    )
    min_iou: float = _setting(
        0.2, "smallest overlap that means the same person", low=0.01, high=0.9, reload=True
    )


@dataclass(frozen=True)
class SmoothingSettings:
    """How calm the shown label is."""

    tau_ms: float = _setting(
        400.0, "time constant of the filter on probabilities; 0 no filter", "ms",
        low=0, high=10_000, reload=True,
    )  # fmt: skip
    margin: float = _setting(
        0.2, "a new label must lead the shown one by this share of its own probability",
        low=0, high=0.9, reload=True,
    )  # fmt: skip
    threshold: float = _setting(
        0.3, "below this probability the label is 'uncertain'", low=0, high=0.99, reload=True
    )


@dataclass(frozen=True)
class WindowSettings:
    """The live window."""

    show: bool = _setting(False, "open the live window", flag="--show/--headless")
    language: str = _setting(
        "en", "language of labels and messages", choices=("en", "es"), flag="--lang", reload=True
    )
    fullscreen: bool = _setting(False, "start in full screen", flag="--fullscreen")
    mirror: bool = _setting(False, "show the picture mirrored", flag="--mirror", reload=True)
    bars: bool = _setting(False, "show all seven probabilities", flag="--bars", reload=True)
    legend: bool = _setting(False, "show the legend of colours", reload=True)
    font_scale: float = _setting(1.0, "size of all text", low=0.5, high=4, reload=True)
    notice: str = _setting("", "notice at the foot of the window, for consent", reload=True)
    width: int = _setting(0, "width of the window; 0 as the frame", "px", low=0, high=7680)
    height: int = _setting(0, "height of the window; 0 as the frame", "px", low=0, high=4320)


@dataclass(frozen=True)
class PrivacySettings:
    """What the window hides. Frames are never stored or sent, whatever is set here."""

    blur_faces: bool = _setting(False, "pixelate faces in the window", flag="--blur", reload=True)


@dataclass(frozen=True)
class CsvSettings:
    """The CSV log."""

    path: str = _setting("", "file to append readings to; empty for none", flag="--csv")
    interval_s: float = _setting(
        1.0, "one row per face so often; 0 writes every frame", "s", low=0, high=3600,
        flag="--csv-interval", reload=True,
    )  # fmt: skip
    rotate_mb: float = _setting(
        50.0, "start a new file at this size; 0 never", "MB", low=0, high=100_000, reload=True
    )
    rotate_daily: bool = _setting(True, "start a new file each day (local time)", reload=True)
    keep_files: int = _setting(0, "rotated files kept; 0 all", low=0, high=100_000, reload=True)
    keep_days: int = _setting(
        400, "days that rotated files are kept; 0 for ever", "d", low=0, high=36_500, reload=True
    )
    gzip: bool = _setting(True, "compress rotated files", reload=True)
    fsync_s: float = _setting(
        10.0, "force rows onto the disk so often; 0 at each row", "s", low=0, high=3600, reload=True
    )


@dataclass(frozen=True)
class StatusSettings:
    """Health: the status file and the Prometheus endpoint."""

    path: str = _setting("", "status JSON to keep up to date; empty for none", flag="--status-file")
    interval_s: float = _setting(
        5.0, "time between two updates", "s", low=0.5, high=3600, reload=True
    )
    prometheus_port: int = _setting(
        0, "port of the Prometheus endpoint on loopback; 0 off", low=0, high=65_535
    )


@dataclass(frozen=True)
class MqttSettings:
    """The MQTT sink (extra ``mqtt``)."""

    host: str = _setting("", "broker; empty for none", flag="--mqtt-host")
    port: int = _setting(1883, "port of the broker", low=1, high=65_535)
    device: str = _setting("", "name of this kiosk in topics; empty for the host's name")
    prefix: str = _setting("fer", "first level of all topics")
    user: str = _setting("", "user name at the broker")
    password_file: str = _setting("", "file that holds the password on its first line")
    tls: bool = _setting(False, "encrypt the connection")
    ca_file: str = _setting("", "certificates to trust; empty for the system's")
    interval_s: float = _setting(
        1.0, "one message per face so often; 0 every frame", "s", low=0, high=3600
    )
    qos: int = _setting(1, "quality of service", choices=(0, 1, 2))
    buffer: int = _setting(10_000, "messages kept while the broker is away", low=0, high=10_000_000)


@dataclass(frozen=True)
class RunSettings:
    """How long to run, and what is logged."""

    max_frames: int = _setting(
        0, "end after so many frames; 0 never", low=0, high=10**12, flag="--max-frames"
    )
    duration_s: float = _setting(
        0.0, "end after so long; 0 never", "s", low=0, high=10**9, flag="--duration"
    )
    log_level: str = _setting(
        "info", "least important message logged", choices=("debug", "info", "warning", "error"),
        flag="--log-level", reload=True,
    )  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The whole configuration; each field is one section of the YAML file."""

    source: SourceSettings = SourceSettings()
    detector: DetectorSettings = DetectorSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    tracker: TrackerSettings = TrackerSettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    window: WindowSettings = WindowSettings()
    privacy: PrivacySettings = PrivacySettings()
    csv: CsvSettings = CsvSettings()
    status: StatusSettings = StatusSettings()
    mqtt: MqttSettings = MqttSettings()
    run: RunSettings = RunSettings()

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
    item, limits = all_settings()[key]
    expected = _expected(item, limits)
    bad = ConfigError(f"{key}: expected {expected}, received {value!r}")
    if isinstance(item.default, tuple):
        values = value if isinstance(value, list | tuple) else [value]
        if not values:
            raise bad
        return tuple(_number(v, limits, bad) for v in values)
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
        if not isinstance(value, str):
            raise bad
    if limits.choices and value not in limits.choices:
        raise bad
    if key == "classifier.prior":
        log_prior(value, {})
    if key == "classifier.labels" and value:
        names = [v.strip() for v in value.split(",")]
        if set(EMOTIONS) - set(names) or len(set(names)) != len(names):
            raise bad
        return ",".join(names)
    return value


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
    word = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}.get(
        kind, "a list of numbers"
    )
    if limits.low is not None:
        word += f" from {limits.low:g} to {limits.high:g}"
    return f"{word} {limits.unit}".strip()
