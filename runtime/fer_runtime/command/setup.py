"""``fer-runtime setup``: asks for what a first run needs and writes the commented settings."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import click

from ..errors import CameraError, FerError, OutputError, check_replaceable
from ..labels import LANGUAGES
from ..out.web.address import parse_listen
from ..settings.file import dump, load
from ..settings.instance import CONFIGS, INSTANCE_LOGS, check_name
from ..settings.limits import at_home
from ..settings.schema import Settings
from ..urls import holds_secret, public_url
from .console import CONTEXT
from .network import close_network, network_file, open_network, wants_network

_EXAMPLES = """

\b
Examples:
  fer-runtime setup                          asks; again, to change what was said
  fer-runtime setup --yes --source demo      asks nothing: what is not given stays as it is
  sudo fer-runtime setup --instance left     one of several cameras: fer-runtime@left
  sudo fer-runtime setup --yes --web 127.0.0.1:8765 --network --service    with its live page
"""


@click.command(
    help="Ask for camera, language, log and service, and write the settings, commented. "
    "Every question is also a flag." + _EXAMPLES,
    context_settings=CONTEXT,
)
@click.option("--config", metavar="FILE",
              help="What to write [root: /etc/fer-edge/kiosk.yaml, others: "
              "~/.config/fer-edge/kiosk.yaml].")  # fmt: skip
@click.option("--instance", metavar="NAME", help="One of several cameras: /etc/fer-edge/NAME.yaml.")
@click.option("--source", metavar="S", help="Camera, file, URL or demo.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of labels and messages.")
@click.option("--csv", "log", metavar="FILE", help="Where to log; none for no log.")
@click.option("--web", metavar="ADDRESS", help="Where the live page listens; none for none.")
@click.option("--network/--no-network", default=None,
              help="Let the service use the network, or not (network.conf).")  # fmt: skip
@click.option("--service/--no-service", default=None, help="Enable and start the service, or not.")
@click.option("--preview/--no-preview", default=None, help="Count the faces for five seconds.")
@click.option("--yes", is_flag=True, help="Ask nothing; what is not given stays as it is.")
def setup_command(
    config: str | None,
    instance: str | None,
    source: str | None,
    lang: str | None,
    log: str | None,
    web: str | None,
    network: bool | None,
    service: bool | None,
    preview: bool | None,
    yes: bool,
) -> int:
    """Ask, preview, write, and start where it is wanted."""
    path = _target(config, instance)
    check_replaceable(path, "config")
    there = os.path.exists(path)
    old = load(path) if there else _first(instance)
    click.echo(f"{'edits' if there else 'writes'} {path}")
    if source is None:
        source = old.source.source if yes else _ask_source(old.source.source)
    new = old.with_values({"source.source": source})
    if preview is None:
        preview = not yes and click.confirm("look through it for five seconds?", default=True)
    if preview:
        _preview(new, 5.0)
    if lang is None:
        lang = old.window.language
        if not yes:
            lang = click.prompt("language", type=click.Choice(LANGUAGES), default=lang)
    if log is None:
        log = old.csv.path
        if not yes:
            log = click.prompt("log to (none for no log)", default=log or "none")
    log = "" if log == "none" else log
    relative = not os.path.isabs(os.path.expanduser(log))
    if log and log != old.csv.path and path.parent == CONFIGS and relative:
        # The service runs in the root folder, where it may not write.
        raise click.UsageError(f"--csv: a service needs a path from the root, received {log}")
    new = new.with_values({"window.language": lang, "csv.path": log})
    if web is not None:
        web = "" if web == "none" else web
        if web:
            parse_listen(web)
        new = new.with_values({"web.listen": web})
    _write(path, dump(new), secret=holds_secret(source))
    click.echo(f"written {path}; is all there? fer-runtime --config {path} --check")
    unit = f"fer-runtime@{instance}" if instance else "fer-runtime"
    if path.parent != CONFIGS:
        if service or network:
            raise OutputError(f"{path}: the service reads {CONFIGS}", "run: sudo fer-runtime setup")
        click.echo(f"run: fer-runtime --config {path} --show")
        return 0
    for other in _with_address(new.web.listen, path):
        click.echo(f"{other} has {new.web.listen} too; the one that starts first gets it")
    if network is not None:
        _set_network(network_file(instance), network, unit)
    elif wants_network(new) and not network_file(instance).exists():
        click.echo("the service has no network, which this needs: fer-runtime setup --network")
    if service is None and not yes:
        service = click.confirm(f"enable and start the service {unit}?", default=True)
    return 0 if service is None else _switch(unit, service)


def _target(config: str | None, instance: str | None) -> Path:
    if config is not None and instance is not None:
        raise click.UsageError("expected --config or --instance, received both")
    if instance is not None:
        return CONFIGS / f"{check_name(instance)}.yaml"
    if config is not None:
        return Path(at_home(config, "--config"))
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return CONFIGS / "kiosk.yaml"
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "fer-edge" / "kiosk.yaml"


def _first(instance: str | None) -> Settings:
    """Return what a new file starts from."""
    if instance is None:
        return Settings()
    return Settings().with_values({"csv.path": f"{INSTANCE_LOGS}{instance}/log.csv"})


def _ask_source(old: str) -> str:
    from ..frames.cameras import list_cameras

    cameras = list_cameras()
    if not cameras:
        click.echo("no camera found; 'demo' is a scene that needs none")
    for number, camera in enumerate(cameras, 1):
        held = f", held by {', '.join(camera.holders)}" if camera.holders else ""
        click.echo(f"  {number}  {camera.title} ({camera.path}){held}")
    hint = "number of a camera, or " if cameras else ""
    default = cameras[0].path if cameras and old == Settings().source.source else old
    text = f"source ({hint}camera, file, URL, demo) [{public_url(default)}]"
    answer: str = click.prompt(text, default=default, show_default=False)
    if answer.isdigit() and 1 <= int(answer) <= len(cameras):
        return cameras[int(answer) - 1].path
    return answer


def _preview(settings: Settings, seconds: float) -> None:
    """Count faces in the terminal; a source that does not open is said, and no reason to stop."""
    from ..faces.pipeline import EmotionPipeline
    from ..frames.make import make_source
    from ..frames.source import Frame

    source = make_source(settings.source)
    try:
        pipeline = EmotionPipeline(settings)
        source.open()
        begin = said = time.monotonic()
        frames, most = 0, 0
        while (now := time.monotonic()) - begin < seconds:
            frame = source.read()
            if frame is None:
                raise CameraError(f"source {source.name}: it delivers no more frames")
            frames += 1
            image = Frame(frame, frames, now).image
            most = max(most, len(pipeline.analyze(image, now - begin)))
            if now - said >= 1.0:
                click.echo(f"  {most} face{'' if most == 1 else 's'} ({frames} frames)")
                said, most = now, 0
        if most:
            click.echo(f"  {most} face{'' if most == 1 else 's'} ({frames} frames)")
    except FerError as error:
        click.echo(f"  {error}")
    finally:
        source.close()


def _write(path: Path, text: str, *, secret: bool) -> None:
    """Replace the file whole; it keeps its owner and mode, a new one is for its owner and group.

    With a `secret` in it nobody else may read it, whatever its mode was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".setup-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            old = path.stat() if path.exists() else None
            mode = 0o640 if old is None else stat.S_IMODE(old.st_mode)
            os.chmod(name, mode & ~0o007 if secret else mode)
            # The service reads its settings through its group.
            new_group = "fer-edge" if path.parent == CONFIGS else None
            group = new_group if old is None else old.st_gid
            if sys.platform != "win32" and group is not None:
                with suppress(OSError, LookupError):
                    shutil.chown(name, group=group)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror}",
            "run it with sudo, or choose another place with --config",
        ) from None


