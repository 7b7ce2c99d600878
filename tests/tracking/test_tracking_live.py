from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler, SamplingResult
from recording_sink import make_tracker, said

from agentsight_otel import exceptions as errors
from agentsight_otel.tracking import (
    ConversationSpanProcessor,
    abandon_turn,
    agent_message,
    bind,
    button,
    carry_context,
    conversation,
    end_turn,
    live,
    tool,
    turn,
    user_message,
    wrap,
)
from agentsight_otel.tracking.ids import conversation_trace_id
from agentsight_otel.tracking.live import end_open_turns
from agentsight_otel.tracking.tracers import own


class Live:
    """A provider the live API starts its spans on, and what came out."""

    def __init__(self, **kwargs: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(**kwargs)
        self.provider.add_span_processor(ConversationSpanProcessor())
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        bind(lambda: self.provider.get_tracer("agentsight_otel"))

    @property
    def spans(self) -> list[ReadableSpan]:
        """What has ended, in order."""
        return list(self.exporter.get_finished_spans())

    def turns(self) -> list[dict[str, Any]]:
        """Return each turn as texts by sender, completeness, and reason."""
        found = []
        for span in self.spans:
            attributes = dict(span.attributes or {})
            if attributes.get("agentsight.span.kind") == "turn":
                events = [dict(event.attributes or {}) for event in span.events]
                texts = [(e["agentsight.message.sender"], e["agentsight.message.content"]) for e in events]
                found.append(
                    {
                        "texts": texts,
                        "complete": attributes["agentsight.turn.complete"],
                        "reason": attributes.get("agentsight.turn.incomplete_reason"),
                        "conversation": attributes["agentsight.conversation.id"],
                    }
                )
        return found

    def turn(self) -> dict[str, Any]:
        """Return the only turn."""
        (only,) = self.turns()
        return only


@pytest.fixture
def recorded() -> Iterator[Live]:
    """Bind the live API to a provider of this test's own."""
    before = live._binding.getter
    yield Live()
    bind(before)


ASKED = ("end_user", "q")
ANSWERED = ("agent", "a")


def test_a_turn_is_recorded_as_it_happens(recorded: Live) -> None:
    """Messages, tools and buttons of the block become one turn span and its children."""
    with conversation("c-1", customer_id="cust"), turn() as t:
        user_message("q", metadata={"k": 1})
        with tool("search") as call:
            call.tools_used = {"q": "x"}
            call.response = {"hits": 1}
            call.metadata["m"] = 1
        button("ev", "Label", "v")
        agent_message("a")
    tool_span, button_span, turn_span = recorded.spans
    assert recorded.turn() == {
        "texts": [ASKED, ANSWERED],
        "complete": True,
        "reason": None,
        "conversation": "c-1",
    }
    attributes = dict(turn_span.attributes or {})
    assert attributes["agentsight.turn.id"] == t.turn_id
    assert attributes["gen_ai.operation.name"] == "invoke_agent"
    assert attributes["user.id"] == "cust"
    assert '"content":"q"' in str(attributes["gen_ai.input.messages"])
    assert turn_span.parent is None
    assert f"{turn_span.get_span_context().trace_id:032x}" == conversation_trace_id("c-1")
    for child in (tool_span, button_span):
        assert child.parent is not None
        assert f"{child.parent.span_id:016x}" == t.turn_id
        assert dict(child.attributes or {})["agentsight.turn.id"] == t.turn_id
    attributes = dict(tool_span.attributes or {})
    assert (tool_span.name, attributes["agentsight.tool.arguments"]) == ("execute_tool search", '{"q":"x"}')
    assert attributes["gen_ai.tool.call.result"] == '{"hits":1}'
    assert attributes["agentsight.metadata"] == '{"m":1}'
    assert (button_span.name, dict(button_span.attributes or {})["agentsight.button.value"]) == ("Label", "v")


def test_live_and_tracked_turns_have_the_same_shape(recorded: Live) -> None:
    """The attribute names of a live turn and tool are those of a tracked one."""
    with conversation("c-s"), turn() as t:
        t.user_message("q")
        with tool("search") as call:
            call.tools_used, call.response = {}, "r"
        t.agent_message("a")
    tracker, sink = make_tracker()
    with conversation("c-s"):
        tracker.track_human_message("q")
        tracker.track_action("search", tools_used={}, response="r")
        tracker.track_agent_message("a")
        tracker.send_tracked_data()
    tracked = {span.name: set(span.attributes) for span in sink.spans}
    assert {span.name: set(span.attributes or {}) for span in recorded.spans} == tracked


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("x"), "error"), (KeyboardInterrupt(), "abandoned"), (GeneratorExit(), "abandoned")],
)
def test_a_turn_that_raises_is_incomplete(recorded: Live, error: BaseException, reason: str) -> None:
    """The exception goes on, and the turn says why it did not end."""

    def handle() -> None:
        with conversation("c"), turn() as t:
            t.user_message("q")
            raise error

    with pytest.raises(type(error)):
        handle()
    assert (recorded.turn()["complete"], recorded.turn()["reason"]) == (False, reason)
    assert recorded.spans[0].status.status_code is trace.StatusCode.ERROR


