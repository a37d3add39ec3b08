"""Which faces are looked for where in a frame: known ones near, newcomers part by part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Box, Image
from ..assets import asset_path
from ..errors import AssetError
from ..settings.faces import DetectorSettings
from .changes import Blocks, Changes
from .detector import Detection, Detector, ResNetSSDDetector, YuNetDetector, iou
from .scan import Part, Scan, around, frequencies, is_wide
from .tracker import Track

# A face that a part of the frame shows over a known one is that one.
_SAME_IOU = 0.3
# Two known faces found in one place are one.
_TWICE_IOU = 0.5
# A part is searched in a frame in which no known face is looked for, so that the network runs once
# a frame; where every frame is looked at, it waits no longer than this.
_PATIENCE_S = 0.08
# But not if a face is missed, unless it has waited for so long.
_OVERDUE_S = 0.5
# Where nothing has changed since it was searched there can only be faces that were missed, so parts
# have this share of their turns. Wide frames have three and four times as many parts, so they get
# more turns, in any frame: even so decoding such a frame costs more than searching a part.
_QUIET_SHARE, _QUIET_SHARE_WIDE = 0.375, 0.5
_WIDE_RATE = 1.5


class Search:
    """Looks for known faces near where they are expected, for newcomers in parts of the frame.

    Detectors other than YuNet search the whole frame.
    """

    def __init__(self, net: Detector) -> None:
        self._net, self._scan = net, Scan()
        self._view: _View | None = None
        self._quiet = False
        """Whether none of them had changed when last compared."""

    def reset(self) -> None:
        """Begin again with the coarse search, at once."""
        self._scan.reset()
        self._view, self._quiet = None, False

    def due(self, known: list[Track], now: float, settings: DetectorSettings) -> bool:
        """Tell whether a part is searched in a frame in which nobody known is looked for."""
        near = settings.near and isinstance(self._net, YuNetDetector)
        return near and bool(known) and self._scan.due(now, self._rate(settings))

    def _rate(self, settings: DetectorSettings) -> float:
        """Return how many parts are searched a second."""
        rate, share = settings.scan_rate, _QUIET_SHARE
        if self._wide:
            rate, share = rate * _WIDE_RATE, _QUIET_SHARE_WIDE
        return rate * share if self._quiet else rate

    @property
    def _wide(self) -> bool:
        return self._view is not None and is_wide(self._view.shape[1])

    def everybody(
        self,
        frame: Image,
        known: list[Track],
        now: float,
        settings: DetectorSettings,
        *,
        rouse: bool = False,
    ) -> list[Detection]:
        """Look around the known faces, and through a part of the frame where that is due.

        With `rouse` one is due, too, where something changed in a quiet room.
        """
        net = self._net
        if not settings.near or not isinstance(net, YuNetDetector):
            return net.detect(frame)
        if not known:
            compared = self._compare(net, frame, [])
            return _largest(self._part(net, frame, now, [], settings, compared), settings)
        # Whoever was there last has the first claim on a face; behind it may be somebody else.
        known = sorted(known, key=lambda t: t.missed)
        both = self._scan.due(now, self._rate(settings), 0.0 if self._wide else _PATIENCE_S)
        boxes = [t.predict(now) for t in known]
        near = net.detect_near(frame, boxes, [now - t.seen_s for t in known])
        # One a frame, so that no frame costs much; and not for those who seem to have left.
        lost = next((n for n, t in enumerate(known) if near[n] is None and t.missed <= 1), None)
        if lost is not None:
            near[lost] = _close(net, frame, boxes[lost], near)
        found = [d for d in near if d is not None]
        due = self._scan.due(now, self._rate(settings), _OVERDUE_S) or (both and lost is None)
        if due or rouse:
            quiet, there = self._quiet, [f.box for f in found]
            compared = self._compare(net, frame, there)
            if due or (lost is None and quiet and not self._quiet):
                found += self._part(net, frame, now, there, settings, compared)
        # A face missed twice may be elsewhere, so the next frame is searched, all of it; one missed
        # for longer is left to the scan's turns.
        if any(d is None and t.missed == 1 for d, t in zip(near, known, strict=True)):
            self._scan.reset()
        return _largest(found, settings)

    def newcomers(
        self,
        frame: Image,
        known: list[Track],
        now: float,
        settings: DetectorSettings,
        *,
        instead: bool = False,
    ) -> list[Detection] | None:
        """Search a part of the frame where that is due; return who is in it beside the known.

        Parameters
        ----------
        instead
            Only where something changed in a quiet room, in place of a look at the known: they
            can wait for a frame, and no frame costs twice.

        Returns
        -------
        None where no part was searched.
        """
        net = self._net
        if not (settings.near and known and isinstance(net, YuNetDetector)):
            return None
        if not (instead or self.due(known, now, settings)):
            return None
        quiet, there = self._quiet, [t.predict(now) for t in known if not t.missed]
        compared = self._compare(net, frame, there)
        if instead and (self._quiet or not quiet):
            return None
        new = self._part(net, frame, now, there, settings, compared)
        if len(known) >= settings.max_faces:
            least = min(t.detection.w * t.detection.h for t in known)
            new = [d for d in new if d.w * d.h > least]
        return new

    def _part(
        self,
        net: YuNetDetector,
        frame: Image,
        now: float,
        boxes: list[Box],
        settings: DetectorSettings,
        compared: tuple[_View, Blocks, NDArray[np.bool_]],
    ) -> list[Detection]:
        """Search the part whose turn it is for faces that are none of those at `boxes`."""
        view, blocks, changed = compared
        number = self._scan.next(view.often, now, self._rate(settings), changed)
        view.changes.searched(number, blocks)
        new = net.detect_part(frame, view.parts[number])
        return [d for d in new if all(iou(d.box, box) < _SAME_IOU for box in boxes)]

    def _compare(
        self, net: YuNetDetector, frame: Image, boxes: list[Box]
    ) -> tuple[_View, Blocks, NDArray[np.bool_]]:
        """Tell which parts changed beside the faces at `boxes` since they were searched."""
        view = self._view
        if view is None or view.shape != frame.shape:
            parts = net.parts(frame)
            changes = Changes(parts, frame.shape[1], frame.shape[0])
            view = self._view = _View(frame.shape, parts, frequencies(parts), changes)
        blocks = view.changes.blocks(frame)
        changed = view.changes.parts(blocks, boxes)
        self._quiet = not changed.any()
        return view, blocks, changed


@dataclass(frozen=True)
class _View:
    """How frames of one shape are searched."""

    shape: tuple[int, ...]
    parts: list[Part]
    often: list[float]
    changes: Changes


def _close(
    net: YuNetDetector, frame: Image, box: Box, others: list[Detection | None]
) -> Detection | None:
    """Look in the frame's own pixels for a face that its tile does not show."""
    found = net.detect_part(frame, around(box, frame.shape[1], frame.shape[0]))
    best = max(found, key=lambda d: iou(d.box, box), default=None)
    if best is None or iou(best.box, box) < _SAME_IOU:
        return None
    return None if any(d and iou(d.box, best.box) > _TWICE_IOU for d in others) else best


def _largest(found: list[Detection], settings: DetectorSettings) -> list[Detection]:
    return sorted(found, key=lambda d: d.w * d.h, reverse=True)[: settings.max_faces]


def make_detector(settings: DetectorSettings) -> Detector:
    """Build the detector that the settings name.

    Raises AssetError where its weights are missing or unreadable.
    """
    limits = {"min_face": settings.min_face, "max_faces": settings.max_faces}
    if settings.kind == "resnet-ssd":
        if not (settings.ssd_weights and settings.ssd_prototxt):
            raise AssetError(
                "detector resnet-ssd: expected its two files, received none",
                "set detector.ssd_weights and detector.ssd_prototxt",
            )
        return ResNetSSDDetector(
            settings.ssd_weights,
            settings.ssd_prototxt,
            size=settings.ssd_size,
            score=min(settings.ssd_score, settings.weak_score),
            **limits,
        )
    weights = asset_path("yunet")
    score = min(settings.score, settings.weak_score)
    return YuNetDetector(weights, smallest_face=settings.smallest_face, score=score, **limits)


def sure_score(settings: DetectorSettings) -> float:
    """Return the score from which a detection begins a track."""
    return settings.ssd_score if settings.kind == "resnet-ssd" else settings.score
