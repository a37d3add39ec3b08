"""A child Python that runs nothing of what happens to lie in the working folder, and its end."""

from __future__ import annotations

import signal
import sys
from typing import Final

# ``-c`` and ``-m`` put the working folder before everything else, where a cv2.py or pip.py of
# somebody else's would be run in place of the package. ``-P`` came with Python 3.11 only, and
# ``-I`` hides packages that are installed for one user. The module sys is built in.
_WITHOUT_FOLDER: Final = "import sys; sys.path[:] = [p for p in sys.path if p]; "


def code_command(code: str) -> list[str]:
    """Return the command that runs `code` as ``python -c`` does."""
    return [sys.executable, "-c", _WITHOUT_FOLDER + code]


def module_command(module: str) -> list[str]:
    """Return the command that runs a module as ``python -m`` does; arguments may follow."""
    run = f"import runpy; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    return code_command(run)


def ending(code: int) -> str:
    """Name how a child ended: the signal behind a negative exit status, or the status."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit status {code}"
