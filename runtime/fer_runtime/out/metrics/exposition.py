"""The metrics of a run, from its status record; docs/metrics.md lists them.

Counters are totals since the start of the run: rates, averages and quantiles over any time are
for Prometheus to form. Face-seconds, visits and watched time come from `moments.Moments`, like
the files of visits and minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from ...reading import STATES
from .text import Metric, Sample, to_text

_FATES: Final = ("processed", "skipped", "failed")
_INFO: Final = ("version", "model", "interpreter", "source")


def exposition(status: Mapping[str, Any]) -> str:
    """Return a status record in Prometheus' text format.

    Parameters
    ----------
    status
        The whole record, as `status.StatusWriter.write` returns it; an empty one gives no line.

    Returns
    -------
    Lines for `text.CONTENT_TYPE`. Every sample has the label ``device``, so that two kiosks, or
    two cameras of one machine, can be told apart whichever way they come.
    """
    if not status:
        return ""
    return to_text([*_seen(status), *_source(status), *_process(status)],
                   {"device": status["device"]})  # fmt: skip


def _seen(status: Mapping[str, Any]) -> list[Metric]:
    """Return what was seen."""
    seconds = status["face_seconds"]
    return [
        Metric("fer_face_seconds_total", "counter",
               "Seconds of faces in view by shown label; two faces count twice.",
               [Sample(s, {"emotion": label}) for label, s in seconds.items()]),
        _single("fer_visits_total", "counter", "Visits begun: stays of one face in view.",
                status["visits"]),
        _single("fer_faces", "gauge", "Faces in the newest frame.", status["faces"]),
        _single("fer_readings_total", "counter", "Readings of one face in one frame.",
                status["readings"]),
        _single("fer_watched_seconds_total", "counter", "Seconds with a picture to look at.",
                status["watched_s"]),
        _single("fer_away_seconds_total", "counter",
                "Seconds without a picture: the source was lost or covered.", status["away_s"]),
    ]  # fmt: skip


def _source(status: Mapping[str, Any]) -> list[Metric]:
    """Return where frames come from and what becomes of them."""
    states = [Sample(status["state"] == state, {"state": state}) for state in STATES]
    age_s, last = status["last_frame_age_s"], None
    if age_s is not None:
        last = round(_since_1970(status["written_at"]) - age_s, 3)
    return [
        Metric("fer_state", "gauge", "1 for the state of the source, 0 for the others.", states),
        _single("fer_frames_captured_total", "counter", "Frames received from the source.",
                status["captured"]),
        Metric("fer_frames_total", "counter",
               "Frames by fate: processed, skipped for a newer one, failed in the analysis.",
               [Sample(status[fate], {"fate": fate}) for fate in _FATES]),
        Metric("fer_frame_latency_seconds", "histogram", "Time to analyse a frame.",
               _buckets(status["latency_histogram"])),
        _single("fer_last_frame_timestamp_seconds", "gauge",
                "When the newest frame was analysed, in seconds since 1970.", last),
    ]  # fmt: skip


def _process(status: Mapping[str, Any]) -> list[Metric]:
    """Return what concerns the process and its files."""
    written, free, memory = status["csv_written_at"], status["csv_free_mb"], status["rss_mb"]
    return [
        _single("fer_csv_rows_total", "counter", "Rows written to the CSV log.",
                status["csv_rows"]),
        _single("fer_csv_rows_dropped_total", "counter",
                "Rows of the CSV log that the disk did not take.", status["csv_dropped"]),
        _single("fer_csv_last_write_timestamp_seconds", "gauge",
                "Time of the newest row that has reached a CSV file, in seconds since 1970.",
                _since_1970(written) if written else None),
        _single("fer_csv_disk_free_bytes", "gauge", "Space left where the CSV files are.",
                None if free is None else free * 1e6),
        _single("fer_memory_bytes", "gauge", "Resident memory of the process.",
                None if memory is None else memory * 1e6),
        _single("fer_uptime_seconds", "gauge", "Age of the process.", status["uptime_s"]),
        Metric("fer_build_info", "gauge", "Always 1; what is running.",
               [Sample(1, {key: status[key] for key in _INFO})]),
    ]  # fmt: skip


def _single(name: str, kind: str, text: str, value: float | None) -> Metric:
    return Metric(name, kind, text, [] if value is None else [Sample(value)])


def _buckets(histogram: Mapping[str, Any]) -> list[Sample]:
    """Return cumulated buckets, sum and count of a `rates.Histogram`."""
    counts = histogram["counts"]
    bounds = (*list(counts)[:-1], "+Inf")
    total = list(accumulate(counts.values()))
    return [
        *(Sample(n, {"le": bound}, "_bucket") for bound, n in zip(bounds, total, strict=True)),
        Sample(histogram["sum_s"], suffix="_sum"),
        Sample(total[-1], suffix="_count"),
    ]


def _since_1970(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
