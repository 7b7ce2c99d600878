from __future__ import annotations

import gzip
import http.client
import random
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import msgspec
import pytest
from otlp_receiver import Receiver
from otlp_requests import JSON, KEY, PROTOBUF, logs, to_json, traces

HANG = 1.0
"""Seconds after which a body counts as hanging the receiver."""


def _seeds() -> list[tuple[str, str, bytes]]:
    rich = traces(3, attributes=5)
    span = rich.resource_spans[0].scope_spans[0].spans[0]
    span.events.add(name="gen_ai.choice", time_unix_nano=5).attributes.add(key="index").value.int_value = 1
    span.attributes.add(key="f").value.double_value = 1.5
    nested = span.attributes.add(key="m").value.kvlist_value.values.add(key="x")
    nested.value.array_value.values.add().bytes_value = b"\x00\xff"
    messages = (("/v1/traces", rich), ("/v1/logs", logs()))
    forms: tuple[tuple[str, Callable[..., bytes]], ...] = (
        (PROTOBUF, lambda message: message.SerializeToString()),
        (JSON, to_json),
    )
    return [(path, form, encode(message)) for path, message in messages for form, encode in forms]


_TOKENS = (
    b'"',
    b"{",
    b"[",
    b"null",
    b"NaN",
    b"-1",
    b"1e999",
    b"\\ud800",
    b"\\u0000",
    b"9" * 30,
    b"true",
    b"\xff",
)


def _mutated(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(changed) + 1)
        end = min(len(changed), at + rng.randint(0, 12))
        match rng.randrange(4):
            case 0:
                changed[at:end] = rng.randbytes(rng.randint(0, 8))
            case 1:
                changed[at:end] = rng.choice(_TOKENS)
            case 2:
                changed[at:at] = changed[at:end] * rng.randint(1, 50)
            case _:
                del changed[at:end]
    return bytes(changed)


def _bodies(rng: random.Random, count: int) -> Iterator[tuple[str, str, str, bytes]]:
    seeds = _seeds()
    for _ in range(count):
        path, form, body = rng.choice(seeds)
        changed = _mutated(rng, body) if rng.random() < 0.9 else rng.randbytes(rng.randint(0, 400))
        if rng.random() < 0.2:
            zipped = gzip.compress(changed, 1)
            yield path, form, "gzip", zipped if rng.random() < 0.5 else _mutated(rng, zipped)
        else:
            yield path, form, "identity", changed


def _status(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> int | None:
    """Post a body; None when it hangs: three times, for a busy machine may pause for one of them."""
    for _ in range(3):
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except TimeoutError:
            connection.close()
        else:
            return answer.status
    return None


@pytest.mark.parametrize(
    ("seed", "count"),
    [(1, 2_000), (2, 2_000), pytest.param(3, 100_000, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])],
)
def test_no_body_makes_a_server_error(receiver: Receiver, seed: int, count: int) -> None:
    """Mutated and random bodies are taken or refused with a 4xx; what is taken can be journaled."""
    rng = random.Random(seed)  # noqa: S311  # reproducible, not secret
    connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=HANG)
    seen: set[int] = set()
    for path, form, coding, body in _bodies(rng, count):
        headers = {"Content-Type": form, "Content-Encoding": coding, "Authorization": f"Bearer {KEY}"}
        status = _status(connection, path, body, headers)
        assert status in {200, 400, 413}, (path, form, coding, body)
        seen.add(status)
        for batch in receiver.batches:
            msgspec.msgpack.encode([batch.spans, batch.logs])
        receiver.batches.clear()
    connection.close()
    assert seen >= {200, 400}
