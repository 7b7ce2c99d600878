from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest
from recording_sink import RecordingSink, make_tracker, said

import agentsight_otel
from agentsight_otel.config import Config
from agentsight_otel.enums import Durability
from agentsight_otel.pipeline import ConversationTracker
from agentsight_otel.tracking import Tracker, conversation

MESSAGES = 10_000
THREADS = 8
TASKS = 200


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Make threads take turns as often as the interpreter can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def texts_by_conversation(sink: RecordingSink) -> dict[str, list[str]]:
    """Return what arrived of each conversation, in order of time."""
    names = {span.attributes["agentsight.conversation.id"] for span in sink.spans}
    return {
        name: said([span for span in sink.spans if span.attributes["agentsight.conversation.id"] == name])
        for name in names
    }


def expected(workers: int, each: int, chats: int) -> dict[str, list[str]]:
    """Return what the workers tracked, each switching between *chats* conversations."""
    wanted: dict[str, list[str]] = {}
    for worker in range(workers):
        for number in range(each):
            name = f"w{worker}-c{number % chats}"
            wanted.setdefault(name, []).append(f"{name}: {number}")
    return wanted


def track_one(tracker: Tracker, worker: int, number: int, chats: int) -> None:
    """Switch to one of the worker's conversations and track a message in it."""
    name = f"w{worker}-c{number % chats}"
    tracker.configure(conversation_id=name)
    text = f"{name}: {number}"
    (tracker.track_human_message if number % 2 else tracker.track_agent_message)(text)


@pytest.mark.usefixtures("eager_switching")
def test_threads_never_mix_conversations() -> None:
    """Eight threads, each switching between three conversations: none misfiled, lost or out of order."""
    tracker, sink = make_tracker()
    each = MESSAGES // THREADS

    def work(worker: int) -> None:
        for number in range(each):
            track_one(tracker, worker, number, 3)
            if number % 100 == 99:
                tracker.send_tracked_data()
        for chat in range(3):
            with conversation(f"w{worker}-c{chat}"):
                if tracker.get_tracked_data_summary()["summary"]["total"]:
                    tracker.send_tracked_data()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert texts_by_conversation(sink) == expected(THREADS, each, 3)


def test_tasks_never_mix_conversations() -> None:
    """Two hundred tasks, each switching between two conversations: none misfiled, lost or out of order."""
    tracker, sink = make_tracker()
    each = MESSAGES // TASKS

    async def work(worker: int) -> None:
        for number in range(each):
            track_one(tracker, worker, number, 2)
            await asyncio.sleep(0)
        for chat in range(2):
            tracker.configure(conversation_id=f"w{worker}-c{chat}")
            await tracker.send_tracked_data_async()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for worker in range(TASKS):
                group.create_task(work(worker))

    asyncio.run(main())
    assert texts_by_conversation(sink) == expected(TASKS, each, 2)


@pytest.mark.usefixtures("eager_switching")
def test_threads_may_share_one_conversation_while_it_is_sent() -> None:
    """Eight threads into one conversation with sends in between: each message once, each thread in order."""
    tracker, sink = make_tracker(conversation_id="shared")
    each = MESSAGES // THREADS

    def work(worker: int) -> None:
        for number in range(each):
            tracker.track_agent_message(f"{worker}: {number}")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(THREADS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        tracker.submit_unsent()
    tracker.submit_unsent()
    for thread in threads:
        thread.join(120)
    events = [event for span in sink.spans for event in span.events]
    times = [event.time_ns for event in events]
    assert times == sorted(set(times))
    texts = said(sink.spans)
    for worker in range(THREADS):
        own = [text for text in texts if text.startswith(f"{worker}:")]
        assert own == [f"{worker}: {number}" for number in range(each)]
    assert len(texts) == MESSAGES


def test_tasks_that_name_nothing_share_nothing() -> None:
    """Tasks that track before naming each keep their own first items."""
    tracker, sink = make_tracker()

    async def request(number: int) -> None:
        tracker.track_human_message(f"before {number}")
        await asyncio.sleep(0)
        tracker.configure(conversation_id=f"r{number}")
        tracker.track_agent_message(f"after {number}")
        await tracker.send_tracked_data_async()

    async def main() -> None:
        await asyncio.gather(*(request(number) for number in range(50)))

    asyncio.run(main())
    assert texts_by_conversation(sink) == {
        f"r{number}": [f"before {number}", f"after {number}"] for number in range(50)
    }


def test_two_trackers_do_not_name_for_each_other() -> None:
    """A tracker's configure is about that tracker; `conversation()` is about everything inside."""
    one, first = make_tracker()
    two, second = make_tracker()
    one.configure(conversation_id="one")
    two.configure(conversation_id="two")
    one.track_human_message("1")
    two.track_human_message("2")
    with conversation("both"):
        one.track_human_message("b")
        two.track_human_message("b")
        one.send_tracked_data()
        two.send_tracked_data()
    one.send_tracked_data()
    two.send_tracked_data()
    assert texts_by_conversation(first) == {"one": ["1"], "both": ["b"]}
    assert texts_by_conversation(second) == {"two": ["2"], "both": ["b"]}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_leaves_the_parents_items_to_the_parent() -> None:
    """After a fork the child starts empty and draws other ids; the parent's items are still there."""
    tracker, sink = make_tracker(conversation_id="forked")
    tracker.track_human_message("parent")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        before = tracker.get_tracked_data_summary()["summary"]["total"]
        tracker.track_human_message("child")
        tracker.send_tracked_data()
        os.write(writing, f"{before} {said(sink.spans)} {sink.spans[0].span_id}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    answer = os.read(reading, 1000).decode()
    os.close(reading)
    os.close(writing)
    tracker.track_human_message("parent too")
    tracker.send_tracked_data()
    assert answer.startswith("0 ['child'] ")
    assert said(sink.spans) == ["parent", "parent too"]
    assert answer.split()[-1] not in {span.span_id for span in sink.spans}


@pytest.mark.usefixtures("eager_switching")
def test_trackers_may_be_made_while_others_are_counted() -> None:
    """`stats()` looks at every tracker there is, also while other threads make more."""
    config = Config(durability=Durability.MEMORY)
    kept = [[ConversationTracker(config=config) for _ in range(200)] for _ in range(2)]

    def make(trackers: list[ConversationTracker]) -> None:
        trackers += (ConversationTracker(config=config) for _ in range(500))

    threads = [threading.Thread(target=make, args=(trackers,)) for trackers in kept]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        agentsight_otel.stats()
    for thread in threads:
        thread.join()
