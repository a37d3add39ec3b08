"""What is said again after the broker was gone."""

from __future__ import annotations

from fer_runtime.out.mqtt.outbox import Message, Outbox
from fer_runtime.out.mqtt.recent import AFTER_S, BEFORE_S, Recent


def test_the_seconds_around_a_lost_connection_are_said_once_again() -> None:
    recent: Recent[int] = Recent(1000)
    recent.back(0.0)
    for second in range(100):
        recent.add(second, float(second))
    assert recent.wait_s(99.0) is None and recent.take(99.0) == [], "nothing was lost"
    recent.lost()
    recent.back(150.0)
    for second in range(150, 160):
        recent.add(second, float(second))
    assert recent.wait_s(151.0) == AFTER_S - 1.0
    assert recent.take(150.0 + AFTER_S - 0.1) == []
    begin = 99 - int(BEFORE_S)
    assert recent.take(150.0 + AFTER_S) == [*range(begin, 100), *range(150, 160)]
    assert recent.take(200.0) == [] and recent.wait_s(200.0) is None


def test_a_connection_that_breaks_again_before_it_is_said_begins_anew() -> None:
    recent: Recent[str] = Recent(10)
    recent.add("a", 0.0)
    recent.lost()
    recent.back(5.0)
    recent.add("b", 6.0)
    recent.lost()
    assert recent.take(100.0) == [] and recent.wait_s(100.0) is None
    recent.back(100.0)
    assert recent.take(100.0 + AFTER_S) == ["a", "b"]


def test_no_more_is_kept_than_may_be() -> None:
    recent: Recent[int] = Recent(3)
    recent.lost()
    for number in range(10):
        recent.add(number, 0.0)
    recent.back(0.0)
    assert recent.take(AFTER_S) == [7, 8, 9]


def send(outbox: Outbox, number: int, message: Message, now: float) -> None:
    """Put a message, have it taken and acknowledged."""
    outbox.put(message, True)
    (taken,) = outbox.take()
    outbox.flies(number, taken)
    outbox.arrived(number)
    outbox.settle(now)


def test_repeats_are_not_counted_go_first_and_only_at_qos_1() -> None:
    outbox = Outbox(10)
    send(outbox, 1, Message("fer/k/reading", b"1", 1), 0.0)
    send(outbox, 2, Message("fer/k/visit", b"v", 1), 0.0)
    send(outbox, 3, Message("fer/k/reading", b"q0", 0), 0.0)
    assert outbox.sent == 2
    outbox.disconnected()
    outbox.put(Message("fer/k/reading", b"new", 1), False)
    outbox.reconnected(1, 1.0)
    outbox.say_again(1.0)
    assert outbox.waiting == 1
    outbox.say_again(1.0 + AFTER_S)
    assert outbox.waiting == 1, "what waits is what was never sent"
    assert [m.payload for m in outbox.take()] == [b"1", b"v", b"new"]


def test_where_there_are_too_many_repeats_are_dropped_first_and_uncounted() -> None:
    outbox = Outbox(2)
    send(outbox, 1, Message("fer/k/reading", b"1", 1), 0.0)
    outbox.disconnected()
    outbox.reconnected(1, 0.0)
    outbox.put(Message("fer/k/reading", b"2", 1), False)
    outbox.say_again(AFTER_S)
    outbox.put(Message("fer/k/reading", b"3", 1), False)
    assert outbox.dropped == 0
    assert [m.payload for m in outbox.take()] == [b"2", b"3"]
