"""A recipe: every hyper-parameter of a training run, read from commented YAML."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from fer_runtime.errors import ConfigError

from ..nets.heads import HEADS
from ..nets.networks import check_name


@dataclass(frozen=True)
class Augment:
    """Random changes of each training picture; 0 turns one off."""

    flip: bool = True
    """Mirror every second picture."""
    rotation_deg: float = 20.0
    """Up to so many degrees either way, 0–180."""
    zoom: float = 0.2
    """Scale by 1 ± this, 0–0.9."""
    aspect: float = 0.1
    """Width against height by 1 ± this, 0–0.9."""
    shift: float = 0.1
    """Move by up to this share of the side, 0–1."""
    brightness: float = 0.2
    """Add up to this share of 255 either way, 0–1."""
    contrast: float = 0.3
    """Spread around the picture's mean by 1 ± this, 0–1."""
    erase: float = 0.5
    """Share of pictures in which a square is painted over, 0–1."""
    erase_min_px: int = 8
    """Smallest side of that square in pixels."""
    erase_max_px: int = 20
    """Largest side in pixels."""
    mix: float = 0.3
    """Share of batches that are mixed, half by mixup, half by cutmix, 0–1."""
    mix_alpha: float = 0.4
    """Both parameters of the Beta distribution of the mixing share, above 0."""
    camera: float = 0.0
    """Share of pictures that are spoilt as a poor camera would, 0–1 (`camera_augmentation`)."""


NO_AUGMENT: Final = Augment(
    flip=False, rotation_deg=0.0, zoom=0.0, aspect=0.0, shift=0.0, brightness=0.0, contrast=0.0,
    erase=0.0, mix=0.0, camera=0.0,
)  # fmt: skip
"""``augment: false``: pictures as they are."""


@dataclass(frozen=True)
class Recipe:
    """Every setting of a run; what a run does follows from this, the data and nothing else."""

    network: str = "edge24"
    """One of `networks.NETWORKS`."""
    heads: tuple[str, ...] = ("fer2013", "ferplus")
    """Which label sets to learn; ``ferplus`` needs votes."""
    sequences: int = 4000
    """Generated sequences to learn from, recurrent networks only, 1 or more."""
    frames: int = 64
    """Looks at a face in each of them, 2–1000."""
    epochs: int = 150
    """Passes over the training pictures, 1 or more."""
    steps_per_epoch: int = 0
    """Batches that count as an epoch; 0 for all pictures."""
    batch_size: int = 256
    """Pictures in a step, 1 or more."""
    optimizer: str = "sgd"
    """``sgd`` (Nesterov) or ``adam``."""
    learning_rate: float = 0.1
    """Largest learning rate, above 0."""
    momentum: float = 0.9
    """Of SGD, 0–1."""
    schedule: str = "cosine"
    """``cosine`` down to 0, or ``constant``."""
    warmup_epochs: float = 3.0
    """Epochs in which the rate rises linearly from 0."""
    weight_decay: float = 5e-4
    """λ of λ/2 · ‖w‖² on kernels, 0 or more."""
    gradient_clip: float = 5.0
    """Largest norm of the whole gradient; 0 for none."""
    ema: float = 0.999
    """Momentum of the running mean of the weights, which is what is kept; 0 for none.
    A short run takes less, see `schedule.ema_momentum`."""
    bn_momentum: float = 0.9
    """Momentum of batch normalisation's running statistics, 0–1."""
    dropout: float = 0.2
    """Share of features dropped, 0–1."""
    label_smoothing: float = 0.1
    """Share of the FER-2013 label spread over all classes, 0–1."""
    ferplus_weight: float = 1.0
    """Weight of the FER+ loss beside the FER-2013 loss, 0 or more."""
    class_weights: str = "none"
    """``none`` or ``balanced``: rare FER-2013 classes count more."""
    distil: float = 0.0
    """Share of the teacher's probabilities in the targets of both heads, 0–1."""
    soft_labels: str = ""
    """.npz of teachers' probabilities (``files``, ``fer2013``, ``ferplus``)."""
    teacher: str = ""
    """Or a Keras model to ask; mean of the picture and its mirror image."""
    init: str = ""
    """Start from the weights of this .keras, .h5 or .npz of the same network."""
    validation: str = "split"
    """``split``: a duplicate-free share of train; ``folder``: DATA/validation; ``none``."""
    split: float = 0.1
    """That share, 0–0.5."""
    patience: int = 0
    """Stop after so many epochs without a better score; 0 never."""
    keep: str = "last"
    """Which weights become model.keras: ``last`` or ``best`` by validation."""
    seed: int = 0
    """Of weights, split, order and augmentation."""
    deterministic: bool = False
    """The same result bit by bit on the same machine; somewhat slower."""
    augment: Augment = field(default_factory=Augment)
    """Random changes of the pictures."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for YAML and JSON."""
        values = dataclasses.asdict(self)
        values["heads"] = list(self.heads)
        return values


