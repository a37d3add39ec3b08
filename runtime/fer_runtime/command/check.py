"""``fer-runtime --check``: try every part that a run needs, one line each."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import FerError
from ..frames.make import make_source
from ..frames.source import Source
from ..settings.schema import Settings
from ..urls import holds_secret
from .check_out import out_checks


def run_checks(settings: Settings, say: Callable[[str], None], config: str | None = None) -> int:
    """Try configuration, interpreter, model, detector, source, what leaves, and display.

    Parameters
    ----------
    settings
        The effective configuration, already valid.
    say
        Receives one line per part: ``ok`` or ``FAIL`` with the remedy.
    config
        The file that the settings are from; None where there is none.

    Returns
    -------
    0 where all is well, else the exit code of the first failure.
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        ("config", lambda: _config(settings, config)),
        ("interpreter", lambda: _interpreter(settings)),
        ("model", lambda: _model(settings)),
        ("detector", lambda: _detector(settings)),
        ("source", lambda: _source(settings)),
    ]
    checks += out_checks(settings)
    checks.append(("display", lambda: _display(settings)))
    code = wrong = 0
    for name, trial in checks:
        try:
            say(f"ok    {name}: {trial()}")
        except FerError as error:
            code = code or error.exit_code
            wrong += 1
            say(f"FAIL  {name}: {error}")
    say("all is well" if not wrong else f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong")
    return code


def _config(settings: Settings, config: str | None) -> str:
    if config is None or os.name != "posix" or not holds_secret(settings.source.source):
        return "valid"
    if not stat.S_IMODE(Path(config).stat().st_mode) & 0o007:
        return "valid"
    return f"valid, but everybody can read the camera's password in {config}: chmod o= {config}"


def _interpreter(settings: Settings) -> str:
    from ..model.interpreter import interpreter_class, interpreter_version

    name, _ = interpreter_class(settings.classifier.interpreter)
    return f"{name} {interpreter_version(name)}"


def _model(settings: Settings) -> str:
    from ..model.classifier import Classifier

    s = settings.classifier
    names = tuple(s.labels.split(",")) if s.labels else None
    model = Classifier(
        s.model, threads=s.threads, interpreter=s.interpreter, labels=names, prior=s.prior
    )
    m = model.metadata
    shape = f"{m.height}x{m.width} {m.color}"
    prior = s.prior if m.shares else "training (the file does not say its shares)"
    return (
        f"{model.name} ({model.path}), {shape}, {m.quantization}, T = {m.temperature:.2f}, "
        f"prior {prior}"
    )


def _detector(settings: Settings) -> str:
    from ..faces.search import make_detector

    make_detector(settings.detector)
    return settings.detector.kind


def _source(settings: Settings) -> str:
    source: Source = make_source(settings.source)
    try:
        source.open()
        frame = source.read()
        if frame is None:
            from ..errors import CameraError

            raise CameraError(
                f"source {source.name}: it opens but delivers no frame",
                "unplug it and plug it in, or try another USB port",
            )
        return f"{source.name}, {source.describe()}"
    finally:
        source.close()


def _display(settings: Settings) -> str:
    from ..errors import DisplayError
    from ..screen.window import check_display

    try:
        check_display(os.environ, sys.platform)
    except DisplayError:
        if settings.window.show:
            raise
        return "none, and none is needed without --show"
    return "there"
