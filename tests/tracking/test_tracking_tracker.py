from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from recording_sink import KEY, OTHER_KEY, RecordedTicket, RecordingSink, kind, make_tracker, said

from agentsight_otel import exceptions as errors
from agentsight_otel.config import Config
from agentsight_otel.tracking import Tracker, conversation
from agentsight_otel.tracking.ids import conversation_trace_id
from agentsight_otel.tracking.sending import Submitted, wait
from agentsight_otel.tracking.timeline import Batch


def test_one_submission_carries_the_whole_conversation_in_order() -> None:
    """Everything tracked goes out in one submission, turn by turn, in the tracked order."""
    tracker, sink = make_tracker()
    tracker.get_or_create_conversation("c-1", customer_id="cust", metadata={"plan": "pro"})
    tracker.track_human_message("hi")
    tracker.track_action("search", duration_ms=150, response={"hits": 2})
    tracker.track_agent_message("hello", metadata={"a": 1})
    tracker.track_button("helpful", "👍", "yes")
    tracker.track_human_message("bye")
    report = tracker.send_tracked_data()
    assert len(sink.submissions) == 1
    assert [kind(span) for span in sink.spans] == ["conversation", "turn", "tool", "button", "turn"]
    assert said(sink.spans) == ["hi", "hello", "bye"]
    assert report["summary"] == {
        "questions": 2,
        "answers": 1,
        "attachments": 0,
        "actions": 1,
        "buttons": 1,
        "errors": 0,
    }
    assert [item["type"] for item in report["items"]] == [
        "conversation",
        "question",
        "action",
        "answer",
        "button",
        "question",
    ]
    assert [item["index"] for item in report["items"]] == list(range(6))
    assert all(item["success"] and item["response"] is None for item in report["items"])
    stamps = [item["timestamp"] for item in report["items"]]
    assert stamps == sorted(set(stamps))
    assert (report["conversation_id"], report["delivered"], report["queued"]) == ("c-1", True, 0)


def test_every_span_carries_both_vocabularies() -> None:
    """AgentSight's names and the GenAI conventions' are on the spans, and all share the derived trace."""
    tracker, sink = make_tracker()
    tracker.get_or_create_conversation("c-2", customer_id="cust")
    tracker.track_human_message("hi")
    tracker.track_action("search", tools_used={"q": "x"}, response="found")
    tracker.track_token_usage(prompt_tokens=4, completion_tokens=5, model="gpt-x")
    tracker.track_agent_message("hello")
    tracker.send_tracked_data()
    for span in sink.spans:
        assert span.trace_id == conversation_trace_id("c-2")
        assert span.attributes["agentsight.conversation.id"] == "c-2"
        assert span.attributes["gen_ai.conversation.id"] == span.attributes["session.id"] == "c-2"
        assert span.attributes["user.id"] == "cust"
    _, turn, tool, model = sink.spans
    assert turn.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert turn.attributes["gen_ai.input.messages"] == (
        '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'
    )
    assert '"content":"hello"' in turn.attributes["gen_ai.output.messages"]
    assert turn.attributes["agentsight.turn.complete"] is True
    assert turn.attributes["agentsight.turn.id"] == turn.span_id == tool.parent_span_id
    assert (tool.name, tool.attributes["gen_ai.tool.name"]) == ("execute_tool search", "search")
    assert tool.attributes["gen_ai.tool.call.arguments"] == '{"q":"x"}'
    assert tool.attributes["agentsight.tool.response"] == "found"
    assert (model.name, model.kind) == ("chat gpt-x", "client")
    assert model.attributes["gen_ai.usage.input_tokens"] == 4


def test_e1_items_before_a_name_are_sent() -> None:
    """Tracking before naming works: the first name adopts, and a send without a name makes one."""
    tracker, sink = make_tracker()
    tracker.track_human_message("first")
    tracker.configure(conversation_id="named")
    tracker.track_agent_message("second")
    assert tracker.send_tracked_data()["conversation_id"] == "named"
    assert said(sink.spans) == ["first", "second"]
    other, sink = make_tracker()
    other.track_human_message("nameless")
    report = other.send_tracked_data()
    assert report["conversation_id"].startswith("conv_")
    other.track_agent_message("same conversation")
    assert other.send_tracked_data()["conversation_id"] == report["conversation_id"]


