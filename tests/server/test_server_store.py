"""The store: several writers at once, readers that cannot write, imports."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from server_api import Api, at, block, said, span, turn
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from agentsight_otel.server.clock import parse_time
from agentsight_otel.server.imports.checking import check_file
from agentsight_otel.server.imports.limits import EXAMPLE
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.imports import import_file, undo_import
from agentsight_otel.server.store.managing import expire
from agentsight_otel.testing import LocalServer

NOW = 1_790_000_000_000_000


def test_sixteen_writers_and_readers(engine_url: str) -> None:
    """16 writers over two servers on one database and one conversation: nothing lost, nothing twice."""
    with LocalServer(engine_url) as first, LocalServer(engine_url) as second:
        one = Api(first)
        two = Api(second)
        two.key = one.key

        def write(writer: int) -> None:
            api = one if writer % 2 else two
            for i in range(5):
                number = 1 + writer * 5 + i
                tool = span(1000 + number, "tool", number, tool__name=f"tool-{number % 3}")
                made = turn(number, number, (number, "end_user", f"{writer}-{i}"))
                for _ in range(2):
                    api.ingest(block(made, tool), block(made, conversation_id=f"own-{writer}"))
                api.get("/api/conversations/", params={"full": "false"})

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(write, range(16)))
        detail = one.conversation()
        assert len(detail["messages"]) == 160
        counts = one.get("/api/conversations/", params={"conversation_id": "c1", "full": "false"})
        assert counts["results"][0]["message_count"] == 160
        assert one.get("/api/spans/")["count"] == 160 + 80
        assert len(one.get("/api/actions/")["results"]) == 3
        assert one.get("/api/conversations/", params={"full": "false"})["count"] == 17
        one.close()
        two.close()


def test_readers_cannot_write(tmp_path: Path) -> None:
    """A reading connection refuses to write."""
    store = Store.open(str(tmp_path / "r.db"))
    with store.read() as connection, pytest.raises(DBAPIError):
        connection.execute(text("DELETE FROM agents"))
    store.close()


@pytest.mark.parametrize("db", [":memory:", "a file"])
def test_a_stream_is_read_by_many_threads(tmp_path: Path, db: str) -> None:
    """A download, each part of which another thread asks for, holds up nobody and sees one moment."""
    store = Store.open(db if db == ":memory:" else str(tmp_path / "s.db"))

    def parts(connection: Connection) -> Iterator[bytes]:
        for _ in range(4):
            yield str(connection.scalar(text("SELECT count(*) FROM settings"))).encode()

    def write() -> None:
        with store.write() as connection:
            values = {"name": secrets.token_hex(4), "value": ""}
            connection.execute(text("INSERT INTO settings (name, value) VALUES (:name, :value)"), values)

    stream = store.stream(parts)
    found = []
    for _ in range(4):
        with ThreadPoolExecutor(1) as asking:
            found.append(asking.submit(next, stream).result())
            asking.submit(write).result()
        with ThreadPoolExecutor(1) as another:
            another.submit(write).result(10)
    assert not list(stream)
    assert found == [found[0]] * 4
    store.close()


def test_errors_do_not_show_what_was_written(tmp_path: Path) -> None:
    """A database error's text carries no values."""
    store = Store.open(str(tmp_path / "e.db"))
    statement = text("INSERT INTO agents (id, name, created_at) VALUES (1, :name, NULL)")
    with pytest.raises(DBAPIError) as error, store.write() as connection:
        connection.execute(statement, {"name": "sentinel"})
    assert "sentinel" not in str(error.value)
    store.close()