def test_a_turn_may_be_ended_or_abandoned_inside(recorded: Live) -> None:
    """Only the first end counts."""
    with conversation("c"), turn("one"):
        abandon_turn()
        end_turn()
    with conversation("c"), turn("two"):
        end_turn(complete=False)
    with conversation("c"), turn("three") as kept:
        kept.keep_open()
    assert [found["reason"] for found in recorded.turns()] == ["abandoned", "abandoned"]
    kept.agent_message("later")
    kept.end()
    assert recorded.turns()[-1]["texts"] == [("agent", "later")]


def test_a_deadline_ends_a_forgotten_turn(recorded: Live) -> None:
    """An open turn with a deadline ends by itself as incomplete."""
    with conversation("c"), turn(deadline=0.01) as t:
        t.keep_open()
    waited_until = time.monotonic() + 10
    while not recorded.spans and time.monotonic() < waited_until:
        time.sleep(0.005)
    assert recorded.turn()["reason"] == "deadline"


def test_turns_open_at_shutdown_end_incomplete(recorded: Live) -> None:
    """They end with the reason `shutdown` and with what was said; those that ended before are left alone."""
    with conversation("c"):
        with turn():
            user_message("before")
        with turn() as t:
            user_message("q")
            t.keep_open()
    end_open_turns()
    end_open_turns()
    t.end()
    assert [(found["texts"], found["reason"]) for found in recorded.turns()] == [
        ([("end_user", "before")], None),
        ([ASKED], "shutdown"),
    ]


def test_baggage_carries_the_open_turn_to_another_service(recorded: Live) -> None:
    """What another service does inside an open turn belongs to it; in another conversation, or after, not."""
    inside: dict[str, str] = {}
    outside: dict[str, str] = {}
    with conversation("c-b"):
        with turn() as t:
            W3CBaggagePropagator().inject(inside)
        W3CBaggagePropagator().inject(outside)
    recorded.exporter.clear()
    for carrier, other in ((inside, "c-b"), (inside, "c-other"), (outside, "c-b")):
        token = otel_context.attach(W3CBaggagePropagator().extract(carrier, otel_context.Context()))
        recorded.provider.get_tracer("other.service").start_span("chat").end()
        with conversation(other), tool("search"):
            pass
        otel_context.detach(token)
    named = [dict(span.attributes or {}).get("agentsight.turn.id") for span in recorded.spans]
    assert named == [t.turn_id, t.turn_id, t.turn_id, None, None, None]


def test_messages_outside_a_turn(recorded: Live, caplog: pytest.LogCaptureFixture) -> None:
    """Inside a conversation they get a turn of their own; outside there is a warning; blank is nothing."""
    with conversation("c"):
        user_message("q")
        agent_message("  ")
        agent_message(None)
    user_message("lost?")
    button("e", "l", "v")
    assert [found["texts"] for found in recorded.turns()] == [[ASKED]]
    assert recorded.spans[0].name == "message"
    assert "lost?" not in caplog.text