def test_unnamed_items_join_a_conversation_that_has_some_by_time() -> None:
    """Items tracked before a name merge into the named conversation's unsent ones, by time."""
    tracker, sink = make_tracker()
    with conversation("c-merge"):
        tracker.track_human_message("one")
    tracker.track_agent_message("two")
    with conversation("c-merge"):
        tracker.track_human_message("three")
    tracker.configure(conversation_id="c-merge")
    tracker.send_tracked_data()
    assert said(sink.spans) == ["one", "two", "three"]


def test_e2_token_counters_belong_to_their_conversation_and_reset() -> None:
    """Counters are per conversation, are sent once, and start again at zero."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="t-1")
    assert tracker.get_token_usage() == {}
    tracker.track_token_usage(10, 5)
    tracker.track_token_usage(1, 1, embedding_tokens=3)
    tracker.configure(conversation_id="t-2")
    assert tracker.get_token_usage() == {}
    tracker.configure(conversation_id="t-1")
    usage = {"prompt_tokens": 11, "completion_tokens": 6, "total_tokens": 20, "embedding_tokens": 3}
    assert tracker.get_token_usage() == usage
    tracker.track_agent_message("done")
    report = tracker.send_tracked_data()
    assert (report["summary"]["actions"], report["summary"]["answers"]) == (1, 1)
    assert tracker.get_token_usage() == dict.fromkeys(usage, 0)
    tracker.track_agent_message("again")
    tracker.send_tracked_data()
    assert [kind(span) for span in sink.submissions[1][0]] == ["turn"]


def test_e3_totals_are_derived_unless_given() -> None:
    """A total of zero is the sum of the others; a given one stays."""
    tracker, _ = make_tracker()
    tracker.configure(conversation_id="totals")
    tracker.track_token_usage(prompt_tokens=45, completion_tokens=32)
    assert tracker.get_token_usage()["total_tokens"] == 77
    tracker.track_token_usage(total_tokens=100)
    assert tracker.get_token_usage()["total_tokens"] == 177


def test_e4_token_handlers_are_accepted_without_effect() -> None:
    """Settings of 0.0.44 that never did anything change nothing and break nothing."""
    tracker, _ = make_tracker()
    tracker.configure(log_level="DEBUG", token_handler="llamaindex", app_url="http://x")
    with pytest.raises(TypeError):
        tracker.configure(unknown_setting=1)


def test_e5_file_handles_are_read_when_tracked(tmp_path: Any) -> None:
    """A file may be closed and deleted after the call: its bytes are sent, and the summary works."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"notes")
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="files")
    with path.open("rb") as file:
        tracker.track_human_message("see", attachments=[{"data": file}], attachment_mode="form_data")
    path.unlink()
    assert tracker.get_tracked_data_summary()["summary"]["questions"] == 1
    tracker.send_tracked_data()
    ((_, uploads),) = sink.submissions
    assert [(u.filename, u.mime_type, u.data) for u in uploads] == [("notes.txt", "text/plain", b"notes")]


