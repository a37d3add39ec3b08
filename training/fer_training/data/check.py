"""Is the data sound? Counts, unreadable, odd-sized, duplicate and leaking pictures.

Only reports; nothing is ever moved or deleted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.crop import CROP_SIZE, crop_picture

from ..progress import Progress, plural
from .copies import duplicate_groups
from .datasets import CsvDataset, Dataset, FolderDataset, Pictures, Split
from .pictures import read_picture

_SPLITS: tuple[Split, ...] = ("train", "validation")
_SHOWN = 5
"""Examples of each finding in the text; all of them are in the JSON."""


@dataclass
class Findings:
    """What was found; names are relative to the data folder."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Pictures by split and class."""
    unreadable: list[str] = field(default_factory=list)
    """Files that are no picture."""
    sizes: dict[str, int] = field(default_factory=dict)
    """How many pictures have which size, ``width x height, grey or colour``."""
    odd_sized: list[str] = field(default_factory=list)
    """Pictures smaller than the network's 48 pixels, or far from square."""
    flat: list[str] = field(default_factory=list)
    """Pictures of one grey: nothing to see."""
    duplicates: list[list[str]] = field(default_factory=list)
    """Copies of one picture within a split."""
    conflicting: list[list[str]] = field(default_factory=list)
    """Those of them that carry different labels."""
    leaks: list[list[str]] = field(default_factory=list)
    """Copies of one picture in train and in validation."""

    @property
    def stops_training(self) -> list[str]:
        """Return what training would stumble over, in words."""
        bad = len(self.unreadable)
        found = [f"{bad} unreadable picture{plural(bad)}"] if bad else []
        empty = [e for e in EMOTIONS if not self.counts.get("train", {}).get(e)]
        return found + [f"no pictures of {e} in train" for e in empty]

    def as_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {**vars(self), "stops_training": self.stops_training}


def check_data(dataset: Dataset, progress: Progress | None = None) -> tuple[Findings, Pictures]:
    """Look at every picture of both splits.

    Returns
    -------
    The findings, and the readable pictures of train as crops, for a sample sheet.

    Raises
    ------
    DataError
        If there is not one readable picture in train.
    """
    findings = Findings()
    sizes: Counter[str] = Counter()
    splits: dict[str, Pictures] = {}
    for split in _SPLITS:
        if split == "validation" and not dataset.has(split):
            continue
        if isinstance(dataset, CsvDataset):
            pictures = dataset.load(split, progress=progress, skip_bad=True)
            sizes[f"{CROP_SIZE}x{CROP_SIZE} grey"] += len(pictures)
        else:
            pictures = _read(dataset, split, findings, sizes, progress)
        splits[split] = pictures
        findings.counts[split] = pictures.class_counts()
        findings.flat += [
            name for name, crop in zip(pictures.files, pictures.crops, strict=True)
            if int(np.ptp(crop)) < 2
        ]  # fmt: skip
    findings.sizes = dict(sizes.most_common())
    _find_copies(splits, findings)
    return findings, splits["train"]


def _read(
    dataset: FolderDataset,
    split: Split,
    findings: Findings,
    sizes: Counter[str],
    progress: Progress | None,
) -> Pictures:
    crops: list[NDArray[np.uint8]] = []
    kept: list[tuple[str, int]] = []
    items = dataset.files(split)
    for name, label in progress(items, f"checking {split}") if progress else items:
        try:
            picture = read_picture(dataset.folder / name)
        except DataError:
            findings.unreadable.append(name)
            continue
        h, w = picture.shape[:2]
        sizes[f"{w}x{h} {'grey' if picture.ndim == 2 else 'colour'}"] += 1
        if min(h, w) < CROP_SIZE or max(h, w) > 1.5 * min(h, w):
            findings.odd_sized.append(name)
        crops.append(crop_picture(picture))
        kept.append((name, label))
    if not kept:
        raise DataError(f"data {dataset.folder}: expected readable pictures in {split}, found none")
    labels = np.asarray([label for _, label in kept], np.int64)
    return Pictures(np.stack(crops), labels, [name for name, _ in kept])


def _find_copies(splits: dict[str, Pictures], findings: Findings) -> None:
    files = [name for p in splits.values() for name in p.files]
    owner = [split for split, p in splits.items() for _ in range(len(p))]
    labels = np.concatenate([p.labels for p in splits.values()])
    for group in duplicate_groups(np.concatenate([p.crops for p in splits.values()])):
        if len(group) < 2:
            continue
        names = [files[i] for i in group]
        if len({int(labels[i]) for i in group}) > 1:
            findings.conflicting.append(names)
        if len({owner[i] for i in group}) > 1:
            findings.leaks.append(names)
        by_split: dict[str, list[str]] = defaultdict(list)
        for i in group:
            by_split[owner[i]].append(files[i])
        findings.duplicates += [same for same in by_split.values() if len(same) > 1]


def report(findings: Findings) -> str:
    """Return the text that a person reads."""
    splits = list(findings.counts)
    lines = [f"{'':<10}" + "".join(f" {s:>11}" for s in splits)]
    for emotion in EMOTIONS:
        row = "".join(f" {findings.counts[s][emotion]:>11,}" for s in splits)
        lines.append(f"{emotion:<10}{row}")
    totals = "".join(f" {sum(findings.counts[s].values()):>11,}" for s in splits)
    lines.append(f"{'all':<10}{totals}")
    most = list(findings.sizes.items())[:_SHOWN]
    lines.append("sizes: " + ", ".join(f"{size} ({n:,})" for size, n in most))
    lines += _some("unreadable", findings.unreadable)
    lines += _some("smaller than 48 px or far from square", findings.odd_sized)
    lines += _some("of one grey", findings.flat)
    lines += _some("copies within a split", findings.duplicates)
    lines += _some("copies with different labels", findings.conflicting)
    lines += _some("copies in train and in validation", findings.leaks)
    stops = findings.stops_training
    lines.append("stops training: " + ("; ".join(stops) if stops else "nothing"))
    return "\n".join(lines)


def _some(what: str, found: Sequence[str] | Sequence[list[str]]) -> list[str]:
    if not found:
        return [f"{what}: none"]
    lines = [f"{what}: {len(found):,}"]
    for item in found[:_SHOWN]:
        lines.append("  " + (item if isinstance(item, str) else " = ".join(item)))
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN:,} more; --json lists all")
    return lines
