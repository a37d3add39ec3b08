"""The Node-RED flow of docs/examples, against what the sink sends."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from broker import MOSQUITTO, Broker, Listener
from readings import NOON, in_frame, reading
from statuses import STATUS
from waiting import wait_until

from fer_runtime.out.moments import Moments
from fer_runtime.out.mqtt.sink import MqttSink
from fer_runtime.reading import STATES
from fer_runtime.settings.out import MqttSettings

FLOW: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[4] / "docs" / "examples" / "node-red.json").read_text("utf-8")
)
NODES = {node["id"]: node for node in FLOW}
CORE = {"tab", "comment", "mqtt-broker", "mqtt in", "function", "rbe", "trigger", "debug"}

LEAVES = ("reading", "room", "visit", "minute", "status")


def inputs() -> list[dict[str, Any]]:
    return [node for node in FLOW if node["type"] == "mqtt in"]


def after(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [NODES[other] for output in node["wires"] for other in output]


def test_every_wire_leads_from_a_topic_to_an_end() -> None:
    assert len(NODES) == len(FLOW)
    assert {node["type"] for node in FLOW} == CORE  # nothing that has to be installed first
    reached: set[str] = set()
    for start in inputs():
        assert NODES[start["broker"]]["type"] == "mqtt-broker" and start["datatype"] == "json"
        front = [start]
        while front:
            node = front.pop()
            reached.add(node["id"])
            assert node["type"] == "debug" or after(node), node["name"]
            front += after(node)
    assert reached == {n["id"] for n in FLOW if n.get("z") and n["type"] != "comment"}
    assert all(n["z"] in NODES for n in FLOW if n["type"] not in ("tab", "mqtt-broker"))


@pytest.mark.skipif(
    MOSQUITTO is None, reason="mosquitto is not installed (apt-get install mosquitto)"
)
def test_topics_and_fields_are_those_of_the_messages(broker: Broker, listener: Listener) -> None:
    pytest.importorskip("paho.mqtt", reason="extra mqtt is not installed")
    settings = MqttSettings(host="127.0.0.1", port=broker.port, device="hall 2", interval_s=0.0)
    sink = MqttSink(settings, "0123456789ab")
    moments = Moments("hall 2", "0123456789ab")
    sink.open()
    sink.announce(STATUS)
    for second in (0, 1, 61):
        frame = in_frame([reading(second, 1)], 100.0 + second, NOON + timedelta(seconds=second))
        sink.write(frame)
        for record in moments.frame(frame):
            sink.record(record)
    for record in moments.end(NOON + timedelta(seconds=62)):
        sink.record(record)
    try:
        wait_until(lambda: all(listener.of(leaf) for leaf in LEAVES), "every topic")
    finally:
        sink.close()
    for start in inputs():
        prefix, device, leaf = start["topic"].split("/")
        assert (prefix, device) == ("fer", "+")
        for node in after(start):
            check(node["func"], listener.of(leaf))


def check(code: str, messages: list[dict[str, Any]]) -> None:
    """Fail where a function asks for a field, a state or an event that no message has."""
    (name,) = re.findall(r"const (\w+) = msg\.payload;", code)
    asked = re.findall(rf"\b{name}\.(\w+)(?:\.(\w+))?", code)
    assert asked
    known = {key: value for message in messages for key, value in message.items()}
    for key, inner in asked:
        assert key in known
        if isinstance(known[key], dict):
            assert inner in known[key], key
    for state in re.findall(rf'\b{name}\.state [!=]== "(\w+)"', code):
        assert state in (*STATES, "offline")
    for event in re.findall(rf'\b{name}\.event [!=]== "(\w+)"', code):
        assert event in {message["event"] for message in messages}
