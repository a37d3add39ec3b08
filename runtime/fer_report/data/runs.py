"""Which rows belong together: runs of the service, out of pieces of files.

``face_id`` and ``elapsed_s`` start again with every run of the service, so a face of one run
must not be joined with the face of the same number in the next one. A log does not say where
a run ends; the rule here uses that timestamp minus elapsed time, the *origin*, is the moment
the run began, the same in all its rows unless the clock is set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def number_runs(con: Any, devices: Sequence[str], clips: Sequence[str] = ()) -> int:
    """Join the pieces of the table ``raw`` to runs; make ``readings`` of it.

    A run goes on in the next file after rotation, and copies of a file repeat it: pieces with
    the same origin are one run.

    Parameters
    ----------
    con
        Connection of DuckDB; ``raw`` has a row for each reading with its file and piece.
    devices
        The kiosk of each file.
    clips
        The clip of each file, or none: two clips are two runs, whatever their times. The number of
        the second is then raised until nobody has it.

    Returns
    -------
    Rows that were there more than once and are dropped.
    """
    pieces = con.execute(
        """
        SELECT file, piece, arg_min(origin, elapsed_s) AS first, arg_max(origin, elapsed_s) AS last,
          min(elapsed_s) AS low, max(elapsed_s) AS high, bool_and(coalesce(in_order, true))
        FROM (SELECT *, utc_ms / 1000.0 - elapsed_s AS origin FROM raw)
        GROUP BY file, piece ORDER BY arg_min(utc_ms, elapsed_s), file, piece
        """
    ).fetchall()
    number_of: dict[tuple[str, str, int], int] = {}
    """Number of the run by device, clip and origins of its pieces, seconds since 1970 UTC."""
    clip_of: dict[tuple[str, int], str] = {}
    rows: list[tuple[int, int, int, str]] = []
    until: dict[tuple[str, int], float] = {}
    """Elapsed time that a run's pieces reach to."""
    mixed: set[tuple[str, int]] = set()
    """Runs whose pieces overlap, so that a row may be there twice."""
    for file, piece, first, last, low, high, in_order in pieces:
        device, clip = devices[file], clips[file] if clips else ""
        key = round(first)  # a second wide: stamps have milliseconds
        near = ((device, clip, k) for k in (key, key - 1, key + 1))
        # The origin of its first piece is also the run's number: the same in every report.
        number = next((number_of[n] for n in near if n in number_of), key)
        while clip_of.setdefault((device, number), clip) != clip:
            number += 1
        run = (device, number)
        if low <= until.get(run, -1.0) or not in_order:
            mixed.add(run)
        until[run] = max(until.get(run, -1.0), high)
        rows.append((file, piece, number, device))
        for value in (first, last):
            number_of.setdefault((device, clip, round(value)), number)
    con.execute("CREATE TABLE pieces (file INTEGER, piece INTEGER, run BIGINT, device VARCHAR)")
    con.executemany("INSERT INTO pieces VALUES (?, ?, ?, ?)", rows)
    joined = """
        SELECT p.device, p.run, r.* EXCLUDE (file, piece, in_order)
        FROM raw r JOIN pieces p USING (file, piece)
    """
    if not mixed:
        con.execute(f"CREATE VIEW readings AS {joined}")
        return 0
    con.execute("CREATE TABLE mixed (device VARCHAR, run BIGINT)")
    con.executemany("INSERT INTO mixed VALUES (?, ?)", sorted(mixed))
    twice = "(device, run) IN (SELECT (device, run) FROM mixed)"
    con.execute(
        f"""
        CREATE TABLE once AS SELECT DISTINCT ON (device, run, elapsed_s, frame, face_id) *
        FROM ({joined}) WHERE {twice}
        """
    )
    con.execute(
        f"""
        CREATE VIEW readings AS
        SELECT * FROM ({joined}) WHERE NOT {twice} UNION ALL SELECT * FROM once
        """
    )
    before, after = con.execute(
        f"SELECT (SELECT count(*) FROM ({joined}) WHERE {twice}), count(*) FROM once"
    ).fetchone()
    return int(before - after)
