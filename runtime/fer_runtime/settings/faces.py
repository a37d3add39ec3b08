"""Settings of how faces are found, followed and read."""

from __future__ import annotations

from dataclasses import dataclass

from .limits import setting


@dataclass(frozen=True)
class DetectorSettings:
    """How faces are found."""

    kind: str = setting(
        "yunet", "face detector", choices=("yunet", "resnet-ssd"), flag="--detector"
    )
    width: int = setting(
        320, "frames are scaled to this width for YuNet", "px", low=64, high=1920,
        flag="--detector-width",
    )  # fmt: skip
    score: float = setting(0.6, "smallest detection score kept", low=0.05, high=0.99)
    min_face: int = setting(24, "lowest face kept", "px of frame", low=8, high=2000)
    max_faces: int = setting(10, "most faces per frame, largest first", low=1, high=100)
    near: bool = setting(
        True, "between two searches of the whole frame look only around known faces"
    )
    scan_s: float = setting(
        0.5, "search the whole frame at least so often, for newcomers", "s", low=0, high=10
    )
    every: int = setting(1, "search every k-th frame, track in between", low=1, high=30)
    idle_after_s: float = setting(
        10.0, "no face for so long: search less often; 0 never", "s", low=0, high=3600
    )
    idle_fps: float = setting(4.0, "searches a second when idle", "1/s", low=0.5, high=60)
    ssd_weights: str = setting("", "path of the .caffemodel for resnet-ssd", path=True)
    ssd_prototxt: str = setting("", "path of deploy.prototxt for resnet-ssd", path=True)
    ssd_size: int = setting(300, "input side of resnet-ssd (224 as in the seed)", "px",
                             low=100, high=1000)  # fmt: skip
    ssd_score: float = setting(0.4, "smallest score kept by resnet-ssd", low=0.05, high=0.99)


@dataclass(frozen=True)
class ClassifierSettings:
    """How a face becomes probabilities."""

    model: str = setting(
        "ferplus", "name of a shipped model (ferplus, fer2013) or path of a .tflite",
        flag="--model", path=True,
    )  # fmt: skip
    labels: str = setting(
        "", "classes of a model without metadata, comma-separated", flag="--labels"
    )
    threads: int = setting(1, "threads of the interpreter", low=1, high=16, flag="--threads")
    interpreter: str = setting(
        "auto", "TFLite interpreter", choices=("auto", "litert", "tflite-runtime"),
        flag="--interpreter",
    )  # fmt: skip
    min_face: int = setting(
        32, "under this face height the label is 'uncertain'", "px", low=8, high=2000, reload=True
    )
    align: bool = setting(False, "turn the crop so that the eyes are level", reload=True)
    mirror: bool = setting(False, "average with the mirrored crop (twice the work)", reload=True)
    crop_scales: tuple[float, ...] = setting(
        (1.0,), "sides of the crops averaged, in crop sizes", low=0.5, high=2.0, reload=True
    )


@dataclass(frozen=True)
class TrackerSettings:
    """How a person keeps one face_id."""

    max_gap_s: float = setting(
        1.0, "a person unseen for so long is gone", "s", low=0, high=60, reload=True
    )
    min_iou: float = setting(
        0.2, "smallest overlap that means the same person", low=0.01, high=0.9, reload=True
    )


@dataclass(frozen=True)
class SmoothingSettings:
    """How calm the shown label is."""

    tau_ms: float = setting(
        400.0, "time constant of the filter on probabilities; 0 no filter", "ms",
        low=0, high=10_000, reload=True,
    )  # fmt: skip
    margin: float = setting(
        0.2, "a new label must lead the shown one by this share of its own probability",
        low=0, high=0.9, reload=True,
    )  # fmt: skip
    threshold: float = setting(
        0.3, "below this probability the label is 'uncertain'", low=0, high=0.99, reload=True
    )