def test_decorated_functions_of_every_kind(recorded: Live) -> None:
    """Sync, async, generator and async generator: question and answer are taken from the call."""
    answers = {(f"c{number}", "q"): "a" for number in range(1, 5)}

    @turn(id_from="chat", infer=True)
    def plain(chat: str, text: str) -> str:
        return answers[chat, text]

    @turn(id_from="chat", infer=True)
    async def coroutine(chat: str, text: str) -> str:
        return answers[chat, text]

    @turn(id_from=lambda chat, **_: chat, infer=True)
    def generator(chat: str, text: str) -> Iterator[str]:
        yield from answers[chat, text]

    @turn(id_from="chat", infer=True)
    async def async_generator(chat: str, text: str) -> AsyncIterator[str]:
        yield answers[chat, text]

    async def drain() -> list[str]:
        await coroutine("c2", "q")
        return [chunk async for chunk in async_generator("c4", "q")]

    assert plain("c1", "q") == "a"
    assert list(generator("c3", "q")) == ["a"]
    assert asyncio.run(drain()) == ["a"]
    turns = {found["conversation"]: found["texts"] for found in recorded.turns()}
    assert turns == {chat: [ASKED, ANSWERED] for chat in ("c1", "c2", "c3", "c4")}
    assert {span.name for span in recorded.spans} == {"plain", "coroutine", "generator", "async_generator"}


def test_bare_decorators_keep_the_function(recorded: Live) -> None:
    """`@turn`, `@tool` and `@conversation()` keep name, arguments and result; each call is its own."""

    @conversation()
    @turn
    def handle(text: str) -> str:
        """Doc."""
        user_message(text)
        return lookup(text, limit=2)

    @tool
    def lookup(key: str, limit: int = 1) -> str:
        return key * limit

    assert (handle.__name__, handle.__doc__) == ("handle", "Doc.")
    assert [handle("x"), handle("x")] == ["xx", "xx"]
    assert len({found["conversation"] for found in recorded.turns()}) == 2
    attributes = dict(recorded.spans[0].attributes or {})
    assert attributes["agentsight.tool.name"] == "lookup"
    assert attributes["agentsight.tool.arguments"] == '{"key":"x","limit":2}'
    assert attributes["agentsight.tool.response"] == "xx"


def test_tools_of_every_kind(recorded: Live) -> None:
    """Methods drop self, results are JSON, errors are recorded once, generators are joined."""

    class Agent:
        @tool(name="m")
        def method(self, a: int) -> dict[str, int]:
            return {"a": a}

    @tool
    async def fails() -> None:
        raise RuntimeError("boom")

    @tool("stream")
    def stream() -> Iterator[str]:
        yield "a"
        yield "b"

    @tool()
    async def async_stream() -> AsyncIterator[int]:
        yield 1

    async def run() -> None:
        with pytest.raises(RuntimeError):
            await fails()
        assert [item async for item in async_stream()] == [1]

    with conversation("c"):
        Agent().method(1)
        asyncio.run(run())
        assert list(stream()) == ["a", "b"]
    Agent().method(2)
    found = {span.name: dict(span.attributes or {}) for span in recorded.spans}
    assert len(recorded.spans) == 4
    assert found["execute_tool m"]["agentsight.tool.arguments"] == '{"a":1}'
    assert found["execute_tool m"]["agentsight.tool.response"] == '{"a":1}'
    assert found["execute_tool fails"]["agentsight.tool.error"] == "boom"
    assert found["execute_tool fails"]["error.type"] == "RuntimeError"
    assert found["execute_tool stream"]["agentsight.tool.response"] == "ab"
    assert found["execute_tool async_stream"]["agentsight.tool.response"] == "[1]"


def answer() -> Iterator[str]:
    """Yield an answer and record it, as a handler's stream does."""
    yield "a"
    agent_message("a")


async def async_answer() -> AsyncIterator[str]:
    """Like `answer`, asynchronously."""
    yield "a"
    await asyncio.sleep(0)
    agent_message("a")