def test_e6_e7_uploads_name_their_conversation_and_message() -> None:
    """Attachments of either sender and mode carry the conversation id and their message's time."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="up")
    base64_file = {"filename": "a.txt", "mime_type": "text/plain", "data": "aGk="}
    tracker.track_agent_message("answer", attachments=[base64_file])
    tracker.track_attachments([{"data": b"\x89PNG\r\n\x1a\n"}], sender="agent", mode="form_data")
    tracker.send_tracked_data()
    ((spans, uploads),) = sink.submissions
    message = spans[0].events[0]
    assert {u.conversation_id for u in uploads} == {"up"}
    assert (uploads[0].time_ns, uploads[0].on_message, uploads[0].sender) == (message.time_ns, True, "agent")
    assert (uploads[1].on_message, uploads[1].filename) == (False, "attachment_0.png")
    assert [kind(span) for span in spans] == ["turn", "attachment", "attachment"]
    assert "aGk=" not in str(spans)


def test_e8_threads_that_configure_never_mix() -> None:
    """What one thread names stays in that thread; threads that name nothing use the main thread's."""
    tracker, _ = make_tracker()
    tracker.configure(conversation_id="main")
    seen: dict[str, Any] = {}

    def named() -> None:
        tracker.configure(conversation_id="worker")
        tracker.track_human_message("w")
        seen["worker"] = tracker.get_tracked_data_summary()["conversation_id"]

    def unnamed() -> None:
        tracker.track_human_message("m")
        seen["unnamed"] = tracker.get_tracked_data_summary()["conversation_id"]

    for target in (named, unnamed):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join(10)
    assert seen == {"worker": "worker", "unnamed": "main"}
    assert tracker.get_tracked_data_summary()["summary"]["total"] == 1


def test_an_event_loop_on_the_main_thread_names_only_for_its_task() -> None:
    """A task's configure does not become the process default."""
    tracker, _ = make_tracker()

    async def request() -> None:
        tracker.configure(conversation_id="task")
        tracker.track_human_message("hi")

    asyncio.run(request())
    assert tracker.get_tracked_data_summary()["conversation_id"] is None


def test_e9_a_refused_key_changes_nothing() -> None:
    """After a malformed key or a blank id, the settings and the active conversation are as before."""
    tracker, _ = make_tracker()
    tracker.configure(conversation_id="stays")
    before = tracker.config
    with pytest.raises(errors.InvalidApiKeyException) as caught:
        tracker.configure(api_key="bad-secret", conversation_id="other")
    assert "bad-secret" not in str(caught.value)
    with pytest.raises(errors.MissingConversationIdException):
        tracker.configure(conversation_id=" ", endpoint="http://localhost:1")
    with pytest.raises(errors.NoApiKeyException):
        tracker.configure(api_key=None)
    assert tracker.config is before
    assert tracker.get_tracked_data_summary()["conversation_id"] == "stays"


def test_e10_the_token_item_has_its_place_in_time() -> None:
    """Report order is timestamp order, the token item included."""
    tracker, _ = make_tracker()
    tracker.configure(conversation_id="e10")
    tracker.track_human_message("q")
    tracker.track_token_usage(1, 1)
    tracker.track_agent_message("a")
    report = tracker.send_tracked_data()
    stamps = [item["timestamp"] for item in report["items"]]
    assert stamps == sorted(stamps)
    assert [item["type"] for item in report["items"]] == ["question", "action", "answer"]


def test_o15_an_explicit_environment_wins() -> None:
    """Argument over setting over nothing."""
    tracker, sink = make_tracker(environment="staging")
    tracker.get_or_create_conversation("e-1", environment="development")
    tracker.send_tracked_data()
    tracker.get_or_create_conversation("e-2")
    tracker.send_tracked_data()
    plain, other = make_tracker()
    plain.get_or_create_conversation("e-3")
    plain.send_tracked_data()
    name = "agentsight.conversation.environment"
    assert [span.attributes[name] for span in sink.spans] == ["development", "staging"]
    assert name not in other.spans[0].attributes


def test_a_failed_send_keeps_everything_and_the_next_reports_it_once() -> None:
    """Nothing is submitted twice: the ticket stays and the next send reports it with the new items."""
    tracker, sink = make_tracker()
    sink.answer = ("waiting", "503 from the backend", 503)
    tracker.configure(conversation_id="retry")
    tracker.track_human_message("one")
    report = tracker.send_tracked_data()
    assert (report["delivered"], report["queued"], report["summary"]["errors"]) == (False, 1, 1)
    assert "503" in report["items"][0]["error"]
    assert tracker.send_tracked_data()["queued"] == 1
    sink.answer = ("delivered", None, 200)
    tracker.track_agent_message("two")
    report = tracker.send_tracked_data()
    assert [item["type"] for item in report["items"]] == ["question", "answer"]
    assert (report["delivered"], report["queued"]) == (True, 0)
    assert said(sink.spans) == ["one", "two"]
    with pytest.raises(errors.NoDataToSendException):
        tracker.send_tracked_data()


