"""The MQTT sink against a real broker, and without one."""

from __future__ import annotations

import builtins
import errno
import gc
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from readings import NOON, in_frame, reading

pytest.importorskip("paho.mqtt", reason="extra mqtt is not installed")

from broker import MOSQUITTO, Broker, Listener, MuteBroker
from waiting import PATIENCE_S, wait_until

from fer_runtime.errors import ConfigError, FerError
from fer_runtime.out.mqtt.connection import Connection
from fer_runtime.out.mqtt.sink import MqttSink
from fer_runtime.settings.out import MqttSettings

RUN = "3f2a91c07be4"

needs_broker = pytest.mark.skipif(
    MOSQUITTO is None, reason="mosquitto is not installed (apt-get install mosquitto)"
)


def settings(port: int, **changes: Any) -> MqttSettings:
    values = {"host": "127.0.0.1", "device": "kiosk-1", "interval_s": 0.0} | changes
    return MqttSettings(port=port, **values)


def put(sink: MqttSink, frame: int, *faces: int) -> int:
    now = frame / 10
    faces = faces or (1,)
    wall = NOON + timedelta(seconds=now)
    return sink.write(in_frame([reading(frame, f) for f in faces], now, wall))


@pytest.fixture
def make_sink() -> Iterator[Callable[..., MqttSink]]:
    made: list[MqttSink] = []

    def make(port: int, **changes: Any) -> MqttSink:
        made.append(MqttSink(settings(port, **changes), RUN))
        made[-1].open()
        return made[-1]

    yield make
    for sink in made:
        sink.close(0.5)  # of what a test has left there is nothing to wait for


# -- messages ----------------------------------------------------------------------------


@needs_broker
def test_a_reading_is_one_message(
    broker: Broker, listener: Listener, make_sink: Callable[..., MqttSink]
) -> None:
    sink = make_sink(broker.port)
    assert put(sink, 3, 1, 7) == 2
    wait_until(lambda: len(listener.of("reading")) == 2, "two messages")
    topics = {topic for topic, _, _ in listener.messages if topic.endswith("reading")}
    assert topics == {"fer/kiosk-1/reading"}
    first, second = listener.of("reading")
    run = first.pop("run")
    assert len(run) == 12 and second["run"] == run
    assert first == {
        "format": 1,
        "device": "kiosk-1",
        "timestamp": "2026-11-22T12:00:00.550+01:00",
        "elapsed_s": 0.0,
        "number": 1,
        "frame": 3,
        "face_id": 1,
        "emotion": "happy",
        "confidence": 0.6123,
        "probabilities": {
            "angry": 0.1, "disgust": 0.0, "fear": 0.05, "happy": 0.7, "neutral": 0.1,
            "sad": 0.03, "surprise": 0.02,
        },
        "box": [13, 20, 110, 120],
        "detection_score": 0.938,
        "model": "ferplus",
        "valence": 0.42,
    }  # fmt: skip
    assert (second["number"], second["face_id"]) == (2, 7)


@needs_broker
def test_one_message_per_face_and_interval(
    broker: Broker, listener: Listener, make_sink: Callable[..., MqttSink]
) -> None:
    sink = make_sink(broker.port, interval_s=1.0)
    for frame in range(30):
        put(sink, frame, 1, 2)
    sink.close(PATIENCE_S)
    wait_until(lambda: len(listener.of("reading")) == 6, "six messages")
    assert [m["frame"] for m in listener.of("reading")] == [9, 9, 19, 19, 29, 29]


@needs_broker
def test_the_status_is_retained_and_says_goodbye(
    broker: Broker, listener: Listener, make_sink: Callable[..., MqttSink]
) -> None:
    sink = make_sink(broker.port)
    wait_until(lambda: sink.connected, "the connection")
    put(sink, 0)
    wait_until(lambda: sink.sent == 1, "the acknowledgement")
    sink.announce({"state": "running", "processed_fps": 29.5})
    wait_until(lambda: len(listener.of("status")) == 2, "the status")
    late = Listener(broker.port, name="late")
    wait_until(lambda: bool(late.of("status")), "the retained status")
    (topic, body, retained), *_ = late.messages
    late.close()
    assert topic == "fer/kiosk-1/status" and retained
    assert body == {
        "format": 1, "device": "kiosk-1", "state": "running", "processed_fps": 29.5,
        "mqtt_sent": 1, "mqtt_waiting": 0, "mqtt_dropped": 0, "visits_today": 0,
    }  # fmt: skip
    put(sink, 1)
    sink.close(PATIENCE_S)
    wait_until(lambda: len(listener.of("status")) == 3, "the farewell")
    assert [m["state"] for m in listener.of("status")] == ["starting", "running", "offline"]
    # The farewell comes after the last reading.
    assert listener.messages[-1][0].endswith("status")
    assert len(listener.of("reading")) == 2


