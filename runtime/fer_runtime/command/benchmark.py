"""``fer-runtime --benchmark``: where the time of a frame goes, measured on the source."""

from __future__ import annotations

import math
import os
import platform
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from ..errors import DataError
from ..faces.pipeline import STAGES, EmotionPipeline
from ..frames.feed import StepFeed
from ..frames.make import make_source
from ..settings.schema import Settings

# The first frames fill caches and buffers.
_WARM_UP_FRAMES = 10


def run_benchmark(settings: Settings, seconds: float) -> str:
    """Measure each stage on the source's frames for `seconds` and return the table.

    Only frames with at least one face count in the stages after detection, since without one
    there is nothing to do there.
    """
    born = _process_age_s()
    started = time.perf_counter()
    pipeline = EmotionPipeline(settings)
    source = make_source(settings.source)
    feed = StepFeed(source, loop=True)
    feed.start()
    rows: list[list[float]] = []
    faces: list[int] = []
    first_reading_s = math.nan
    cpu = time.process_time()
    until = time.perf_counter() + seconds
    index = 0
    busy = 0.0
    while time.perf_counter() < until:
        frame = feed.take(1.0)
        if frame is None:
            raise DataError(f"source {source.name}: expected frames, received none")
        a = time.perf_counter()
        readings = pipeline.analyze(frame.image, frame.time_s)
        busy += time.perf_counter() - a
        index += 1
        if readings and math.isnan(first_reading_s):
            first_reading_s = time.perf_counter() - started
        if index > _WARM_UP_FRAMES:
            rows.append([pipeline.stage_ms[s] for s in STAGES])
            faces.append(len(readings))
    cpu = time.process_time() - cpu
    feed.stop()
    if not rows:
        raise DataError(
            f"source {source.name}: expected more than {_WARM_UP_FRAMES} frames in "
            f"{seconds:g} s, received {index}",
            "measure for longer",
        )
    table = np.array(rows)  # (frames, stages) milliseconds
    count = np.array(faces)
    with_face = table[count > 0] if (count > 0).any() else table
    one_face = table[count == 1]
    lines = [
        f"source {source.name}: {source.describe()}; {len(rows)} frames, "
        f"{(count > 0).mean():.0%} with a face, at most {count.max()} at once",
        f"model {pipeline.classifier.name} on {pipeline.classifier.interpreter_name}, "
        f"{settings.classifier.threads} thread(s); detector {settings.detector.kind}, faces "
        f"from {settings.detector.smallest_face} px on",
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, "
        f"OpenCV {cv2.__version__}, numpy {np.__version__}",
        "",
        f"{'stage':<22}{'median ms':>10}{'p95 ms':>10}{'p99 ms':>10}",
    ]
    for column, stage in enumerate(STAGES):
        data = table[:, column] if stage == "detect" else with_face[:, column]
        lines.append(_row(stage, data))
    if len(one_face):
        lines.append(_row("whole frame, 1 face", one_face.sum(axis=1)))
    lines.append(_row("whole frame, all", table.sum(axis=1)))
    lines += [
        "",
        f"{index / busy:.0f} frames a second by processing alone; CPU "
        f"{1000 * cpu / index:.1f} ms a frame with drawing or decoding the source",
        f"first reading {first_reading_s + born:.2f} s after the process began; "
        f"peak memory {_peak_mb():.0f} MB",
    ]
    return "\n".join(lines)


def _row(name: str, data: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    p50, p95, p99 = np.percentile(data, (50, 95, 99))
    return f"{name:<22}{p50:>10.2f}{p95:>10.2f}{p99:>10.2f}"


def _peak_mb() -> float:
    """Peak resident memory of this process in MB (10^6 bytes); nan where it is not known."""
    if sys.platform == "win32":
        return math.nan
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _process_age_s() -> float:
    """Seconds since this process was started; 0 where /proc does not say."""
    try:
        ticks = int(Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()[19])
        up = float(Path("/proc/uptime").read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(0.0, up - ticks / os.sysconf("SC_CLK_TCK"))
