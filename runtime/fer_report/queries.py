"""The queries of a report, in DuckDB's dialect, which Ibis brings into others.

``{rows}`` is the query, in brackets, of the readings that count.
"""

from __future__ import annotations

from typing import Final

from fer_runtime.labels import EMOTIONS

LOCAL_MS: Final = "(utc_ms + offset_min * 60000)"
"""The kiosk's local time, milliseconds since 1970-01-01, as if it were UTC."""
SAME_VISIT_S: Final = 5.0
"""Two rows of a face further apart than this (or three ticks) are no change of emotion."""

ENDS: Final = f"""
SELECT count(*) AS n, coalesce(min(utc_ms), 0) AS first_ms, coalesce(max(utc_ms), 0) AS last_ms,
  coalesce(min_by(offset_min, utc_ms), 0) AS first_offset,
  coalesce(max_by(offset_min, utc_ms), 0) AS last_offset,
  coalesce(min({LOCAL_MS}), 0) AS low, coalesce(max({LOCAL_MS}), 0) AS high
FROM readings WHERE {{where}}"""

FACES: Final = """
SELECT device, run, face_id, bin, min(elapsed_s) AS low, max(elapsed_s) AS high
FROM (SELECT device, run, face_id, elapsed_s, ({local} // 1000 - {begin}) // {width} AS bin
      FROM {rows} AS r) AS b
GROUP BY device, run, face_id, bin"""
"""Each face in each bin, with its first and last elapsed time there."""

STEPS: Final = """
SELECT device, run, before, after, step_ms, count(*) AS n FROM (
  SELECT device, run, CASE WHEN earlier <> emotion THEN earlier END AS before,
    CASE WHEN earlier <> emotion THEN emotion END AS after,
    CAST(round((elapsed_s - since) * 1000) AS BIGINT) AS step_ms
  FROM (
    SELECT device, run, emotion, elapsed_s,
      lag(emotion) OVER (PARTITION BY device, run, face_id ORDER BY elapsed_s, frame) AS earlier,
      lag(elapsed_s) OVER (PARTITION BY device, run, face_id ORDER BY elapsed_s, frame) AS since
    FROM {rows} AS r
  ) AS l WHERE since IS NOT NULL
) AS s GROUP BY device, run, before, after, step_ms"""
"""Steps from one row of a face to its next, by length and, where the label changes, by labels."""

TICKS: Final = """
WITH known AS (SELECT DISTINCT device, run FROM faces), lengths AS (
  SELECT device, run, step_ms, sum(n) AS n FROM steps WHERE step_ms > 0
  GROUP BY device, run, step_ms
), places AS (
  SELECT device, run, step_ms, sum(n) OVER (PARTITION BY device, run ORDER BY step_ms) AS place,
    sum(n) OVER (PARTITION BY device, run) AS total FROM lengths
), medians AS (
  SELECT device, run, min(step_ms) AS tick_ms FROM places WHERE 2 * place >= total
  GROUP BY device, run
), every AS (
  SELECT step_ms, sum(n) OVER (ORDER BY step_ms) AS place, sum(n) OVER () AS total
  FROM (SELECT step_ms, sum(n) AS n FROM lengths GROUP BY step_ms) AS e
), overall AS (SELECT min(step_ms) AS tick_ms FROM every WHERE 2 * place >= total)
SELECT k.device, k.run, coalesce(m.tick_ms, o.tick_ms, 1000) / 1000.0 AS tick_s
FROM known AS k LEFT JOIN medians AS m ON k.device = m.device AND k.run = m.run
CROSS JOIN overall AS o"""
"""The usual time between two rows of a face, for each run: the median, the lower of two.

Runs whose faces have one row each get that of the others; 1 s, the default of
``csv.interval_s``, where no face has two rows.
"""

CELLS: Final = (
    # Text, since an enumeration comes out of DuckDB as a Categorical, with all of pandas.
    "SELECT slot, CAST(c.emotion AS VARCHAR) AS emotion, sum(c.n * t.tick_s) AS seconds, "
    "sum(c.confidence * t.tick_s) AS confidence, "
    + ", ".join(f"sum(c.p_{e} * t.tick_s) AS p_{e}" for e in EMOTIONS)
    + " FROM (SELECT device, run, {local} // 1000 // {slot} AS slot, emotion, count(*) AS n, "
    "sum(confidence) AS confidence, " + ", ".join(f"sum(p_{e}) AS p_{e}" for e in EMOTIONS)
    + " FROM {rows} AS r GROUP BY device, run, {local} // 1000 // {slot}, emotion) AS c "
    "JOIN ticks AS t ON c.device = t.device AND c.run = t.run GROUP BY slot, c.emotion"
)  # fmt: skip
"""Face time and sums of probabilities by slot of local time and label."""

STAYS: Final = """
SELECT ms, count(*) AS n FROM (
  SELECT CAST(round((max(high) - min(low) + min(tick_s)) * 1000) AS BIGINT) AS ms
  FROM faces AS f JOIN ticks AS t ON f.device = t.device AND f.run = t.run
  GROUP BY f.device, f.run, f.face_id
) AS s GROUP BY ms ORDER BY ms"""
"""How many faces stayed how long; elapsed time, so a set clock does not matter."""

MOST: Final = """
SELECT coalesce(max(n), 0) AS n FROM (
  SELECT count(*) AS n FROM (
    SELECT r.device, r.run, face_id, floor(elapsed_s / tick_s + 0.000001) AS tick
    FROM {rows} AS r JOIN ticks AS t ON r.device = t.device AND r.run = t.run
    GROUP BY r.device, r.run, face_id, floor(elapsed_s / tick_s + 0.000001)
  ) AS p GROUP BY device, run, tick
) AS m"""
"""Most faces in one tick; two plain groupings, since a distinct count does not fit on a disk."""

CHANGES: Final = f"""
SELECT CAST(s.before AS VARCHAR) AS before, CAST(s.after AS VARCHAR) AS after, sum(n) AS n
FROM steps AS s
JOIN ticks AS t ON s.device = t.device AND s.run = t.run
WHERE before IS NOT NULL AND step_ms <= greatest(3000 * tick_s, {1000 * SAME_VISIT_S})
GROUP BY s.before, s.after"""

GAPS: Final = """
SELECT until_ms, offset_min, first_ms - until_ms AS ms,
  CASE WHEN run_before = run_after THEN 1 ELSE 0 END AS within FROM (
  SELECT device, first_ms, run_first AS run_after,
    lag(last_ms) OVER (PARTITION BY device ORDER BY slot) AS until_ms,
    lag(run_last) OVER (PARTITION BY device ORDER BY slot) AS run_before,
    lag(last_offset) OVER (PARTITION BY device ORDER BY slot) AS offset_min
  FROM (
    SELECT device, utc_ms // {limit} AS slot, min(utc_ms) AS first_ms, max(utc_ms) AS last_ms,
      min_by(run, utc_ms) AS run_first, max_by(run, utc_ms) AS run_last,
      max_by(offset_min, utc_ms) AS last_offset
    FROM {rows} AS r GROUP BY device, utc_ms // {limit}
  ) AS s
) AS g WHERE first_ms - until_ms >= {limit}"""
"""Rows in one slot are nearer than `limit`, so a gap can only lie between two slots."""