KIOSK = """
import sys, time
sys.path[:0] = {path!r}
from test_sink import *
sink = MqttSink(settings(int(sys.argv[1])), RUN); sink.open()
sink.announce({{"state": "running"}})
time.sleep(600)
"""


@needs_broker
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL of POSIX")
def test_the_broker_says_goodbye_for_a_killed_kiosk(broker: Broker, listener: Listener) -> None:
    code = KIOSK.format(path=[str(Path(__file__).parent), *sys.path])
    process = subprocess.Popen([sys.executable, "-c", code, str(broker.port)])
    try:
        wait_until(
            lambda: "running" in [m["state"] for m in listener.of("status")], "the first status"
        )
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: listener.of("status")[-1]["state"] == "offline", "the last will")
    assert listener.of("status")[-1] == {"format": 1, "device": "kiosk-1", "state": "offline"}


# -- a broker that comes and goes -----------------------------------------------------------


@needs_broker
@pytest.mark.parametrize("qos", [1, 2])
def test_nothing_is_lost_while_the_broker_is_restarted(
    broker: Broker,
    listener: Listener,
    make_sink: Callable[..., MqttSink],
    qos: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_sink(broker.port, qos=qos)
    caplog.set_level("INFO")
    published = 0
    stop = threading.Event()

    def kiosk() -> None:
        nonlocal published
        while not stop.is_set():
            put(sink, published)
            published += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=kiosk)
    thread.start()
    try:
        wait_until(lambda: len(listener.of("reading")) > 300, "messages before")
        broker.stop()
        wait_until(lambda: not sink.connected and sink.waiting > 300, "messages in the buffer")
        broker.start()
        before = published
        wait_until(lambda: sink.connected and published > before + 300, "messages after")
    finally:
        stop.set()
        thread.join()
    sink.close(PATIENCE_S)
    wait_until(lambda: len({m["number"] for m in listener.of("reading")}) >= published, "the rest")
    numbers = [m["number"] for m in listener.of("reading")]
    assert set(numbers) == set(range(1, published + 1))
    assert (sink.sent, sink.dropped, sink.waiting) == (published, 0, 0)
    said = [r.message for r in caplog.records if r.name == "fer_runtime.out.mqtt.connection"]
    assert len([s for s in said if "connection is lost" in s]) == 1, said
    # First connected, lost, perhaps not to be reached for a moment, connected again.
    assert len(said) <= 4, said


@needs_broker
def test_a_broker_that_comes_late_gets_everything(
    tmp_path: Path, make_sink: Callable[..., MqttSink]
) -> None:
    port = free_port()
    sink = make_sink(port)
    for frame in range(500):
        put(sink, frame)
    broker = Broker(tmp_path, port)
    broker.start()
    listener = Listener(port)
    wait_until(lambda: len(listener.of("reading")) == 500, "all messages")
    assert [m["number"] for m in listener.of("reading")] == list(range(1, 501))
    sink.close(PATIENCE_S)
    listener.close()
    broker.stop()


@needs_broker
def test_qos_0_also_waits_for_a_broker(tmp_path: Path, make_sink: Callable[..., MqttSink]) -> None:
    port = free_port()
    sink = make_sink(port, qos=0)
    for frame in range(300):
        put(sink, frame)
    broker = Broker(tmp_path, port)
    broker.start()
    wait_until(lambda: sink.sent == 300, "all messages to leave")
    sink.close(PATIENCE_S)
    assert (sink.waiting, sink.dropped) == (0, 0)
    broker.stop()


