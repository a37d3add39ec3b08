"""``fer-runtime``: parse, print, hand over. Every flag of a setting comes from `settings`."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .. import __version__
from ..errors import ConfigError
from ..settings.schema import Settings, all_settings
from .console import CONTEXT, run_command, set_up_logging

_EXAMPLES = """

\b
Examples:
  fer-runtime --show                        live window from the first camera
  fer-runtime --source demo --show          the same without a camera
  fer-runtime --csv log.csv                 headless, one row per face and second
  fer-runtime --source face.jpg             one picture: prints its result and ends
  fer-runtime --source clip.mp4 --csv clip.csv --csv-interval 0
  fer-runtime --check                       is everything there that is needed?
  fer-runtime setup                         asks for camera, language, log; writes the settings
"""


def _setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option per setting that has a flag."""
    for key, (item, limits) in reversed(all_settings().items()):
        if not limits.flag:
            continue
        unit = f" [{limits.unit}]" if limits.unit else ""
        kind: Any = type(item.default)
        if limits.choices:
            kind = click.Choice([str(c) for c in limits.choices])
        name = "set_" + key.replace(".", "__")
        flag = limits.flag
        if kind is bool and "/" not in flag:
            flag += f"/--no-{flag[2:]}"  # so that a flag can take back what the file says
        command = click.option(
            flag,
            name,
            default=None,
            type=kind,
            help=f"{limits.help[0].upper()}{limits.help[1:]}{unit}.",
        )(command)
    return command


@click.command(
    help="Tell which of seven emotions each face in view shows; no picture is ever stored."
    + _EXAMPLES,
    context_settings=CONTEXT,
)
@_setting_options
@click.option("--config", "config", type=str, metavar="FILE", help="YAML configuration.")
@click.option("--check", "mode", flag_value="check", help="Try every part; one line each.")
@click.option("--benchmark", "benchmark_s", type=float, metavar="SECONDS",
              help="Print a per-stage latency table of the source.")  # fmt: skip
@click.option("--fetch-assets", "mode", flag_value="fetch",
              help="Download detector weights and demo portrait.")  # fmt: skip
@click.option("--fetch-detector", "mode", flag_value="fetch-detector",
              help="Download detector weights alone.")  # fmt: skip
@click.option("--list-cameras", "mode", flag_value="cameras",
              help="Cameras with stable names, modes, and who holds them.")  # fmt: skip
@click.option("--print-config", "mode", flag_value="config",
              help="Print the effective configuration.")  # fmt: skip
@click.option("--status", "mode", flag_value="status",
              help="Read the status file of a running service; the exit code says.")  # fmt: skip
@click.option("--all", "every", is_flag=True, help="With --status: of every service here.")
@click.option("--instance", metavar="NAME",
              help="One of several cameras: log, status and MQTT device of its own.")  # fmt: skip
@click.option("--study", "study", type=str, metavar="SCRIPT",
              help="Lead a participant through prompts (YAML script), in the window.")  # fmt: skip
@click.option("--feedback", "feedback", type=str, metavar="FILE",
              help="Where keys 1-7 and studies write what a face really shows "
              "(study: feedback.csv).")  # fmt: skip
@click.option("--live-line/--no-live-line", default=None,
              help="Show a running line; on where standard error is a terminal.")  # fmt: skip
@click.option("--demo-picture", type=str, metavar="PNG",
              help="Save one annotated frame; only with --source demo.")  # fmt: skip
