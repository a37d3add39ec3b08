"""Pictures for calibration and comparison, cut the way the runtime cuts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_runtime.arrays import PICTURE_SUFFIXES
from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.crop import crop_face, crop_picture
from fer_runtime.model.metadata import ModelMetadata
from fer_training.data.class_folders import class_folders, pictures_below
from fer_training.data.ferplus import majority, read_votes, votes_of
from fer_training.data.pictures import read_picture

UNLABELLED: Final = -1


@dataclass(frozen=True)
class Listing:
    """Pictures of a folder and the class of each."""

    root: Path
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    """(N,) index into the model's classes, or `UNLABELLED`."""

    def take(self, chosen: NDArray[np.intp]) -> Listing:
        """Return the pictures with these indices."""
        return Listing(self.root, tuple(self.paths[i] for i in chosen), self.labels[chosen])


def list_pictures(folder: str | Path, classes: Sequence[str], order: str = "") -> Listing:
    """List a folder of class folders, or of pictures without labels.

    `order` is that of folders named 0 to 6, see `fer_training.data.class_folders`.

    Raises
    ------
    DataError
        If the folder is missing, holds no pictures, or its folders are not named as classes.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"pictures {root}: expected a folder of class folders, there is none")
    try:
        loose = _pictures_in(root)
        inside = any(p.is_dir() and pictures_below(p) for p in root.iterdir())
    except OSError as error:
        raise DataError(f"pictures {root}: cannot be listed: {error.strerror}") from None
    if loose and not inside:
        return Listing(root, tuple(loose), np.full(len(loose), UNLABELLED))
    found = [(path, name) for folder, name in class_folders(root, order, classes)
             for path in pictures_below(folder)]  # fmt: skip
    if not found:
        raise DataError(f"pictures {root}: expected pictures in class folders, found none")
    labels = [list(classes).index(name) for _, name in found]
    return Listing(root, tuple(path for path, _ in found), np.array(labels))


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(
        p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file()
    )


def with_votes(listing: Listing, votes: str | Path, classes: Sequence[str]) -> Listing:
    """Replace the labels by the FER+ majority; pictures without one become `UNLABELLED`.

    The table names files relative to its own folder.

    Raises
    ------
    DataError
        If the table cannot be read or names none of the pictures.
    """
    table = read_votes(votes)
    base = Path(votes).resolve().parent
    names = []
    for path in listing.paths:
        try:
            names.append(path.resolve().relative_to(base).as_posix())
        except ValueError:
            names.append("")  # not below the table's folder: no votes
    labels = majority(votes_of(names, table)).labels
    if not (labels >= 0).any():
        raise DataError(
            f"votes {votes}: expected rows for the pictures of {listing.root}, found none",
            "its files are named relative to the table's own folder",
        )
    places = np.array([*(list(classes).index(e) for e in EMOTIONS), UNLABELLED])
    return Listing(listing.root, listing.paths, places[labels])


def random_sample(listing: Listing, count: int, seed: int) -> NDArray[np.intp]:
    """Choose up to `count` pictures in the folder's own proportions; sorted indices."""
    if len(listing.paths) <= count:
        return np.arange(len(listing.paths))
    chosen = np.random.default_rng(seed).permutation(len(listing.paths))[:count]
    return np.sort(chosen)


@dataclass(frozen=True)
class Crops:
    """Pictures as the network gets them."""

    pixels: NDArray[np.uint8]
    """(N, h, w) or (N, h, w, 3)."""
    labels: NDArray[np.int64]
    """(N,) index into the classes, or `UNLABELLED`."""
    unreadable: tuple[Path, ...]
    """Files left out."""


def load_crops(listing: Listing, metadata: ModelMetadata) -> Crops:
    """Read pictures and turn each into the network's input size and colours.

    Raises
    ------
    DataError
        If none of them can be read.
    """
    crops, labels, unreadable = [], [], []
    size = (metadata.height, metadata.width)
    for path, label in zip(listing.paths, listing.labels, strict=True):
        try:
            crops.append(crop_picture(read_picture(path), size=size, color=metadata.color))
        except DataError:
            unreadable.append(path)
            continue
        labels.append(label)
    if not crops:
        raise DataError(
            f"pictures {listing.root}: none of {len(listing.paths)} can be read "
            f"(first: {listing.paths[0].name})"
        )
    return Crops(np.stack(crops), np.array(labels), tuple(unreadable))


# The face of the demo portrait (512×512), as YuNet finds it: x, y, w, h in pixels.
_PORTRAIT_FACE: Final = (176.0, 61.0, 94.0, 120.0)


def portrait_crops(portrait: Path, metadata: ModelMetadata, count: int, seed: int) -> Crops:
    """Cut `count` seeded variations of the demo portrait's face, without labels.

    Position, size, angle, brightness, contrast and mirroring vary. One face says nothing of
    accuracy, only whether a variant computes what the original computes.
    """
    picture = read_picture(portrait)
    rng = np.random.default_rng(seed)
    x, y, w, h = _PORTRAIT_FACE
    crops = []
    for _ in range(count):
        dx, dy = rng.uniform(-0.15, 0.15, 2) * h
        turn = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), rng.uniform(-25, 25), 1.0)
        turned = np.asarray(cv2.warpAffine(picture, turn, picture.shape[1::-1]), np.uint8)
        crop = crop_face(
            turned,
            (x + dx, y + dy, w, h),
            scale=metadata.crop_scale * rng.uniform(0.7, 1.4),
            size=(metadata.height, metadata.width),
            color=metadata.color,
        )
        values = (crop.astype(np.float32) - 128) * rng.uniform(0.5, 1.3) + 128
        values = values + rng.uniform(-50, 50) + rng.normal(0, rng.uniform(0, 12), crop.shape)
        crop = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return Crops(np.stack(crops), np.full(count, UNLABELLED), ())
