"""A run the way the Brain Imaging Data Structure keeps events and continuous recordings.

``_events.tsv`` has a row for each interval in which a face showed one label; ``_physio.tsv.gz`` has
the probabilities of each row of the log, without a header, as BIDS wants it. The JSON sidecar of
each says what its columns are.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from fer_runtime.labels import EMOTIONS, UNCERTAIN

from ..data.engine import Columns
from .intervals import Interval

PHYSIO: Final = ("elapsed_s", "face_id", "confidence", *(f"p_{e}" for e in EMOTIONS))
"""Columns of the continuous recording."""

_LABELS: Final = {e: f"the face looks {e}" for e in EMOTIONS} | {UNCERTAIN: "nothing claimed"}


def about() -> bytes:
    """Return the file that every data set has at its top."""
    return _json({"Name": "Readings of fer-edge", "BIDSVersion": "1.9.0", "DatasetType": "raw"})


def stem(one: Interval, subject: str) -> str:
    """Return where a run's files lie below the top of a data set, without suffix.

    BIDS wants letters and digits in a label and digits in the number of a run, which is the second
    in which it began; the runs of `fer-collect` are letters and digits, read as a number.
    """
    device = re.sub("[^0-9A-Za-z]", "", one.device)
    own = re.sub("[^0-9a-z]", "", one.run.lower()) or "0"
    run = own if own.isdigit() else str(int(own, 36))
    names = [f"sub-{subject}", "task-kiosk", *([f"acq-{device}"] if device else []), f"run-{run}"]
    return f"sub-{subject}/beh/{'_'.join(names)}"


def events(found: Sequence[Interval]) -> bytes:
    """Return the table of intervals in the order of time."""
    lines = ["onset\tduration\ttrial_type\tface_id"]
    for one in sorted(found, key=lambda i: (i.begin_s, i.face_id)):
        length = one.end_s - one.begin_s
        lines.append(f"{one.begin_s:.3f}\t{length:.3f}\t{one.label}\t{one.face_id}")
    return ("\n".join(lines) + "\n").encode()


def events_sidecar() -> bytes:
    """Return what the columns of the events are."""
    return _json(
        {
            "onset": {"Description": "Beginning since the run began", "Units": "s"},
            "duration": {"Description": "How long the label was shown", "Units": "s"},
            "trial_type": {"Description": "The label shown", "Levels": _LABELS},
            "face_id": {"Description": "Number of the face within the run; no identity"},
        }
    )


def physio(rows: Columns) -> bytes:
    """Return the continuous recording, gzipped, without a date in it."""
    values = zip(*(rows[name] for name in PHYSIO), strict=True)
    lines = [f"{e:.3f}\t{int(f)}\t{c:.4f}\t" + "\t".join(f"{p:.4f}" for p in rest)
             for e, f, c, *rest in values]  # fmt: skip
    return gzip.compress(("\n".join(lines) + "\n").encode(), 6, mtime=0)


def physio_sidecar(tick_s: float) -> bytes:
    """Return what the columns of the recording are; `tick_s` is the usual time between rows."""
    columns: dict[str, Any] = {
        "SamplingFrequency": round(1 / tick_s, 6),
        "StartTime": 0,
        "Columns": list(PHYSIO),
        "elapsed_s": {"Description": "Time since the run began; irregular", "Units": "s"},
        "face_id": {"Description": "Number of the face within the run; no identity"},
        "confidence": {"Description": "Smoothed probability of the shown label, 0 to 1"},
    }
    for e in EMOTIONS:
        columns[f"p_{e}"] = {"Description": f"Calibrated probability of {e}, 0 to 1"}
    return _json(columns)


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2) + "\n").encode()