def test_dead_items_are_reported_as_errors() -> None:
    """What the backend refused for good is in the report and then gone."""
    tracker, sink = make_tracker()
    sink.answer = ("dead", "400: unknown environment", 400)
    tracker.configure(conversation_id="dead")
    tracker.track_human_message("one")
    report = tracker.send_tracked_data()
    assert (report["delivered"], report["queued"], report["items"][0]["success"]) == (False, 0, False)
    assert "400" in report["items"][0]["error"]
    with pytest.raises(errors.NoDataToSendException):
        tracker.send_tracked_data()


def test_without_a_key_everything_stays_until_there_is_one() -> None:
    """Tracking needs no key; a send without one raises and loses nothing."""
    sink = RecordingSink()
    tracker = Tracker(Config.resolve({}), lambda _: sink, lambda: None)
    tracker.track_human_message("early")
    with pytest.raises(errors.NoApiKeyException):
        tracker.send_tracked_data()
    tracker.configure(api_key=KEY)
    assert tracker.send_tracked_data()["delivered"]
    assert said(sink.spans) == ["early"]


def test_a_new_key_connects_a_new_sink() -> None:
    """Another key or endpoint means another destination; the rest of the settings does not."""
    made: list[str | None] = []

    def connect(config: Config) -> RecordingSink:
        made.append(config.api_key)
        return RecordingSink()

    tracker = Tracker(Config.resolve({}, api_key=KEY), connect, lambda: None)
    for settings in ({}, {"environment": "x"}, {"api_key": OTHER_KEY}):
        tracker.configure(conversation_id="c", **settings)
        tracker.track_human_message("m")
        tracker.send_tracked_data()
    assert made == [KEY, OTHER_KEY]


def test_the_summary_has_the_shape_of_0_0_44() -> None:
    """Items, previews and counts of the unsent conversation are those of the contract."""
    tracker, _ = make_tracker()
    tracker.get_or_create_conversation("sum", customer_id="c", name="n", environment="development")
    tracker.track_human_message("x" * 120, metadata={"k": 1})
    files = [{"filename": f"{i}.txt", "mime_type": "text/plain", "data": "aGk="} for i in range(5)]
    tracker.track_attachments(files)
    tracker.track_action("act", duration_ms=150, error_msg="boom")
    tracker.track_button("ev", "Label", "value")
    tracker.track_agent_message("short")
    tracker.track_token_usage(1)
    summary = tracker.get_tracked_data_summary()
    assert summary["conversation_id"] == "sum"
    assert summary["summary"] == {
        "conversation": 1,
        "questions": 1,
        "answers": 1,
        "attachments": 1,
        "actions": 1,
        "buttons": 1,
        "total": 6,
    }
    previews = [item["preview"] for item in summary["items"]]
    assert previews == [
        {"conversation_id": "sum", "customer_id": "c", "name": "n", "environment": "development"},
        {"content_preview": "x" * 100 + "...", "sender": "end_user", "has_metadata": True},
        {
            "count": 5,
            "mode": "base64",
            "sender": "end_user",
            "files": ["0.txt", "1.txt", "2.txt", "... and 2 more"],
        },
        {"action_name": "act", "duration_ms": 150, "has_error": True, "has_response": False},
        {"label": "Label", "value": "value", "event": "ev"},
        {"content_preview": "short", "sender": "agent", "has_metadata": False},
    ]
    assert [item["index"] for item in summary["items"]] == list(range(6))
    data = [item["data"] for item in summary["items"]]
    assert data[0]["is_used"] is True
    assert data[1] == {
        "content": "x" * 120,
        "sender": "end_user",
        "conversation_id": "sum",
        "metadata": {"k": 1},
    }
    assert data[2]["attachments"][0] == {"filename": "0.txt", "mime_type": "text/plain", "data": "aGk="}
    assert data[3] == {
        "action_name": "act",
        "conversation_id": "sum",
        "metadata": {},
        "duration_ms": 150,
        "error_msg": "boom",
    }
    assert tracker.get_tracked_data_summary() == summary


