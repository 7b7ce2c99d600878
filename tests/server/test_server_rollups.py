"""The hours that are kept for the metrics: after any write, what is not stale is what the rows say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from server_api import Api, block, span, turn
from sqlalchemy import select

from agentsight_otel.server.analytics.hours import Stretch, runs
from agentsight_otel.server.analytics.keeping import KINDS, keep_hours
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.derived import HOUR_US, hours, stale_hours
from agentsight_otel.server.store.managing import change, purge, soft_delete
from agentsight_otel.server.store.tables import conversations
from agentsight_otel.testing import LocalServer

HOUR = 3600


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Api]:
    """Run a server on a file with three conversations over several hours."""
    with LocalServer(str(tmp_path / "hours.db")) as server:
        api = Api(server)
        for n, start in enumerate((10, HOUR + 10, 2 * HOUR - 5), 1):
            api.ingest(
                block(*talk(n, start), conversation_id=f"c{n}", customer_id=f"who-{n % 2}", device="mobile")
            )
        yield api
        api.close()


def talk(number: int, start: float) -> list[dict[str, Any]]:
    """Return two turns an hour apart, each with an action and a model call."""
    spans = []
    for place, begun in enumerate((start, start + HOUR)):
        own = number * 100 + place * 10
        spans += [
            turn(own, begun, (begun, "end_user", "Where?"), (begun + 3, "agent", "Here.")),
            span(own + 1, "tool", begun + 1, tool__name="contact_human", turn__id=f"{own:016x}"),
            span(own + 2, "llm", begun + 1, gen_ai__request__model="gpt-4.1-mini", turn__id=f"{own:016x}")
            | {"attributes": {"gen_ai.request.model": "gpt-4.1-mini", "gen_ai.usage.input_tokens": 100}},
        ]
    return spans


def keep(store: Store) -> int:
    """Keep every stale hour; return how many there were."""
    with store.write() as connection:
        return keep_hours(connection, 10_000)


def kept_and_measured(store: Store) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Return what is kept of the hours that are not stale, and what the rows say of them."""
    kept: dict[Any, Any] = {}
    measured: dict[Any, Any] = {}
    with store.read() as connection:
        stale = {tuple(row) for row in connection.execute(select(stale_hours.c.agent_id, stale_hours.c.hour))}
        agents = set(connection.scalars(select(conversations.c.agent_id)))
        for kind in KINDS:
            rows = connection.execute(select(hours).where(hours.c.kind == kind.name))
            for agent, environment, _, hour, document in rows:
                if (agent, hour) not in stale:
                    found = msgspec.msgpack.decode(document, type=kind.type)
                    kept[kind.name, agent, environment, hour] = found
            for agent in agents:
                for (environment, hour), part in kind.measure(
                    connection, Stretch(agent, None, 0, 2**60)
                ).items():
                    if (agent, hour) not in stale:
                        measured[kind.name, agent, environment, hour] = part
    return kept, measured


def key_of(api: Api, name: str) -> int:
    """Return the integer key of a conversation."""
    return int(api.get("/api/conversations/lookup/", params={"conversation_id": name})["id"])


def _late(api: Api) -> None:
    api.ingest(block(turn(900, 5, (5, "end_user", "Earlier"), (6, "agent", "Yes")), conversation_id="c2"))


def _more_usage(api: Api) -> None:
    more = span(901, "llm", 11, turn__id=f"{100:016x}")
    more["attributes"] |= {"gen_ai.request.model": "gpt-4.1-mini", "gen_ai.usage.input_tokens": 7}
    api.ingest(block(more, conversation_id="c1"))


def _rename_customer(api: Api) -> None:
    api.ingest(block(conversation_id="c1", customer_id="somebody else"))


def _environment(api: Api) -> None:
    api.ingest(block(conversation_id="c1", environment="development"))


def _delete(api: Api) -> None:
    with api.server.store.write() as connection:
        assert soft_delete(connection, api.agent_id, key_of_in(connection, api, "c1"))


def _undelete(api: Api) -> None:
    _delete(api)
    keep(api.server.store)
    with api.server.store.write() as connection:
        change(connection, api.agent_id, key_of_in(connection, api, "c1"), {"deleted_at": None})


def _purge(api: Api) -> None:
    assert purge(api.server.store, api.agent_id, key_of(api, "c1"))


def _mark(api: Api) -> None:
    with api.server.store.write() as connection:
        change(connection, api.agent_id, key_of_in(connection, api, "c1"), {"is_marked": True})


def _broken_turn(api: Api) -> None:
    cut = span(902, "turn", 12, turn__complete=False)
    api.ingest(block(cut, conversation_id="c1"))


def _rate(api: Api) -> None:
    api.ingest(block(span(903, "feedback", 13, feedback__sentiment="negative"), conversation_id="c1"))
    api.ingest(block(span(904, "feedback", 14, feedback__sentiment="positive"), conversation_id="c1"))


def _unrate(api: Api) -> None:
    _rate(api)
    keep(api.server.store)
    rows = api.get("/api/feedbacks/")["results"]
    assert rows
    for row in rows:
        assert api.call("DELETE", f"/api/feedbacks/{row['id']}/").status_code in {200, 204}


def key_of_in(connection: Any, api: Api, name: str) -> int:
    """Return the same within a transaction."""
    c = conversations.c
    mine = (c.agent_id == api.agent_id) & (c.conversation_id == name)
    return int(connection.scalar(select(c.id).where(mine)))


@pytest.mark.parametrize(
    "write",
    [
        _late,
        _more_usage,
        _rename_customer,
        _environment,
        _delete,
        _undelete,
        _purge,
        _mark,
        _broken_turn,
        _rate,
        _unrate,
    ],
)
def test_kept_hours_are_what_the_rows_say(recorded: Api, write: Callable[[Api], None]) -> None:
    """Before and after a write of every sort, and after what it made stale is kept again."""
    store = recorded.server.store
    assert keep(store) == 3
    before, rows = kept_and_measured(store)
    assert before == rows
    assert {kind for kind, *_ in before} == {kind.name for kind in KINDS}
    write(recorded)
    kept, measured = kept_and_measured(store)
    assert kept == measured
    assert keep(store)
    kept, measured = kept_and_measured(store)
    assert kept == measured


def test_an_hour_that_is_not_over_is_not_kept(recorded: Api) -> None:
    """What is said now, or by a clock that is ahead, waits until its hour is over."""
    store = recorded.server.store
    keep(store)
    with store.write() as connection:
        change(connection, recorded.agent_id, key_of_in(connection, recorded, "c1"), {"started_at": 2**52})
    assert keep(store) == 1
    with store.read() as connection:
        assert list(connection.scalars(select(stale_hours.c.hour))) == [2**52 // HOUR_US]


def test_runs_are_neighbours() -> None:
    """Ascending numbers become half-open runs."""
    assert runs([1, 2, 3, 7, 9, 10]) == [(1, 4), (7, 8), (9, 11)]
    assert runs([]) == []
