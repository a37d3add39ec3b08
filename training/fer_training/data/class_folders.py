"""Which folder holds which emotion: one list of names for trainer and converter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fer_runtime.arrays import PICTURE_SUFFIXES
from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS

ORDERS: Final[dict[str, tuple[str, ...]]] = {
    # The challenge's fer2013.csv, and most folders that were made from it.
    "challenge": ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    "alphabetical": EMOTIONS,
}
"""What folders named 0 to 6 mean; nothing in them tells which it is."""

SPLIT_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "test"),
}
"""Folders that are taken for a split, the first that is there, in capitals or not."""

_NAMES: Final = {
    **{e: e for e in EMOTIONS},
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}


def class_folders(
    base: Path, order: str = "", classes: Sequence[str] = EMOTIONS
) -> list[tuple[Path, str]]:
    """Return the class folders of `base` with their classes, sorted by name.

    Parameters
    ----------
    base
        Holds a folder for each class: ``happy``, ``Happiness`` or, with `order`, ``3``.
    order
        A key of `ORDERS`, for folders named 0 to 6.
    classes
        A network's own classes; those that are not among the seven are taken by their exact
        names.

    Raises
    ------
    DataError
        If a folder is no class, or numbers stand for classes and `order` is not given.
    """
    try:
        children = sorted(p for p in base.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise DataError(f"data {base}: cannot be listed: {error.strerror}") from None
    numbered = [p.name for p in children if p.name.isdecimal()]
    if numbered and not order and all(int(name) < len(EMOTIONS) for name in numbered):
        raise DataError(
            f"data {base}: its folders are named by numbers ({', '.join(numbered[:7])}), and two "
            "orders are in use: fer2013.csv's (4 sad, 5 surprise, 6 neutral) and the alphabet's "
            "(4 neutral, 5 sad, 6 surprise)",
            "say which: --order challenge or --order alphabetical",
        )
    found = []
    for child in children:
        emotion = _class_of(child.name, order, classes)
        if emotion is None:
            raise DataError(
                f"data {base}: expected folders named {', '.join(classes)}, found {child.name!r}",
                f"give {child} for the pictures of that split"
                if any(child.name.lower() in names for names in SPLIT_NAMES.values())
                else "rename it or move it away",
            )
        found.append((child, emotion))
    return found


def _class_of(name: str, order: str, classes: Sequence[str]) -> str | None:
    if name in classes:
        return name
    if name.isdecimal():
        places = ORDERS[order] if order else ()
        return places[int(name)] if int(name) < len(places) else None
    emotion = _NAMES.get(name.lower())
    return emotion if emotion in classes else None


def split_folder(base: Path, names: Sequence[str]) -> Path | None:
    """Return the folder in `base` that has the first of `names`, in capitals or not; else None."""
    try:
        children = sorted((p for p in base.iterdir() if p.is_dir()), key=lambda p: p.name)
    except OSError:
        return None
    for name in names:
        if alike := [p for p in children if p.name.lower() == name]:
            return next((p for p in alike if p.name == name), alike[0])
    return None


def pictures_below(folder: Path) -> list[Path]:
    """Return the picture files in a folder and in the folders in it, sorted."""
    return sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file()
    )