def test_an_action_measures_a_block_and_is_recorded_once() -> None:
    """As a context manager the duration, response, metadata and error come from the block."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="with")
    tracker.track_human_message("q")
    with tracker.track_action("search", metadata={"given": 1}) as action:
        tracker.track_button("b", "inside", "v")
        action.response = {"hits": 3}
        action.metadata["found"] = True
    with pytest.raises(ValueError, match="broken"), tracker.track_action("fails"):
        raise ValueError("broken")
    tracker.track_agent_message("a")
    assert tracker.send_tracked_data()["summary"]["actions"] == 2
    tools = [span for span in sink.spans if kind(span) == "tool"]
    assert [span.attributes["agentsight.tool.name"] for span in tools] == ["search", "fails"]
    good, bad = tools
    assert good.end_ns > good.start_ns
    assert good.attributes["agentsight.tool.response"] == '{"hits":3}'
    assert good.attributes["agentsight.metadata"] == '{"given":1,"found":true}'
    assert (bad.status, bad.attributes["agentsight.tool.error"]) == ("error", "broken")
    assert bad.attributes["error.type"] == "ValueError"
    button = next(span for span in sink.spans if kind(span) == "button")
    assert good.start_ns < button.start_ns <= bad.start_ns


def test_an_action_that_is_running_waits_for_its_end() -> None:
    """A send during the block leaves the action, and the next send has it at its place."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="running")
    tracker.track_human_message("q")
    with tracker.track_action("slow") as action:
        tracker.track_agent_message("interim")
        assert tracker.send_tracked_data()["summary"] == {
            "questions": 1,
            "answers": 1,
            "attachments": 0,
            "actions": 0,
            "buttons": 0,
            "errors": 0,
        }
        action.response = "done"
    report = tracker.send_tracked_data()
    assert [item["type"] for item in report["items"]] == ["action"]
    (tool,) = [span for span in sink.spans if kind(span) == "tool"]
    interim = sink.submissions[0][0][0].events[1]
    assert tool.start_ns < interim.time_ns
    assert tool.attributes["agentsight.tool.response"] == "done"


def test_stated_times_become_the_span_and_the_place_is_kept() -> None:
    """Explicit times are the span's; where it stands in the transcript is its own attribute."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="times")
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    tracker.track_action("both", started_at=start, ended_at=(start + timedelta(seconds=2)).isoformat())
    tracker.track_action("from", started_at="2026-01-02T03:04:05Z", duration_ms=500)
    tracker.track_action("until", ended_at=start, duration_ms="500")
    tracker.track_action("only", duration_ms=150)
    report = tracker.send_tracked_data()
    tools = [span for span in sink.spans if kind(span) == "tool"]
    assert [(span.end_ns - span.start_ns) // 1_000_000 for span in tools] == [2000, 500, 500, 150]
    assert tools[0].start_ns == tools[1].start_ns == int(start.timestamp()) * 10**9
    places = [item["timestamp"] for item in report["items"]]
    assert [span.attributes.get("agentsight.timestamp") for span in tools] == [*places[:3], None]
    assert tools[3].attributes["agentsight.tool.duration_ms"] == 150


def test_initialize_is_sent_at_once_and_leaves_the_active_conversation() -> None:
    """It submits one conversation span, switches nothing and says what went wrong."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="active")
    tracker.initialize_conversation("shown", device="mobile")
    assert [kind(span) for span in sink.spans] == ["conversation"]
    assert sink.spans[0].attributes["agentsight.conversation.id"] == "shown"
    assert tracker.get_tracked_data_summary()["conversation_id"] == "active"
    for answer, expected in [
        (("dead", "no", 400), errors.ConversationApiException),
        (("waiting", "key refused", 401), errors.UnauthorizedException),
        (("waiting", "key refused", 403), errors.ForbiddenException),
        (("waiting", "busy", 429), errors.RateLimitedException),
        (("waiting", "no route", None), errors.ConversationNetworkException),
    ]:
        sink.answer = answer
        with pytest.raises(expected):
            tracker.initialize_conversation("shown")
    with pytest.raises(errors.MissingConversationIdException):
        tracker.initialize_conversation("")


