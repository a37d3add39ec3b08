"""Work in child processes that may crash, hang or print noise without harming us.

TensorFlow, HDF5 and the interpreters are C++ that damaged files can bring down. Each runs in a
child that reads its job as one line of JSON and answers in lines of JSON: ``say`` (progress),
``ready`` (the name of a part that is done), ``error`` (an error of ours) and ``result``.
Everything else that the child prints is noise.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO, Any, NoReturn

from fer_runtime import errors
from fer_runtime.child_python import ending, module_command
from fer_runtime.errors import FerError, ModelError


def run_child(
    module: str,
    job: str,
    *,
    what: str,
    say: Callable[[str], None] = lambda text: None,
    ready: Callable[[str], None] = lambda name: None,
    timeout_s: float = 1800.0,
) -> dict[str, Any]:
    """Run ``python -m module`` with a job and return its result.

    Parameters
    ----------
    module
        One whose main calls `answer`.
    job
        One line of text.
    what
        The thing worked on, for the message of a crash: ``model x.h5``.
    say
        Receives the child's lines of progress.
    ready
        Receives the name of each part that is done while others are not.
    timeout_s
        After which the child is killed.

    Raises
    ------
    FerError
        The child's own error, or a ModelError if it crashed or hung.
    """
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # the same numbers on every processor
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",  # the one that TFLite's converter can read
    }
    result: dict[str, Any] | None = None
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as noise:
        child = subprocess.Popen(
            module_command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
        )
        assert child.stdin is not None and child.stdout is not None
        timer = threading.Timer(timeout_s, child.kill)
        timer.start()
        try:
            _tell(child.stdin, job)
            for line in child.stdout:
                message = _parse(line)
                if "say" in message:
                    say(str(message["say"]))
                elif "ready" in message:
                    ready(str(message["ready"]))
                elif "error" in message:
                    raise _error(message["error"])
                elif "result" in message:
                    result = message["result"]
            code = child.wait()
        finally:
            timed_out = timer.finished.is_set()
            timer.cancel()
            child.kill()
            child.wait()
            # A child that is gone has closed its end; flushing into it would raise.
            for stream in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    stream.close()
        if code == 0 and result is not None:
            return result
        if timed_out:
            raise ModelError(f"{what}: no end within {timeout_s:.0f} s; the process was stopped")
        raise ModelError(
            f"{what}: the process that worked on it ended with {ending(code)}{_last(noise)}"
        )


def _tell(stdin: IO[str], job: str) -> None:
    try:
        stdin.write(job + "\n")
        stdin.flush()
    except OSError:
        return  # it died at once; its exit status says how


def _parse(line: str) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _error(raw: Any) -> FerError:
    """Rebuild an error of ours from its class's name and its text."""
    kind = getattr(errors, str(raw.get("kind")), ModelError)
    return kind(str(raw.get("text"))) if issubclass(kind, FerError) else ModelError(str(raw))


def _last(noise: Any) -> str:
    """Return the last thing that the child printed, which names the library's complaint."""
    noise.seek(0, os.SEEK_END)
    noise.seek(max(0, noise.tell() - 4000))
    lines = [line.strip() for line in noise.read().splitlines() if line.strip()]
    return f" ({lines[-1][:200]})" if lines else ""


class Answer:
    """The child's side: reads the job, sends lines to the parent."""

    def __init__(self) -> None:
        # Libraries print to descriptor 1 as they like; keep the real one for ourselves.
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self.job = sys.stdin.readline()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        """End this process with the parent, which keeps our standard input open."""
        sys.stdin.read()
        os._exit(130)

    def send(self, **message: Any) -> None:
        """Send one line."""
        print(json.dumps(message), file=self._out, flush=True)

    def say(self, text: str) -> None:
        """Send a line of progress."""
        self.send(say=text)


def answer(work: Callable[[Answer], dict[str, Any]]) -> NoReturn:
    """Run a child's work and end the process."""
    to_parent = Answer()
    try:
        to_parent.send(result=work(to_parent))
    except FerError as error:
        to_parent.send(error={"kind": type(error).__name__, "text": str(error)})
    except MemoryError:
        to_parent.send(error={"kind": "ModelError", "text": "out of memory"})
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        to_parent.send(error={"kind": "FerError", "text": f"internal error: {text}"})
    # Without running destructors of libraries, which take seconds and may complain.
    os._exit(0)
