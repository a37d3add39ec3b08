"""A guarded trial run of a .tflite of unknown origin, in a child process.

A damaged flatbuffer can crash an interpreter, hang it or make it claim all memory, and no
``except`` clause catches that. So it is loaded and run in a child that may die in our place.

The child imports numpy and the interpreter, nothing else, and starts in about a quarter of a
second. It is this module: ``python -m fer_runtime.model.probe INTERPRETER SECONDS < model``.
"""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from ..child_python import ending, module_command
from ..errors import ModelError

_IMPORT_S: Final = 60.0
"""Seconds that starting Python and importing the interpreter may take on a cold disk."""

_MEMORY_BYTES: Final = 1 << 30
"""Address space that the child may add to what its imports took."""

_TOO_LARGE: Final = f"it wants more than {_MEMORY_BYTES >> 20} MiB of memory"
_PASSED: Final = "ok"


def probe(path: Path, interpreter: str, timeout_s: float = 10.0) -> None:
    """Load a .tflite, allocate its tensors and run it with one and with two pictures.

    Parameters
    ----------
    path
        The file.
    interpreter
        ``litert`` or ``tflite-runtime``, which must be installed.
    timeout_s
        Seconds that loading and running may take together; start-up is not counted.

    Raises
    ------
    ModelError
        If the file cannot be read or is damaged, or if the child reported an error, crashed,
        hung or ran out of memory.
    """
    from .metadata import read_model  # imports OpenCV, which the child must not wait for

    probe_flatbuffer(read_model(path)[0], str(path), interpreter, timeout_s)


def probe_flatbuffer(
    flatbuffer: bytes, name: str, interpreter: str, timeout_s: float = 10.0
) -> None:
    """Do what `probe` does with a flatbuffer in memory; `name` is for the message."""
    reason = _run_child(flatbuffer, interpreter, timeout_s)
    if reason:
        raise ModelError(
            f"model {name}: {interpreter} cannot run it: {reason}",
            "convert it again with fer-convert, which tries every installed interpreter",
        )


def _run_child(flatbuffer: bytes, interpreter: str, timeout_s: float) -> str:
    """Return why the trial run failed, or an empty string."""
    command = [*module_command("fer_runtime.model.probe"), interpreter, str(timeout_s)]
    # The child finds this package where the parent found it.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command,
            input=flatbuffer,
            capture_output=True,
            timeout=_IMPORT_S + timeout_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the trial run did not end within {_IMPORT_S + timeout_s:.0f} s"
    except OSError as error:
        return f"the trial run cannot be started: {error.strerror}"
    said = done.stdout.decode("utf-8", "replace").strip().splitlines()
    last = said[-1] if said else ""
    if done.returncode == 0 and last == _PASSED:
        return ""
    if last.startswith("error: "):
        return last.removeprefix("error: ")
    noise = done.stderr.decode("utf-8", "replace")
    if "Timeout (" in noise:
        return f"loading and running it did not end within {timeout_s:g} s"
    if "bad_alloc" in noise:
        return _TOO_LARGE
    return f"it ended the trial run with {ending(done.returncode)}"


def _limit_memory() -> None:
    """Cap the child's address space, where the system has such limits."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + _MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return  # Windows and macOS: the time limit alone


def trial_run(make: Any, flatbuffer: bytes) -> None:
    """Run a model with one black picture, then with two of a gradient.

    Parameters
    ----------
    make
        The ``Interpreter`` class.
    flatbuffer
        The model.

    Raises
    ------
    ValueError, RuntimeError
        What the interpreter raises.
    """
    import numpy as np

    interpreter = make(model_content=flatbuffer, num_threads=1)
    interpreter.allocate_tensors()
    inputs = interpreter.get_input_details()
    for tensor in inputs:
        interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
    interpreter.invoke()
    shapes = [[int(size) for size in tensor["shape"]] for tensor in inputs]
    if [len(shape) for shape in shapes].count(4) == 1 and all(s[:1] == [1] for s in shapes):
        for tensor, shape in zip(inputs, shapes, strict=True):
            shape[0] = 2
            interpreter.resize_tensor_input(tensor["index"], shape)
        interpreter.allocate_tensors()
        for tensor, shape in zip(inputs, shapes, strict=True):
            # Both ends of the pixel range: tables indexed by a value are read at theirs too.
            ramp = np.linspace(0, 255, int(np.prod(shape))).astype(np.uint8).reshape(shape)
            kind = tensor["dtype"]
            values = ramp.view(np.int8) if kind == np.int8 else ramp.astype(kind)
            interpreter.set_tensor(tensor["index"], values)
        interpreter.invoke()
    for tensor in interpreter.get_output_details():
        interpreter.get_tensor(tensor["index"])


def _main(interpreter: str, timeout_s: float) -> int:
    """Run in the child: flatbuffer on standard input, one line of result on standard output."""
    from .interpreter import interpreter_class

    flatbuffer = sys.stdin.buffer.read()
    try:
        _name, make = interpreter_class(interpreter)
        import numpy  # noqa: F401  (imported before the limits)

        _limit_memory()
        # A thread in C without Python's lock: it ends a hung interpreter on every platform.
        faulthandler.dump_traceback_later(timeout_s, exit=True)
        trial_run(make, flatbuffer)
    except MemoryError:
        print(f"error: {_TOO_LARGE}", flush=True)
        return 1
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"error: {text}", flush=True)
        return 1
    print(_PASSED, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1], float(sys.argv[2])))
