"""The real server on loopback: routes, who is refused, and what clients can cost."""

from __future__ import annotations

import builtins
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from readings import NOON
from schemas import check
from statuses import STATUS
from waiting import wait_until
from web_sink import Web, moment

from fer_runtime.errors import ConfigError
from fer_runtime.out.web import server, streams
from fer_runtime.out.web.sink import WebSink
from fer_runtime.reading import Visit
from fer_runtime.settings.out import WebSettings

Make = Callable[..., Web]
VISIT = Visit(
    "hall", "0123456789ab", "begin", 1, NOON, NOON,
    {k: 0.0 for k in ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise",
                      "uncertain")},
    "happy", None, 0.2,
)  # fmt: skip


def test_now_health_and_metrics(web: Make) -> None:
    one = web()
    status, headers, body = one.get("/now")
    assert status == 200 and headers["content-type"] == "application/json"
    assert json.loads(body)["state"] == "starting"
    check("moment", json.loads(body))
    assert one.get("/health")[0] == 503
    assert one.get("/metrics")[2] == ""
    for state, code in (
        ("running", 200), ("idle", 200), ("covered", 503), ("retrying", 503), ("stopping", 503)
    ):  # fmt: skip
        one.sink.record(moment(state=state))
        one.sink.announce(STATUS | {"state": state, "reason": "unplugged"})
        status, _, body = one.get("/health")
        assert (status, json.loads(body)["state"]) == (code, state)
        assert ("reason" in json.loads(body)) == (state in ("covered", "retrying"))
    status, headers, body = one.get("/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE fer_faces gauge" in body


def test_schemas(web: Make) -> None:
    one = web()
    everything = one.json("/schema")
    assert set(everything) == {"moment", "room", "visit", "minute"}
    for name, found in everything.items():
        Draft202012Validator.check_schema(found)
        assert one.json(f"/schema/{name}.json") == found
    assert one.get("/schema/../sink.py")[0] == 404
    assert one.get("/schema/nothing.json")[0] == 404


def test_the_stream(web: Make) -> None:
    one = web()
    one.sink.record(moment("happy"))
    client = one.listen()
    assert client.status == 200 and client.headers["content-type"] == "text/event-stream"
    assert client.block() == {"retry": "2000"}
    number, kind, record = client.event()
    assert kind == "moment" and record["people"] == 1
    check("moment", record)
    one.sink.record(moment())
    one.sink.record(VISIT)
    later = [client.event(), client.event()]
    assert [kind for _, kind, _ in later] == ["moment", "visit"]
    assert number < later[0][0] < later[1][0]
    assert later[0][2]["people"] == 0 and later[1][2]["event"] == "begin"
    check("visit", later[1][2])
    client.close()
    one.sink.record(VISIT)
    again = one.listen(Last_Event_ID=str(later[1][0]))
    assert again.event("moment")[2]["people"] == 0
    assert again.event("visit")[0] == later[1][0] + 1
    again.close()


def test_a_comment_when_nothing_happens_and_the_end_is_told(
    web: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)
    one = web()
    client = one.listen()
    while "" not in client.block():
        pass
    one.sink.record(moment(state="stopping"))
    begun = time.monotonic()
    one.sink.close()
    assert time.monotonic() - begun < 5
    assert client.event()[2]["state"] == "stopping"
    with pytest.raises(EOFError):
        while True:
            client.block()
    client.close()
    one.sink.close()  # twice


@pytest.mark.parametrize("path", ["/", "/now", "/events", "/metrics", "/schema", "/health", "/x"])
def test_foreign_hosts_and_origins_are_refused(web: Make, path: str) -> None:
    one = web(origins="https://shop.example")
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{one.port}"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://localhost:{one.port + 1}"},
        {"Origin": "https://shop.example.evil.example"},
        {"Host": "evil.example", "Origin": "https://shop.example"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
    ):
        status, answer, body = one.get(path, **headers)
        assert status == 403, headers
        assert "access-control-allow-origin" not in answer
        assert body.count("\n") == 1


