"""What cameras and people do to a face, in five strengths each, and what accuracy is left.

In the manner of ImageNet-C (Hendrycks and Dietterich 2019): a fixed list, the same pictures
spoilt in the same way for every model, and the mean over all of it as one figure. Nothing here
is used for training; `fit.camera_augmentation` draws its own, milder changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Change = Callable[[Image, float, np.random.Generator], NDArray[Any]]


@dataclass(frozen=True)
class Kind:
    """One way to spoil a picture."""

    change: Change
    """(picture, strength, chance) to a picture of the same shape."""
    strengths: tuple[float, float, float, float, float]
    """From hardly to heavily."""
    unit: str
    """What the strength is."""


def _blur(crop: Image, pixels: float, _rng: np.random.Generator) -> NDArray[Any]:
    return cv2.GaussianBlur(crop, (0, 0), pixels * crop.shape[0] / 48.0)


def _noise(crop: Image, grey: float, rng: np.random.Generator) -> NDArray[Any]:
    return crop + rng.normal(0.0, grey, crop.shape)


def _jpeg(crop: Image, quality: float, _rng: np.random.Generator) -> NDArray[Any]:
    _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))


def _dark(crop: Image, share: float, rng: np.random.Generator) -> NDArray[Any]:
    # Less light, and the sensor's noise does not shrink with it.
    return crop * share + rng.normal(0.0, 3.0, crop.shape)


def _backlight(crop: Image, grey: float, _rng: np.random.Generator) -> NDArray[Any]:
    """Light from behind: the face darkens, a bright rim spills in from the top and the sides."""
    h, w = crop.shape[:2]
    y, x = np.mgrid[-1.0 : 1.0 : h * 1j, -1.0 : 1.0 : w * 1j]
    rim = np.clip(np.hypot(x, np.minimum(y, 0.0)) - 0.3, 0.0, 1.0)
    rim = rim if crop.ndim == 2 else rim[..., np.newaxis]
    return np.asarray(crop * (1.0 - grey / 200.0) + grey * rim)


def _contrast(crop: Image, share: float, _rng: np.random.Generator) -> NDArray[Any]:
    return np.asarray(128.0 + (crop - 128.0) * share)


def _small(crop: Image, side: float, _rng: np.random.Generator) -> NDArray[Any]:
    h, w = crop.shape[:2]
    few = cv2.resize(crop, (int(side), int(side)), interpolation=cv2.INTER_AREA)
    return cv2.resize(few, (w, h), interpolation=cv2.INTER_LINEAR)


def _off(crop: Image, share: float, rng: np.random.Generator) -> NDArray[Any]:
    """Move the crop off the face by this share of its side, in a direction of its own."""
    h, w = crop.shape[:2]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    moved = np.array([[1.0, 0.0, share * w * np.cos(angle)], [0.0, 1.0, share * h * np.sin(angle)]])
    return cv2.warpAffine(crop, moved, (w, h), borderMode=cv2.BORDER_REPLICATE)


def _turned(crop: Image, degrees: float, rng: np.random.Generator) -> NDArray[Any]:
    h, w = crop.shape[:2]
    sign = 1.0 if rng.random() < 0.5 else -1.0
    turn = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), sign * degrees, 1.0)
    return cv2.warpAffine(crop, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)


def _covered(top: float, bottom: float, left: float, right: float) -> Change:
    """Paint an even grey over part of the face; the strength is the share of that part."""

    def cover(crop: Image, share: float, rng: np.random.Generator) -> NDArray[Any]:
        h, w = crop.shape[:2]
        middle_y, middle_x = (top + bottom) / 2, (left + right) / 2
        half_y, half_x = share * (bottom - top) / 2, share * (right - left) / 2
        rows = slice(round(h * (middle_y - half_y)), round(h * (middle_y + half_y)))
        columns = slice(round(w * (middle_x - half_x)), round(w * (middle_x + half_x)))
        out = crop.copy()
        out[rows, columns] = rng.integers(20, 236)
        return out

    return cover


KINDS: Final[dict[str, Kind]] = {
    "blur": Kind(_blur, (0.6, 1.0, 1.4, 1.9, 2.5), "sigma, px of 48"),
    "noise": Kind(_noise, (5, 10, 16, 24, 35), "sigma, grey"),
    "jpeg": Kind(_jpeg, (50, 30, 20, 12, 7), "quality"),
    "dark": Kind(_dark, (0.6, 0.4, 0.27, 0.18, 0.12), "share of the light"),
    "backlight": Kind(_backlight, (40, 70, 100, 130, 160), "grey at the rim"),
    "low contrast": Kind(_contrast, (0.6, 0.45, 0.32, 0.22, 0.15), "share of the contrast"),
    "small face": Kind(_small, (32, 28, 24, 20, 16), "px of height"),
    "crop off": Kind(_off, (0.05, 0.1, 0.15, 0.2, 0.25), "share of the side"),
    "turned": Kind(_turned, (10, 15, 20, 25, 30), "degrees"),
    # Where eyes and mouth lie in a crop of the runtime: eye line at 0.39, mouth about 0.75.
    "glasses": Kind(_covered(0.30, 0.48, 0.12, 0.88), (0.3, 0.5, 0.7, 0.85, 1.0), "share of them"),
    "mask": Kind(_covered(0.55, 1.0, 0.15, 0.85), (0.3, 0.5, 0.7, 0.85, 1.0), "share of it"),
}
"""The list; its order, strengths and seed are part of the figure."""


def degraded(crops: Image, kind: str, level: int, seed: int = 0) -> Image:
    """Spoil every picture in one way.

    Parameters
    ----------
    crops
        (N, h, w) or (N, h, w, 3) uint8.
    kind, level
        Key of `KINDS`, and which of its strengths, 0–4.
    seed
        Of the chance in it; each kind and level has chance of its own.

    Returns
    -------
    uint8 of the same shape.
    """
    chosen = KINDS[kind]
    rng = np.random.default_rng([seed, list(KINDS).index(kind), level])
    out = np.empty_like(crops)
    for i, crop in enumerate(crops):
        spoilt = chosen.change(crop, chosen.strengths[level], rng)
        out[i] = np.clip(np.rint(spoilt), 0, 255)
    return out


def degradation(
    right: Callable[[Image], float], crops: Image, seed: int = 0, progress: Any = None
) -> dict[str, Any]:
    """Measure what is left under everything in the list.

    Parameters
    ----------
    right
        Pictures to accuracy, 0–1.
    crops
        The pictures as given.
    progress
        Shows how far it is.

    Returns
    -------
    ``kinds`` (five accuracies of each), ``mean`` of them all, ``as_given`` and ``loss``, the
    difference of the two.
    """
    steps = [(kind, level) for kind in KINDS for level in range(5)]
    kinds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind, level in progress(steps, "degraded") if progress else steps:
        kinds[kind].append(right(degraded(crops, kind, level, seed)))
    mean = float(np.mean([value for values in kinds.values() for value in values]))
    given = right(crops)
    return {"kinds": kinds, "mean": mean, "as_given": given, "loss": given - mean}


def degradation_table(found: dict[str, Any]) -> str:
    """Return the text that a person reads, percent."""
    lines = [f"{'degraded':<14}{'hardly':>8}{'heavily':>32}{'mean':>8}"]
    for kind, values in found["kinds"].items():
        cells = "".join(f"{100 * v:>8.1f}" for v in [*values, float(np.mean(values))])
        first, *_, last = KINDS[kind].strengths
        lines.append(f"{kind:<14}{cells}  {first:g} to {last:g}, {KINDS[kind].unit}")
    lines.append(
        f"mean under degradation {100 * found['mean']:.2f} %, as given "
        f"{100 * found['as_given']:.2f} %: lost {100 * found['loss']:.2f} points"
    )
    return "\n".join(lines)
