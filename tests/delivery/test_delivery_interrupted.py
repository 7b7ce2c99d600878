"""What comes between: signals, shutdowns on other threads, forks behind Python, code of the user's."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from delivery_helpers import KEY, ingests, raw_server, run_script, texts, turns, wait_until
from opentelemetry.metrics import Histogram, MeterProvider, NoOpHistogram, NoOpMeter, NoOpMeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.journal import DeadFile, Journal, Kind
from agentsight_otel.testing import LocalServer

SIGNALS = """
import faulthandler, signal, sys
from test_delivery_interrupted import spans
from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery

faulthandler.dump_traceback_later(100, exit=True)
delivery = Delivery(Config.resolve())
raises, count = sys.argv[1] == "raises", 6000
given, more, returned, busy = spans(count), iter(spans(20_000)), 0, False

def handle(_, frame):
    global busy
    if raises and frame.f_code.co_name != "<module>":  # there nobody would catch it
        raise KeyboardInterrupt
    if not raises and not busy:
        busy = True
        delivery.receive(next(more))
        busy = False

signal.signal(signal.SIGALRM, handle)
for span in given:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.00002 if returned % 5 == 0 else 0)
        delivery.receive(span)
    except KeyboardInterrupt:
        continue
    returned += 1
signal.setitimer(signal.ITIMER_REAL, 0)
result, stats = delivery.flush(60), delivery.stats()
assert result.ok and not stats.dropped and stats.balanced, stats
assert stats.delivered >= returned, (stats, returned)
assert not raises or returned < count
"""


def spans(count: int) -> list[ReadableSpan]:
    """Make finished spans of ten conversations."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    for number in range(count):
        turn = {"agentsight.span.kind": "turn", "agentsight.conversation.id": f"c{number % 10}"}
        with tracer.start_as_current_span(
            "turn", attributes={**turn, "agentsight.turn.complete": True}
        ) as span:
            message = {"agentsight.message.sender": "end_user", "agentsight.message.content": f"m {number}"}
            span.add_event("agentsight.message", message)
    return list(exporter.get_finished_spans())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("handler", ["records", "raises"])
def test_signals_while_a_record_is_written(server: LocalServer, handler: str) -> None:
    """A handler that records does not wait for itself, and after one that raises no record is misread."""
    done = run_script(SIGNALS, handler, env=server.env())
    assert done.returncode == 0, done.stderr


def test_a_shutdown_while_others_record(server: LocalServer, make_delivery: type[Delivery]) -> None:
    """What is recorded around a shutdown is delivered once, and none of it is waited for in vain."""
    delivery = make_delivery(server)
    given = spans(2000)

    def record(first: int) -> None:
        for span in given[first::4]:
            delivery.receive(span)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        delivery.shutdown(0)
    assert delivery.flush(60).ok
    stats = delivery.stats()
    assert (stats.emitted, stats.delivered, dict(stats.dropped)) == (2000, 2000, {})
    assert len(texts(server)) == 2000