@click.version_option(__version__, "--version", prog_name="fer-runtime")
def command(
    config: str | None,
    mode: str | None,
    every: bool,
    instance: str | None,
    benchmark_s: float | None,
    study: str | None,
    feedback: str | None,
    live_line: bool | None,
    demo_picture: str | None,
    **flags: Any,
) -> int:
    """Do what the flags say."""
    given = {
        key.removeprefix("set_").replace("__", "."): value
        for key, value in flags.items()
        if value is not None
    }
    settings = effective_settings(config, given, instance)
    set_up_logging(settings.run.log_level)
    if mode == "config":
        from ..settings.file import dump

        click.echo(dump(settings), nl=False)
        return 0
    if mode in ("fetch", "fetch-detector"):
        from ..assets import fetch_assets

        fetch_assets(click.echo, None if mode == "fetch" else ["yunet"])
        return 0
    if mode == "cameras":
        return _list_cameras()
    if every and mode != "status":
        raise click.UsageError("--all goes with --status")
    if mode == "status":
        return _status(settings, every)
    if mode == "check":
        from .check import run_checks

        return run_checks(settings, click.echo, config)
    if benchmark_s is not None:
        from .benchmark import run_benchmark

        if not 0 < benchmark_s < math.inf:
            raise click.UsageError(
                f"--benchmark: expected seconds above 0, received {benchmark_s:g}"
            )
        click.echo(run_benchmark(settings, benchmark_s))
        return 0
    if demo_picture and settings.source.source != "demo":
        # Pictures of people are never written; the demo shows none who is there.
        raise click.UsageError("--demo-picture works only with --source demo")

    if study is not None:
        feedback = feedback or "feedback.csv"
    if feedback is not None and not settings.window.show:
        settings = settings.with_values({"window.show": True})
        given["window.show"] = True

    def reload() -> Settings:
        return effective_settings(config, given, instance)

    from ..wiring.signals import end_at_once

    end_at_once()  # before numpy and OpenCV are imported
    from .run import run

    if live_line is None:
        live_line = sys.stderr.isatty()
    if config is None and "source.source" not in given and sys.stderr.isatty():
        _greet()
    return run(settings, reload, live_line, demo_picture, study, feedback)


def effective_settings(
    config: str | None, flags: dict[str, Any], instance: str | None = None
) -> Settings:
    """Return defaults < file < flags; an instance then has its own log, status and device.

    Raises
    ------
    ConfigError
        Where the file is bad (exit 78).
    click.UsageError
        Where a flag's value is out of range (exit 2).
    """
    settings = Settings()
    if config is not None:
        from ..settings.file import load

        settings = load(config)
    known = all_settings()
    # Choices arrive as texts.
    values = {
        k: int(v) if known[k][1].choices and isinstance(known[k][0].default, int) else v
        for k, v in flags.items()
    }
    try:
        settings = settings.with_values(values)
        if instance is not None:
            import socket

            from ..settings.instance import for_instance

            settings = for_instance(settings, instance, socket.gethostname())
        return settings
    except ConfigError as error:
        raise click.UsageError(_as_flags(str(error), values)) from None


def _as_flags(message: str, values: dict[str, Any]) -> str:
    """Name flags instead of YAML keys in a message."""
    for key in values:
        message = message.replace(f"{key}:", f"{all_settings()[key][1].flag}:")
    return message


def _list_cameras() -> int:
    from ..frames.cameras import list_cameras

    found = list_cameras()
    if not found:
        click.echo("no camera found")
        return 69
    for camera in found:
        held = f", held by {', '.join(camera.holders)}" if camera.holders else ""
        click.echo(f"{camera.path}\n  {camera.title} ({camera.node}){held}")
        for mode in camera.modes:
            click.echo(f"  {mode}")
    return 0


def _greet() -> None:
    """Tell somebody who has just installed it what to do where no camera is there."""
    from ..frames.cameras import list_cameras

    if not list_cameras():
        click.echo(
            "No camera here yet; waiting for one (Ctrl-C ends). Without one: fer-runtime --source "
            "demo --show; which there are: fer-runtime --list-cameras; settings: fer-runtime setup",
            err=True,
        )


def _status(settings: Settings, every: bool) -> int:
    import time

    from ..out.status import read_status
    from ..settings.instance import STATES, status_files

    if every:
        from .status import show_all

        return show_all(status_files(), time.time(), click.echo)
    path = settings.status.path or f"{STATES}status.json"
    text, code = read_status(Path(path), time.time())
    click.echo(text)
    return code


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``fer-runtime``."""
    # OpenCV and FFmpeg log every failed attempt to open; the daemon has one line per change of
    # state. Read when cv2 is imported, which has not happened yet.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # No OpenCL is used; looking for it costs a megabyte and time.
    os.environ.setdefault("OPENCV_OPENCL_RUNTIME", "disabled")
    # numpy and cv2 bring an OpenBLAS each, which starts a thread per processor at import: on a
    # PC with 32 of them 62 threads that have nothing to do, and more than the unit allows.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["setup"]:
        from .setup import setup_command

        run_command(setup_command, "fer-runtime setup", given[1:], leave=_leave)
    from ..wiring.signals import hold_reload

    hold_reload()
    run_command(command, "fer-runtime", given, leave=_leave)


def _leave(code: int) -> None:
    """End the process; at once where a blocked read would hold up the interpreter's exit."""
    import threading

    left_behind = [t for t in threading.enumerate() if t.daemon and t.is_alive()]
    logging.shutdown()
    if any(t.name in ("capture", "processing") for t in left_behind):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