def _with_address(listen: str, path: Path) -> list[Path]:
    """Return the other services' settings that name the same address of the live page."""
    same = []
    for other in sorted(CONFIGS.glob("*.yaml")) if listen else []:
        with suppress(FerError):
            if other != path and load(other).web.listen == listen:
                same.append(other)
    return same


def _set_network(file: Path, on: bool, unit: str) -> None:
    """Open or close the network, and tell systemd of it."""
    if open_network(file) if on else close_network(file):
        _systemctl(unit, [["daemon-reload"]])
        said = f"written {file}" if on else f"put aside: {file}.off"
        click.echo(f"{said}; from the next start on: systemctl restart {unit}")
    else:
        click.echo(f"as it is: {file}" if on else "the service has no network already")


def _switch(unit: str, on: bool) -> int:
    """Enable and restart a unit, or disable and stop it; say what to do where that fails."""
    _systemctl(unit, [["enable", unit], ["restart", unit]] if on else [["disable", "--now", unit]])
    click.echo(f"{unit} is {'running' if on else 'off'}; how it is: fer-runtime --status --all")
    return 0


def _systemctl(unit: str, steps: list[list[str]]) -> None:
    if shutil.which("systemctl") is None:
        raise OutputError("the service needs systemd: no systemctl here", "run with --no-service")
    for step in steps:
        done = subprocess.run(
            ["systemctl", *step], capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["it failed"])[-1]
            command = " ".join(step)
            raise OutputError(f"systemctl {command}: {why}", f"see: journalctl -u {unit} -n 20")
