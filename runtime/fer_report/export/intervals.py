"""Intervals in which a face showed one label: what annotation programs work with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ..compute import keep_ticks
from ..data.engine import Engine
from ..queries import SAME_VISIT_S


@dataclass(frozen=True)
class Interval:
    """A face showed one label from `begin_s` until `end_s`."""

    device: str
    run: str
    """Number of the run: seconds since 1970-01-01 UTC when it began."""
    face_id: int
    label: str
    begin_s: float
    """Seconds since the run began."""
    end_s: float


_QUERY: Final = """
SELECT device, run, face_id, emotion, begin_s, end_s FROM (
  SELECT device, run, face_id, emotion, part, min(elapsed_s) AS begin_s,
    max(elapsed_s) + min(tick_s) AS end_s
  FROM (
    SELECT *, sum(fresh) OVER (PARTITION BY device, run, face_id ORDER BY elapsed_s, frame
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS part
    FROM (
      SELECT r.device, r.run, r.face_id, r.emotion, r.elapsed_s, r.frame, t.tick_s,
        CASE WHEN lag(r.emotion) OVER w = r.emotion
              AND r.elapsed_s - lag(r.elapsed_s) OVER w <= greatest(3 * t.tick_s, {same})
             THEN 0 ELSE 1 END AS fresh
      FROM {rows} AS r JOIN ticks AS t ON r.device = t.device AND r.run = t.run
      WINDOW w AS (PARTITION BY r.device, r.run, r.face_id ORDER BY r.elapsed_s, r.frame)
    ) AS f
  ) AS p GROUP BY device, run, face_id, emotion, part
) AS i ORDER BY device, run, face_id, begin_s"""


def intervals(engine: Engine, where: str) -> list[Interval]:
    """Return the intervals of every face, face after face, in the order of time.

    An interval ends where the next of the face begins, if that is within its last tick.
    """
    rows = f"(SELECT * FROM readings WHERE {where})"
    keep_ticks(engine, where)
    found = engine.columns(_QUERY.format(rows=rows, same=SAME_VISIT_S))
    out: list[Interval] = []
    for device, run, face, label, begin, end in zip(*found.values(), strict=True):
        one = Interval(str(device), str(run), int(face), str(label), float(begin), float(end))
        if out and _same_face(out[-1], one) and out[-1].end_s > one.begin_s:
            out[-1] = replace(out[-1], end_s=one.begin_s)
        out.append(one)
    return out


def by_run(found: list[Interval]) -> dict[str, list[Interval]]:
    """Return intervals by run; the key is fit for the name of a file."""
    runs: dict[str, list[Interval]] = {}
    for one in found:
        name = "-".join(_plain(part) for part in (one.device, one.run) if part)
        runs.setdefault(name, []).append(one)
    return runs


def _same_face(a: Interval, b: Interval) -> bool:
    return (a.device, a.run, a.face_id) == (b.device, b.run, b.face_id)


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text)