@pytest.mark.parametrize("path", ["/events", "/now"])
@pytest.mark.parametrize("kind", ["Transfer-Encoding: chunked", "Content-Length: 99999999999"])
def test_a_body_is_refused_and_not_read(web: Make, path: str, kind: str) -> None:
    one = web()
    with socket.create_connection(("127.0.0.1", one.port), 10) as client:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\n{kind}\r\n\r\n"
        client.sendall(head.encode())
        reply = b""
        while piece := client.recv(4096):  # closed by the server, which waits for no more of it
            reply += piece
    assert reply.startswith(b"HTTP/1.1 413 ") and reply.endswith(b"without a body\n")


def test_two_hosts_and_none(web: Make) -> None:
    one = web()
    own = f"Host: 127.0.0.1:{one.port}\r\n"
    for lines, codes in (
        (own + "Host: evil.example\r\n", (400, 403)),
        (own + f"Origin: http://127.0.0.1:{one.port}\r\nOrigin: http://evil.example\r\n", (403,)),
    ):
        assert raw(one.port, f"GET /now HTTP/1.1\r\n{lines}\r\n") in codes
    assert raw(one.port, "GET /now HTTP/1.0\r\n\r\n") == 403
    assert raw(one.port, f"GET http://evil.example/now HTTP/1.1\r\n{own}\r\n") == 404


def test_own_and_allowed_origins(web: Make) -> None:
    one = web(origins="https://shop.example")
    for origin in (f"http://127.0.0.1:{one.port}", "https://shop.example"):
        status, headers, _ = one.get("/now", Origin=origin)
        assert status == 200 and headers["access-control-allow-origin"] == origin
        assert "Origin" in headers["vary"]
    status, headers, _ = one.get(
        "/events", "OPTIONS", Origin="https://shop.example",
        Access_Control_Request_Method="GET", Access_Control_Request_Private_Network="true",
    )  # fmt: skip
    assert status == 204 and headers["access-control-allow-private-network"] == "true"
    assert one.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    assert one.get("/now", "POST")[0] == 405
    assert one.get("/now", "HEAD")[::2] == (200, "")


def test_the_page_is_bound_by_its_policy(web: Make) -> None:
    status, headers, body = web().get("/")
    policy = headers["content-security-policy"]
    assert status == 200
    assert "default-src 'none'" in policy and "unsafe" not in policy and "img-src" not in policy
    assert "<img" not in body and "url(" not in body and "LABELS" not in body
    assert "alegría" in body and "https:" not in body


