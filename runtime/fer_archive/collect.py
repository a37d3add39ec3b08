"""``fer-collect``: the readings of many kiosks, from the broker into Parquet."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import click
import filelock

from fer_runtime import __version__
from fer_runtime.command.console import CONTEXT, FiniteRange, run_command, set_up_logging
from fer_runtime.errors import DataError, FerError, OutputError
from fer_runtime.settings.schema import Settings

from .compact import OVER, Compacted, compact
from .disk import sync
from .parquet import duckdb, write_parquet
from .spool import KINDS, Spool
from .subscriber import Subscriber, check_share

_LOGGER = logging.getLogger(__name__)

_EXAMPLES = """

\b
Examples:
  fer-collect --host broker -o /var/lib/fer-collect
  fer-collect --host broker -o /srv/fer --name b     a second one: they share the work
  fer-collect --compact /var/lib/fer-collect         merge the files of past days, and end
Records lie under OUT/reading, OUT/visit and OUT/minute, by device and day; what is newer than
--roll waits in OUT/.spool-NAME. The files of a day that is over become one, once a day.
fer-report reads them: fer-report OUT/reading
"""
_RETRY_S = 30.0


class Collector:
    """Messages to spool to Parquet.

    Parameters
    ----------
    out, name
        Folder of the archive, and this collector's name in it.
    subscriber
        Where messages come from.
    roll_s
        Seconds after which the spool becomes Parquet.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        out: Path,
        name: str,
        subscriber: Subscriber,
        roll_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out, self._name, self._subscriber = out, name, subscriber
        self._roll_s, self._clock = roll_s, clock
        self._spool = Spool(out / f".spool-{name}")
        self._waiting: list[Path] = []
        self._rolled_s = self._retry_s = clock()
        self._compaction = Compaction(out)
        self.stored = 0
        """Records that are safe, of this run."""

    def open(self) -> None:
        """Take up what a former run left; OutputError where the folder cannot be written."""
        self._waiting = self._spool.open()
        self._convert()

    def step(self) -> None:
        """Take what has come, make it safe, acknowledge it; now and then write Parquet."""
        messages = self._subscriber.take(0.2)
        self.stored += self._spool.add([(m.kind, m.record) for m in messages if m.record])
        self._subscriber.acknowledge(messages)
        now = self._clock()
        if now - self._rolled_s >= self._roll_s:
            self._rolled_s = now
            self._roll()
            self._compaction.begin(datetime.now(timezone.utc))
        elif self._waiting and now >= self._retry_s:
            self._convert()

    def close(self) -> None:
        """Write what is in the spool as Parquet."""
        self._compaction.stop()
        self._roll()
        self._spool.close()

    def _roll(self) -> None:
        closed = self._spool.roll()
        if closed is not None:
            self._waiting.append(closed)
        self._convert()

    def _convert(self) -> None:
        """Write Parquet of the closed spool files; a failure is tried again, nothing is lost.

        One that cannot be read is put aside, as it would keep those after it waiting for ever.
        """
        while self._waiting:
            spool = self._waiting[0]
            try:
                count = write_parquet(spool, self._out, f"{self._name}-{spool.stem}")
            except DataError as error:
                aside = spool.with_suffix(".broken")
                try:
                    os.replace(spool, aside)
                    _LOGGER.error("%s; put aside as %s", error, aside)
                except FileNotFoundError:
                    _LOGGER.error("spool %s: was deleted, and its records with it", spool)
                except OSError:  # a disk that takes nothing: asked again
                    self._retry_s = self._clock() + _RETRY_S
                    return
                self._waiting.pop(0)
                continue
            except FerError as error:
                self._retry_s = self._clock() + _RETRY_S
                _LOGGER.error("%s; it stays in the spool", error)
                return
            spool.unlink(missing_ok=True)
            # Before the files may be merged: a spool that came back would be written again.
            sync(spool.parent)
            self._waiting.pop(0)
            _LOGGER.info("%d records written as Parquet", count)


