"""The full-text index: it only narrows, catches up from where it was, and forgets what is deleted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from server_api import Api, block, turn
from sqlalchemy import func, select, text

from agentsight_otel.server.analytics.keeping import stale_hours_wait
from agentsight_otel.server.dashboard.search import narrowed
from agentsight_otel.server.run import serve
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.filters import ConversationFilter, conditions
from agentsight_otel.server.store.managing import change, purge
from agentsight_otel.server.store.searching import HITS, candidates, catch_up, is_behind, merge
from agentsight_otel.server.store.tables import conversations, messages
from agentsight_otel.server.upkeep import Upkeep
from agentsight_otel.testing import LocalServer

PARTS = ("par", "PARCEL", "parcel-7", 'say "hi"', "el-1", "50%", "a_c", "Kelvin", "nowhere", "ann", "x" * 300)
TEXTS = ("A parcel-{n}", 'they say "HI" {n}', "50% off {n}", "a_c and abc {n}", "\u212aelvin {n}")


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Api]:
    """Run a server on a file with forty conversations, none of them in the index yet."""
    with LocalServer(str(tmp_path / "search.db")) as server:
        api = Api(server)
        for n in range(40):
            made = turn(n, n, (n, "end_user", TEXTS[n % 5].format(n=n)), (n + 0.5, "agent", f"Answer {n}"))
            names = {"name": f"Talk {n}", "customer_id": "Ann" if n % 3 else None}
            api.ingest(block(made, conversation_id=f"c{n}", **names))
        yield api
        api.close()


def found(store: Store, agent: int, part: str, *, narrow: bool, in_order: bool = True) -> list[int]:
    """Return the conversations that a search finds, with or without the index."""
    wanted = ConversationFilter(search=part)
    with store.read() as connection:
        where = (
            narrowed(connection, agent, wanted, store.dialect, in_order=in_order)
            if narrow
            else conditions(agent, wanted, store.dialect)
        )
        return list(connection.scalars(select(conversations.c.id).where(*where).order_by(conversations.c.id)))


def indexed(store: Store, part: str) -> int:
    """Return how many rows the index has for three letters."""
    with store.read() as connection:
        query = text("SELECT count(*) FROM messages_search WHERE messages_search MATCH :part")
        return int(connection.execute(query, {"part": f'"{part}"'}).scalar_one())


@pytest.mark.parametrize("taken", [0, 7, 1000])
def test_searching_finds_what_looking_through_finds(filled: Api, taken: int) -> None:
    """With nothing, a part or everything in the index: the same, signs of LIKE included."""
    store = filled.server.store
    with store.write() as connection:
        catch_up(connection, taken)
        merge(connection)
    for part in PARTS:
        expected = found(store, filled.agent_id, part, narrow=False)
        assert found(store, filled.agent_id, part, narrow=True) == expected
        assert found(store, filled.agent_id, part, narrow=True, in_order=False) == expected


def test_the_index_goes_on_where_it_was(tmp_path: Path) -> None:
    """Five rows at a time, opened anew after each, it ends up with every row once."""
    path = str(tmp_path / "resumed.db")
    with LocalServer(path) as server:
        api = Api(server)
        turns = [turn(n, n, (n, "end_user", f"parcel {n}")) for n in range(23)]
        api.ingest(*(block(made, conversation_id=f"c{n}") for n, made in enumerate(turns)))
        api.close()
    rounds = 0
    while True:
        store = Store.open(path)
        with store.write() as connection:
            if not catch_up(connection, 5):
                break
        store.close()
        rounds += 1
    assert rounds == 5
    assert indexed(store, "par") == 23
    store.close()


def test_a_transaction_that_fails_takes_its_rows_back(filled: Api) -> None:
    """What was not committed is not in the index, and is taken again."""
    store = filled.server.store

    def fail() -> None:
        with store.write() as connection:
            assert catch_up(connection, 1000)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert indexed(store, "par") == 0
    Upkeep(store).finish()
    assert indexed(store, "par") == 8
    with store.read() as connection:
        assert not is_behind(connection)


def test_pieces_of_the_index_are_merged(filled: Api) -> None:
    """Row by row the index is in many pieces; upkeep merges until there is nothing more to do."""
    store = filled.server.store
    taken = True
    while taken:
        with store.write() as connection:
            taken = catch_up(connection, 1) > 0
    assert pieces(store) > 50
    Upkeep(store).finish()
    assert pieces(store) < 10
    with store.write() as connection:
        assert not merge(connection)


def pieces(store: Store) -> int:
    """Return how many pieces the index of messages is in."""
    with store.read() as connection:
        query = text("SELECT count(DISTINCT segid) FROM messages_search_idx")
        return int(connection.execute(query).scalar_one())


def test_deleted_text_leaves_the_index(filled: Api) -> None:
    """Purged from the middle of what is indexed and from what is not: no row of the index is left of it."""
    store = filled.server.store
    with store.write() as connection:
        catch_up(connection, 30)
    with store.read() as connection:
        keys = list(connection.scalars(select(conversations.c.id)))
    for key in keys[:-1]:
        assert purge(store, filled.agent_id, key)
    Upkeep(store).finish()
    assert indexed(store, "ans") == 1
    assert purge(store, filled.agent_id, keys[-1])
    assert indexed(store, "ans") == indexed(store, "par") == 0


def test_renaming_changes_the_index(filled: Api) -> None:
    """A conversation is found by its new name and no longer by the old one."""
    Upkeep(filled.server.store).finish()
    key = filled.get("/api/conversations/lookup/", params={"conversation_id": "c4"})["id"]
    with filled.server.store.write() as connection:
        change(connection, filled.agent_id, key, {"name": "Zanzibar"})
    assert found(filled.server.store, filled.agent_id, "zanz", narrow=True) == [key]
    assert key not in found(filled.server.store, filled.agent_id, "Talk 4", narrow=True)
    with filled.server.store.read() as connection:
        assert candidates(connection, "zanz", names=True) is not None
        assert candidates(connection, "zanz", names=False) == ([], 0)


def test_common_words_are_looked_for_from_the_newest_on(filled: Api) -> None:
    """With more hits than are looked at, older conversations are still found."""
    store = filled.server.store
    with store.write() as connection:
        owner = connection.scalar(select(func.min(conversations.c.id)))
        base = dict(connection.execute(select(messages).limit(1)).mappings().one())
        del base["id"]
        said = base | {"conversation": owner + 20, "content": "parcel"}
        connection.execute(messages.insert(), [{**said, "event_key": f"k{n}"} for n in range(HITS + 5)])
    Upkeep(store).finish()
    with store.read() as connection:
        newest = candidates(connection, "parcel", names=False)
    assert newest is not None
    assert newest.below > owner
    expected = found(store, filled.agent_id, "parcel", narrow=False)
    assert found(store, filled.agent_id, "parcel", narrow=True) == expected
    assert min(expected) < newest.below


@pytest.mark.parametrize("db", ["served.db", ":memory:"])
def test_a_server_keeps_its_index_up_by_itself(tmp_path: Path, db: str) -> None:
    """What is sent to a running server is in the index soon, and hours that are over are kept."""
    service = serve(port=0, db=db if db == ":memory:" else str(tmp_path / db))
    service.start()
    try:
        body = {"conversations": [block(turn(1, 1, (1, "end_user", "parcel")))]}
        headers = {"Authorization": f"Api-Key {service.api_key}"}
        answer = requests.post(f"{service.url}/api/ingest/", json=body, headers=headers, timeout=30)
        assert answer.status_code == 201
        deadline = time.monotonic() + 30
        while stale_hours_left(service.store) or not indexed(service.store, "par"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        service.stop()


def stale_hours_left(store: Store) -> bool:
    """Tell whether an hour that is over waits to be kept."""
    with store.read() as connection:
        return stale_hours_wait(connection)