def test_a_stream_keeps_its_turn_open(recorded: Live) -> None:
    """What a generator does while it is drained elsewhere belongs to the turn, and leaks nowhere."""
    with conversation("c"), turn() as t:
        t.user_message("q")
        stream = t.wrap(answer())
    assert recorded.spans == []
    with conversation("other"), turn("consumer"):
        assert list(stream) == ["a"]
    first, consumer = recorded.turns()
    assert (first["texts"], first["conversation"], first["complete"]) == ([ASKED, ANSWERED], "c", True)
    assert (consumer["texts"], consumer["conversation"]) == ([], "other")


def test_an_async_stream_keeps_its_turn_open(recorded: Live) -> None:
    """The same for an async generator drained in another task, and for a streaming response."""

    @turn
    async def handler() -> Any:
        user_message("q")
        return SimpleNamespace(body_iterator=async_answer())

    async def main() -> None:
        with conversation("c"):
            response = await handler()
        assert [chunk async for chunk in response.body_iterator] == ["a"]

    asyncio.run(main())
    assert recorded.turn()["texts"] == [ASKED, ANSWERED]


def test_streams_that_fail_or_are_given_up(recorded: Live) -> None:
    """An error, a close, and a stream nobody drains each end the turn with their reason."""

    def broken() -> Iterator[str]:
        yield "a"
        raise ValueError("x")

    with conversation("c"):
        with turn("error") as t:
            stream = t.wrap(broken())
        with pytest.raises(ValueError, match="x"):
            list(stream)
        with turn("closed"):
            stream = wrap(answer())
        next(stream)
        stream.close()
        with turn("forgotten"):
            stream = wrap(answer())
        del stream
        gc.collect()
    assert [found["reason"] for found in recorded.turns()] == ["error", "abandoned", "abandoned"]


def test_futures_and_awaitables_end_their_turn(recorded: Live) -> None:
    """A future's result, error and cancellation, and an awaited coroutine."""
    done: Future[str] = Future()
    failed: Future[str] = Future()
    cancelled: Future[str] = Future()
    with conversation("c"):
        for future in (done, failed, cancelled):
            with turn():
                assert wrap(future) is future
        done.set_result("x")
        failed.set_exception(ValueError("x"))
        cancelled.cancel()

        async def work() -> str:
            agent_message("a")
            return "result"

        with turn():
            waiting = wrap(work())
        assert asyncio.run(waiting) == "result"
    assert [found["reason"] for found in recorded.turns()] == [None, "error", "abandoned", None]
    assert recorded.turns()[3]["texts"] == [ANSWERED]


def test_a_decorated_generator_that_is_closed_is_abandoned(recorded: Live) -> None:
    """Closing a decorated generator, sync or async, ends its turn; sending into one works."""

    @turn
    def ask() -> Iterator[str]:
        got = yield "first"
        user_message(got)
        yield "second"

    @turn
    async def ask_async() -> AsyncIterator[str]:
        yield "first"
        yield "second"

    async def close_early() -> None:
        stream = ask_async()
        assert await anext(stream) == "first"
        await stream.aclose()  # type: ignore[attr-defined]

    with conversation("c"):
        generator: Any = ask()
        assert next(generator) == "first"
        assert generator.send("q") == "second"
        generator.close()
        asyncio.run(close_early())
    assert [(found["texts"], found["reason"]) for found in recorded.turns()] == [
        ([ASKED], "abandoned"),
        ([], "abandoned"),
    ]
    assert otel_context.get_current() == {}


def test_worker_threads_with_carried_context(recorded: Live) -> None:
    """A pool's thread belongs to the turn when the context is carried, and not otherwise."""
    with conversation("c"), turn() as t, ThreadPoolExecutor(1) as pool:
        pool.submit(carry_context(agent_message), "a").result()
        pool.submit(agent_message, "lost").result()
        inner = pool.submit(carry_context(lambda: trace.get_current_span().get_span_context())).result()
    assert recorded.turn()["texts"] == [ANSWERED]
    assert f"{inner.span_id:016x}" == t.turn_id