def test_threads_that_are_the_first_after_a_fork_behind_python(
    server: LocalServer, make_delivery: type[Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record is in the one ledger that the child goes on with, however many threads find out at once."""
    delivery = make_delivery(server)
    given = iter(spans(400))
    for number in range(100):
        delivery.shutdown(0)  # no thread of the parent's is in the child
        monkeypatch.setattr("os.getpid", lambda pid=1_000_000 + number: pid)  # as uWSGI forks
        together = threading.Barrier(4)

        def record(span: ReadableSpan, together: threading.Barrier = together) -> None:
            together.wait(30)
            delivery.receive(span)

        threads = [threading.Thread(target=record, args=(next(given),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        stats = delivery.stats()
        assert stats.emitted - stats.adopted == 4


class _Meter(NoOpMeter):
    def create_histogram(self, name: str, *arguments: object, **named: object) -> Histogram:
        del arguments, named
        return _Broken(name)


class _Broken(NoOpHistogram):
    def record(self, *arguments: object, **named: object) -> None:
        del arguments, named
        raise RuntimeError


class _Provider(NoOpMeterProvider):
    def get_meter(self, name: str, *arguments: object, **named: object) -> NoOpMeter:
        del arguments, named
        return _Meter(name)


def test_a_meter_that_fails_repeats_no_request(
    server: LocalServer, make_delivery: type[Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the backend has taken is settled, whatever the user's meter does."""
    monkeypatch.delenv("AGENTSIGHT_STRICT")
    provider: MeterProvider = _Provider()
    delivery = make_delivery(server, meter_provider=provider)
    delivery.submit(turns(3))
    assert delivery.flush(30).delivered == 3
    assert len(ingests(server)) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_callback_that_ends_its_thread(server: LocalServer, make_delivery: type[Delivery]) -> None:
    """After SystemExit from the function for the key, the next record is sent by another thread."""
    asked: list[int] = []
    keys: list[str] = []

    def ask() -> str:
        asked.append(1)
        if not keys:
            sys.exit(1)
        return keys[0]

    delivery = make_delivery(server, api_key=KEY, key_callback=ask, probe_interval=0.05)
    delivery.submit(turns(1))
    wait_until(lambda: bool(asked))
    keys.append(server.api_key)
    delivery.submit(turns(1, first=1))
    wait_until(lambda: delivery.flush(1).ok)
    assert delivery.stats().delivered == 2


def test_a_folder_that_is_relative_stays_where_it_is(
    server: LocalServer, make_delivery: type[Delivery], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An application that goes to another folder leaves no delivered record behind, and finds the journal."""
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    delivery = make_delivery(server, spool_dir="relative")
    delivery.submit(turns(2))
    monkeypatch.chdir(tmp_path / "there")
    assert delivery.flush(30).ok
    delivery.shutdown(1)
    assert not list((tmp_path / "there").iterdir())
    assert not list((tmp_path / "relative").rglob("*.seg"))


@pytest.mark.parametrize("durability", ["process", "memory"])
@pytest.mark.parametrize("start", [1.79e18, 1_790_000_000.25, 2**70, float("nan"), float("inf")], ids=str)
def test_times_that_are_no_whole_numbers(
    server: LocalServer, make_delivery: type[Delivery], durability: str, start: float
) -> None:
    """OpenTelemetry takes them from its callers; they are delivered, and keep nothing else from it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    turn = {
        "agentsight.span.kind": "turn",
        "agentsight.conversation.id": "c1",
        "agentsight.turn.complete": True,
    }
    for time_ns in (start, time.time_ns()):
        span = provider.get_tracer("test").start_span("turn", attributes=turn, start_time=time_ns)  # type: ignore[arg-type]
        span.add_event("agentsight.message", {"agentsight.message.sender": "agent"}, time_ns)  # type: ignore[arg-type]
        span.end()
    delivery = make_delivery(server, durability=durability)
    delivery.receive_many(exporter.get_finished_spans())
    assert delivery.flush(30).ok
    assert delivery.stats().delivered == 2


@pytest.mark.parametrize("status", ["503", "401"])
def test_a_backend_is_not_asked_again_at_once(make_delivery: type[Delivery], status: str) -> None:
    """A Retry-After that is over, or a new key each time, makes no request a millisecond."""
    asked: list[float] = []

    def answer(connection: object, _: bytes) -> None:
        asked.append(time.monotonic())
        head = f"HTTP/1.1 {status} x\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())  # type: ignore[attr-defined]

    def mint() -> str:
        return f"ags_{len(asked):032x}_a1b2c3"

    with raw_server(answer) as url:
        delivery = make_delivery(url, key_callback=mint)
        delivery.submit(turns(1))
        wait_until(lambda: len(asked) > 1)
        time.sleep(1)
        delivery.shutdown(0)
    assert len(asked) < 100


def test_a_host_that_cannot_be_a_name(make_delivery: type[Delivery]) -> None:
    """An endpoint that no request can be made to parks, as every other such one."""
    delivery = make_delivery(f"https://{'a' * 70}.example")
    delivery.submit(turns(1))
    delivery.flush(30)
    assert delivery.stats().parked == "endpoint error: LocationParseError"


def test_what_was_in_memory_only_is_saved_at_shutdown(
    make_delivery: type[Delivery], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is well again, a shutdown leaves everything to the next process."""
    monkeypatch.setattr("agentsight_otel.journal.store.RESUME_INTERVAL", 0.0)
    folder = tmp_path / "spool"
    folder.write_text("no folder")
    with raw_server(lambda *_: None) as url:
        delivery = make_delivery(url, shutdown_timeout=0.1)
        delivery.submit(turns(600))
        folder.unlink()
        delivery.shutdown(0.1)
        again = make_delivery(url)
        again.recover()
        assert again.stats().adopted == 600


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody could adopt a record, it is not said to be durable."""
    monkeypatch.setattr("agentsight_otel.journal.segment.try_lease", lambda _: False)
    journal = Journal(tmp_path / "journal")
    assert journal.append_one(Kind.SPAN, bytes(24), b"x") is None
    assert not journal.durable
    assert not list((tmp_path / "journal").iterdir())


def test_dead_letters_survive_a_full_disk(tmp_path: Path) -> None:
    """A rewrite that does not fit leaves every letter where it was."""
    resource = pytest.importorskip("resource")
    letters = DeadFile(tmp_path, max_bytes=10_000_000)
    letters.append([(bytes([n]) * 24, b"x" * 1000) for n in range(10)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OSError, match="large"):
            letters.rewrite(lambda all_of_them: all_of_them[1:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(letters.read()) == 10
    assert letters.rewrite(lambda all_of_them: all_of_them[1:]) == 1
    assert len(letters.read()) == 9
