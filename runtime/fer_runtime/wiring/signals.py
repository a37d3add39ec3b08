"""What a process is told by signals: to end, to read its configuration again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def hold_reload() -> None:
    """Keep a SIGHUP waiting until `Signals.catch`: before that it would end the process.

    For the start of a process; what it starts would wait with it.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def end_at_once() -> None:
    """Have Ctrl-C end the process, without an exception, until `Signals.catch`.

    A KeyboardInterrupt amid the imports of a start may come where Python throws exceptions away,
    as in a callback of a weak reference: the run would go on as if nobody had asked it to end.
    What is imported before this is called has that chance still.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


class Signals:
    """Two plain flags that handlers set and the main loop reads.

    No `threading.Event`: its lock is not re-entrant, and a handler that runs while the main
    thread is inside `Event.clear` would wait for itself for ever.
    """

    def __init__(self) -> None:
        self.stop = False
        """Whether the run has been asked to end."""
        self._reload = False

    def take_reload(self) -> bool:
        """Return whether a reload has been asked for since the last call."""
        if not self._reload:
            return False
        # One that comes from here on is served by the reload that follows, or by the next.
        self._reload = False
        return True

    def catch(self) -> Callable[[], None]:
        """Install handlers where this is the main thread; return what restores the old ones."""
        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        numbers = [signal.SIGTERM, signal.SIGINT]
        if hasattr(signal, "SIGHUP"):
            numbers.append(signal.SIGHUP)
        old = {number: signal.signal(number, self._handle) for number in numbers}
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

        def restore() -> None:
            for number, handler in old.items():
                signal.signal(number, handler)

        return restore

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None):
            self._reload = True
        else:
            self.stop = True
