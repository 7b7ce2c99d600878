"""The corpus itself: complete, readable, and true to its script."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.corpus.fidelity import CORPUS, Recording, load
from tests.corpus.table import combinations, markdown

FOLDERS = sorted(path.parent for path in CORPUS.glob("*/*/expected.json"))
WANTED = {
    "basic", "tools", "same_text", "delegate", "transfer", "streaming", "interleaved", "concurrent",
    "provider_error", "odd_texts", "fastapi", "double", "no_id", "content_off",
}  # fmt: skip


@pytest.fixture(params=FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def recording(request: pytest.FixtureRequest) -> Recording:
    """Each recording, decoded into the types of the package."""
    folder: Path = request.param
    return load(folder)


def test_there_are_enough_combinations_and_every_scenario() -> None:
    """At least twenty combinations, each recorded, and each kind of scenario by someone."""
    recorded = {folder.parent.name for folder in FOLDERS}
    assert len(recorded) >= 20
    assert recorded == set(combinations())
    assert {folder.name for folder in FOLDERS} >= WANTED


def test_a_recording_names_each_span_once(recording: Recording) -> None:
    """Span keys are unique, times are in order, and parents are other spans."""
    keys = [span.key for span in recording.spans]
    assert keys
    assert len(set(keys)) == len(keys)
    assert all(0 < span.start_ns <= span.end_ns for span in recording.spans)
    assert all(span.parent_span_id != span.span_id for span in recording.spans)


def test_the_truth_says_what_it_must(recording: Recording) -> None:
    """Every conversation has messages of the two senders and counts that are whole numbers or null."""
    assert recording.expected
    for conversation in recording.expected:
        senders = [message["sender"] for message in conversation["messages"]]
        assert senders[0] == "end_user"
        assert set(senders) <= {"end_user", "agent"}
        assert set(conversation["tokens"]) == {"input", "output", "cache_read", "calls"}


def test_what_is_marked_as_not_captured_has_a_note(recording: Recording) -> None:
    """Nothing is excused in silence."""
    for conversation in recording.expected:
        excused = [item for item in conversation["messages"] + conversation["actions"] if "captured" in item]
        excused += [name for name, value in conversation["tokens"].items() if value is None]
        assert bool(conversation["notes"]) >= bool(excused)


def test_the_readme_has_the_table_of_what_is_recorded() -> None:
    """The table was made from these recordings."""
    assert markdown() in (CORPUS / "README.md").read_text(encoding="utf-8")


def test_recordings_say_what_made_them() -> None:
    """Each combination names the versions it was recorded with."""
    for name in combinations():
        versions = json.loads((CORPUS / name / "versions.json").read_text())
        assert versions, name