# Key -> (least, most) of numbers, or the allowed words.
_LIMITS: Final[dict[str, tuple[Any, ...]]] = {
    "sequences": (1, 1_000_000), "frames": (2, 1000), "epochs": (1, 100_000),
    "steps_per_epoch": (0, 1_000_000),
    "batch_size": (1, 65_536), "learning_rate": (1e-9, 100.0), "momentum": (0.0, 0.9999),
    "warmup_epochs": (0.0, 1000.0), "weight_decay": (0.0, 1.0), "gradient_clip": (0.0, 1e6),
    "ema": (0.0, 0.999999), "bn_momentum": (0.0, 0.9999), "dropout": (0.0, 0.99),
    "label_smoothing": (0.0, 0.99), "ferplus_weight": (0.0, 100.0), "distil": (0.0, 1.0),
    "split": (0.0, 0.5), "patience": (0, 100_000), "seed": (0, 2**31 - 1),
    "optimizer": ("sgd", "adam"), "schedule": ("cosine", "constant"),
    "class_weights": ("none", "balanced"), "validation": ("split", "folder", "none"),
    "keep": ("last", "best"),
    "augment.rotation_deg": (0.0, 180.0), "augment.zoom": (0.0, 0.9),
    "augment.aspect": (0.0, 0.9), "augment.shift": (0.0, 1.0), "augment.brightness": (0.0, 1.0),
    "augment.contrast": (0.0, 1.0), "augment.erase": (0.0, 1.0),
    "augment.erase_min_px": (1, 48), "augment.erase_max_px": (1, 48),
    "augment.mix": (0.0, 1.0), "augment.mix_alpha": (0.01, 100.0),
    "augment.camera": (0.0, 1.0),
}  # fmt: skip


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("fer_training.recipes")
    return sorted(p.name[: -len(".yaml")] for p in folder.iterdir() if p.name.endswith(".yaml"))


def load_recipe(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by name (``edge24``) or path, and change some of its keys.

    Parameters
    ----------
    changes
        Values by key, ``augment.flip`` for a nested one; text is read as YAML.

    Raises
    ------
    ConfigError
        If it cannot be read, or a key or value is wrong; the nearest key is named.
    """
    text, where = _read(name)
    try:
        raw = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise ConfigError(f"{where}{line}: expected YAML: {problem}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{where}: expected keys with values, received {type(raw).__name__}")
    for key, value in (changes or {}).items():
        target = raw
        *parents, last = key.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise ConfigError(f"{where}: {key}: expected a key of augment")
        target[last] = _parsed(key, value) if isinstance(value, str) and value else value
    return recipe_from_dict(raw, where)


def _parsed(key: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"{key}: expected a value of YAML, received {value!r}") from None


def recipe_from_dict(raw: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Build a recipe from parsed YAML; ConfigError where a key or value is wrong."""
    values = dict(raw)
    inner = values.pop("augment", {})
    inner = {} if inner is None else inner
    if inner is False:
        inner = dataclasses.asdict(NO_AUGMENT)
    if not isinstance(inner, dict):
        raise ConfigError(f"{where}: augment: expected keys with values, received {inner!r}")
    augment = Augment(**_checked(Augment(), inner, where, "augment."))
    recipe = Recipe(**_checked(Recipe(), values, where, ""), augment=augment)
    _check_together(recipe, where)
    return recipe


def _read(name: str) -> tuple[str, str]:
    names = recipe_names()
    if name in names:
        resource = resources.files("fer_training.recipes") / f"{name}.yaml"
        return resource.read_text("utf-8"), f"recipe {name}"
    path = Path(name)
    try:
        return path.read_text("utf-8"), f"recipe {path}"
    except FileNotFoundError:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]}?" if near else "give a name or the path of a .yaml"
        raise ConfigError(
            f"recipe: expected one of {', '.join(names)} or a file, received {name!r}", hint
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "expected text in UTF-8"
        raise ConfigError(f"recipe {path}: cannot be read: {reason}") from None


def _checked(defaults: Any, values: Mapping[str, Any], where: str, prefix: str) -> dict[str, Any]:
    known = {f.name: getattr(defaults, f.name) for f in fields(defaults) if f.name != "augment"}
    out: dict[str, Any] = {}
    for key, value in values.items():
        full = f"{prefix}{key}"
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {full!r}", hint)
        out[key] = _value(known[key], value, full, where)
    return out


def _value(default: Any, value: Any, key: str, where: str) -> Any:
    limits, given = _LIMITS.get(key, ()), value
    if isinstance(default, tuple):
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not value or any(v not in list(HEADS) for v in value):
            raise ConfigError(f"{where}: {key}: expected some of {list(HEADS)}, received {value!r}")
        return tuple(dict.fromkeys(value))
    if isinstance(default, bool):
        good = isinstance(value, bool)
        wanted = "true or false"
    elif isinstance(default, str):
        value = "" if value is None else value
        good = isinstance(value, str) and (not limits or value in limits)
        wanted = " or ".join(limits) if limits else "text"
    else:
        if isinstance(value, str):
            # YAML 1.1 reads 1e-3, without a point, as text.
            try:
                value = float(value)
            except ValueError:
                value = None
        if isinstance(default, int) and isinstance(value, float) and value.is_integer():
            value = int(value)
        kind: Any = int if isinstance(default, int) else (int, float)
        good = (
            isinstance(value, kind)
            and not isinstance(value, bool)
            and limits[0] <= value <= limits[1]
        )
        wanted = f"{'a whole number' if kind is int else 'a number'} {limits[0]} to {limits[1]}"
        value = float(value) if good and isinstance(default, float) else value
    if not good:
        raise ConfigError(f"{where}: {key}: expected {wanted}, received {given!r}")
    return value


def _check_together(recipe: Recipe, where: str) -> None:
    check_name(recipe.network)
    if recipe.augment.erase_min_px > recipe.augment.erase_max_px:
        raise ConfigError(f"{where}: augment.erase_min_px is larger than erase_max_px")
    if recipe.soft_labels and recipe.teacher:
        raise ConfigError(f"{where}: expected soft_labels or teacher, received both")
    if recipe.distil and not (recipe.soft_labels or recipe.teacher):
        raise ConfigError(
            f"{where}: distil is {recipe.distil} but there is no teacher",
            "give --set soft_labels=FILE.npz or --set teacher=MODEL.keras",
        )
    if recipe.keep == "best" and recipe.validation == "none":
        raise ConfigError(f"{where}: keep: best needs validation: split or folder")