def test_clients_that_stop_reading_are_dropped(web: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STALL_S", 0.2)
    one = web(rate_hz=60)
    lazy = [one.listen(room=4096) for _ in range(20)]
    good = one.listen()
    assert good.event("moment")[2]["state"] == "starting"
    wait_until(lambda: one.sink.clients == 21, "twenty-one streams")
    faces = ["happy"] * 10
    frame = 0

    def one_more() -> bool:
        nonlocal frame
        frame += 1
        one.now += 1.0
        one.sink.record(moment(*faces, x=frame % 700 / 1000, frame=frame))
        assert good.event("moment")[2]["people"] == 10
        return one.sink.clients == 1

    wait_until(one_more, "the drop of those that do not read")
    for client in lazy:  # a reset, which leaves nothing with the system
        with pytest.raises(ConnectionResetError):
            while client.socket.recv(65536):
                pass
    for client in [*lazy, good]:
        client.close()
    wait_until(lambda: one.sink.clients == 0, "the end of the last stream")


def test_too_many_streams_get_503_and_too_many_connections_none(
    web: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STREAMS", 2)
    one = web()
    clients = [one.listen(), one.listen(), one.listen()]
    assert [c.status for c in clients] == [200, 200, 503]
    idle = [socket.create_connection(("127.0.0.1", one.port), 20) for _ in range(200)]
    # Of those beyond the bound each is hung up on at once, long before its deadline.
    closed = []
    for connection in idle[server.CONNECTIONS :]:
        try:
            closed.append(connection.recv(1))
        except ConnectionResetError:
            closed.append(b"")
    assert closed == [b""] * (200 - server.CONNECTIONS)
    for client in [*clients]:
        client.close()
    for connection in idle:
        connection.close()
    wait_until(lambda: one.get("/health")[0] == 503, "an answer")


def test_a_slow_request_and_a_huge_one_end(web: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 0.3)
    one = web()
    with socket.create_connection(("127.0.0.1", one.port), 20) as slow:
        slow.sendall(b"GET /now HTTP/1.1\r\nHost: ")
        assert ended(slow)
    with socket.create_connection(("127.0.0.1", one.port), 20) as kept:
        kept.sendall(f"GET /now HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\n\r\nG".encode())
        assert ended(kept)  # the first byte of a second request buys no time
    huge = f"GET /now HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\nX: {'a' * 1_000_000}\r\n\r\n"
    assert raw(one.port, huge) in (400, 431, 0)
    assert one.get("/health")[0] == 503


def test_who_asks_for_much_and_reads_nothing_is_hung_up_on(
    web: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STALL_S", 0.3)
    one = web()
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\n\r\n".encode()
    greedy = []
    for _ in range(server.CONNECTIONS):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", one.port))
        connection.sendall(request * 30)  # pages beyond what all buffers between hold
        greedy.append(connection)
    state = one.sink._server._server.server_state
    wait_until(lambda: state.total_requests >= len(greedy), "an answer to each")
    wait_until(lambda: not state.connections, "the hanging up")
    assert one.get("/now")[0] == 200
    for connection in greedy:
        connection.close()


@pytest.mark.parametrize("path", ["/events", "/now"])
def test_garbage_after_a_request_ends_the_connection_without_a_word(
    web: Make, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = web()
    own = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\n\r\n".encode()
    for junk in (b" ", b"\0\xff\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"x" * 100_000):
        with socket.create_connection(("127.0.0.1", one.port), 20) as connection:
            connection.sendall(own)
            assert connection.recv(10)
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            ended(connection)
    wait_until(lambda: one.sink.clients == 0, "the end of the streams")
    assert one.get("/health")[0] == 503
    assert [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == []


def test_a_taken_port_is_one_line_and_tried_again(
    web: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        one = web(listen=f"127.0.0.1:{holder.getsockname()[1]}")
        one.sink.record(moment("happy"))
        one.sink.announce(STATUS)
        one.sink.announce(STATUS)
    (line,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "cannot be listened on: Address already in use" in line and "\n" not in line
    one.sink.announce(STATUS)
    one.port = one.sink.address.port
    assert one.json("/now")["people"] == 1


def test_a_server_whose_loop_ends_is_begun_again(
    web: Make, caplog: pytest.LogCaptureFixture
) -> None:
    one = web()
    assert one.get("/now")[0] == 200
    ended = one.sink._server
    ended._call(ended._loop.stop)
    ended._thread.join(10)
    assert not ended.serves
    with caplog.at_level("WARNING"):
        one.sink.announce(STATUS)
    assert one.get("/now")[0] == 200
    assert sum("begun again" in line for line in caplog.messages) == 1


def test_no_thread_left_is_one_line_and_tried_again(
    web: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "web":
            raise RuntimeError("can't start new thread")
        real(thread)

    with monkeypatch.context() as limit:
        limit.setattr(threading.Thread, "start", start)
        one = web()
        one.sink.announce(STATUS)
    (line,) = caplog.messages
    assert "can't start new thread (raise the limit: ulimit -u" in line
    one.sink.announce(STATUS)
    assert one.get("/metrics")[0] == 200


def test_bad_settings_and_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"web\.origins"):
        WebSink(WebSettings(listen="127.0.0.1:1", origins="*"), "hall", "0")
    real = builtins.__import__

    def fake(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] in ("starlette", "uvicorn") or name in ("app", "server", "streams"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    sink = WebSink(WebSettings(listen="127.0.0.1:1"), "hall", "0")
    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ConfigError, match=r"pip install 'fer-edge\[web\]'"):
        sink.open()


def test_no_thread_is_left(web: Make) -> None:
    before = threading.active_count()
    one = web()
    client = one.listen()
    one.sink.close()
    wait_until(lambda: threading.active_count() == before, "the end of the thread")
    client.close()


def raw(port: int, request: str) -> int:
    """Send bytes as they are; return the status code, 0 where the connection just ends."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        try:
            connection.sendall(request.encode())
            answer = connection.recv(100)
        except (ConnectionResetError, BrokenPipeError):
            return 0
    return int(answer.split()[1]) if answer else 0


def ended(connection: socket.socket) -> bool:
    """Read until the end of a connection."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True
