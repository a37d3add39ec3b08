"""The runtime as a Python iterator: ``from fer_runtime import watch``."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from types import TracebackType

from ..errors import FerError
from ..frames.make import make_source
from ..out.sink import Sink
from ..reading import Moment, Record
from ..settings.schema import Settings
from .daemon import Daemon

_POLL_S = 0.1
_LEAVE_S = 2.0
"""Longest wait for the run to end; a read that is blocked is left behind."""


def watch(source: str | int = "0", settings: Settings | None = None) -> Watch:
    """Watch a source, with the daemon's own reconnect, filter and sinks.

    Use it as a context manager; leaving it frees the source::

        from fer_runtime import watch

        with watch("0") as moments:
            for moment in moments:
                for face in moment.faces:
                    print(face.face_id, face.emotion, face.probabilities["happy"])

    Parameters
    ----------
    source
        What ``fer-runtime --source`` takes: a camera's index or path, a URL, a file, a folder,
        ``demo``.
    settings
        Everything else, also CSV or MQTT where they are wanted; None for the defaults.

    Raises
    ------
    FerError
        If the settings name what cannot be used; ``CameraError`` for a file that is not there.
    """
    base = settings or Settings()
    return Watch(base.with_values({"source.source": str(source), "window.show": False}))


class Watch:
    """Moments of one run; see `watch`.

    A live source gives the newest moment, never an old one: what came while the caller was busy
    is left out. Files wait for the caller and give every frame. A camera that is lost gives a
    moment whose ``state`` is ``"retrying"``, no exception; the iteration ends with the file, or
    with an exception that says what cannot heal.
    """

    def __init__(self, settings: Settings) -> None:
        live = make_source(settings.source).live
        self._slot = _Slot(live)
        self._daemon = Daemon(settings, extra_sinks=[self._slot], environ={})
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._slot.ended.set()
        self._daemon.stop()
        self._thread.join(_LEAVE_S)

    def __iter__(self) -> Iterator[Moment]:
        return self

    def __next__(self) -> Moment:
        """Return the next moment, waiting for it."""
        if self._thread.ident is None:
            raise RuntimeError("expected `with watch(...) as moments:` around the loop")
        while True:
            running = self._thread.is_alive()
            moment = self._slot.take(_POLL_S)
            if moment is not None:
                return moment
            if not running:
                if self._error is not None:
                    raise self._error
                raise StopIteration

    def _run(self) -> None:
        try:
            self._daemon.run()
        except FerError as error:
            self._error = error
        except BaseException as error:
            self._error = FerError(f"internal error: {type(error).__name__}: {error}")


class _Slot(Sink):
    """Holds moments between the processing thread and the caller."""

    def __init__(self, newest_only: bool) -> None:
        self._newest_only = newest_only
        self._queue: queue.Queue[Moment] = queue.Queue(maxsize=1 if newest_only else 8)
        self.ended = threading.Event()

    def record(self, record: Record) -> None:
        """Take a moment; wait for the caller where every one of them counts."""
        if not isinstance(record, Moment):
            return
        while not self.ended.is_set():
            try:
                self._queue.put(record, timeout=0.0 if self._newest_only else _POLL_S)
                return
            except queue.Full:
                if self._newest_only:
                    self.take(0.0)

    def take(self, timeout_s: float) -> Moment | None:
        """Return the next moment, or None where none comes in time."""
        try:
            return self._queue.get(timeout=timeout_s) if timeout_s else self._queue.get_nowait()
        except queue.Empty:
            return None