def imported(api: Api, document: Any, **options: Any) -> Any:
    """Import a document for an agent."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return import_file(api.server.store, api.agent_id, data, **options)


def test_import_and_undo(api: Api) -> None:
    """The example imports, reads back, is refused a second time and can be undone as a unit."""
    progress: list[tuple[int, int]] = []
    result = imported(
        api, EXAMPLE, filename="x.json", progress=lambda done, all_: progress.append((done, all_))
    )
    assert (result.conversations, result.messages, result.problems, progress) == (1, 2, [], [(1, 1)])
    detail = api.conversation("support-2041")
    assert [content for _, _, content in said(detail)] == [
        m["content"] for m in EXAMPLE["conversations"][0]["messages"]
    ]
    assert (detail["started_at"], detail["customer_id"]) == ("2025-03-04T09:15:00.000000Z", "customer-77")
    again = imported(api, EXAMPLE)
    assert [p.code for p in again.problems] == ["conversation_already_exists"]
    assert undo_import(api.server.store, api.agent_id, result.import_id) == 1
    assert api.get("/api/conversations/")["count"] == 0


def test_import_is_all_or_nothing(api: Api) -> None:
    """One bad conversation keeps the good one out."""
    good = EXAMPLE["conversations"][0]
    bad = {**good, "conversation_id": "other", "messages": []}
    result = imported(api, {"schema_version": 1, "conversations": [good, bad]})
    assert [tuple(p) for p in result.problems] == [("conversations[1].messages", "too_few_items")]
    assert api.get("/api/conversations/")["count"] == 0


def changed(**changes: Any) -> dict[str, Any]:
    """Return the example with its conversation changed; ``message`` changes its first message."""
    conversation = dict(EXAMPLE["conversations"][0])
    message = changes.pop("message", {})
    conversation["messages"] = [dict(m) for m in conversation["messages"]]
    conversation["messages"][0] |= message
    return {"schema_version": 1, "conversations": [conversation | changes]}


def deep(levels: int) -> Any:
    """Return objects nested this deep."""
    return {"x": deep(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ([], "not_an_object"),
        ({"schema_version": 1}, "missing_field"),
        ({**EXAMPLE, "schema_version": 2}, "wrong_value"),
        ({**EXAMPLE, "extra": 1}, "unknown_field"),
        ({"schema_version": 1, "conversations": {}}, "wrong_type"),
        (changed(conversation_id=" "), "too_short"),
        (changed(conversation_id="x" * 256), "too_long"),
        (changed(name=5), "wrong_type"),
        (changed(name="a\x00"), "nul_byte"),
        (changed(messages=[EXAMPLE["conversations"][0]["messages"][0]] * 2001), "too_many_items"),
        (changed(message={"sender": "ghost"}), "unknown_sender"),
        (changed(message={"timestamp": "2025-03-04T09:16:00"}), "missing_offset"),
        (changed(message={"timestamp": "noon"}), "invalid_timestamp"),
        (changed(message={"timestamp": "2025-13-04T09:16:00Z"}), "invalid_timestamp"),
        (changed(message={"timestamp": "2099-01-01T00:00:00Z"}), "timestamp_out_of_range"),
        (changed(message={"timestamp": "2025-03-04T09:14:00Z"}), "before_started_at"),
        (changed(message={"metadata": {"k": "x" * 17_000}}), "metadata_too_large"),
        (changed(metadata=deep(11)), "metadata_too_deep"),
        (changed(metadata={str(i): i for i in range(51)}), "too_many_metadata_keys"),
        (changed(metadata={"k" * 201: 1}), "metadata_key_too_long"),
        (changed(metadata={"__proto__": 1}), "forbidden_metadata_key"),
        (changed(conversation_id="a\ud800"), "invalid_format"),
        (changed(message={"content": "a\ud800"}), "invalid_format"),
        (changed(metadata={"a": ["\ud800"]}), "invalid_format"),
        (b'{"schema_version": NaN}', "invalid_number"),
        (b"nonsense", "invalid_format"),
        ({"schema_version": 1, "conversations": EXAMPLE["conversations"] * 2}, "duplicate_conversation_id"),
    ],
)
def test_import_codes(document: Any, code: str) -> None:
    """Each mistake has the contract's code."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    assert code in {problem.code for problem in check_file(data, NOW).problems}


def test_lists_within_lists_are_read_back_or_refused(api: Api) -> None:
    """However deep lists are nested in metadata: what is imported can be read, the rest is refused."""
    for levels in range(50, 1200, 50):
        document = json.dumps(changed(conversation_id=f"c{levels}", metadata={"a": "here"}))
        data = document.replace('"here"', "[" * levels + "]" * levels).encode()
        done = import_file(api.server.store, api.agent_id, data)
        if done.problems:
            assert {problem.code for problem in done.problems} <= {"metadata_too_deep", "invalid_format"}
        else:
            api.conversation(f"c{levels}")


def test_import_times_are_generous() -> None:
    """A space for the T, one digit and any offset are understood."""
    document = changed(message={"timestamp": "2025-3-4 11:15:2.5+02:00", "sender": " HUMAN "})
    checked = check_file(json.dumps(document).encode(), NOW)
    assert checked.problems == []
    first = checked.conversations[0].messages[0]
    assert (first.timestamp, first.sender) == (1_741_079_702_500_000, "end_user")
    assert at(0) < at(1)


def test_expiry_purges_only_what_is_old(api: Api, other: Api) -> None:
    """Conversations without anything since a time go, with their messages; others and other agents' stay."""
    old, new = turn(1, 10, (10, "end_user", "old")), turn(2, 1000, (1000, "end_user", "new"))
    api.ingest(block(old, conversation_id="old"), block(old, new, conversation_id="grown"))
    other.ingest(block(old, conversation_id="old"))
    assert expire(api.server.store, parse_time(at(500)), agent_id=api.agent_id) == 1
    left = api.get("/api/conversations/", params={"full": "false"})["results"]
    assert [row["conversation_id"] for row in left] == ["grown"]
    assert other.get("/api/conversations/")["count"] == 1


def test_backup_is_a_whole_database(tmp_path: Path) -> None:
    """A backup made while the server runs opens as a server with the same transcript and files."""
    copy = tmp_path / "copy.db"
    with LocalServer(str(tmp_path / "first.db")) as first:
        api = Api(first)
        api.ingest(block(turn(1, 1, (1, "end_user", "kept"))))
        upload = {"conversation_id": "c1", "attachments": [{"filename": "a", "data": "aGk="}]}
        api.post("/api/attachments/", upload)
        first.store.back_up(copy)
        with pytest.raises(FileExistsError):
            first.store.back_up(copy)
        with LocalServer(str(copy)) as second:
            api.server = second
            messages = api.conversation()["messages"]
            assert messages[0]["content"] == "kept"
            link = messages[1]["attachments"][0]["file_url"]
            assert api.session.get(link, timeout=30).content == b"hi"
        api.close()
