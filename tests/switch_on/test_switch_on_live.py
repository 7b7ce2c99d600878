"""The live API around instrumented calls: blocks, decorators, streams, tasks, threads, and failures."""

from __future__ import annotations

from typing import Any

import pytest
from world import World

START = """
import asyncio, concurrent.futures, threading
import agentsight_otel as a
from agent import QUESTIONS, Agent
a.configure()
assert a.instrument() == {'openai': 'openinference'}
"""
END = """
assert a.force_flush()
stats = a.stats()
assert stats.balanced and not stats.dead and not stats.dropped, stats
"""
PLAIN = ("end_user", "Hello!"), ("agent", "Good day.")


def said(world: World, code: str, conversation_id: str = "live-1") -> list[tuple[str, str]]:
    """Run *code* between `START` and `END` and read the conversation."""
    world.run_code(START + code + END)
    return world.transcript(conversation_id)


def turn_of(world: World) -> tuple[dict[str, Any], list[str]]:
    """Return the attributes of the only turn span, and the texts of its messages."""
    (turn,) = [span for span in world.spans() if span["kind"] == "turn"]
    return turn["attributes"], [event["attributes"]["agentsight.message.content"] for event in turn["events"]]


SHOWN = """
agent = Agent()
with a.conversation("live-1", customer_id="ada"):
    for question, alias in zip(QUESTIONS, ("hello as shown", "sky as shown"), strict=True):
        with a.turn() as t:
            t.user_message(alias)
            t.agent_message("shown: " + agent.say(question))
"""


def test_messages_come_from_the_explicit_calls_only(world: World) -> None:
    """Inside a turn the messages are those said explicitly, and the tokens those of instrumentation."""
    transcript = [entry for entry in said(world, SHOWN) if entry[0] != "action"]
    assert transcript == [
        ("end_user", "hello as shown"),
        ("agent", "shown: Good day."),
        ("end_user", "sky as shown"),
        ("agent", "shown: Clear over Oslo."),
    ]
    assert world.tokens() == (61, 14)
    assert world.api.fetch_conversation("live-1")["customer_id"] == "ada"
    assert world.conversations() == ["live-1"]


def test_tools_come_from_instrumentation(world: World) -> None:
    """A tool that only the model calls of an explicit turn tell about is an action of that turn."""
    assert said(world, SHOWN) == [
        ("end_user", "hello as shown"),
        ("agent", "shown: Good day."),
        ("end_user", "sky as shown"),
        ("action", "weather"),
        ("agent", "shown: Clear over Oslo."),
    ]


def test_conversation_alone_leaves_messages_to_instrumentation(world: World) -> None:
    """`conversation()` without turns only names the conversation of what instrumentation sees."""
    transcript = said(
        world,
        """
with a.conversation("live-1"):
    Agent().say(QUESTIONS[0])
""",
    )
    assert transcript == [*PLAIN]


def test_decorators_infer_both_texts(world: World) -> None:
    """Decorated functions record the turn and the tool, with what they take and what they give."""
    transcript = said(
        world,
        """
@a.tool
def look_up(term):
    return term.upper()

@a.turn(id_from="session", infer=True)
def answer(text, session):
    look_up("x")
    return Agent().say(text)

assert answer(QUESTIONS[0], session="live-1") == "Good day."
""",
    )
    assert transcript == [PLAIN[0], ("action", "look_up"), PLAIN[1]]
    (log,) = world.api.fetch_conversation("live-1")["messages"][1]["action_logs"]
    assert (log["tools_used"], log["response"]) == ({"term": "x"}, "X")
    assert world.tokens() == (11, 3)


def test_streaming_response_keeps_the_turn_open(world: World) -> None:
    """A wrapped stream that is read after the block, in another thread, still ends its own turn."""
    transcript = said(
        world,
        """
def pieces():
    text = ""
    for piece in Agent().stream(QUESTIONS[0]):
        text += piece
        yield piece
    a.agent_message(text)

def handler():
    with a.conversation("live-1"), a.turn():
        a.user_message(QUESTIONS[0])
        return a.wrap(pieces())

stream = handler()
with concurrent.futures.ThreadPoolExecutor() as pool:
    assert "".join(pool.submit(list, stream).result()) == "Good day."
""",
    )
    assert transcript == [*PLAIN]
    assert world.tokens() == (11, 3)
    assert turn_of(world)[0]["agentsight.turn.complete"] is True


def test_generator_decorated(world: World) -> None:
    """A decorated generator is a turn whose answer is what it yields."""
    transcript = said(
        world,
        """
@a.turn(id_from="session", infer=True)
def answer(text, session):
    yield from Agent().stream(text)

assert "".join(answer(QUESTIONS[0], "live-1")) == "Good day."
""",
    )
    assert transcript == [*PLAIN]
    assert world.tokens() == (11, 3)


def test_tasks_keep_apart(world: World) -> None:
    """Concurrent tasks with conversations of their own never mix; the asynchronous client is seen as well."""
    world.models.script.load([*world.models.script.unused[:1]] * 6)
    world.models.script.delay = 0.02
    world.run_code(
        START
        + """
async def one(number):
    async with a.conversation(f"task-{number}"), a.turn() as t:
        t.user_message(f"I am {number}")
        t.agent_message(f"{number}: " + await Agent().say_async(QUESTIONS[0]))

async def main():
    await asyncio.gather(*map(one, range(6)))

asyncio.run(main())
"""
        + END
    )
    for number in range(6):
        assert world.transcript(f"task-{number}") == [
            ("end_user", f"I am {number}"),
            ("agent", f"{number}: Good day."),
        ]
    assert world.tokens() == (6 * 11, 6 * 3)


