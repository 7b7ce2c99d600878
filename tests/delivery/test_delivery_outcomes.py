from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from time import monotonic, time
from typing import Any

import msgspec
import pytest
from delivery_helpers import (
    INGEST,
    get,
    ingests,
    raw_server,
    reset,
    texts,
    transcript,
    turn,
    turns,
    wait_until,
)
from local_ports import free_ports

from agentsight_otel.encoding import decode_json
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer
from agentsight_otel.translation.block import Upload
from agentsight_otel.translation.span_data import SpanData

Make = Callable[..., Delivery]
HOLD = 30.0


def settled(delivery: Delivery, seconds: float = 30.0) -> None:
    """Wait until nothing waits, letting backoff take its time."""
    wait_until(lambda: delivery.stats().waiting == 0, seconds)


def test_one_submission_of_one_conversation_is_one_request(server: LocalServer, make_delivery: Make) -> None:
    """However many steps the sender takes, a conversation that fits is one request."""
    ticket = make_delivery(server).submit([turn(n) for n in range(300)])
    assert ticket.wait(HOLD)
    assert ticket.state == "delivered"
    assert [request.status for request in ingests(server)] == [201]
    assert [m["content"] for m in transcript(server, "c1")] == [f"message {n}" for n in range(300)]


def test_a_span_given_twice_is_delivered_once(server: LocalServer, make_delivery: Make) -> None:
    """A second submission of the same spans sends nothing and shares their fate."""
    delivery = make_delivery(server)
    server.faults.delay(0.2, times=1)
    first = delivery.submit([turn(1), turn(2)])
    joined = delivery.submit([turn(2), turn(1)])
    assert joined.wait(HOLD)
    assert first.state == "delivered"
    later = delivery.submit([turn(1)])
    assert later.state == "delivered"
    assert delivery.stats().repeated == 3
    assert delivery.stats().emitted == 2
    assert len(ingests(server)) == 1


@pytest.mark.parametrize("status", [408, 409, 423, 425, 429, 500, 502, 503, 504, 507, 599])
def test_statuses_that_pass_are_tried_again(server: LocalServer, make_delivery: Make, status: int) -> None:
    """Each of these keeps everything and is delivered when it is over (D4)."""
    server.faults.respond(status, times=2, path=INGEST)
    delivery = make_delivery(server)
    ticket = delivery.submit(turns(20))
    assert ticket.wait(HOLD)
    assert ticket.state == "delivered"
    assert len(texts(server)) == 20
    assert len(ingests(server)) == 3
    assert delivery.stats().failures == 2


@pytest.mark.parametrize(
    "status", [300, 301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 405, 406, 407, 410, 415, 426, 451]
)
def test_statuses_about_the_address_or_key_park(
    server: LocalServer, make_delivery: Make, status: int
) -> None:
    """Each of these keeps everything; one request is made, and one more when somebody asks for it (D4)."""
    server.faults.respond(status, times=1, path=INGEST)
    delivery = make_delivery(server)
    ticket = delivery.submit(turns(20))
    assert not ticket.wait(HOLD)
    assert (ticket.state, ticket.attempted, ticket.status_code) == ("waiting", True, status)
    assert delivery.stats().parked == f"HTTP {status}"
    assert not delivery.submit([turn(99)]).wait(0.2)
    assert len(ingests(server)) == 1
    assert delivery.flush(HOLD)
    assert len(texts(server)) == 21


def test_a_refusal_before_the_wait_is_told_at_once(server: LocalServer, make_delivery: Make) -> None:
    """Who begins to wait after the refusal hears of it and not of the probe half a minute later."""
    server.faults.respond(403, times=1, path=INGEST)
    delivery = make_delivery(server)
    ticket = delivery.submit([turn(1)])
    wait_until(lambda: ticket.attempted)
    assert not ticket.wait(2 * HOLD)
    assert ticket.state == "waiting"