def test_tasks_have_turns_of_their_own(recorded: Live) -> None:
    """A hundred concurrent tasks: each turn has its own conversation's messages only."""

    async def chat(number: int) -> None:
        async with conversation(f"c{number}"), turn():
            user_message(f"q{number}")
            await asyncio.sleep(0)
            agent_message(f"a{number}")

    async def main() -> None:
        await asyncio.gather(*(chat(number) for number in range(100)))

    asyncio.run(main())
    assert {found["conversation"]: [text for _, text in found["texts"]] for found in recorded.turns()} == {
        f"c{number}": [f"q{number}", f"a{number}"] for number in range(100)
    }


@pytest.mark.usefixtures("recorded")
def test_conversation_switches_the_trackers_timeline() -> None:
    """Inside the block the tracker tracks for it; after it, for the one before."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="outer")
    with conversation("inner", customer_id="cust"):
        tracker.track_human_message("in")
        tracker.send_tracked_data()
    tracker.track_human_message("out")
    tracker.send_tracked_data()
    found = [(s.attributes["agentsight.conversation.id"], said([s])) for s in sink.spans]
    assert found == [("inner", ["in"]), ("outer", ["out"])]
    assert sink.spans[0].attributes["agentsight.conversation.customer_id"] == "cust"


@pytest.mark.parametrize("limits", [SpanLimits(max_events=10), SpanLimits(max_events=128), SpanLimits()])
def test_a_live_turn_of_300_messages_loses_none(recorded: Live, limits: SpanLimits) -> None:
    """A turn with more messages than the host keeps in a span goes on in further spans."""
    recorded.__init__(span_limits=limits)  # type: ignore[misc]
    with conversation("c"), turn():
        for number in range(300):
            agent_message(str(number))
    texts = [text for found in recorded.turns() for _, text in found["texts"]]
    assert sorted(texts, key=int) == [str(number) for number in range(300)]
    assert all(found["complete"] for found in recorded.turns())
    events = [event for span in recorded.spans for event in span.events]
    ordered = [
        str((e.attributes or {})["agentsight.message.content"])
        for e in sorted(events, key=lambda e: e.timestamp)
    ]
    assert ordered == [str(number) for number in range(300)]


def test_an_unsampling_host_does_not_silence_live_turns(recorded: Live) -> None:
    """Under an unsampled request the turn has the conversation's trace; under a sampled one it joins."""
    recorded.__init__(sampler=ALWAYS_OFF)  # type: ignore[misc]
    host = recorded.provider.get_tracer("host")
    with host.start_as_current_span("request"), conversation("c"), turn(), tool("t"):
        pass
    assert {f"{span.get_span_context().trace_id:032x}" for span in recorded.spans} == {
        conversation_trace_id("c")
    }
    recorded.__init__()  # type: ignore[misc]
    host = recorded.provider.get_tracer("host")
    with host.start_as_current_span("request") as request, conversation("c"), turn():
        pass
    assert {span.get_span_context().trace_id for span in recorded.spans} == {
        request.get_span_context().trace_id
    }


def test_a_disabled_conversation_records_nothing(recorded: Live) -> None:
    """With enabled=False nothing live is recorded inside."""
    with conversation("c", enabled=False), turn():
        user_message("q")
        with tool("t"):
            pass
    assert recorded.spans == []


def test_without_a_provider_the_live_api_is_silent(recorded: Live) -> None:
    """A tracer that records nothing costs nothing and breaks nothing."""
    bind(trace.NoOpTracer)
    with conversation("c"), turn() as t:
        user_message("q")
        with tool("t"):
            agent_message("a")
    assert (t.turn_id, recorded.spans) == (None, [])


@pytest.mark.usefixtures("recorded")
def test_bad_live_fields_are_refused() -> None:
    """The same limits as the tracker's, at the call; a blank id is a missing one."""
    with pytest.raises(errors.InvalidConversationDataException) as caught:
        conversation("c", customer_id="x" * 256)
    assert caught.value.field == "customer_id"
    with pytest.raises(errors.InvalidConversationDataException):
        conversation("x" * 256)
    with pytest.raises(errors.InvalidConversationDataException), conversation("c"):
        user_message("q", metadata=[1])  # type: ignore[arg-type]
    assert conversation(" ").conversation_id.startswith("conv_")


