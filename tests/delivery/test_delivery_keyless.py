from __future__ import annotations

import json

import pytest
from delivery_helpers import run_script

from agentsight_otel import ConversationTracker
from agentsight_otel.testing import LocalServer
from agentsight_otel.tracking import outbox

KEYLESS = """
import atexit, dataclasses, json

def last():
    import agentsight_otel
    stats = agentsight_otel.stats()
    assert stats.balanced
    print(json.dumps([stats.emitted, dict(stats.dropped)]))

atexit.register(last)
from agentsight_otel import conversation_tracker
for name in ("first", "second"):
    conversation_tracker.get_or_create_conversation(name)
    for number in range(10):
        conversation_tracker.track_human_message(f"a secret of {name}")
"""


def test_items_without_a_key_are_counted_when_the_process_ends() -> None:
    """What no key was ever given for is dropped as no_key, said once and without a text."""
    ended = run_script(KEYLESS, env={})
    assert ended.returncode == 0
    emitted, dropped = json.loads(ended.stdout)
    assert dropped == {"no_key": emitted}
    assert emitted >= 20
    assert ended.stderr.count("no API key was configured") == 1
    assert "secret" not in ended.stderr


def early(server: LocalServer) -> ConversationTracker:
    """Return a tracker that has submitted some of ten messages for want of memory."""
    tracker = ConversationTracker(
        api_key=server.api_key, endpoint=server.url, conversation_id="early", memory_max_bytes=100_000
    )
    for number in range(10):
        tracker.track_human_message(f"{number} ".ljust(20_000, "x"))
    assert 0 < len(tracker.get_tracked_data_summary()["items"]) < 10
    return tracker


def test_what_went_early_is_in_the_next_report(server: LocalServer) -> None:
    """Items submitted because memory was full are reported with the rest of their conversation."""
    report = early(server).send_tracked_data()
    assert report["delivered"]
    assert report["summary"]["questions"] == 10
    assert [item["success"] for item in report["items"]] == [True] * 10


def test_what_is_kept_for_reports_is_bounded(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest are delivered all the same, and no longer reported."""
    monkeypatch.setattr(outbox, "MAX_UNREPORTED", 3)
    report = early(server).send_tracked_data()
    assert report["delivered"]
    assert 0 < report["summary"]["questions"] < 10