class Compaction:
    """Merges the files of days that are over, once a day, beside the collecting.

    Parameters
    ----------
    out
        Folder of the archive.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._last: date | None = None

    def begin(self, now: datetime) -> None:
        """Begin a pass, unless there was one since another day was over everywhere."""
        day = (now.astimezone(timezone.utc) - OVER).date()
        busy = self._thread is not None and self._thread.is_alive()
        if day == self._last or busy:
            return
        self._last = day
        self._thread = threading.Thread(target=self._run, args=(now,), name="compact", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the pass after the day that it is at."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, now: datetime) -> None:
        try:
            done = compact(self._out, now, self._stopped.is_set)
        except FerError as error:
            _LOGGER.error("%s; tried again tomorrow", error)
            return
        if done.days:
            _LOGGER.info("%s", _told(done))
        if done.refused:
            _LOGGER.error("%s", _refused(done))


def _told(done: Compacted) -> str:
    repeated = f"; {done.repeated} records were there twice" if done.repeated else ""
    return f"{done.files} files of past days compacted into {done.days}{repeated}"


def _refused(done: Compacted) -> str:
    return f"{done.refused} left as they are, such as {done.first}"


@click.command(
    help="Collect readings, visits and minutes of many kiosks from an MQTT broker." + _EXAMPLES,
    context_settings=CONTEXT,
)
@click.option("--host", default="", help="The broker.")
@click.option("--port", type=click.IntRange(1, 65_535), default=1883, show_default=True)
@click.option("--user", default="", help="User name at the broker.")
@click.option("--password-file", default="", metavar="FILE", help="Password on its first line.")
@click.option("--tls", is_flag=True, help="Encrypt the connection.")
@click.option("--ca-file", default="", metavar="FILE", help="Certificates to trust.")
@click.option("--prefix", default="fer", show_default=True, help="First level of the topics.")
@click.option("--group", default="fer-collect", show_default=True,
              help="Collectors of one group share the messages; '' has them all.")  # fmt: skip
@click.option("--name", default=None, help="Name of this collector; the host's by default.")
@click.option("-o", "--out", default="", metavar="FOLDER", help="Folder of the archive.")
@click.option("--roll", "roll_s", type=FiniteRange(1, 86_400), default=3600.0,
              show_default=True, help="Write Parquet so often [s].")  # fmt: skip
@click.option("--compact", "archive", default="", metavar="FOLDER",
              help="Only merge the files of each day that is over, and end.")  # fmt: skip
@click.version_option(__version__, "--version", prog_name="fer-collect")
def command(
    host: str, port: int, user: str, password_file: str, tls: bool, ca_file: str, prefix: str,
    group: str, name: str | None, out: str, roll_s: float, archive: str,
) -> int:  # fmt: skip
    """Collect until SIGTERM or Ctrl-C."""
    if archive:
        return _compact(Path(archive), bool(host or out))
    for option, value in (("--host", host), ("-o", out)):
        if not value:
            raise click.UsageError(f"Missing option '{option}'.")
    set_up_logging("info")
    name = name or socket.gethostname()
    check_share(name, "--name")
    if group:
        check_share(group, "--group")
    duckdb()
    settings = Settings().with_values(
        {
            "mqtt.host": host, "mqtt.port": port, "mqtt.user": user, "mqtt.tls": tls,
            "mqtt.password_file": password_file, "mqtt.ca_file": ca_file, "mqtt.prefix": prefix,
        }
    )  # fmt: skip
    folder = Path(out)
    lock = _lock(folder, name)
    subscriber = Subscriber(settings.mqtt, f"{group or 'fer-collect-all'}-{name}", group)
    collector = Collector(folder, name, subscriber, roll_s)
    stopped = False

    def stop(number: int, frame: Any) -> None:
        nonlocal stopped
        stopped = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        collector.open()
        subscriber.start()
        while not stopped:
            collector.step()
        subscriber.stop()
        collector.close()
    finally:
        lock.release()
    click.echo(f"{collector.stored} records collected", err=True)
    return 0


def _compact(archive: Path, more: bool) -> int:
    if more:
        raise click.UsageError("--compact FOLDER merges and ends; leave out --host and -o")
    if not any(os.path.isdir(archive / kind) for kind in KINDS):
        raise DataError(
            f"archive {archive}: expected a folder with {', '.join(KINDS)}, received none of them",
            "give the folder that fer-collect -o names",
        )
    done = compact(archive, datetime.now(timezone.utc))
    click.echo(_told(done))
    if done.refused:
        raise DataError(_refused(done))
    return 0


def _lock(folder: Path, name: str) -> Any:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f".{name}.lock", timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise OutputError(
            f"{folder}: another collector named {name} is writing there", "give it another --name"
        ) from None
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from None
    return lock


def main(arguments: list[str] | None = None) -> None:
    """Entry point of ``fer-collect``."""
    os.umask(0o027)
    run_command(command, "fer-collect", arguments)


if __name__ == "__main__":
    main()