def test_fields_travel_once_so_that_later_sends_undo_nothing() -> None:
    """Name and metadata go with the send they were given for; the customer goes with every one."""
    tracker, sink = make_tracker()
    tracker.get_or_create_conversation("once", customer_id="c", name="first", metadata={"a": 1})
    tracker.send_tracked_data()
    tracker.track_human_message("later")
    tracker.send_tracked_data()
    (later,) = sink.submissions[1][0]
    assert later.attributes["agentsight.conversation.customer_id"] == "c"
    assert "agentsight.conversation.name" not in later.attributes
    assert "agentsight.conversation.metadata" not in later.attributes


def test_the_async_send_does_the_same() -> None:
    """The twin for event loops gives the same report, for a success and for a refusal."""
    tracker, sink = make_tracker()

    async def main() -> tuple[Any, Any, int]:
        tracker.track_human_message("hi")
        first = await tracker.send_tracked_data_async()
        sink.answer = ("waiting", "key refused", 401)
        tracker.track_agent_message("ho")
        return first, await tracker.send_tracked_data_async(), threading.active_count()

    first, second, _ = asyncio.run(main())
    assert (first["delivered"], second["delivered"], second["queued"]) == (True, False, 1)
    assert first["conversation_id"] == second["conversation_id"]


def test_only_spans_when_delivery_is_off() -> None:
    """With deliver off nothing is submitted and no key is needed."""
    tracker, sink = make_tracker(deliver=False)
    tracker.configure(conversation_id="collector")
    tracker.track_human_message("hi")
    report = tracker.send_tracked_data()
    assert (report["delivered"], report["queued"], report["summary"]["questions"]) == (False, 0, 1)
    assert sink.submissions == []


def test_unsent_items_are_bounded() -> None:
    """Above the memory budget the oldest conversations are submitted early, and none is lost."""
    tracker, sink = make_tracker(memory_max_bytes=300_000)
    for number in range(20):
        with conversation(f"big-{number}"):
            tracker.track_human_message("x" * 70_000)
    early = len(sink.submissions)
    assert 0 < early < 20
    assert tracker.submit_unsent() == 20 - early
    assert sorted(span.attributes["agentsight.conversation.id"] for span in sink.spans) == sorted(
        f"big-{number}" for number in range(20)
    )


def test_switching_delivery_off_takes_what_is_unsent_out_of_the_journal() -> None:
    """What a Collector gets from this process is not delivered again by the next one."""
    tracker, sink = make_tracker(durability="process", conversation_id="c-1")
    tracker.track_human_message("hi")
    assert len(sink.disk) == 1
    tracker.configure(deliver=False)
    assert sink.disk == {}
    assert [item["type"] for item in tracker.send_tracked_data()["items"]] == ["question"]
    assert sink.submissions == []


def test_one_refusal_answers_for_every_earlier_send() -> None:
    """Of several earlier sends the refusal of one key is waited for once."""

    class Refused(RecordedTicket):
        waits = 0

        def wait(self, timeout: float) -> bool:
            Refused.waits += 1
            for ticket in earlier:
                ticket.attempt("waiting", "HTTP 403", 403)
            return super().wait(min(timeout, 0))

    earlier = [Refused(), Refused(), Refused()]
    wait(Submitted([Batch([], ticket) for ticket in earlier], []), 10)
    assert Refused.waits == 1
