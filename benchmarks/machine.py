"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Return processor, cores, memory, system, Python, load and time."""
    cpu = platform.processor()
    memory = None
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    except (OSError, ValueError, AttributeError):
        pass
    return {
        "cpu": cpu or platform.machine(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_mb": memory,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": load(),
        "when": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def load() -> float | None:
    """Return the load average of the last minute, None where there is none."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
