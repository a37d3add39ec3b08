"""``fer-collect``: real command, real broker, real kills."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import click
import pytest

pytest.importorskip("duckdb", reason="extra collect is not installed")

import paho.mqtt.client as paho
from archive_records import minute, reading, stored, visit
from broker import MOSQUITTO, Broker
from paho.mqtt.enums import CallbackAPIVersion
from ports import free_port
from readings import NOON, in_frame
from readings import reading as a_face
from waiting import PATIENCE_S, wait_until

from conftest import assert_one_line, clean_env
from fer_archive import batch
from fer_archive import collect as collecting
from fer_archive.collect import Collector
from fer_archive.compact import compact
from fer_archive.parquet import write_parquet
from fer_archive.spool import Spool
from fer_archive.subscriber import Message, Subscriber
from fer_runtime.errors import OutputError
from fer_runtime.out.mqtt.recent import AFTER_S
from fer_runtime.out.mqtt.sink import MqttSink
from fer_runtime.settings.out import MqttSettings

needs_broker = pytest.mark.skipif(
    MOSQUITTO is None, reason="mosquitto is not installed (apt-get install mosquitto)"
)


class Hand(Subscriber):
    """Gives out what a test puts into it."""

    def __init__(self) -> None:
        super().__init__(MqttSettings(host="none"), "a", "")
        self.messages: list[Message] = []

    def take(self, timeout_s: float) -> list[Message]:
        taken, self.messages = self.messages, []
        return taken

    def acknowledge(self, messages: list[Message]) -> None:
        """Nobody waits for it."""


# -- spool and Parquet -----------------------------------------------------------------------


def test_a_repeated_message_leaves_one_record_also_after_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    assert spool.open() == []
    assert spool.add([("reading", reading(1)), ("reading", reading(1))]) == 1
    assert spool.add([("reading", reading(1)), ("reading", reading(2))]) == 1
    closed = spool.roll()
    assert spool.add([("reading", reading(2))]) == 0, "known although its file is closed"
    spool.close()
    again = Spool(tmp_path / "s")
    assert again.open() == [closed]
    assert again.add([("reading", reading(2)), ("reading", reading(3))]) == 1
    again.close()


def test_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.open()
    spool.add([("reading", reading(1))])
    spool.close()
    with spool.path.open("ab") as file:
        file.write(b'{"kind": "reading", "dev')
    again = Spool(tmp_path / "s")
    (left,) = again.open()
    assert [json.loads(line)["number"] for line in left.read_text().splitlines()] == [1]
    again.close()


def test_zeros_in_the_midst_of_the_last_lines_are_left_out(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.open()
    spool.add([("reading", reading(n)) for n in range(3)])
    spool.close()
    first, second, third = spool.path.read_bytes().splitlines(keepends=True)
    spool.path.write_bytes(first + b"\0" * 4096 + second[-9:] + third)
    again = Spool(tmp_path / "s")
    (left,) = again.open()
    assert left.read_bytes() == first + third
    assert again.add([("reading", reading(n)) for n in range(3)]) == 1
    again.close()


def test_a_spool_that_cannot_be_read_is_put_aside_and_the_next_ones_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "workspace"  # DuckDB names it in its message
    spool = Spool(out / ".spool-a")
    spool.open()
    closed = []
    for number in range(3):
        spool.add([("reading", reading(number))])
        closed.append(spool.roll())
    spool.close()
    assert closed[1] is not None
    # Every key is there, and the disk has changed a figure.
    damaged = closed[1].read_bytes().replace(b'"elapsed_s":', b'"elapsed_s":"?",""  :')
    closed[1].write_bytes(damaged)
    collector = Collector(out, "a", Subscriber(MqttSettings(host="none"), "a", ""), 3600.0)
    with caplog.at_level("ERROR"):
        collector.open()
    collector.close()
    assert sorted(stored(out, "reading", "number")) == [(0,), (2,)]
    aside = closed[1].with_suffix(".broken")
    assert aside.read_bytes() == damaged
    (line,) = caplog.messages
    assert f"put aside as {aside}" in line


def test_spools_that_somebody_deletes_keep_no_later_one_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    source = Hand()
    collector = Collector(tmp_path, "a", source, 10.0, clock=lambda: now[0])
    collector.open()

    def take(*numbers: int) -> None:
        source.messages = [Message("reading", reading(n), n, 1, 1) for n in numbers]
        collector.step()

    take(1)
    collector._spool.path.unlink()
    take(2)  # into a new file: acknowledged is what is on the disk
    assert "was deleted with 1 records in it" in caplog.text
    collector._waiting.append(tmp_path / ".spool-a" / "0000000000-gone.jsonl")
    now[0] = 20.0
    take(3)
    assert "0000000000-gone.jsonl: was deleted, and its records with it" in caplog.text
    assert sorted(stored(tmp_path, "reading", "number")) == [(2,), (3,)]
    collector.close()


def test_a_counter_that_a_power_cut_left_as_zeros_begins_after_what_is_there(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "s")
    spool.open()
    spool.add([("reading", reading(1))])
    spool.close()
    for left in (b"\0\0", b"", b"\xff"):
        (tmp_path / "s" / "next").write_bytes(left)
        again = Spool(tmp_path / "s")
        assert again.open() == [spool.path]
        assert again.path.name.startswith("0000000002-")
        again.close()


def test_a_flood_at_qos_0_has_a_bound(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fer_archive.subscriber.MOST_WAITING", 3)
    subscriber = Subscriber(MqttSettings(host="none"), "a", "")
    for number, qos in enumerate((0, 1, 0, 0, 0, 1), 1):
        message = paho.MQTTMessage(mid=number, topic=b"fer/kiosk 1/reading")
        message.payload, message.qos = json.dumps(reading(number)).encode(), qos
        subscriber._on_message(None, None, message)
    assert [m.number for m in subscriber.take(0.0)] == [1, 2, 3, 6]
    assert subscriber.dropped == 2 and len(caplog.messages) == 1


def test_a_topic_that_is_no_text_is_rejected_and_acknowledged() -> None:
    subscriber = Subscriber(MqttSettings(host="none"), "a", "")
    foreign = paho.MQTTMessage(mid=7, topic=b"fer/\xff/reading")
    foreign.qos = 1
    subscriber._on_message(None, None, foreign)
    (message,) = subscriber.take(0.0)
    assert (message.record, message.number, message.qos) == (None, 7, 1)
    assert subscriber.rejected == 1


def test_a_full_disk_keeps_nothing_of_a_batch(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys, json\n"
        "from pathlib import Path\n"
        "from fer_archive.spool import Spool\n"
        "from fer_runtime.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "record = json.loads(sys.argv[2]); spool = Spool(Path(sys.argv[1])); spool.open()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "done = 0\n"
        "try:\n"
        "    for n in range(9): done += spool.add([('reading', record | {'number': n})])\n"
        "except OutputError as error: print(error)\n"
        "print(done)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s"), json.dumps(reading(0))],
        env=clean_env(), capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert "waits at the broker" in out[0]
    (file,) = (tmp_path / "s").glob("*.jsonl")
    lines = file.read_text().splitlines()
    assert len(lines) == int(out[1]) > 0
    assert all(json.loads(line) for line in lines)


def test_parquet_by_device_and_day_and_twice_the_same(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    spool.open()
    messages: list[tuple[str, dict[str, Any]]] = [("reading", reading(n)) for n in range(5)]
    messages += [
        ("reading", reading(9, "zoo/é", "2026-11-25")),
        ("minute", minute("2026-11-24T10:00:00+01:00")),
    ]
    messages += [("visit", visit("begin", "2026-11-24T10:00:01.000+01:00"))]
    messages += [("visit", visit("end", "2026-11-24T10:00:04.000+01:00"))]
    spool.add(messages)
    closed = spool.roll()
    spool.close()
    assert closed is not None
    out = tmp_path / "out"
    for _ in range(2):  # as after a kill between the two: the same files again
        assert write_parquet(closed, out, "a-1") == 9
    assert sorted(
        stored(out, "reading", "device, day::VARCHAR, number, p_happy, x, w, valence")
    ) == [
        *(("kiosk 1", "2026-11-24", n, 0.7, 1, 30, 0.5) for n in range(5)),
        ("zoo/é", "2026-11-25", 9, 0.7, 1, 30, 0.5),
    ]
    assert stored(out, "visit") == [(2,)]
    assert stored(out, "minute", "people_max, s_uncertain, valence") == [(2, 1.0, None)]
    assert not list(out.glob(".work*"))


def test_an_archive_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    (tmp_path / "s.jsonl").write_text(json.dumps({"kind": "reading", **reading(1)}) + "\n")
    with pytest.raises(OutputError, match="cannot be written"):
        write_parquet(tmp_path / "s.jsonl", tmp_path / "out", "a")


# -- the command against a broker ---------------------------------------------------------------


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path, free_port())
    broker.start()
    yield broker
    broker.stop()


class Publisher:
    """Kiosks that publish at QoS 1."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def put(self, kind: str, *records: dict[str, Any] | str) -> None:
        for record in records:
            device = record["device"] if isinstance(record, dict) else "kiosk"
            text = json.dumps(record) if isinstance(record, dict) else record
            topic = f"fer/{device}/{kind}"
            wait_until(self._client.is_connected, "the publisher")
            self._client.publish(topic, text, 1).wait_for_publish(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    publisher = Publisher(broker.port)
    yield publisher
    publisher.close()


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def collect(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(port: int, name: str = "a", roll: float = 3600, *more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "fer_archive.collect", "--host", "127.0.0.1", "--port",
             str(port), "-o", str(tmp_path / "out"), "--name", name, "--roll", str(roll), *more],
            env=clean_env(), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        wait_connected(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def wait_connected(process: subprocess.Popen[str]) -> None:
    """Read its log up to the next connection."""
    assert process.stderr is not None
    line = process.stderr.readline()
    while line and ": connected" not in line:
        line = process.stderr.readline()


def end(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 0, errors
    return errors


def spooled(tmp_path: Path, name: str = "a") -> int:
    folder = tmp_path / "out" / f".spool-{name}"
    return sum(len(p.read_text().splitlines()) for p in folder.glob("*.jsonl"))


@needs_broker
def test_what_is_published_is_stored_once_and_rubbish_is_dropped(
    tmp_path: Path, broker: Broker, publisher: Publisher, collect: Start
) -> None:
    process = collect(broker.port)
    publisher.put("reading", *(reading(n) for n in range(40)), "rubbish", '{"device": "x"}', "[]")
    publisher.put("visit", visit("end", "2026-11-24T10:00:04.000+01:00"))
    publisher.put("minute", minute("2026-11-24T10:00:00+01:00"))
    publisher.put(
        "reading", reading(3), reading(40)
    )  # as a kiosk repeats it after a lost connection
    wait_until(lambda: spooled(tmp_path) == 43, "43 records")
    errors = end(process)
    assert errors.count("not a record of fer-edge") == 1 and "Traceback" not in errors
    out = tmp_path / "out"
    assert stored(out, "reading", "count(*), count(DISTINCT number)") == [(41, 41)]
    assert stored(out, "visit") == stored(out, "minute") == [(1,)]


@needs_broker
def test_killed_in_the_middle_nothing_is_lost_and_nothing_twice(
    tmp_path: Path, broker: Broker, publisher: Publisher, collect: Start
) -> None:
    process = collect(broker.port)
    for n in range(0, 300, 100):
        publisher.put("reading", *(reading(i) for i in range(n, n + 100)))
        process.kill()  # no farewell: part of these is on the disk, part at the broker
        process.wait()
        publisher.put("reading", reading(1000 + n))  # comes while nobody is there
        process = collect(broker.port)
    wait_until(lambda: spooled(tmp_path) + stored(tmp_path / "out", "reading")[0][0] >= 303, "all")
    end(process)
    assert stored(tmp_path / "out", "reading", "count(*), count(DISTINCT number)") == [(303, 303)]


@needs_broker
def test_two_collectors_share_and_a_restarted_broker_loses_nothing(
    tmp_path: Path, broker: Broker, publisher: Publisher, collect: Start
) -> None:
    both = [collect(broker.port, name) for name in "ab"]
    publisher.put("reading", *(reading(n) for n in range(60)))
    broker.stop()
    broker.start()
    # mosquitto forgets shared subscriptions when it restarts: only from here on it has them, and
    # this publisher, other than a kiosk, says nothing twice.
    for process in both:
        wait_connected(process)
    publisher.put("reading", *(reading(n) for n in range(60, 120)))
    wait_until(lambda: spooled(tmp_path, "a") + spooled(tmp_path, "b") >= 120, "120 records")
    assert min(spooled(tmp_path, "a"), spooled(tmp_path, "b")) > 10
    for process in both:
        end(process)
    assert stored(tmp_path / "out", "reading", "count(*), count(DISTINCT number)") == [(120, 120)]


@needs_broker
def test_one_without_a_group_gets_what_came_while_the_broker_began_again(
    tmp_path: Path, broker: Broker, publisher: Publisher, collect: Start
) -> None:
    process = collect(broker.port, "a", 3600, "--group", "")
    publisher.put("reading", *(reading(n) for n in range(20)))
    process.kill()
    process.wait()
    broker.stop()
    broker.start()
    publisher.put("reading", *(reading(n) for n in range(20, 40)))  # nobody is there
    process = collect(broker.port, "a", 3600, "--group", "")
    wait_until(lambda: total(tmp_path) >= 40, "40 records")
    end(process)
    assert stored(tmp_path / "out", "reading", "count(*), count(DISTINCT number)") == [(40, 40)]


@needs_broker
@pytest.mark.parametrize("group", ["fer-collect", ""])
def test_a_killed_broker_loses_nothing_that_kiosks_have_sent(
    tmp_path: Path, broker: Broker, collect: Start, group: str
) -> None:
    """It forgets sessions, subscriptions and what it has acknowledged: kiosks say it again."""
    names = "ab" if group else "a"
    collectors = [collect(broker.port, name, 3600, "--group", group) for name in names]
    sinks = [
        MqttSink(MqttSettings("127.0.0.1", broker.port, f"kiosk-{n}", interval_s=0.0), "r1")
        for n in range(3)
    ]
    sent = 0

    def publish(times: int) -> None:
        nonlocal sent
        for _ in range(times):
            for sink in sinks:
                sent += sink.write(in_frame([a_face(sent, 1)], sent / 10, NOON))
            time.sleep(0.01)

    for sink in sinks:
        sink.open()
    wait_until(lambda: all(sink.connected for sink in sinks), "the kiosks")
    publish(100)
    broker.kill()
    publish(20)
    broker.start()
    publish(100)
    for process in collectors:
        wait_connected(process)
    publish(100)
    until = time.monotonic() + AFTER_S + 2 * PATIENCE_S
    while distinct(tmp_path, names) < sent and time.monotonic() < until:
        time.sleep(0.1)
    for sink in sinks:
        sink.close(PATIENCE_S)
    for process in collectors:
        end(process)
    out = tmp_path / "out"
    counts = "count(*), count(DISTINCT (device, run, number))"
    rows, found = stored(out, "reading", counts)[0]
    assert (sum(sink.dropped for sink in sinks), found) == (0, sent)
    if not group:
        assert rows == sent, "one collector knows what it has"
    # Two may have one each of a repeated reading, until the day is over.
    compact(out, datetime(2100, 1, 1, tzinfo=timezone.utc))
    assert stored(out, "reading", counts) == [(sent, sent)]


def distinct(tmp_path: Path, names: str) -> int:
    found = set()
    for name in names:
        for path in (tmp_path / "out" / f".spool-{name}").glob("*.jsonl"):
            text = path.read_text()
            for line in text[: text.rfind("\n") + 1].splitlines():
                record = json.loads(line)
                found.add((record["device"], record["number"]))
    return len(found)


@needs_broker
def test_the_roll_writes_parquet_under_way(
    tmp_path: Path, broker: Broker, publisher: Publisher, collect: Start
) -> None:
    process = collect(broker.port, roll=1)
    publisher.put("reading", *(reading(n) for n in range(10)))
    wait_until(lambda: stored(tmp_path / "out", "reading") == [(10,)], "Parquet")
    end(process)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--host", "h", "-o", "out", "--name", "a/b"], 78, "--name"),
        (["--host", "h", "-o", "file"], 74, "cannot be written"),
        (["--host", "h", "-o", "out", "--password-file", "none"], 78, "password"),
        (["--host", "h", "-o", "out", "--port", "0"], 2, "--port"),
        (["-o", "out"], 2, "--host"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], code: int, words: str, tmp_path: Path,
    fer: Callable[..., CompletedProcess[str]],
) -> None:  # fmt: skip
    (tmp_path / "file").touch()
    done = fer(*arguments, module="fer_archive.collect")
    assert_one_line(done, code, words, name="fer-collect")


@needs_broker
def test_a_full_disk_ends_it_with_74_and_the_rest_waits_at_the_broker(
    tmp_path: Path, broker: Broker, publisher: Publisher, collect: Start
) -> None:
    process = collect(broker.port)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2000, 2000))
    publisher.put("reading", *(reading(n) for n in range(20)))
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 74 and "Traceback" not in errors, errors
    process = collect(broker.port)
    wait_until(lambda: spooled(tmp_path) >= 0 and total(tmp_path) >= 20, "the rest")
    end(process)
    assert stored(tmp_path / "out", "reading", "count(*), count(DISTINCT number)") == [(20, 20)]


def total(tmp_path: Path) -> int:
    return spooled(tmp_path) + int(stored(tmp_path / "out", "reading")[0][0])


def test_the_report_reads_the_archive(
    tmp_path: Path, fer: Callable[..., CompletedProcess[str]]
) -> None:
    spool = Spool(tmp_path / "s")
    spool.open()
    spool.add([("reading", reading(n)) for n in range(50)])
    closed = spool.roll()
    spool.close()
    assert closed is not None
    write_parquet(closed, tmp_path / "out", "a")
    done = fer(tmp_path / "out" / "reading", "--json", module="fer_report.cli")
    assert done.returncode == 0, done.stderr
    numbers = json.loads(done.stdout)
    assert numbers["share"]["happy"] == 1.0
    assert stored(tmp_path / "out", "reading", "DISTINCT utc_offset_min") == [(60,)]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (collecting.command, ["--host", "h", "-o", "out", "--roll", "nan"]),
        (batch.command, ["a.mp4", "-o", "out", "--csv-interval", "nan"]),
    ],
)
def test_a_time_that_is_no_number_is_a_slip(command: click.Command, arguments: list[str]) -> None:
    with pytest.raises(click.BadParameter, match="nan is not a finite number"):
        command.main(arguments, standalone_mode=False)
