"""The hours that are kept for the metrics: after any write, what is not stale is what the rows say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from server_api import Api, block, span, turn
from sqlalchemy import Connection, select, update

from agentsight_otel.server.analytics import keeping
from agentsight_otel.server.analytics.hours import Kind, Stretch, read, runs
from agentsight_otel.server.analytics.keeping import (
    KINDS,
    days_to_join,
    join_day,
    keep_hours,
    renew_hours,
    stale_hours_wait,
)
from agentsight_otel.server.analytics.period import Period, between
from agentsight_otel.server.analytics.responses import responses
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.talks import TALKS, Talks
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.derived import HOUR_US, hours, stale_hours
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.managing import change, purge, soft_delete
from agentsight_otel.server.store.tables import conversations, settings
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
    return keep_hours(store, 10_000)


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


def test_an_hour_kept_in_another_format_is_computed_again(recorded: Api) -> None:
    """Documents that cannot be read are made from the rows, when a page asks and when a server starts."""
    store = recorded.server.store
    keep(store)
    before, _ = kept_and_measured(store)
    period = between(date(2026, 1, 1), date(2026, 12, 31), ZoneInfo("UTC"))
    with store.read() as connection:
        production = environment_ids(connection, recorded.agent_id)["production"]
    scope = Scope(recorded.agent_id, production, period)
    read_again = [parts(store, scope, kind) for kind in KINDS]
    with store.write() as connection:
        connection.execute(update(hours).values(document=msgspec.msgpack.encode(["older", {}])))
        connection.execute(update(settings).where(settings.c.name == "hours_format").values(value="1"))
    assert [parts(store, scope, kind) for kind in KINDS] == read_again
    with store.write() as connection:
        renew_hours(connection)
    assert keep(store) == 3
    assert kept_and_measured(store) == (before, before)


def test_what_is_written_while_an_hour_is_computed_is_not_lost(
    recorded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours are computed beside whoever writes; those written to meanwhile are computed again."""
    store = recorded.server.store

    def measure(connection: Connection, stretch: Stretch) -> dict[tuple[int, int], Talks]:
        found = TALKS.measure(connection, stretch)
        _rename_customer(recorded)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "KINDS", (replace(TALKS, measure=measure),))
        assert keep(store) == 3
    with store.read() as connection:
        left = list(connection.scalars(select(stale_hours.c.hour)))
        kept = list(connection.scalars(select(hours.c.hour)))
    assert len(left) == 2
    assert not set(left) & set(kept)
    assert keep(store) == 2
    kept_now, measured = kept_and_measured(store)
    assert {key: part for key, part in measured.items() if key[0] == "talks"} == {
        key: part for key, part in kept_now.items() if key[0] == "talks"
    }


def test_hours_whose_computing_ended_halfway_are_computed_again(
    recorded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends while it computes leaves hours that count as stale, and that another one takes."""
    store = recorded.server.store

    def fail(*_: object) -> dict[tuple[int, int], Talks]:
        raise InterruptedError

    before = everything(store, recorded)
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "KINDS", (replace(TALKS, measure=fail),))
        with pytest.raises(InterruptedError):
            keep(store)
    assert everything(store, recorded) == before
    with store.read() as connection:
        assert not stale_hours_wait(connection)
    monkeypatch.setattr(keeping, "GIVEN_UP_US", -1)
    assert keep(store) == 3
    assert everything(store, recorded) == before
    kept, measured = kept_and_measured(store)
    assert kept == measured


def test_a_day_is_its_hours(recorded: Api) -> None:
    """A day that is kept as one is read instead of its hours, until something is written to one of these."""
    store = recorded.server.store
    keep(store)
    by_hour = everything(store, recorded)
    with store.read() as connection:
        [day] = days_to_join(connection, 10)
    with store.write() as connection:
        join_day(connection, *day)
    with store.read() as connection:
        assert days_to_join(connection, 10) == []
    joined = everything(store, recorded)
    assert [hour for hour, _ in joined["talks"]] == [day[1]]
    for kind in KINDS:
        assert joined[kind.name] == [(day[1], kind.join(by_hour[kind.name]))]
    _rename_customer(recorded)
    assert [hour for hour, _ in everything(store, recorded)["talks"]] == [
        hour for hour, _ in by_hour["talks"]
    ]
    assert keep(store) == 2
    with store.read() as connection:
        assert days_to_join(connection, 10) == [day]


@pytest.mark.parametrize("joined", [False, True])
def test_a_period_may_begin_and_end_within_an_hour(recorded: Api, joined: bool) -> None:
    """Midnight in India is half past six in UTC: answers on both sides of it belong to different days."""
    half_past = 18.5 * HOUR
    for number, start in enumerate((half_past - 600, half_past + 600), 300):
        said = ((start, "end_user", "Where?"), (start + number, "agent", "Here."))
        recorded.ingest(block(turn(number, start, *said), conversation_id=f"late-{number}"))
    store = recorded.server.store
    keep(store)
    if joined:
        with store.read() as connection:
            days = days_to_join(connection, 10)
        with store.write() as connection:
            for found in days:
                join_day(connection, *found)
    for moment, slowest in (("2026-03-04T23:00", 300_000), ("2026-03-05T00:00", 301_000)):
        hour = datetime.fromisoformat(moment)
        day = hour.date()
        scope = everywhere(store, recorded, between(day, day, ZoneInfo("Asia/Kolkata")))
        with store.read() as connection:
            found = responses(connection, scope)
        assert found.steps[hour].p95 == found.overall.p95 == slowest
        assert {one.date() for one in found.steps} == {day}


def everywhere(store: Store, api: Api, period: Period) -> Scope:
    """Return the agent's production in a period."""
    with store.read() as connection:
        return Scope(api.agent_id, environment_ids(connection, api.agent_id)["production"], period)


def everything(store: Store, api: Api) -> dict[str, list[tuple[int, Any]]]:
    """Return what the pages read of every kind."""
    scope = everywhere(store, api, between(date(2026, 1, 1), date(2026, 12, 31), ZoneInfo("UTC")))
    return {kind.name: parts(store, scope, kind) for kind in KINDS}


def parts(store: Store, scope: Scope, kind: Kind[Any]) -> list[tuple[int, Any]]:
    """Return what the pages read of one kind."""
    with store.read() as connection:
        return read(connection, scope, kind)


def test_runs_are_neighbours() -> None:
    """Ascending numbers become half-open runs."""
    assert runs([1, 2, 3, 7, 9, 10]) == [(1, 4), (7, 8), (9, 11)]
    assert runs([]) == []
