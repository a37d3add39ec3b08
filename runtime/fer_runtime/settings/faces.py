"""Settings of how faces are found, followed and read."""

from __future__ import annotations

from dataclasses import dataclass

from ..prior import DEFAULT_PRIOR
from .limits import setting


@dataclass(frozen=True)
class DetectorSettings:
    """How faces are found."""

    kind: str = setting(
        "yunet", "face detector", choices=("yunet", "resnet-ssd"), flag="--detector"
    )
    smallest_face: int = setting(
        24, "height of the smallest face that matters, for YuNet; smaller takes longer to find",
        "px", low=12, high=1000, flag="--smallest-face",
    )  # fmt: skip
    score: float = setting(
        0.6, "smallest detection score with which a person may come into view", low=0.05, high=0.99
    )
    weak_score: float = setting(
        0.4, "smallest detection score that keeps a known person in view", low=0.05, high=0.99
    )
    min_face: int = setting(24, "lowest face kept", "px of frame", low=8, high=2000)
    max_faces: int = setting(10, "most faces per frame, largest first", low=1, high=100)
    near: bool = setting(
        True, "look around known faces, and for newcomers in one part of the frame after another"
    )
    scan_rate: float = setting(
        10.0, "parts of the frame searched for newcomers; fewer in a quiet room", "1/s",
        low=0.5, high=240,
    )  # fmt: skip
    look_rate: float = setting(
        10.0, "looks at known faces, which are followed by their motion in between", "1/s",
        low=0.5, high=240,
    )  # fmt: skip
    idle_after_s: float = setting(
        10.0, "no face for so long: search less often; 0 never", "s", low=0, high=3600
    )
    idle_fps: float = setting(4.0, "searches a second when idle", "1/s", low=0.5, high=60)
    ssd_weights: str = setting("", "path of the .caffemodel for resnet-ssd", path=True)
    ssd_prototxt: str = setting("", "path of deploy.prototxt for resnet-ssd", path=True)
    ssd_size: int = setting(300, "input side of resnet-ssd (224 as in the seed)", "px",
                             low=100, high=1000)  # fmt: skip
    ssd_score: float = setting(0.4, "as score, for resnet-ssd", low=0.05, high=0.99)


@dataclass(frozen=True)
class ClassifierSettings:
    """How a face becomes probabilities."""

    model: str = setting(
        "blend", "name of a shipped model (blend, ferplus, fer2013) or path of a .tflite",
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
    prior: str = setting(
        DEFAULT_PRIOR,
        "how common each emotion is taken to be: balanced, training, or seven shares a,d,f,h,n,s,s",
        flag="--prior",
    )
    min_face: int = setting(
        32, "under this face height the label is 'uncertain'", "px", low=8, high=2000, reload=True
    )


@dataclass(frozen=True)
class TrackerSettings:
    """How a person keeps one face_id."""

    max_gap_s: float = setting(
        2.0, "a person unseen for so long is gone", "s", low=0, high=60, reload=True
    )
    min_iou: float = setting(
        0.2, "smallest overlap that means the same person", low=0.01, high=0.9, reload=True
    )


@dataclass(frozen=True)
class SmoothingSettings:
    """How calm the shown label is."""

    dwell_s: float = setting(
        0.5, "how long the filter takes a face at rest to hold an emotion, one that talks for six "
        "times as long; longer is calmer and later", "s", low=0.1, high=600, reload=True,
    )  # fmt: skip
    evidence: float = setting(
        12.0, "independent looks in a second of frames; fewer is calmer and later", "1/s",
        low=0.1, high=1000, reload=True,
    )  # fmt: skip
    margin: float = setting(
        0.5, "a new label must lead the shown one by this share of its own belief",
        low=0, high=0.99, reload=True,
    )  # fmt: skip
    confirm_s: float = setting(
        0.1, "for so long it must lead while somebody talks; 0 shows it at once", "s",
        low=0, high=10, reload=True,
    )  # fmt: skip
    mean_s: float = setting(
        0.6, "the probabilities shown are means over about so long; 0 the newest", "s",
        low=0, high=60, reload=True,
    )  # fmt: skip
    threshold: float = setting(
        0.45, "below this probability, in the mean of two seconds, the label is 'uncertain'",
        low=0, high=0.99, reload=True,
    )  # fmt: skip
