"""The text format, and what a status record becomes in it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from promtool import needs_promtool, promtool
from readings import NOON, in_frame, reading
from statuses import STATUS

from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.out.metrics.exposition import exposition
from fer_runtime.out.metrics.text import Metric, Sample, to_text
from fer_runtime.out.rates import Histogram
from fer_runtime.out.sinks import Sinks
from fer_runtime.reading import STATES, Minute, Record, Visit
from fer_runtime.settings.schema import Settings

DOCS = Path(__file__).parents[4] / "docs"


def names(text: str) -> dict[str, str]:
    """Kinds of the metrics by name."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def value(text: str, sample: str) -> float:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{sample} ")]
    return float(line.rpartition(" ")[2])


def test_every_metric_is_explained_and_every_value_named() -> None:
    lines = exposition(STATUS).splitlines()
    here = 'device="hall 2"'
    for line in (
        "# TYPE fer_face_seconds_total counter",
        f"fer_frames_captured_total{{{here}}} 300",
        f'fer_frames_total{{{here},fate="processed"}} 280',
        f'fer_frames_total{{{here},fate="skipped"}} 10',
        f'fer_frames_total{{{here},fate="failed"}} 1',
        f"fer_csv_rows_total{{{here}}} 28",
        f"fer_csv_rows_dropped_total{{{here}}} 3",
        f"fer_csv_disk_free_bytes{{{here}}} 1234500000",
        f"fer_csv_last_write_timestamp_seconds{{{here}}} {NOON.timestamp() - 1.0}",
        f"fer_last_frame_timestamp_seconds{{{here}}} {NOON.timestamp() - 1.25:.0f}",
        f"fer_memory_bytes{{{here}}} 110040000",
        f"fer_uptime_seconds{{{here}}} 61.5",
        f'fer_build_info{{{here},version="1.2.3",model="ferplus",interpreter="litert",'
        'source="http://10.0.0.7/a\\"b\\\\c"} 1',
    ):
        assert line in lines
    assert all(line.startswith("#") or line.count("{") == 1 for line in lines)
    assert "quantile" not in "".join(lines)


def test_states_and_emotions_are_all_there_from_the_beginning() -> None:
    text = exposition(STATUS)
    states = re.findall(r'^fer_state\{.*state="(\w+)"\} ([01])$', text, re.MULTILINE)
    assert dict(states) == {s: "1" if s == "covered" else "0" for s in STATES}
    emotions = re.findall(r'^fer_face_seconds_total\{.*emotion="(\w+)"\} 0$', text, re.MULTILINE)
    assert emotions == [*EMOTIONS, UNCERTAIN]


def test_what_is_not_known_is_left_out_with_its_explanation() -> None:
    unknown = {"last_frame_age_s": None, "csv_written_at": "", "csv_free_mb": None, "rss_mb": None}
    text = exposition(STATUS | unknown)
    left = set(names(exposition(STATUS))) - set(names(text))
    assert left == {
        "fer_last_frame_timestamp_seconds", "fer_csv_last_write_timestamp_seconds",
        "fer_csv_disk_free_bytes", "fer_memory_bytes",
    }  # fmt: skip
    assert exposition({}) == ""


def test_the_histogram_cumulates() -> None:
    histogram = Histogram()
    for seconds in (0.0005, 0.001, 0.0011, 0.3, 5.0):
        histogram.add(seconds)
    text = exposition(STATUS | {"latency_histogram": histogram.status()})
    buckets = re.findall(r'_bucket\{.*le="(\S+)"\} (\d+)', text)
    assert buckets == [
        ("0.001", "2"), ("0.0025", "3"), ("0.005", "3"), ("0.01", "3"), ("0.025", "3"),
        ("0.05", "3"), ("0.1", "3"), ("0.25", "3"), ("0.5", "4"), ("1", "4"), ("+Inf", "5"),
    ]  # fmt: skip
    assert value(text, 'fer_frame_latency_seconds_sum{device="hall 2"}') == pytest.approx(5.3026)
    assert value(text, 'fer_frame_latency_seconds_count{device="hall 2"}') == 5


def test_text_is_escaped() -> None:
    metric = Metric("a", "gauge", "one\nline \\", [Sample(0.1, {"b": 'x"\n\\'}), Sample(2.0)])
    assert to_text([metric], {}) == (
        '# HELP a one\\nline \\\\\n# TYPE a gauge\na{b="x\\"\\n\\\\"} 0.1\na 2\n'
    )


@needs_promtool
def test_promtool_has_no_complaint() -> None:
    said = promtool("check", "metrics", text=exposition(STATUS))
    assert said == ""
    with pytest.raises(AssertionError, match="counter metrics should have"):
        promtool("check", "metrics", text="# HELP a b\n# TYPE a counter\na 1\n")


def test_the_documentation_lists_what_there_is() -> None:
    table = (DOCS / "metrics.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `(fer_\w+)` \| (\w+) \|", table, re.MULTILINE))
    assert listed == names(exposition(STATUS))


# -- where the numbers come from -----------------------------------------------------------------


def test_totals_are_the_sum_of_visits_and_of_minutes_through_a_lost_camera() -> None:
    records: list[Record] = []

    class Kept(Sinks):
        def record(self, record: Record) -> None:
            records.append(record)

    sinks = Kept(Settings())
    last = dict.fromkeys((*EMOTIONS, UNCERTAIN), 0.0)

    def run(start: float, *faces: int, frames: int, emotion: str = "happy") -> None:
        for n in range(frames + 1):
            now = start + n / 10
            read = [reading(n, f, emotion=emotion) for f in faces]
            sinks.write(in_frame(read, 1000.0 + now, NOON + timedelta(seconds=now), now))
            seconds = sinks.status()["face_seconds"]
            assert all(seconds[label] >= last[label] for label in last)  # counters never fall
            last.update(seconds)

    run(0.0, 1, 2, frames=300)
    for tenth in range(301, 800):  # away for 50 s, less than a frame's gap at both ends
        now = tenth / 10
        sinks.state("retrying", 1000.0 + now, NOON + timedelta(seconds=now))
    run(80.0, 3, frames=200, emotion="sad")
    status = sinks.status()
    sinks.end(NOON + timedelta(seconds=100))
    visits = [r for r in records if isinstance(r, Visit) and r.event == "end"]
    minutes = [r for r in records if isinstance(r, Minute)]
    assert status["visits"] == len(visits) == sum(m.visits_begun for m in minutes) == 3
    for label, seconds in status["face_seconds"].items():
        assert seconds == pytest.approx(sum(v.emotion_seconds[label] for v in visits), abs=0.01)
        assert seconds == pytest.approx(sum(m.emotion_seconds[label] for m in minutes), abs=0.01)
    assert status["face_seconds"]["happy"] == pytest.approx(60.0, abs=0.01)
    assert status["face_seconds"]["sad"] == pytest.approx(20.0, abs=0.01)
    assert status["away_s"] == pytest.approx(50.0, abs=0.2)
    assert status["watched_s"] + status["away_s"] == pytest.approx(100.0, abs=0.01)
    assert sinks.status()["face_seconds"] == status["face_seconds"]  # the end adds nothing
