from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from translation_spans import S, assembled, chat, record, transcript, wire

from agentsight_otel.translation.masking import MASK_FAILED, mask_log, mask_span
from agentsight_otel.translation.span_data import EventData, LinkData, LogData, SpanData

SECRET = "4111-1111"


def hide(text: str) -> str:
    """A user's mask."""
    return text.replace(SECRET, "****")


def holding(secret: str) -> SpanData:
    """A span with a secret in every place that can hold a text."""
    return SpanData(
        "a" * 32,
        "b" * 16,
        f"pay {secret}",
        1,
        2,
        status="error",
        status_description=f"declined {secret}",
        attributes={
            "plain": f"card {secret}",
            "nested": {"deep": [{"leaf": f"{secret}!"}]},
            "json": json.dumps({"parts": [{"content": f"my {secret}"}]}),
            "json.twice": json.dumps(json.dumps({"x": f"my {secret}"})),
            "raw": f"bytes {secret}".encode(),
            "user.id": f"text under an id key {secret}",
            "list": [f"{secret}"],
        },
        events=(
            EventData(f"said {secret}", 1, {"content": f"{secret}"}, {"body": f"{secret}"}),
            EventData("agentsight.message", 1, {"agentsight.message.content": f"{secret}"}),
        ),
        links=(LinkData("c" * 32, "d" * 16, {"note": f"{secret}"}),),
        resource={"host.name": f"host {secret}"},
    )


def test_no_text_escapes_the_mask() -> None:
    """A secret in any place of a span is gone from everything that leaves."""
    masked = mask_span(holding(SECRET), hide)
    assert SECRET.encode() not in msgspec.msgpack.encode(masked)
    assert masked.attributes["nested"] == {"deep": [{"leaf": "****!"}]}
    assert json.loads(masked.attributes["json"]) == {"parts": [{"content": "my ****"}]}


def test_the_original_is_not_touched() -> None:
    """Other exporters see what they always saw."""
    span = holding(SECRET)
    before = msgspec.msgpack.encode(span)
    mask_span(span, hide)
    assert msgspec.msgpack.encode(span) == before


def test_a_failing_mask_hides_its_text_only() -> None:
    """It fails closed, per value, and structure stays."""

    def broken(text: str) -> str:
        if "bad" in text:
            raise RuntimeError(text)
        return text

    span = SpanData(
        "a" * 32, "b" * 16, "n", 1, 2, attributes={"a": "bad one", "b": "good", "c": {"d": ["bad"]}}
    )
    assert mask_span(span, broken).attributes == {"a": MASK_FAILED, "b": "good", "c": {"d": [MASK_FAILED]}}


def test_a_mask_that_returns_no_text_hides() -> None:
    """None is not a licence to send the original."""
    span = SpanData("a" * 32, "b" * 16, "n", 1, 2, attributes={"a": "x"})
    assert mask_span(span, lambda _: None).attributes == {"a": MASK_FAILED}  # type: ignore[arg-type, return-value]


def test_translation_still_works_behind_a_mask_that_hides_everything() -> None:
    """Ids, kinds, roles and models are left, so the conversation has its shape."""
    spans = record(
        S(
            "chat gpt-4o",
            chat(("user", "my card is 4111"), reply="noted", **{"gen_ai.conversation.id": "conv-1"}),
        )
    )
    blocks = assembled([mask_span(span, lambda _: "#") for span in spans])
    assert [block.conversation_id for block in blocks] == ["conv-1"]
    assert transcript(blocks) == [("end_user", "#"), ("agent", "#")]
    assert wire(blocks, "llm")[0]["attributes"]["gen_ai.request.model"] == "gpt-4o"


def test_log_records_are_masked_too() -> None:
    """Bodies of GenAI events hold the texts."""
    log = LogData("a" * 32, "b" * 16, EventData("gen_ai.user.message", 1, {}, {"content": f"my {SECRET}"}))
    assert mask_log(log, hide).event.body == {"content": "my ****"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(max_size=8), x, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), JSON | JSON.map(json.dumps), max_size=5))
def test_a_mask_that_changes_nothing_changes_nothing(attributes: dict[str, Any]) -> None:
    """Texts are looked through, not rewritten."""
    span = SpanData("a" * 32, "b" * 16, "n", 1, 2, attributes=attributes)
    assert mask_span(span, lambda text: text).attributes == attributes


@given(
    st.dictionaries(st.sampled_from(["a", "role", "x.id", "type"]), JSON | JSON.map(json.dumps), max_size=5)
)
def test_every_sentence_is_seen(attributes: dict[str, Any]) -> None:
    """Whatever holds a text with a space in it has shown that text to the mask."""
    seen: list[str] = []
    marked = {key: _with_sentences(value) for key, value in attributes.items()}
    mask_span(
        SpanData("a" * 32, "b" * 16, "n", 1, 2, attributes=marked), lambda text: seen.append(text) or text
    )  # type: ignore[func-returns-value]
    assert set(_sentences(marked)) <= set(seen)


def _with_sentences(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_sentences(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_sentences(item) for item in value]
    return "two words" if isinstance(value, str) else value


def _sentences(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _sentences(item)
    elif isinstance(value, list):
        for item in value:
            yield from _sentences(item)
    elif isinstance(value, str):
        yield value