def test_turns_end_once_among_threads(recorded: Live) -> None:
    """Many threads that end the same turn produce one span."""
    with conversation("c"), turn() as t:
        t.keep_open()
    threads = [threading.Thread(target=t.end) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(recorded.spans) == 1


def test_an_abandoned_async_generator_is_closed_quietly(
    recorded: Live, caplog: pytest.LogCaptureFixture
) -> None:
    """Blocks of a generator that is given up are left in another task: no error, no log record."""

    async def answers() -> AsyncIterator[int]:
        async with conversation("c-left"), turn():
            user_message("q")
            with tool("t"):
                yield 1

    async def ask() -> None:
        async for _ in answers():
            break

    asyncio.run(ask())
    assert caplog.records == []
    assert (recorded.turn()["texts"], recorded.turn()["reason"]) == ([ASKED], "abandoned")


def test_an_ended_turn_is_no_garbage(recorded: Live) -> None:
    """What a turn held is freed when it is left, without the garbage collector."""
    gc.disable()
    try:
        with conversation("c-free"), turn() as t:
            user_message("q")
        left = weakref.ref(t)
        del t
        assert left() is None
    finally:
        gc.enable()
    assert recorded.turn()["texts"] == [ASKED]


def test_an_open_turn_that_nobody_holds_is_collected(recorded: Live) -> None:
    """Nor does one that was never entered leave anything; what ends the open turns meets neither."""
    with conversation("c-lost"), turn() as t:
        t.keep_open()
    left = [weakref.ref(t), weakref.ref(live.TurnScope())]
    del t
    gc.collect()
    assert [reference() for reference in left] == [None, None]
    end_open_turns()
    assert not recorded.spans


def test_a_turn_ended_while_another_starts(recorded: Live) -> None:
    """A turn that ends in the middle of another's start, as by garbage collection, takes no id from it."""
    with conversation("c-old"), turn() as old:
        old.keep_open()
        for number in range(150):  # more than one span holds
            user_message(f"m{number}")

    class EndsOld(Sampler):
        """Ends the old turn between the moments in which the SDK asks for the new one's ids."""

        def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
            old.end()
            return ALWAYS_ON.should_sample(*args, **kwargs)

        def get_description(self) -> str:
            return "EndsOld"

    tracer = own(recorded.provider.get_tracer("agentsight_otel"))
    assert tracer is not None
    tracer.sampler = EndsOld()
    with conversation("c-new"), turn() as new:
        pass
    turns = {span.attributes["agentsight.turn.id"]: span for span in recorded.spans if span.attributes}
    assert len(turns) == 3
    for turn_id, span in turns.items():
        assert f"{span.get_span_context().span_id:016x}" == turn_id
    assert f"{turns[str(new.turn_id)].get_span_context().trace_id:032x}" == conversation_trace_id("c-new")


def test_a_conversation_object_may_be_entered_anywhere(recorded: Live) -> None:
    """One scope, nested and in several threads at once, always leads back to where it was entered."""
    scope = conversation("shared")
    barrier = threading.Barrier(4, timeout=10)

    def work() -> None:
        with scope:
            barrier.wait()
            user_message("q")
            with scope:
                barrier.wait()
        assert otel_context.get_current() == {}

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work) for _ in range(4)]:
            future.result()
    assert [found["conversation"] for found in recorded.turns()] == ["shared"] * 4


def test_a_turn_without_a_conversation_gets_one(recorded: Live) -> None:
    """A turn outside every conversation, or before the tracker's has a name, is not lost."""
    reusable = turn("again")
    with reusable:
        user_message("q")
    tracker, _ = make_tracker()
    tracker.track_human_message("nameless")
    with reusable:
        agent_message("a")
    first, second = recorded.turns()
    assert (first["texts"], second["texts"]) == ([ASKED], [ANSWERED])
    assert first["conversation"] != second["conversation"]


def test_a_decorated_conversation_covers_its_stream(recorded: Live) -> None:
    """A stream returned by a decorated function still belongs to the conversation while it is drained."""

    @conversation("c")
    def handler() -> Any:
        return answer()

    assert list(handler()) == ["a"]
    assert recorded.turn()["texts"] == [ANSWERED]
