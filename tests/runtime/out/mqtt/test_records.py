"""Room, visits, minutes and Home Assistant's discovery over a real broker."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from broker import MOSQUITTO, Broker, Listener
from readings import NOON, in_frame, reading
from schemas import check
from waiting import PATIENCE_S, wait_until

from fer_runtime.labels import EMOTIONS
from fer_runtime.out.moments import Moments
from fer_runtime.out.mqtt.discovery import discovery_message, discovery_topic
from fer_runtime.out.mqtt.room import Room
from fer_runtime.out.mqtt.sink import MqttSink
from fer_runtime.reading import Moment, Visit
from fer_runtime.settings.out import MqttSettings

needs_broker = pytest.mark.skipif(
    MOSQUITTO is None, reason="mosquitto is not installed (apt-get install mosquitto)"
)
RUN = "0123456789ab"


def sink_at(port: int, now: Callable[[], float], **changes: Any) -> MqttSink:
    values = {"host": "127.0.0.1", "device": "hall 2", "interval_s": 0.0} | changes
    return MqttSink(MqttSettings(port=port, **values), RUN, clock=now)


def moment(people: int, state: str = "running", emotion: str = "happy") -> Moment:
    faces = tuple(
        f
        for r in Moments("hall 2", RUN).frame(
            in_frame([reading(0, n + 1) for n in range(people)], 100.0)
        )
        if isinstance(r, Moment)
        for f in r.faces
    )
    shown = emotion if people else None
    return Moment("hall 2", RUN, NOON, 1.0, 5, state, shown, 0.5 if people else None, faces)


# -- when the room is told -------------------------------------------------------------------


def test_the_room_is_told_at_changes_and_once_a_minute() -> None:
    room = Room()
    told = [
        (0.0, moment(0), True),  # the first
        (0.1, moment(0), False),
        (5.0, moment(1), True),  # somebody comes
        (5.3, moment(0), False),  # a frame that missed the face
        (5.4, moment(1), False),
        (9.0, moment(1, emotion="sad"), True),
        (9.2, moment(0), False),
        (10.1, moment(0), True),  # and it stays so: within two seconds of the last face
        (10.2, moment(0, "retrying"), True),  # a lost camera at once
        (60.0, moment(0, "retrying"), False),
        (70.3, moment(0, "retrying"), True),
    ]
    assert [room.due(m, now) for now, m, _ in told] == [due for _, _, due in told]


def test_visits_are_counted_by_the_local_day() -> None:
    def begun(at: datetime, event: str = "begin") -> Visit:
        return Visit("d", RUN, event, 1, at, at, {}, "happy", None, 0.2)

    room = Room()
    for at in (NOON, NOON + timedelta(hours=1)):
        room.visit(begun(at))
        room.visit(begun(at, "end"))
    assert room.visits_today == 2
    room.visit(begun(NOON + timedelta(days=1)))
    assert room.visits_today == 1


def test_a_day_without_a_visitor_has_none() -> None:
    sink = MqttSink(MqttSettings(host="nowhere", device="d"), RUN, clock=lambda: 0.0)
    told: list[int] = []

    def announce(at: datetime) -> None:
        sink.announce({"state": "idle", "written_at": at.isoformat(timespec="milliseconds")})
        (message,) = sink._outbox.take()
        told.append(json.loads(message.payload)["visits_today"])

    sink.record(Visit("d", RUN, "begin", 1, NOON, NOON, {}, "happy", None, 0.2))
    sink._outbox.take()
    for hours in (0, 11, 13):
        announce(NOON + timedelta(hours=hours))
    assert told == [1, 1, 0]


# -- over a broker ---------------------------------------------------------------------------


@needs_broker
def test_records_fit_their_schemas_and_the_room_is_retained(
    broker: Broker, listener: Listener
) -> None:
    now = [0.0]
    sink = sink_at(broker.port, lambda: now[0])
    sink.open()
    moments = Moments("hall 2", RUN, max_gap_s=1.0)
    for frame in range(700):  # seventy seconds; one person in the first five
        now[0] = frame / 10
        wall = NOON + timedelta(seconds=now[0])
        faces = [reading(frame)] if frame < 50 else []
        for record in moments.frame(in_frame(faces, now[0], wall, now[0])):
            sink.record(record)
    for record in moments.end(NOON + timedelta(seconds=70)):
        sink.record(record)
    sink.announce({"state": "stopping"})
    sink.close(PATIENCE_S)
    wait_until(lambda: any(m["state"] == "offline" for m in listener.of("status")), "the farewell")
    visits, minutes = listener.of("visit"), listener.of("minute")
    assert [v["event"] for v in visits] == ["begin", "end"]
    assert len(minutes) == 2 and minutes[0]["visits_begun"] == 1
    for kind in ("visit", "minute", "room"):
        for record in listener.of(kind):
            check(kind, record)
    assert [m.get("visits_today") for m in listener.of("status")][-2:] == [1, None]
    late = Listener(broker.port, name="late")
    wait_until(lambda: bool(late.of("room")), "the retained room")
    kept = [(topic, retained) for topic, _, retained in late.messages]
    late.close()
    assert ("fer/hall 2/room", True) in kept
    assert not any(topic.endswith(("/visit", "/minute", "/reading")) for topic, _ in kept)
    assert late.of("room")[-1]["people"] == 0 and late.of("room")[-1]["state"] == "stopping"


@needs_broker
def test_discovery_names_every_entity_and_goes_when_switched_off(broker: Broker) -> None:
    # The listener cannot take empty messages, so this one is its own.
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    heard: list[tuple[str, bytes]] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda c, d, m: heard.append((m.topic, m.payload))
    client.connect("127.0.0.1", broker.port)
    client.subscribe("homeassistant/#", 1)
    client.loop_start()
    topic = discovery_topic("hall 2")
    assert discovery_topic("hall 2") == topic
    for discovery in (True, False):
        sink = sink_at(broker.port, lambda: 0.0, discovery=discovery)
        sink.open()
        wait_until(lambda d=discovery: len(heard) >= (1 if d else 2), "the discovery")  # type: ignore[misc]
        sink.close(PATIENCE_S)
    client.disconnect()
    client.loop_stop()
    assert [t for t, _ in heard] == [topic, topic]
    assert heard[1][1] == b""
    told = json.loads(heard[0][1])
    assert set(told["components"]) == {
        "presence", "people", "emotion", "valence", "camera", "visits_today", "fps",
    }  # fmt: skip
    assert told["components"]["emotion"]["options"] == list(EMOTIONS)
    assert len({c["unique_id"] for c in told["components"].values()}) == 7
    assert {c["state_topic"] for c in told["components"].values()} == {
        "fer/hall 2/room", "fer/hall 2/status",
    }  # fmt: skip
    assert told["device"]["name"] == "hall 2" and told["origin"]["name"] == "fer-edge"
    (available,) = told["availability"]
    assert available["topic"] == "fer/hall 2/status"


def test_a_name_in_any_alphabet_makes_a_topic_of_its_own() -> None:
    names = ("Vestíbulo 1", "Vest_bulo_1", "Αίθουσα", "Κουζίνα", "hall.2", "hall_2")
    topics = [discovery_topic(name) for name in names]
    assert len(set(topics)) == len(names)
    for topic in topics:
        assert re.fullmatch(r"homeassistant/device/fer_edge_[A-Za-z0-9_-]+/config", topic)
    assert topics[1] == "homeassistant/device/fer_edge_Vest_bulo_1/config"
    assert json.loads(discovery_message("Vestíbulo", "fer/Vestíbulo", "1"))["device"]["name"]


@needs_broker
def test_a_killed_kiosk_is_offline_by_its_last_will(
    broker: Broker,
    listener: Listener,
    fer_process: Callable[..., subprocess.Popen[str]],
    clip: Path,
) -> None:
    process = fer_process(
        "--source", clip, "--loop", "--realtime", "--mqtt-host", "127.0.0.1",
        "--config", _config(broker, clip.parent),
    )  # fmt: skip
    wait_until(lambda: any(m["people"] for m in listener.of("room")), "somebody in the room")
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: listener.of("status")[-1]["state"] == "offline", "the last will")


def _config(broker: Broker, folder: Path) -> Path:
    path = folder / "mqtt.yaml"
    path.write_text(f"mqtt: {{port: {broker.port}, device: hall-2}}\n")
    return path
