from __future__ import annotations

import pytest
from recording_sink import KEY, OTHER_KEY, RecordingSink, kind, make_tracker, said

from agentsight_otel.config import Config
from agentsight_otel.exceptions import NoDataToSendException
from agentsight_otel.tracking import Tracker, conversation


def durable(
    disk: dict[int, bytes] | None = None, orphans: tuple[bytes, ...] = ()
) -> tuple[Tracker, RecordingSink]:
    """Make a tracker whose sink has a journal."""
    return make_tracker(RecordingSink(disk, orphans), durability="process")


def test_items_are_kept_until_they_are_submitted() -> None:
    """Each item is in the journal when its call returns, and no longer once submitted."""
    disk: dict[int, bytes] = {}
    tracker, _ = durable(disk)
    tracker.configure(conversation_id="kept")
    tracker.track_human_message("one")
    assert len(disk) == 1
    tracker.track_action("two")
    assert len(disk) == 2
    with tracker.track_action("three"):
        pass
    tracker.send_tracked_data()
    assert disk == {}


def test_another_process_sends_what_a_dead_one_left() -> None:
    """The records of a dead process become the same spans, and the next send reports them."""
    disk: dict[int, bytes] = {}
    dead, original = durable(disk)
    dead.get_or_create_conversation("c-dead", customer_id="cust")
    dead.track_human_message("question", attachments=[{"data": b"bytes"}], attachment_mode="form_data")
    with dead.track_action("search") as action:
        action.response = "found"
    dead.track_token_usage(3, 4, model="m")
    dead.track_agent_message("answer")
    left = tuple(disk.values())
    alive, sink = durable(orphans=left)
    alive.configure(conversation_id="c-dead")
    report = alive.send_tracked_data()
    assert [item["type"] for item in report["items"]] == [
        "conversation",
        "question",
        "action",
        "action",
        "answer",
    ]
    dead.send_tracked_data()
    assert sink.submissions == original.submissions
    with pytest.raises(NoDataToSendException):
        alive.send_tracked_data()


def test_recovery_needs_no_send_and_covers_every_conversation() -> None:
    """Opening the journal is enough: named, nameless and unfinished ones are submitted."""
    disk: dict[int, bytes] = {}
    dead, _ = durable(disk)
    dead.track_human_message("nameless")
    with conversation("c-1", device="mobile"):
        dead.track_human_message("named")
    with conversation("c-2"):
        dead.track_action("unfinished").__enter__()
    alive, sink = durable(orphans=(*disk.values(), b"not a record"))
    alive.track_human_message("opens the journal")
    found = {span.attributes["agentsight.conversation.id"]: span for span in sink.spans}
    assert {"c-1", "c-2"} < set(found)
    assert found["c-1"].attributes["agentsight.conversation.device"] == "mobile"
    assert sorted(said(sink.spans)) == ["named", "nameless"]
    assert [kind(span) for span in sink.spans].count("tool") == 1


def test_a_name_given_later_is_recovered_too() -> None:
    """What was tracked before the name is found under the name, with what came after."""
    disk: dict[int, bytes] = {}
    dead, _ = durable(disk)
    dead.track_human_message("before")
    dead.configure(conversation_id="named-late")
    dead.track_agent_message("after")
    alive, sink = durable(orphans=tuple(disk.values()))
    alive.configure(conversation_id="named-late")
    alive.send_tracked_data()
    assert {span.attributes["agentsight.conversation.id"] for span in sink.spans} == {"named-late"}
    assert said(sink.spans) == ["before", "after"]


def test_items_from_before_the_key_are_kept_once_there_is_one() -> None:
    """The first key opens the journal, and what was in memory goes into it."""
    disk: dict[int, bytes] = {}
    sink = RecordingSink(disk)
    tracker = Tracker(Config.resolve({}), lambda _: sink, lambda: None)
    tracker.track_human_message("early")
    assert disk == {}
    tracker.configure(api_key=KEY)
    tracker.track_agent_message("late")
    assert len(disk) == 2
    tracker.send_tracked_data()
    assert disk == {}


def test_a_new_destination_takes_the_unsent_items_along() -> None:
    """After a change of key the old journal is released and the new one has the items."""
    disks: dict[str, dict[int, bytes]] = {KEY: {}, OTHER_KEY: {}}

    def connect(config: Config) -> RecordingSink:
        return RecordingSink(disks[config.api_key or ""])

    tracker = Tracker(Config.resolve({}, api_key=KEY), connect, lambda: None)
    tracker.configure(conversation_id="moves")
    tracker.track_human_message("one")
    assert [len(disk) for disk in disks.values()] == [1, 0]
    tracker.configure(api_key=OTHER_KEY)
    assert [len(disk) for disk in disks.values()] == [0, 1]
    tracker.send_tracked_data()
    assert [len(disk) for disk in disks.values()] == [0, 0]


def test_memory_mode_keeps_nothing() -> None:
    """With durability memory a track call opens no sink at all."""
    made: list[Config] = []

    def connect(config: Config) -> RecordingSink:
        made.append(config)
        return RecordingSink()

    tracker = Tracker(Config.resolve({}, api_key=KEY, durability="memory"), connect, lambda: None)
    tracker.track_human_message("m")
    assert made == []


def test_recovered_records_are_released_once_submitted() -> None:
    """After a recovery the journal is empty, save for what it could not read."""
    disk: dict[int, bytes] = {}
    dead, _ = durable(disk)
    dead.get_or_create_conversation("c-dead", name="n")
    dead.track_human_message("question")
    again: dict[int, bytes] = {}
    alive, sink = durable(again, tuple(disk.values()))
    alive.configure(conversation_id="c-dead")
    alive.send_tracked_data()
    assert again == {}
    assert sink.spans[0].attributes["agentsight.conversation.name"] == "n"


def test_what_is_kept_on_disk_is_masked() -> None:
    """With a mask no text of any kind reaches the journal as it was; a mask that fails hides all."""
    disk: dict[int, bytes] = {}
    tracker, sink = durable(disk)
    for mask in (lambda text: text.replace("secret", "***"), lambda text: text[1000]):
        sink.mask = mask
        tracker.get_or_create_conversation("c", name="secret name", metadata={"a": ["secret"]})
        file = {"filename": "secret.txt", "data": b"1"}
        tracker.track_human_message("my secret", [file], "form_data", {"secret": "secret"})
        with tracker.track_action("secret_tool", tools_used={"q": "secret"}, error_msg="secret") as action:
            action.response = {"r": "secret"}
        tracker.track_button("secret", "secret", "secret")
        tracker.track_attachments([file], mode="form_data", metadata={"k": "secret"})
        assert len(disk) > 5
        leaked = [record for record in disk.values() if b"secret" in record]
        assert [record for record in leaked if record.count(b"secret") != record.count(b'"secret":')] == []
        tracker.send_tracked_data()
