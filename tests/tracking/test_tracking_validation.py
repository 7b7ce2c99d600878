from __future__ import annotations

import base64
import io
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_sink import make_tracker, said

from agentsight_otel import exceptions as errors
from agentsight_otel.encoding import decode_json
from agentsight_otel.tracking import Tracker
from agentsight_otel.tracking.attachments import MAX_FILE_BYTES

FILE = {"filename": "a.txt", "mime_type": "text/plain", "data": "aGk="}
LONG = "x" * 256

Bad = tuple[Callable[[Tracker], Any], type[errors.AgentSightException], str]


def message(**kwargs: Any) -> Callable[[Tracker], Any]:
    """Make a call that tracks a human message."""
    return lambda t: t.track_human_message(**{"message": "m", **kwargs})


def attach(*attachments: Any, mode: str = "base64") -> Callable[[Tracker], Any]:
    """Make a call that tracks attachments."""
    return lambda t: t.track_attachments(list(attachments), mode=mode)


def create(**kwargs: Any) -> Callable[[Tracker], Any]:
    """Make a call that opens a conversation."""
    return lambda t: t.get_or_create_conversation(**{"conversation_id": "c", **kwargs})


def act(**kwargs: Any) -> Callable[[Tracker], Any]:
    """Make a call that tracks an action."""
    return lambda t: t.track_action(**{"action_name": "a", **kwargs})


DATA = errors.InvalidConversationDataException
FILES = errors.InvalidAttachmentException

BAD: list[Bad] = [
    (message(message=""), errors.InvalidQuestionDataException, "message"),
    (message(message=" \n\t"), errors.InvalidQuestionDataException, "message"),
    (message(message=None), errors.InvalidQuestionDataException, "message"),
    (lambda t: t.track_agent_message(" "), errors.InvalidAnswerDataException, "message"),
    (lambda t: t.track_agent_message(None), errors.InvalidAnswerDataException, "message"),
    (message(metadata=["no"]), DATA, "metadata"),
    (message(metadata="no"), DATA, "metadata"),
    (message(attachments=[FILE], attachment_mode="zip"), errors.InvalidAttachmentModeException, "mode"),
    (message(attachments=[FILE], attachment_mode=7), errors.InvalidAttachmentModeException, "mode"),
    (message(attachments="a.txt"), FILES, "attachments"),
    (message(attachments=[FILE] * 11), FILES, "attachments"),
    (attach(), FILES, "attachments"),
    (attach(FILE, mode="zip"), errors.InvalidAttachmentModeException, "mode"),
    (attach({"filename": "a", "mime_type": "b"}), FILES, "attachments[0].data"),
    (attach(FILE, {**FILE, "data": "not base64!"}), FILES, "attachments[1].data"),
    (attach({**FILE, "data": None}), FILES, "attachments[0].data"),
    (attach({**FILE, "filename": " "}), FILES, "attachments[0].filename"),
    (attach({"mime_type": "a/b", "data": "aGk="}), FILES, "attachments[0].filename"),
    (attach({"filename": "a", "data": "aGk="}), FILES, "attachments[0].mime_type"),
    (attach({"data": "aGk="}, mode="form_data"), FILES, "attachments[0].data"),
    (attach(12), FILES, "attachments[0]"),
    (attach("/no/such/file"), FILES, "attachments[0]"),
    (attach("nul\0byte"), FILES, "attachments[0]"),
    (attach({"data": b"x" * (MAX_FILE_BYTES + 1)}, mode="form_data"), FILES, "attachments[0].data"),
    (lambda t: t.track_attachments([FILE], sender="boss"), errors.InvalidChoiceException, "sender"),
    (lambda t: t.track_attachments([FILE], metadata=3), DATA, "metadata"),
    (act(action_name=""), DATA, "action_name"),
    (act(action_name=3), DATA, "action_name"),
    (act(started_at="yesterday"), DATA, "started_at"),
    (act(ended_at=object()), DATA, "ended_at"),
    (act(ended_at=float("inf")), DATA, "ended_at"),
    (act(started_at=-5), DATA, "started_at"),
    (act(started_at=20, ended_at=10), DATA, "ended_at"),
    (act(duration_ms="long"), DATA, "duration_ms"),
    (act(duration_ms=-1), DATA, "duration_ms"),
    (act(duration_ms=float("nan")), DATA, "duration_ms"),
    (act(duration_ms=1e30), DATA, "duration_ms"),
    (act(metadata=1), DATA, "metadata"),
    (lambda t: t.track_human_message("hi", attachment_mode="zip"), ValueError, "mode"),
    (lambda t: t.track_agent_message("hi", [], None), ValueError, "mode"),
    (lambda t: t.track_button("", "l", "v"), DATA, "button_event"),
    (lambda t: t.track_button("e", " ", "v"), DATA, "label"),
    (lambda t: t.track_button("e", "l", None), DATA, "value"),
    (lambda t: t.track_token_usage(-1), DATA, "prompt_tokens"),
    (lambda t: t.track_token_usage(1.5), DATA, "prompt_tokens"),
    (lambda t: t.track_token_usage(completion_tokens=None), DATA, "completion_tokens"),
    (lambda t: t.track_token_usage(total_tokens="3"), DATA, "total_tokens"),
    (lambda t: t.track_token_usage(embedding_tokens=2**60), DATA, "embedding_tokens"),
    (lambda t: t.track_token_usage(1, model=" "), DATA, "model"),
    (create(conversation_id=""), errors.MissingConversationIdException, "conversation_id"),
    (create(conversation_id=None), errors.MissingConversationIdException, "conversation_id"),
    (create(conversation_id=LONG), DATA, "conversation_id"),
    (create(conversation_id=1.5), DATA, "conversation_id"),
    (create(customer_id=LONG), DATA, "customer_id"),
    (create(device=LONG), DATA, "device"),
    (create(source=LONG), DATA, "source"),
    (create(language=LONG), DATA, "language"),
    (create(name=LONG), DATA, "name"),
    (create(name=["no"]), DATA, "name"),
    (create(environment=LONG), DATA, "environment"),
    (create(customer_ip_address="300.1.1.1"), DATA, "customer_ip_address"),
    (create(metadata=[1]), DATA, "metadata"),
]


