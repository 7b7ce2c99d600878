"""Tokens and what they cost, by model, day or hour, customer and conversation."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from agentsight_otel.server.analytics.hours import QUARTERS, read
from agentsight_otel.server.analytics.local_time import local_quarter
from agentsight_otel.server.analytics.packed import whole
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.spent import SPENT, UNKNOWN, Spent, Sums, added, joined_models
from agentsight_otel.server.store.tables import conversations

E8: Final = 100_000_000
"""Costs are stored as integers of 1e-8 US dollars."""
MODELS: Final = 200
"""Models that are listed."""


class Spending(NamedTuple):
    """Token counts and cost of one group; *cost_e8* is None when nothing in it has a price."""

    calls: int
    input: int
    output: int
    cached: int
    embedding: int
    reasoning: int
    total: int
    cost_e8: int | None
    unpriced_tokens: int


class Group(NamedTuple):
    """A model, its provider and what was spent on it."""

    key: str
    label: str | None
    spending: Spending


class Share(NamedTuple):
    """Tokens and their cost, None when nothing of them has a price."""

    total: int
    cost_e8: int | None


class Ranked(NamedTuple):
    """A customer or a conversation: key, what it is called, and what was spent on it."""

    key: Any
    label: str | None
    spending: Share


def total(connection: Connection, scope: Scope) -> Spending:
    """Sum up the period."""
    return _spending(sums for _, part in read(connection, scope, SPENT) for sums in part.quarters)


def by_model(connection: Connection, scope: Scope) -> list[Group]:
    """Return the models used, the highest cost first, then most tokens."""
    models = joined_models(part for _, part in read(connection, scope, SPENT))
    found = [Group(model, provider, _spending([sums])) for model, (provider, sums) in models.items()]
    return sorted(found, key=lambda group: (*_rank(group.spending), group.key))[:MODELS]


def by_customer(connection: Connection, scope: Scope, limit: int = 20) -> list[Ranked]:
    """Return the customers with the highest cost, then most tokens; None is everybody without an id."""
    parts = [part for _, part in read(connection, scope, SPENT)]
    keys = list(itertools.chain.from_iterable(part.customers for part in parts))
    return [Ranked(key, key, share) for key, share in _best(keys, parts, limit)]


def by_conversation(connection: Connection, scope: Scope, limit: int = 20) -> list[Ranked]:
    """Return the conversations with the highest cost, then most tokens."""
    c = conversations.c
    parts = [part for _, part in read(connection, scope, SPENT)]
    best = _best(whole(b"".join(part.talks for part in parts)), parts, limit)
    names = select(c.id, func.coalesce(c.name, c.conversation_id)).where(c.id.in_([key for key, _ in best]))
    labels = dict(connection.execute(names).all())
    return [Ranked(key, labels.get(key), share) for key, share in best]


def by_step(connection: Connection, scope: Scope) -> dict[date, Spending]:
    """Return every step of the period."""
    steps: dict[date, list[Sums]] = {step: [] for step in scope.period.steps}
    step_of = scope.period.step_of
    for hour, part in read(connection, scope, SPENT):
        for place, sums in enumerate(part.quarters):
            if sums:
                steps[step_of(local_quarter(scope.period.zone, hour * QUARTERS + place))].append(sums)
    return {step: _spending(rows) for step, rows in steps.items()}


def _spending(rows: Iterable[Sums]) -> Spending:
    found: list[Any] = added(list(rows))
    return Spending(*found)


def _best(keys: Sequence[Any], parts: Sequence[Spent], limit: int) -> list[tuple[Any, Share]]:
    """Add up by key, and return those with the highest cost, then most tokens."""
    tokens = whole(b"".join(part.tokens for part in parts))
    costs = whole(b"".join(part.costs for part in parts))
    spent: dict[Any, int] = {}
    for key, cost in zip(keys, costs, strict=True):
        if cost > 0:
            spent[key] = spent.get(key, 0) + cost
    floor = min(heapq.nlargest(limit, spent.values()), default=0)
    high = {key for key, cost in spent.items() if cost >= floor}
    totals: dict[Any, int] = {}
    priced = set()
    for key, number, cost in zip(keys, tokens, costs, strict=True):
        if key in high or len(spent) < limit:  # with fewer, those without a cost follow
            totals[key] = totals.get(key, 0) + number
            if cost != UNKNOWN:
                priced.add(key)
    shares = ((key, Share(totals[key], spent.get(key, 0) if key in priced else None)) for key in totals)
    return heapq.nsmallest(limit, shares, key=lambda pair: (*_rank(pair[1]), str(pair[0])))


def _rank(spending: Spending | Share) -> tuple[int, int]:
    return -(spending.cost_e8 or 0), -spending.total
