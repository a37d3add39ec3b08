"""``fer-runtime --status``: of one process, or of all services of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..out.status import EXIT_DOWN, EXIT_NO_PICTURE, EXIT_RUNNING, EXIT_UNREADABLE, read_status

_WORST_FIRST = (EXIT_DOWN, EXIT_UNREADABLE, EXIT_NO_PICTURE, EXIT_RUNNING)


def show_all(files: Mapping[str, Path], now: float, say: Callable[[str], None]) -> int:
    """Say one line for each service and return the worst code.

    Parameters
    ----------
    files
        Status files by name.
    now
        Wall time in seconds since 1970.
    say
        Receives the lines.

    Returns
    -------
    The code of `read_status` of the service that is worst off: 1 before 65 before 69 before 0;
    1 where there is none.
    """
    if not files:
        say(
            "no service of fer-edge is enabled here; one camera: systemctl enable --now fer-runtime"
        )
        return EXIT_DOWN
    width = max(map(len, files))
    codes = set()
    for name, path in files.items():
        text, code = read_status(path, now)
        codes.add(code)
        say(f"{name:<{width}}  {text.splitlines()[0]}")
    return next(code for code in _WORST_FIRST if code in codes)
