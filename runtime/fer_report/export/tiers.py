"""Intervals as ELAN (.eaf) and as Praat TextGrid: a tier for each face."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..extra import need
from .intervals import Interval


def elan(found: Sequence[Interval]) -> bytes:
    """Return one run as an ELAN document; times in milliseconds since the run began.

    Raises
    ------
    ConfigError
        If pympi-ling is missing.
    """
    document: Any = need("pympi.Elan", "elan").Eaf(author="fer-report")
    for face, own in _faces(found).items():
        document.add_tier(_tier(face))
        for one in own:
            begin, end = round(one.begin_s * 1000), round(one.end_s * 1000)
            # ELAN knows no interval without a length.
            document.add_annotation(_tier(face), begin, max(end, begin + 1), one.label)
    document.remove_tier("default")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.eaf"
        document.to_file(str(path))
        return path.read_bytes()


def textgrid(found: Sequence[Interval]) -> bytes:
    """Return one run as a TextGrid in Praat's long form; where no label is shown it is empty."""
    begin = 0.0
    end = max(one.end_s for one in found)
    faces = _faces(found)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += [f"xmin = {begin:.3f}", f"xmax = {end:.3f}", "tiers? <exists>"]
    lines += [f"size = {len(faces)}", "item []:"]
    for number, (face, own) in enumerate(faces.items(), 1):
        pieces = _filled(own, begin, end)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f'        name = "{_tier(face)}"',
            f"        xmin = {begin:.3f}",
            f"        xmax = {end:.3f}",
            f"        intervals: size = {len(pieces)}",
        ]
        for k, (low, high, label) in enumerate(pieces, 1):
            lines += [
                f"        intervals [{k}]:",
                f"            xmin = {low:.3f}",
                f"            xmax = {high:.3f}",
                f'            text = "{label}"',
            ]
    return ("\n".join(lines) + "\n").encode()


def _faces(found: Sequence[Interval]) -> dict[int, list[Interval]]:
    faces: dict[int, list[Interval]] = {}
    for one in found:
        faces.setdefault(one.face_id, []).append(one)
    return faces


def _tier(face: int) -> str:
    return f"face {face}"


def _filled(own: Sequence[Interval], begin: float, end: float) -> list[tuple[float, float, str]]:
    """Return intervals without holes: Praat wants every moment of a tier in one."""
    out: list[tuple[float, float, str]] = []
    at = begin
    for one in own:
        if one.begin_s > at:
            out.append((at, one.begin_s, ""))
        out.append((one.begin_s, one.end_s, one.label))
        at = one.end_s
    if at < end:
        out.append((at, end, ""))
    return out