@pytest.mark.parametrize(("call", "expected", "field"), BAD)
def test_bad_input_is_refused_at_the_call(
    call: Callable[[Tracker], Any], expected: type[errors.AgentSightException], field: str
) -> None:
    """The exception names field and limit, and what was tracked before is intact."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="before")
    tracker.track_human_message("kept")
    with pytest.raises(expected) as caught:
        call(tracker)
    assert caught.value.field == field
    assert caught.value.limit
    assert LONG not in str(caught.value)
    assert tracker.send_tracked_data()["conversation_id"] == "before"
    assert said(sink.spans) == ["kept"]


def test_generous_input_is_taken() -> None:
    """Numbers as messages, UUIDs and integers as ids, and every form of attachment."""
    tracker, sink = make_tracker()
    customer = uuid.uuid4()
    tracker.get_or_create_conversation(4711, customer_id=customer, customer_ip_address=" ::1 ")
    tracker.track_human_message(123)
    tracker.track_human_message("lone \ud800 surrogate")
    tracker.send_tracked_data()
    assert said(sink.spans) == ["123", "lone � surrogate"]
    assert sink.spans[0].attributes["agentsight.conversation.id"] == "4711"
    assert sink.spans[0].attributes["agentsight.conversation.customer_id"] == str(customer)
    assert sink.spans[0].attributes["agentsight.conversation.customer_ip"] == "::1"


def test_attachments_come_in_every_form(tmp_path: Path) -> None:
    """Base64, bytes, files and paths, in both modes, with names and types found where missing."""
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7 x")
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="forms")
    named = io.BytesIO(b"GIF89a")
    tracker.track_attachments(
        [
            {**FILE, "data": base64.b64encode(b"x" * 1000).decode()},
            {"data": b"\xff\xd8\xff\xe0", "filename": "photo"},
            path,
            str(path),
            {"data": named},
            {"data": bytearray(b"PK\x03\x04....word/document.xml")},
            {"data": b"?", "content_type": "text/csv"},
            {**FILE, "data": ""},
        ]
    )
    tracker.track_attachments([{"data": io.StringIO("text")}], mode="FORM-DATA")
    tracker.send_tracked_data()
    uploads = sink.submissions[0][1]
    found = [(u.filename, u.mime_type, len(u.data)) for u in uploads]
    assert found == [
        ("a.txt", "text/plain", 1000),
        ("photo", "image/jpeg", 4),
        ("report.pdf", "application/pdf", 10),
        ("report.pdf", "application/pdf", 10),
        ("attachment_4.gif", "image/gif", 6),
        (
            "attachment_5.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            25,
        ),
        ("attachment_6.csv", "text/csv", 1),
        ("a.txt", "text/plain", 0),
        ("attachment_0.bin", "application/octet-stream", 4),
    ]
    assert len({u.key for u in uploads}) == len(uploads)


def test_metadata_is_a_snapshot() -> None:
    """Changing the dict after the call changes nothing; what JSON cannot hold is marked."""
    tracker, sink = make_tracker()
    tracker.configure(conversation_id="snap")
    document: dict[Any, Any] = {"n": float("nan"), 3: {1, 2}, "o": object()}
    document["self"] = document
    tracker.track_human_message("m", metadata=document)
    document["later"] = True
    tracker.send_tracked_data()
    sent = decode_json(sink.spans[0].events[0].attributes["agentsight.message.metadata"])
    assert sent == {"n": "NaN", "3": [1, 2], "o": "<object>", "self": "<cycle>"}


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is not a failure."""

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@UNHURRIED
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_any_value_is_taken_or_refused_by_name(a: Any, b: Any, c: Any, d: Any) -> None:
    """Whatever is passed, a call succeeds or raises one of our exceptions with its field."""
    tracker, _ = make_tracker()
    calls: list[Callable[[], Any]] = [
        lambda: tracker.track_human_message(a, metadata=b),
        lambda: tracker.track_attachments(a, sender=b, metadata=c, mode=d),
        lambda: tracker.track_attachments([{"data": a, "filename": b, "mime_type": c}], mode="form_data"),
        lambda: tracker.track_action(a, started_at=b, ended_at=c, duration_ms=d),
        lambda: tracker.track_action("ok", tools_used=a, response=b, error_msg=c, metadata=d),
        lambda: tracker.track_button(a, b, c, metadata=d),
        lambda: tracker.track_token_usage(a, b, c, d),
        lambda: tracker.get_or_create_conversation("c", a, b, c, d),
        lambda: tracker.get_or_create_conversation(a, language=b, name=c, metadata=d),
    ]
    for call in calls:
        try:
            call()
        except errors.AgentSightException as error:
            assert error.field  # noqa: PT017 - both outcomes are right, but a refusal names its field
    tracker.get_tracked_data_summary()
    if tracker.get_tracked_data_summary()["summary"]["total"]:
        assert tracker.send_tracked_data()["delivered"]