def test_a_refusal_before_a_kick_is_not_told_after_it(server: LocalServer, make_delivery: Make) -> None:
    """Who asks for an attempt now waits for that one's answer."""
    server.faults.respond(403, times=1, path=INGEST)
    delivery = make_delivery(server)
    ticket = delivery.submit([turn(1)])
    wait_until(lambda: delivery.stats().parked is not None and ticket.attempted)
    delivery.kick()
    assert ticket.wait(HOLD)


def test_a_redirect_is_never_followed(make_delivery: Make) -> None:
    """The key is not carried to the address a redirect names (S17)."""
    seen: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        connection.sendall(b"HTTP/1.1 308 P\r\nLocation: /elsewhere/\r\nContent-Length: 0\r\n\r\n")

    with raw_server(answer) as url:
        delivery = make_delivery(url)
        assert not delivery.submit([turn(1)]).wait(HOLD)
        delivery.shutdown(1)
    assert {request.split(b" ")[1] for request in seen} == {INGEST.encode()}


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, None), (200, ""), (201, {"accepted": 1}), (202, None), (204, None), (200, "fine"), (201, "[1, 2")],
)
def test_a_success_is_a_success_whatever_its_body(
    server: LocalServer, make_delivery: Make, status: int, body: Any
) -> None:
    """An empty, short or strange body of a 2xx causes no second request (D4)."""
    server.faults.respond(status, path=INGEST, body=body)
    delivery = make_delivery(server)
    assert delivery.submit(turns(20)).wait(HOLD)
    assert delivery.stats().delivered == 20
    assert len(ingests(server)) == 1


def reset_it(connection: socket.socket, _: bytes) -> None:
    """Cut the connection."""
    reset(connection)


def say_nothing(connection: socket.socket, _: bytes) -> None:
    """Close without an answer."""
    connection.close()


def say_junk(connection: socket.socket, _: bytes) -> None:
    """Answer in another protocol."""
    connection.sendall(b"\x16\x03\x01 not http\r\n\r\n")


def say_page(connection: socket.socket, _: bytes) -> None:
    """Answer as a captive portal does."""
    page = b"<html>please log in</html>"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)
    connection.sendall(head + page)