def test_without_a_broker_the_oldest_are_dropped_and_counted(
    make_sink: Callable[..., MqttSink], caplog: pytest.LogCaptureFixture
) -> None:
    sink = make_sink(free_port(), buffer=50)
    for frame in range(80):
        put(sink, frame)
    assert (sink.waiting, sink.dropped, sink.sent) == (50, 30, 0)
    assert b'"number":31,' in sink._outbox._waiting[0].payload
    assert len([r for r in caplog.records if "buffer is full" in r.message]) == 1
    sink.close(0.2)
    assert "50 messages did not reach the broker" in caplog.text


@needs_broker
def test_drops_are_told_when_the_broker_is_back(
    tmp_path: Path, make_sink: Callable[..., MqttSink], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    sink = make_sink(port, buffer=10)
    for frame in range(30):
        put(sink, frame)
    broker = Broker(tmp_path, port)
    broker.start()
    wait_until(lambda: sink.sent == 10, "what was kept")
    wait_until(lambda: "20 messages were dropped" in caplog.text, "the message")
    sink.close(PATIENCE_S)
    broker.stop()


def test_a_silent_broker_holds_up_neither_frames_nor_the_end(
    make_sink: Callable[..., MqttSink],
) -> None:
    # It takes the connection and never says a word.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        sink = make_sink(silent.getsockname()[1], buffer=1000)
        started = time.monotonic()
        for frame in range(2000):
            put(sink, frame)
        sink.close(0.2)
        assert time.monotonic() - started < 5.0
    assert sink.sent == 0 and sink.dropped == 1000


def test_a_broker_that_never_acknowledges_gets_one_status_at_a_time(
    make_sink: Callable[..., MqttSink],
) -> None:
    broker = MuteBroker()
    sink = make_sink(broker.port, buffer=100)
    wait_until(lambda: sink.connected and len(broker.published) == 1, "the first status")
    for number in range(200):
        sink.announce({"state": "running", "number": number})
        put(sink, number)
    wait_until(lambda: len(broker.published) == 16, "what may be under way")
    queued = sink._client._out_messages
    assert len(queued) == 16 and len(broker.published) == 16
    assert broker.published.count("fer/kiosk-1/status") == 1
    assert sink.waiting <= 100 + 2 * 16  # in the buffer, about to be handed over, under way
    sink.close(0.2)
    broker.stop()


@needs_broker
def test_after_a_mute_time_the_newest_status_follows(
    tmp_path: Path, make_sink: Callable[..., MqttSink]
) -> None:
    mute = MuteBroker()
    sink = make_sink(mute.port, qos=0)
    wait_until(lambda: len(mute.published) == 1, "the first status")
    for number in range(5):
        sink.announce({"state": "running", "number": number})
    broker = Broker(tmp_path, mute.port)
    mute.stop()
    broker.start()
    listener = Listener(broker.port)
    wait_until(lambda: listener.of("status")[-1:] != [] and
               listener.of("status")[-1].get("number") == 4, "the newest status")  # fmt: skip
    listener.close()
    sink.close(PATIENCE_S)
    broker.stop()


@needs_broker
def test_it_says_that_it_stops_before_it_is_offline(
    broker: Broker, listener: Listener, make_sink: Callable[..., MqttSink]
) -> None:
    sink = make_sink(broker.port)
    wait_until(lambda: bool(listener.of("status")), "the connection")
    sink.announce({"state": "stopping"})
    sink.close(PATIENCE_S)
    wait_until(lambda: listener.of("status")[-1]["state"] == "offline", "the farewell")
    assert [m["state"] for m in listener.of("status")][-2:] == ["stopping", "offline"]


@needs_broker
@pytest.mark.usefixtures("assets")
def test_a_run_that_ends_publishes_stopping(
    broker: Broker, listener: Listener, fer: Callable[..., Any], tmp_path: Path
) -> None:
    config = tmp_path / "kiosk.yaml"
    config.write_text(f"mqtt: {{host: 127.0.0.1, port: {broker.port}, device: k}}\n")
    # A slow demo, so that the broker is there before its end.
    done = fer("--config", config, "--source", "demo", "--realtime", "--duration", 3)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: listener.of("status")[-1]["state"] == "offline", "the farewell")
    assert [m["state"] for m in listener.of("status")][-2:] == ["stopping", "offline"]


