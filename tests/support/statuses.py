"""A status record with a value in every field."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from readings import NOON

from fer_runtime.out.status import Status

STATUS: dict[str, Any] = asdict(
    Status(
        state="covered",
        source='http://10.0.0.7/a"b\\c',
        captured=300,
        processed=280,
        skipped=10,
        failed=1,
        last_frame_age_s=1.25,
        faces=2,
        csv_rows=28,
        csv_dropped=3,
        csv_written_at="2026-11-22T11:59:59.250+01:00",
        csv_free_mb=1234.5,
        device="hall 2",
        model="ferplus",
        interpreter="litert",
        version="1.2.3",
        uptime_s=61.5,
        rss_mb=110.04,
        written_at=NOON.isoformat(timespec="milliseconds"),
    )
)