def say_half_a_head(connection: socket.socket, _: bytes) -> None:
    """Break off in the headers."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


@pytest.mark.parametrize("answer", [reset_it, say_nothing, say_junk, say_page, say_half_a_head])
def test_no_answer_is_no_success(make_delivery: Make, answer: Callable[[socket.socket, bytes], None]) -> None:
    """A reset, a closed connection, junk or a proxy's page keep everything for the next attempt (D4)."""
    seen: list[bytes] = []

    def handle(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        if len(seen) == 1:
            answer(connection, request)
        else:
            connection.sendall(b"HTTP/1.1 201 C\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    with raw_server(handle) as url:
        delivery = make_delivery(url)
        assert delivery.submit([turn(1), turn(2)]).wait(HOLD)
        delivery.shutdown(1)
    keys = [[line for line in r.split(b"\r\n") if line.startswith(b"Idempotency-Key")] for r in seen]
    assert len(seen) == 2
    assert keys[0] == keys[1] != []


def test_a_huge_answer_is_not_read_to_its_end(make_delivery: Make) -> None:
    """A success with an endless body is a success, in bounded memory (D4)."""
    sent = []

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        for _ in range(200):
            connection.sendall(bytes(1 << 20))
            sent.append(1)

    with raw_server(answer) as url:
        delivery = make_delivery(url)
        assert delivery.submit([turn(1)]).wait(HOLD)
        delivery.shutdown(1)
    assert len(sent) < 100


def test_an_answer_byte_by_byte_ends_at_the_deadline(make_delivery: Make) -> None:
    """A server that sends its head a byte at a time is given up, and tried again (D22)."""
    seen: list[float] = []

    def answer(connection: socket.socket, _: bytes) -> None:
        seen.append(monotonic())
        if len(seen) > 1:
            connection.sendall(b"HTTP/1.1 201 C\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        for byte in b"HTTP/1.1 200 OK\r\n" * 100:
            connection.sendall(bytes([byte]))
            threading.Event().wait(0.05)

    with raw_server(answer) as url:
        delivery = make_delivery(url, timeout=0.5)
        assert delivery.submit([turn(1)]).wait(HOLD)
        delivery.shutdown(1)
    assert len(seen) == 2


def test_nobody_listening_and_an_unknown_host_wait(make_delivery: Make) -> None:
    """A refused connection and a name that does not resolve keep everything (D4)."""
    for url in (f"http://127.0.0.1:{free_ports(1)[0]}", "https://agentsight.invalid"):
        delivery = make_delivery(url)
        ticket = delivery.submit([turn(1)])
        wait_until(lambda ticket=ticket: ticket.attempted)  # type: ignore[misc]  # a default argument in a lambda
        assert ticket.state == "waiting"
        assert not delivery.flush(0.1)
        delivery.shutdown(0.1)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_no_request_comes_before_the_server_wants_it(
    server: LocalServer, make_delivery: Make, form: str
) -> None:
    """After Retry-After the next request is made no earlier (D5)."""
    start = time()
    wanted: str = "1" if form == "seconds" else formatdate(start + 2, usegmt=True)
    server.faults.respond(429, times=1, path=INGEST, retry_after=wanted)
    before = monotonic()
    assert make_delivery(server).submit([turn(1)]).wait(HOLD)
    assert len(ingests(server)) == 2
    if form == "seconds":
        assert monotonic() - before >= 1
    else:
        assert time() >= int(start + 2)


def wrong_key(server: LocalServer) -> str:
    """Return a well-formed key that the server does not know."""
    return server.api_key[:-1] + ("0" if server.api_key[-1] != "0" else "1")


def test_a_new_key_from_a_callback(server: LocalServer, make_delivery: Make) -> None:
    """While the key is refused everything is kept; the callback's new one delivers it (D6)."""
    key = [wrong_key(server)]
    delivery = make_delivery(server, api_key=key[0], key_callback=lambda: key[0])
    ticket = delivery.submit(turns(100))
    assert not ticket.wait(HOLD)
    key[0] = server.api_key
    assert ticket.wait(HOLD)
    assert len(texts(server)) == 100


def test_a_new_key_from_a_file(
    server: LocalServer, make_delivery: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key file that is rewritten is read again (D6)."""
    file = tmp_path / "key"
    file.write_text(wrong_key(server))
    monkeypatch.setenv("AGENTSIGHT_API_KEY_FILE", str(file))
    delivery = make_delivery(server, api_key=wrong_key(server))
    ticket = delivery.submit(turns(100))
    assert not ticket.wait(HOLD)
    file.write_text(server.api_key + "\n")
    assert ticket.wait(HOLD)
    assert len(texts(server)) == 100


def test_a_new_key_from_the_environment(
    server: LocalServer, make_delivery: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that came from the environment is looked up there again (D6)."""
    monkeypatch.setenv("AGENTSIGHT_API_KEY", wrong_key(server))
    delivery = make_delivery(server, api_key=wrong_key(server))
    ticket = delivery.submit(turns(100))
    assert not ticket.wait(HOLD)
    monkeypatch.setenv("AGENTSIGHT_API_KEY", server.api_key)
    assert ticket.wait(HOLD)
    assert len(texts(server)) == 100


def test_a_key_given_in_code_is_not_replaced_by_the_environment(
    server: LocalServer, make_delivery: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unrelated key in the environment never gets this destination's conversations."""
    monkeypatch.setenv("AGENTSIGHT_API_KEY", server.api_key)
    delivery = make_delivery(server, api_key=wrong_key(server), probe_interval=0.05)
    ticket = delivery.submit(turns(10))
    wait_until(lambda: len(ingests(server)) > 3)
    assert ticket.state == "waiting"


def test_a_refused_key_is_probed_seldom_and_said_once(
    server: LocalServer, make_delivery: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """However much is submitted meanwhile, a parked destination sees one probe and the log one line (D6)."""
    server.faults.respond(401, path=INGEST)
    delivery = make_delivery(server)
    for number in range(30):
        delivery.submit([turn(number)]).wait(0.02)
    assert len(ingests(server)) == 1
    assert len([r for r in caplog.records if "refuses" in r.message]) == 1
    assert server.api_key not in caplog.text
    server.faults.clear()
    assert delivery.flush(HOLD)


POISON = pytest.mark.parametrize(("bad", "most"), [(1, 22), (10, 150), (100, 900)])
NAMED = pytest.mark.parametrize(
    ("bad", "most", "conversations"),
    [(1, 22, 1), (10, 150, 1), pytest.param(100, 900, 100, marks=pytest.mark.soak)],
)


def poisoned_turns(bad: int, conversations: int) -> tuple[set[int], list[SpanData]]:
    """Make 1000 turns of which *bad* contain poison."""
    numbers = set(random.Random(5).sample(range(1000), bad))  # noqa: S311 -- the same each time
    kinds = {n: "poison" if n in numbers else "good" for n in range(1000)}
    return numbers, [turn(n, f"c{n % conversations}", f"{kinds[n]} {n}") for n in range(1000)]


@NAMED
def test_poison_costs_only_itself(
    server: LocalServer, make_delivery: Make, bad: int, most: int, conversations: int
) -> None:
    """Of 1000 spans only the refused ones die, with the server's reason, in few requests (D7)."""
    poisoned, spans = poisoned_turns(bad, conversations)
    server.faults.poison("poison")
    delivery = make_delivery(server)
    ticket = delivery.submit(spans)
    assert ticket.wait(120)
    assert ticket.state == "dead"
    assert (delivery.stats().delivered, delivery.stats().dead) == (1000 - bad, bad)
    assert len(ingests(server)) <= most
    letters = delivery.dead_letters()
    assert {int(letter.key[16:].hex(), 16) - 1 for letter in letters} == poisoned
    assert all("Refused by the poison switch" in letter.reason for letter in letters)
    good = [f"good {n}" for n in range(1000) if n not in poisoned]
    assert sorted(texts(server, conversations)) == sorted(good)


@POISON
@pytest.mark.parametrize("conversations", [1, 100])
def test_poison_that_nobody_names_is_found(
    make_delivery: Make, bad: int, most: int, conversations: int
) -> None:
    """A 400 that names no conversation is bisected down to the spans at fault (D7)."""
    poisoned, spans = poisoned_turns(bad, conversations)
    seen: list[int] = []
    taken: set[str] = set()

    def answer(connection: socket.socket, request: bytes) -> None:
        body = request.partition(b"\r\n\r\n")[2]
        refuse = b"poison" in body
        if request.startswith(b"GET"):
            connection.sendall(b"HTTP/1.1 404 N\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return
        seen.append(400 if refuse else 201)
        if not refuse:
            taken.update(s["span_id"] for b in decode_json(body)["conversations"] for s in b["spans"])
        text = b'{"detail": "something is wrong"}' if refuse else b"{}"
        head = b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % (seen[-1], len(text)) + text)

    with raw_server(answer) as url:
        delivery = make_delivery(url)
        assert delivery.submit(spans).wait(120)
        delivery.shutdown(1)
    assert len(taken) == 1000 - bad
    assert (delivery.stats().delivered, delivery.stats().dead) == (1000 - bad, bad)
    assert len(seen) <= most
    assert {int(letter.key[16:].hex(), 16) - 1 for letter in delivery.dead_letters()} == poisoned


def test_a_conversation_refused_as_a_whole_costs_no_search(server: LocalServer, make_delivery: Make) -> None:
    """A block whose own fields are wrong dies as one, and the others of its request do not (D7)."""
    bad = [
        msgspec.structs.replace(
            span, attributes={**span.attributes, "agentsight.conversation.environment": "nowhere"}
        )
        for span in (turn(n, "bad") for n in range(100, 150))
    ]
    delivery = make_delivery(server)
    ticket = delivery.submit([*turns(50), *bad])
    assert ticket.wait(HOLD)
    assert (delivery.stats().delivered, delivery.stats().dead) == (50, 50)
    assert len(ingests(server)) == 2
    assert "nowhere" in delivery.dead_letters()[0].reason


def test_a_refused_conversation_nobody_can_split_is_given_up(make_delivery: Make) -> None:
    """A backend that refuses everything without a reason is not asked for each span (D7)."""
    seen: list[int] = []

    def refuse(connection: socket.socket, _: bytes) -> None:
        seen.append(1)
        connection.sendall(b"HTTP/1.1 400 B\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with raw_server(refuse) as url:
        delivery = make_delivery(url)
        assert delivery.submit([turn(n) for n in range(1000)]).wait(HOLD)
        delivery.shutdown(1)
    assert delivery.stats().dead == 1000
    assert len(seen) < 200


@pytest.mark.parametrize("limit", [100_000, 10_000])
def test_requests_shrink_to_what_the_server_takes(
    server: LocalServer, make_delivery: Make, limit: int
) -> None:
    """With 413 above a limit everything arrives in smaller requests (D8)."""
    server.faults.limit_body(limit, path=INGEST)
    delivery = make_delivery(server)
    assert delivery.submit(turns(300, size=2000)).wait(120)
    assert delivery.stats().delivered == 300
    assert len(texts(server)) == 300


def test_a_span_over_the_servers_limit_is_a_dead_letter(server: LocalServer, make_delivery: Make) -> None:
    """One span that fits no request dies alone, with the reason (D8)."""
    server.faults.limit_body(10_000, path=INGEST)
    delivery = make_delivery(server)
    delivery.submit([turn(1), turn(2, text="x" * 20_000), turn(3)])
    settled(delivery)
    assert (delivery.stats().delivered, delivery.stats().dead) == (2, 1)
    assert "413" in delivery.dead_letters()[0].reason
    assert len(transcript(server, "c1")) == 2


def test_large_texts_arrive_whole(server: LocalServer, make_delivery: Make) -> None:
    """Ten texts of 2 MB and one of 12 MB arrive to the last byte (D9)."""
    spans = [turn(n, "big", chr(97 + n) * 2_000_000) for n in range(10)]
    spans.append(turn(10, "big", "z" * 12_000_000))
    delivery = make_delivery(server)
    assert delivery.submit(spans).wait(120)
    received = [m["content"] for m in transcript(server, "big")]
    assert received == [span.events[0].attributes["agentsight.message.content"] for span in spans]


def test_a_long_conversation_arrives_in_order(server: LocalServer, make_delivery: Make) -> None:
    """A conversation too large for one request is spread over several, in order (D9)."""
    delivery = make_delivery(server, max_request_bytes=100_000)
    assert delivery.submit([turn(n) for n in range(3000)]).wait(120)
    sent = [s["span_id"] for p in server.payloads() for b in p["conversations"] for s in b["spans"]]
    assert sent == [turn(n).span_id for n in range(3000)]
    assert len(ingests(server)) > 5
    assert max(len(request.body) for request in ingests(server)) <= 101_000


def test_a_backlog_leaves_in_several_requests(server: LocalServer, make_delivery: Make) -> None:
    """Nobody waits for a request to be as large as it may; each conversation is in one all the same."""
    server.faults.respond(503, times=1, path=INGEST)
    delivery = make_delivery(server)
    delivery.submit([turn(0, "first")])
    wait_until(lambda: len(ingests(server)) >= 1)
    names = [f"c{n}" for n in range(9)]
    for number, name in enumerate(names, 1):
        delivery.submit([turn(100 * number + n, name, f"{n} ".ljust(10_000, "x")) for n in range(60)])
    settled(delivery, 60)
    sent = [
        (block["conversation_id"], len(block["spans"]))
        for payload in server.payloads()
        for block in payload["conversations"]
        if block["conversation_id"] != "first"
    ]
    assert sorted(sent) == [(name, 60) for name in names]
    assert len(ingests(server)) >= 2 + 3
    assert delivery.stats().delivered == 1 + 9 * 60


def test_order_holds_through_retries_from_many_threads(server: LocalServer, make_delivery: Make) -> None:
    """Eight threads, each its own conversation, and a failing backend: no inversion on the wire (D20)."""
    server.faults.respond(503, times=3, path=INGEST)
    server.faults.reset("before", times=2, path=INGEST)
    delivery = make_delivery(server, max_request_bytes=50_000)

    def work(thread: int) -> None:
        for n in range(500):
            delivery.submit([turn(thread * 1000 + n, f"t{thread}")])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settled(delivery, 60)
    seen: dict[str, list[str]] = {}
    for payload in server.payloads():
        for block in payload["conversations"]:
            seen.setdefault(block["conversation_id"], []).extend(s["span_id"] for s in block["spans"])
    assert {name: len(ids) for name, ids in seen.items()} == {f"t{n}": 500 for n in range(8)}
    assert all(ids == sorted(ids) for ids in seen.values())


def test_a_rejection_inside_a_success_kills_only_what_it_names(make_delivery: Make) -> None:
    """A 207 that rejects one conversation has that one dead-lettered and nothing sent again (D21)."""
    seen: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        text = b'{"conversations": [{"index": 1, "errors": {"name": ["too odd"]}}]}'
        head = b"HTTP/1.1 207 M\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text)
        connection.sendall(head + text)

    with raw_server(answer) as url:
        delivery = make_delivery(url)
        assert delivery.submit([turn(0, "a"), turn(1, "b"), turn(2, "b"), turn(3, "c")]).wait(HOLD)
        delivery.shutdown(1)
    assert len(seen) == 1
    assert (delivery.stats().delivered, delivery.stats().dead) == (2, 2)
    assert "too odd" in delivery.dead_letters()[0].reason


def test_a_conversation_that_breaks_the_server_does_not_block_the_others(make_delivery: Make) -> None:
    """When a request fails with 500 again and again, the other conversations pass the one at fault by."""
    taken: set[str] = set()

    def answer(connection: socket.socket, request: bytes) -> None:
        body = request.partition(b"\r\n\r\n")[2]
        ok = b"poison" not in body
        if ok:
            taken.update(b["conversation_id"] for b in decode_json(body)["conversations"])
        connection.sendall(
            b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % (201 if ok else 500)
        )

    with raw_server(answer) as url:
        delivery = make_delivery(url)
        delivery.submit([turn(n, f"c{n}", "poison" if n == 0 else "good") for n in range(4)])
        for _ in range(300):
            delivery.kick()
            if len(taken) == 3:
                break
            threading.Event().wait(0.02)
        delivery.shutdown(0.1)
    assert taken == {"c1", "c2", "c3"}
    assert delivery.stats().waiting == 1


def upload(number: int, conversation: str, data: bytes, *, on_message: bool = False) -> Upload:
    """Make an attachment at the place of turn *number*."""
    place = turn(number).start_ns
    return Upload(
        f"upload-{number}", conversation, f"{number}.txt", "text/plain", data, place, on_message=on_message
    )


def files(server: LocalServer, conversation: str) -> list[tuple[str, str | None]]:
    """Return each attachment's name with the text of its message."""
    return [(a["filename"], m["content"]) for m in transcript(server, conversation) for a in m["attachments"]]


def test_attachments_follow_their_block_to_their_message(server: LocalServer, make_delivery: Make) -> None:
    """Bytes are sent after the spans, once, to the message at their time or as one of their own."""
    delivery = make_delivery(server)
    spans = [turn(1, "u"), turn(2, "u")]
    ticket = delivery.submit(spans, [upload(2, "u", b"two", on_message=True), upload(5, "u", b"five")])
    assert ticket.wait(HOLD)
    assert files(server, "u") == [("2.txt", "message 2"), ("5.txt", "[Attachments]")]
    posts = [r for r in server.requests if r.path == "/api/attachments/"]
    assert [request.headers["idempotency-key"] for request in posts] == ["upload-2", "upload-5"]


def test_attachments_survive_failures(server: LocalServer, make_delivery: Make) -> None:
    """An upload is tried again until it is taken, and a refused one dies without the spans."""
    server.faults.respond(503, times=2, path="/api/attachments/")
    delivery = make_delivery(server)
    assert delivery.submit([turn(1, "u")], [upload(1, "u", b"one", on_message=True)]).wait(HOLD)
    server.faults.respond(413, times=1, path="/api/attachments/")
    ticket = delivery.submit([turn(2, "u")], [upload(2, "u", b"two")])
    assert ticket.wait(HOLD)
    assert ticket.state == "dead"
    assert files(server, "u") == [("1.txt", "message 1")]
    assert (delivery.stats().delivered, delivery.stats().dead) == (3, 1)


def test_flush_is_honest(server: LocalServer, make_delivery: Make) -> None:
    """A flush is true only when nothing waits, and says what it reached."""
    server.faults.respond(503, path=INGEST)
    delivery = make_delivery(server)
    delivery.submit(turns(5))
    result = delivery.flush(0.3)
    assert not result
    assert (result.delivered, result.waiting) == (0, 5)
    server.faults.clear()
    result = delivery.flush(HOLD)
    assert result
    assert (result.delivered, result.waiting) == (5, 0)


@pytest.mark.usefixtures("patient")
def test_a_shutdown_can_be_followed_by_more(server: LocalServer, make_delivery: Make) -> None:
    """After a shutdown nothing runs, and a later submission starts again."""
    others = set(threading.enumerate())
    delivery = make_delivery(server)
    delivery.submit(turns(5))
    assert delivery.shutdown(HOLD)
    assert not [t for t in set(threading.enumerate()) - others if t.name == "agentsight-otel-sender"]
    assert delivery.submit(turns(5, first=5)).wait(HOLD)
    assert len(texts(server, 10)) == 10


def test_what_a_shutdown_leaves_is_taken_up_again(server: LocalServer, make_delivery: Make) -> None:
    """Records left on disk by a shutdown are sent when the same process goes on, and counted once."""
    server.faults.respond(503, path=INGEST)
    delivery = make_delivery(server)
    first = delivery.submit(turns(5))
    assert not delivery.shutdown(0.2)
    assert (delivery.stats().waiting, delivery.stats().balanced) == (5, True)
    server.faults.clear()
    assert delivery.submit(turns(5, first=5)).wait(HOLD)
    assert first.wait(HOLD)
    assert (delivery.stats().emitted, delivery.stats().delivered) == (10, 10)
    assert len(texts(server)) == 10


def test_what_memory_holds_at_a_shutdown_is_kept(server: LocalServer, make_delivery: Make) -> None:
    """Without a journal a shutdown leaves its records in memory, and says that they wait."""
    server.faults.respond(503, path=INGEST)
    delivery = make_delivery(server, durability="memory")
    delivery.submit(turns(5))
    result = delivery.shutdown(0.2)
    assert (bool(result), result.waiting) == (False, 5)
    server.faults.clear()
    assert delivery.flush(HOLD)
    assert len(texts(server, 5)) == 5


def test_compression_waits_for_the_server_to_offer_it(server: LocalServer, make_delivery: Make) -> None:
    """The first large request is plain; once `/api/me/` offers gzip, large ones are compressed."""
    delivery = make_delivery(server)
    for first in (0, 100):
        assert delivery.submit(turns(100, size=500, first=first)).wait(HOLD)
        settled(delivery)
    wait_until(lambda: any(request.path == "/api/me/" for request in server.requests))
    assert delivery.submit(turns(100, size=500, first=200)).wait(HOLD)
    encodings = [request.headers.get("content-encoding") for request in ingests(server)]
    offered = "gzip-ingest" in get(server, "/api/me/")["capabilities"]
    assert encodings[0] is None
    assert encodings[-1] == ("gzip" if offered else None)
    assert len(texts(server)) == 300


def test_a_mask_is_applied_before_anything_is_written(
    server: LocalServer, make_delivery: Make, tmp_path: Path
) -> None:
    """Neither the disk nor the wire sees what the mask hides (S15)."""
    delivery = make_delivery(
        server, spool_dir=str(tmp_path / "masked"), mask=lambda text: text.replace("hunter2", "***")
    )
    server.faults.respond(503, times=1, path=INGEST)
    ticket = delivery.submit([turn(1, text="my password is hunter2")])
    wait_until(lambda: ticket.attempted)
    on_disk = b"".join(p.read_bytes() for p in (tmp_path / "masked").rglob("*") if p.is_file())
    assert b"my password is ***" in on_disk
    assert b"hunter2" not in on_disk
    assert ticket.wait(HOLD)
    assert all(b"hunter2" not in request.body for request in server.requests)


def test_records_past_the_memory_budget_are_dropped_and_counted(make_delivery: Make) -> None:
    """Without a journal the oldest go when memory is full, and each is counted (D18)."""
    delivery = make_delivery(
        f"http://127.0.0.1:{free_ports(1)[0]}", durability="memory", memory_max_bytes=100_000
    )
    for n in range(300):
        delivery.submit([turn(n, text="x" * 1000)])
    stats = delivery.stats()
    assert stats.emitted == 300
    assert stats.waiting < 120
    assert stats.dropped == {"memory_full": 300 - stats.waiting}


def test_records_past_the_disk_budget_are_dropped_and_counted(make_delivery: Make, tmp_path: Path) -> None:
    """Over the journal's budget the oldest go, the disk stays within it, and each is counted (D18)."""
    delivery = make_delivery(
        f"http://127.0.0.1:{free_ports(1)[0]}",
        spool_dir=str(tmp_path),
        spool_max_bytes=1_000_000,
        max_request_bytes=100_000,  # what the sender has in hand stays
    )
    for n in range(1500):
        delivery.submit([turn(n, text="x" * 2000)])
    stats = delivery.stats()
    assert stats.emitted == 1500
    assert stats.dropped == {"spool_full": 1500 - stats.waiting}
    assert stats.waiting > 200
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.seg")) <= 1_200_000


def test_notices_are_said_once(
    server: LocalServer, make_delivery: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Content that is not captured, a field that is cut, one that is left out: one line each says so."""
    delivery = make_delivery(server)
    for number in range(3):
        told = {"agentsight.conversation.customer_id": "x" * 300, "agentsight.conversation.customer_ip": "no"}
        native = turn(number)
        native.attributes.update(told)
        silent = turn(number + 10)
        silent.attributes.clear()
        silent.attributes.update({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "c2"})
        silent = msgspec.structs.replace(silent, trace_id=f"{number + 2:032x}", events=())
        delivery.submit([native, silent])
        assert delivery.flush(HOLD)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(set(said)) == 3
    assert sum("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in line for line in said) == 1
    assert sum("customer_id was longer" in line for line in said) == 1
    assert sum("customer_ip_address was malformed" in line for line in said) == 1