def test_worker_threads_carry_the_context(world: World) -> None:
    """`carry_context` takes a turn into worker threads: their calls, tools and words belong to it."""
    transcript = said(
        world,
        """
def work():
    with a.tool("search") as t:
        t.response = "found"
    a.agent_message(Agent().say(QUESTIONS[0]))

with a.conversation("live-1"), a.turn() as t:
    t.user_message(QUESTIONS[0])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.submit(a.carry_context(work)).result()
""",
    )
    assert transcript == [PLAIN[0], ("action", "search"), PLAIN[1]]
    assert world.tokens() == (11, 3)


def test_turn_that_raises(world: World) -> None:
    """A turn that raises is kept as incomplete, with the reason; the error is the caller's."""
    transcript = said(
        world,
        """
try:
    with a.conversation("live-1"), a.turn() as t:
        t.user_message("Break")
        Agent().say("no rule fits this")
except Exception as error:
    assert type(error).__name__ == "BadRequestError"
else:
    raise SystemExit("nothing was raised")
""",
    )
    assert transcript == []
    turn, texts = turn_of(world)
    assert texts == ["Break"]
    assert turn["agentsight.turn.complete"] is False
    assert turn["agentsight.turn.incomplete_reason"] == "error"
    assert turn["error.type"] == "BadRequestError"


@pytest.mark.parametrize("leave", ["del stream", "stream.close()"])
def test_stream_that_is_given_up(world: World, leave: str) -> None:
    """A stream given up half-way leaves an incomplete turn with the reason."""
    transcript = said(
        world,
        f"""
with a.conversation("live-1"), a.turn():
    a.user_message(QUESTIONS[0])
    stream = a.wrap(Agent().stream(QUESTIONS[0]))
next(stream)
{leave}
""",
    )
    assert transcript == []
    turn, texts = turn_of(world)
    assert texts == ["Hello!"]
    assert turn["agentsight.turn.complete"] is False
    assert turn["agentsight.turn.incomplete_reason"] == "abandoned"


@pytest.mark.parametrize("end", ["a.shutdown()", "pass"], ids=["shutdown", "exit"])
def test_turn_open_at_the_end(world: World, end: str) -> None:
    """A turn that nobody ended is delivered as incomplete when the package or the process shuts down."""
    world.run_code(
        START
        + f"""
with a.conversation("live-1"), a.turn() as t:
    t.keep_open().user_message("Wait")
{end}
"""
    )
    turn, texts = turn_of(world)
    assert texts == ["Wait"]
    assert turn["agentsight.turn.complete"] is False
    assert turn["agentsight.turn.incomplete_reason"] == "shutdown"


@pytest.mark.parametrize(
    "end", ["a.shutdown()", "trace.get_tracer_provider().shutdown()"], ids=["package", "provider"]
)
def test_nothing_recorded_opens_nothing(world: World, end: str) -> None:
    """A process that is switched on and records nothing makes no journal and sends no request to end."""
    world.run_code(
        START
        + f"""
from opentelemetry import trace
from agentsight_otel.exporters import delivery
from agentsight_otel.exporters.registry import REGISTRY
a.configure()
{end}
assert not REGISTRY.opened()
delivery.PATIENCE = 60.0
with a.conversation("live-1"), a.turn():
    a.user_message("Later")
assert a.shutdown().delivered == 1
"""
    )
    assert turn_of(world)[1] == ["Later"]


def test_own_tools_are_recorded_once(world: World) -> None:
    """A tool that the application records and the model calls tell about too is one action."""
    transcript = said(
        world,
        """
import agent as program
program.weather = a.tool(program.weather)
with a.conversation("live-1"), a.turn() as t:
    t.user_message("Sky?")
    t.agent_message(Agent().say(QUESTIONS[1]))
""",
    )
    assert transcript == [("end_user", "Sky?"), ("action", "weather"), ("agent", "Clear over Oslo.")]


def test_asynchronous_decorators(world: World) -> None:
    """Decorated coroutines and asynchronous generators are turns and tools like any others."""
    world.models.script.load([*world.models.script.unused[:1]] * 2)
    world.run_code(
        START
        + """
@a.tool
async def look_up(term):
    await asyncio.sleep(0)
    return term.upper()

@a.turn(id_from="session", infer=True)
async def answer(text, session):
    await look_up("x")
    return await Agent().say_async(text)

@a.turn(id_from="session", infer=True)
async def stream(text, session):
    for piece in Agent().stream(text):
        await asyncio.sleep(0)
        yield piece

async def main():
    assert await answer(QUESTIONS[0], session="live-1") == "Good day."
    assert "".join([piece async for piece in stream(QUESTIONS[0], session="live-2")]) == "Good day."

asyncio.run(main())
"""
        + END
    )
    assert world.transcript("live-1") == [PLAIN[0], ("action", "look_up"), PLAIN[1]]
    assert world.transcript("live-2") == [*PLAIN]
    assert world.tokens() == (22, 6)


def test_button_in_a_turn(world: World) -> None:
    """A button belongs to the turn it was pressed in, and the transcript says that it was."""
    transcript = said(
        world,
        """
with a.conversation("live-1"), a.turn() as t:
    t.user_message(QUESTIONS[0])
    t.agent_message(Agent().say(QUESTIONS[0]))
    a.button("rate", "Good", "5")
""",
    )
    assert transcript == [*PLAIN, ("end_user", "Button clicked: Good")]
    (button,) = [span for span in world.spans() if span["kind"] == "button"]
    (turn,) = [span for span in world.spans() if span["kind"] == "turn"]
    assert button["attributes"]["agentsight.turn.id"] == turn["span_id"]
    assert button["attributes"]["agentsight.button.value"] == "5"