@needs_broker
def test_two_kiosks_of_one_name_are_told_and_slow_down(
    broker: Broker, make_sink: Callable[..., MqttSink], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    one, two = make_sink(broker.port), make_sink(broker.port)
    wait_until(lambda: caplog.text.count("set mqtt.device") == 2, "both to say so")
    wait_until(lambda: "retrying less often" in caplog.text, "the words")
    said = len(caplog.records)
    before = one._connections + two._connections
    time.sleep(3.0)  # a while in which it used to reconnect once a second
    assert one._connections + two._connections - before <= 3
    assert len(caplog.records) == said, caplog.text


def test_pauses_grow_while_connections_do_not_last_and_recover(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    connection, now, pauses = Connection("broker:1883", "kiosk-1"), 0.0, []
    for _ in range(10):
        connection.began(now, 0)
        connection.lasts(now + 1)
        pauses.append(connection.ended(now + 5))
        now += 5 + pauses[-1]
    assert pauses == [1, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert "received kiosk-1; set mqtt.device" in caplog.text
    said = len(caplog.records)
    connection.began(now, 0)
    connection.lasts(now + 119)
    assert len(caplog.records) == said
    connection.lasts(now + 121)
    assert caplog.records[-1].message == "mqtt: connected to broker:1883"
    assert connection.ended(now + 500) == 1
    assert len(caplog.records) == said + 2


def test_a_line_from_another_thread_survives_the_silence_of_the_start() -> None:
    code = """
import logging
from fer_runtime.command.console import set_up_logging
from fer_runtime.errors import quiet_stderr
set_up_logging("info")
with quiet_stderr():
    logging.getLogger("fer_runtime.out.mqtt").warning("mqtt: cannot be reached")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("mqtt: cannot be reached") == 1


def test_close_before_start_is_nothing() -> None:
    MqttSink(settings(1883), RUN).close(1.0)


# -- login and encryption -------------------------------------------------------------------


@needs_broker
def test_a_password_from_a_file(
    tmp_path: Path, make_sink: Callable[..., MqttSink], caplog: pytest.LogCaptureFixture
) -> None:
    assert MOSQUITTO is not None
    tool = Path(MOSQUITTO).with_name("mosquitto_passwd")
    tool = tool if tool.exists() else Path("/usr/bin/mosquitto_passwd")
    if not tool.exists():
        pytest.skip("mosquitto_passwd is not installed")
    users = tmp_path / "users"
    subprocess.run([tool, "-b", "-c", users, "kiosk", "s3cret pass"], check=True)
    os.chmod(users, 0o644)
    broker = Broker(tmp_path, free_port(), f"password_file {users}", "allow_anonymous false")
    broker.start()
    secret = tmp_path / "password"
    secret.write_text("s3cret pass\nsecond line\n")
    secret.chmod(0o600)
    wrong = tmp_path / "wrong"
    wrong.write_text("guess")
    wrong.chmod(0o644)
    good = make_sink(broker.port, user="kiosk", password_file=str(secret))
    put(good, 0)
    wait_until(lambda: good.sent == 1, "the message")
    bad = make_sink(broker.port, user="kiosk", password_file=str(wrong), device="kiosk-2")
    wait_until(lambda: "refuses this client" in caplog.text, "the refusal")
    assert not bad.connected
    assert "everybody can read" in caplog.text and "guess" not in caplog.text
    good.close(PATIENCE_S)
    bad.close(1.0)
    broker.stop()


def certificate(folder: Path, name: str) -> None:
    """Make a certificate that signs itself, with its key."""
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem",
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")


@pytest.fixture
def secure_broker(tmp_path: Path) -> Iterator[Broker]:
    certificate(tmp_path, "broker")
    broker = Broker(
        tmp_path, free_port(), f"certfile {tmp_path}/broker.pem", f"keyfile {tmp_path}/broker.key"
    )
    broker.start()
    yield broker
    broker.stop()
    gc.collect()


# The client library leaves a socket whose handshake failed to the garbage collector.
leaves_sockets = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (18, "self-signed certificate", "certificate; check mqtt.ca_file; retrying"),
        (64, "IP address mismatch, certificate is not valid for '10.0.0.2'.",
         "valid for '10.0.0.2'; mqtt.host has to be"),
        (62, "Hostname mismatch, certificate is not valid for 'hub'.", "mqtt.host has to be"),
        (10, "certificate has expired", "check the clocks"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_certificate_decides_what_to_check(
    code: int, reason: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, reason
    Connection("hub:8883", "kiosk-1").failed(error)
    assert words in caplog.text and ("ca_file" in caplog.text) == (code == 18)


@leaves_sockets
@needs_broker
def test_encryption_trusts_only_the_given_authority(
    tmp_path: Path,
    secure_broker: Broker,
    make_sink: Callable[..., MqttSink],
    caplog: pytest.LogCaptureFixture,
) -> None:
    certificate(tmp_path, "stranger")
    good = make_sink(secure_broker.port, tls=True, ca_file=str(tmp_path / "broker.pem"))
    put(good, 0)
    wait_until(lambda: good.sent == 1, "the message")
    stranger = str(tmp_path / "stranger.pem")
    bad = make_sink(secure_broker.port, tls=True, ca_file=stranger, device="k2")
    wait_until(lambda: "certificate is not trusted" in caplog.text, "the failure")
    assert "check mqtt.ca_file" in caplog.text and "cannot be reached" not in caplog.text
    assert not bad.connected


@leaves_sockets
@needs_broker
def test_encryption_that_the_broker_does_not_speak_is_named(
    broker: Broker, make_sink: Callable[..., MqttSink], caplog: pytest.LogCaptureFixture
) -> None:
    make_sink(broker.port, tls=True)
    wait_until(lambda: "mqtt:" in caplog.text, "the failure")
    # Which of the two depends on whether the broker has read all when it hangs up.
    named = "no encrypted connection", "mqtt.port and mqtt.tls right?"
    assert any(words in caplog.text for words in named), caplog.text
    assert "cannot be reached" not in caplog.text
    gc.collect()


@leaves_sockets
@needs_broker
def test_a_broker_that_wants_encryption_is_named(
    secure_broker: Broker, make_sink: Callable[..., MqttSink], caplog: pytest.LogCaptureFixture
) -> None:
    make_sink(secure_broker.port)
    wait_until(lambda: "mqtt:" in caplog.text, "the failure")
    assert (
        "ends the connection before accepting it; are mqtt.port and mqtt.tls right?" in caplog.text
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device": "a/b"}, r"mqtt\.device: expected a name without \+ # /, received 'a/b'"),
        ({"device": "hall\t2"}, r"mqtt\.device: .*without control characters, received 'hall\\t2'"),
        ({"device": "hall\x85"}, r"mqtt\.device: .*without control characters"),
        ({"prefix": "fer\n"}, r"mqtt\.prefix: .*without control characters"),
        ({"device": "ñ" * 34}, r"mqtt\.device: expected at most 200 bytes .*, received 204"),
        ({"prefix": "fer/#"}, r"mqtt\.prefix: expected"),
        ({"prefix": ""}, r"mqtt\.prefix: expected"),
        ({"host": "a..b"}, r"mqtt\.host: expected a host name"),
        ({"password_file": "/none"}, r"mqtt\.password_file .*none: cannot be read: No such file"),
        ({"tls": True, "ca_file": "/none"}, r"mqtt\.ca_file .*none: expected certificates"),
        ({"tls": True, "ca_file": __file__}, r"mqtt\.ca_file .*: expected certificates"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        MqttSink(settings(1883, **changes), RUN).open()


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("\nx")
    with pytest.raises(ConfigError, match="a password on the first line"):
        MqttSink(settings(1883, password_file=str(tmp_path / "p")), RUN).open()


def test_without_the_extra_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fake(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("paho"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ConfigError, match=r"pip install 'fer-edge\[mqtt\]'"):
        MqttSink(settings(1883), RUN).open()


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EAFNOSUPPORT, ConfigError,
         "mqtt.host hall: the service has no network; sudo fer-runtime setup --network"),
        (errno.ENETUNREACH, FerError,
         "mqtt.host hall: no connection to 127.0.0.1: Network is unreachable; is the loopback"),
    ],
)  # fmt: skip
def test_a_service_without_a_network_says_so(
    monkeypatch: pytest.MonkeyPatch, number: int, kind: type[FerError], words: str
) -> None:
    import paho.mqtt.client as paho

    def refuse() -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(paho, "_socketpair_compat", refuse)
    sink = MqttSink(settings(1883, host="hall"), RUN)
    with pytest.raises(kind, match=re.escape(words)) as caught:
        sink.open()
    assert caught.type is kind  # by whose status the service manager tries again, or does not
    sink.close()
