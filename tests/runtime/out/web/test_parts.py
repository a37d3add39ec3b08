"""Address, pace, hub and history, without a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from readings import NOON
from web_sink import moment

from conftest import ROOT
from fer_runtime.errors import ConfigError
from fer_runtime.out import schema as schemas
from fer_runtime.out.schema import NAMES, schema
from fer_runtime.out.web.address import host_is_ours, parse_listen, parse_origins
from fer_runtime.out.web.history import BINS, History
from fer_runtime.out.web.hub import Behind, Hub
from fer_runtime.out.web.pace import Pace
from fer_runtime.reading import Minute, Visit


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:8765", "127.0.0.1", 8765, True),
        ("localhost:80", "127.0.0.1", 80, True),
        ("[::1]:8765", "::1", 8765, True),
        ("0.0.0.0:8765", "0.0.0.0", 8765, False),
        ("192.0.2.7:1", "192.0.2.7", 1, False),
    ],
)
def test_where_to_listen(text: str, host: str, port: int, loopback: bool) -> None:
    address = parse_listen(text)
    assert (address.host, address.port, address.loopback) == (host, port, loopback)


@pytest.mark.parametrize(
    "text",
    ["8765", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "kiosk.lan:8765", "::1:8765",
     "127.0.0.1:8765/", "http://127.0.0.1:8765", "[127.0.0.1]:80", "127.1:80", ":8765", " "],
)  # fmt: skip
def test_where_not_to_listen(text: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.listen: expected an address and a port") as error:
        parse_listen(text)
    assert "\n" not in str(error.value)


def test_origins() -> None:
    text = "https://Shop.example, http://192.0.2.7:8080,https://a.example:443"
    assert parse_origins(text) == {
        "https://shop.example", "http://192.0.2.7:8080", "https://a.example"
    }  # fmt: skip
    assert parse_origins("") == frozenset()
    for bad in ("*", "null", "shop.example", "https://shop.example/", "https://a b", "ftp://a",
                "https://shop.example:99999", "https://u@shop.example"):  # fmt: skip
        with pytest.raises(ConfigError, match=r"web\.origins: expected scheme and host"):
            parse_origins(bad)


@pytest.mark.parametrize(
    ("host", "local", "ours"),
    [
        ("127.0.0.1:8765", "127.0.0.1", True),
        ("LOCALHOST:9000", "127.0.0.1", True),  # through a tunnel
        ("[::1]:8765", "::1", True),
        ("evil.example", "127.0.0.1", False),
        ("evil.example:8765", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("127.0.0.1@evil.example", "127.0.0.1", False),
        ("evil.example#127.0.0.1", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("192.0.2.7", "127.0.0.1", False),
        ("2130706433", "127.0.0.1", False),
        ("192.0.2.7:8765", "192.0.2.7", True),
        ("localhost:8765", "192.0.2.7", False),
        ("kiosk.lan:8765", "192.0.2.7", True),  # named in web.origins
        ("kiosk.lan", "192.0.2.7", False),
    ],
)
def test_whose_host(host: str, local: str, ours: bool) -> None:
    assert host_is_ours(host, local, frozenset({"http://kiosk.lan:8765"})) is ours


def test_moments_come_when_they_differ_and_news_at_once() -> None:
    pace = Pace(10.0)
    assert pace.due(moment(), 0.0)
    assert not pace.due(moment(frame=2), 50.0)  # nobody, as before
    assert pace.due(moment("happy"), 50.01)  # somebody comes
    assert not pace.due(moment("happy", x=0.2), 50.05)
    assert pace.due(moment("happy", x=0.2), 50.12)
    assert not pace.due(moment("happy", x=0.2, frame=9), 60.0)
    assert pace.due(moment("happy", state="covered", x=0.2), 60.01)
    told = [now for now in range(600) if pace.due(moment("happy", x=now / 1000), 100 + now / 60)]
    assert len(told) <= 10 * 10 + 1


def test_the_hub_keeps_a_bounded_number_of_events_whatever_clients_do() -> None:
    hub = Hub(moment())
    visit = Visit("hall", "0123456789ab", "begin", 1, NOON, NOON, {"happy": 1.0}, "happy", 1.0, 0.2)
    for i in range(10_000):
        hub.put("moment", moment("happy", frame=i))
        hub.put("visit", replace(visit, face_id=i + 1))
        hub.put("status", {"state": "running"})
    assert hub.since(hub.number - 300)[0].count(b"event: ") <= 130
    with pytest.raises(Behind):  # a client that has fallen behind is told so, not served a gap
        hub.since(10)
    last, number = hub.since(hub.number - 3)
    assert number == hub.number == 30_000
    kinds = [line for line in last.decode().split("\n") if line.startswith("event: ")]
    assert kinds == ["event: moment", "event: visit", "event: status"]
    assert hub.since(hub.number - 3)[0] is last  # made once for all clients
    assert hub.since(hub.number) == (b"", hub.number)


def test_who_comes_again_gets_what_it_missed() -> None:
    hub = Hub(moment())
    minute = Minute("hall", "0123456789ab", NOON, 60.0, 0.0, 0, 0, 0, {}, None)
    for _ in range(3):
        hub.put("minute", minute)
    data, number = hub.first(1)
    text = data.decode()
    assert number == 3 and text.count("event: minute") == 2
    assert text.startswith("id: 1\nevent: moment\n") and text.rfind("id: 3\n") > text.find("id: 2")
    assert b"minute" not in hub.first(None)[0]
    assert b"minute" not in hub.first(99)[0]  # the number of another run


def test_ten_minutes_are_bounded_and_tell_empty_from_unseen() -> None:
    history = History()
    for second in range(3000):
        if not 2900 <= second < 2950:
            history.add(moment(*["happy"] * (second % 2)), float(second))
    bins = history.to_dict(2999.0)["bins"]
    assert len(bins) == BINS and bins.count(None) == 10
    assert bins[0]["happy"] == pytest.approx(0.5, abs=0.11)
    history.add(moment(), 3600.0)
    assert history.to_dict(3600.0)["bins"] == [None] * (BINS - 1) + [{}]


def test_the_documented_schemas_are_the_programs_own() -> None:
    for name in NAMES:
        documented = ROOT / "docs" / "schema" / f"{name}.json"
        shipped = Path(str(schemas.__file__)).with_name(f"{name}.json")
        assert documented.read_bytes() == shipped.read_bytes()
        assert schema(name)["title"].lower() == name
