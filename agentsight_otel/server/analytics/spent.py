"""The tokens spent in an hour, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Connection, case, func, literal_column, select

from agentsight_otel.server.analytics.hours import DAY, QUARTERS, Kind, Stretch, quarter_of
from agentsight_otel.server.analytics.packed import pack_whole, whole
from agentsight_otel.server.store.derived import HOUR_US
from agentsight_otel.server.store.tables import conversations, token_usage

_T = token_usage.c
SUMS: Final = (
    func.sum(_T.calls),
    func.sum(_T.prompt_tokens),
    func.sum(_T.completion_tokens),
    func.sum(_T.cache_read_tokens + _T.cache_write_tokens),
    func.sum(_T.embedding_tokens),
    func.sum(_T.reasoning_tokens),
    func.sum(_T.total_tokens),
    func.sum(_T.cost_usd_e8),
    func.sum(case((_T.cost_usd_e8.is_(None), _T.total_tokens), else_=0)),
)
"""The fields of `spending.Spending`."""
COST: Final = 7
UNKNOWN: Final = -1

Sums = list[int | None]
"""A value for each of `SUMS`; None only for a cost of which no part is known."""


class Spent(msgspec.Struct, array_like=True):
    """The model calls of an hour, or of a day.

    Attributes:
        quarters: Sums by quarter of an hour; an empty list is a quarter without calls.
        models: Sums by model, with its provider.
        talks: The conversations that called a model, packed; then, in the same order:
        customers: whose they are,
        tokens: how many they spent, packed,
        costs: and what these cost, packed, with -1 for an unknown cost.
    """

    quarters: list[Sums] = msgspec.field(default_factory=lambda: [[] for _ in range(QUARTERS)])
    models: dict[str, tuple[str | None, Sums]] = msgspec.field(default_factory=dict)
    talks: bytes = b""
    customers: list[str | None] = msgspec.field(default_factory=list)
    tokens: bytes = b""
    costs: bytes = b""


def _measure(connection: Connection, stretch: Stretch) -> dict[tuple[int, int], Spent]:
    c = conversations.c
    joined = token_usage.join(conversations, _T.conversation == c.id)
    mine = (_T.agent_id == stretch.agent) & stretch.within(_T.started_at) & stretch.living()
    quarters = quarter_of(_T.started_at)
    models = select(c.environment_id, quarters, _T.model, func.max(_T.provider), *SUMS).select_from(joined)
    found: dict[tuple[int, int], Spent] = {}
    grouped = models.where(mine).group_by(c.environment_id, quarters, _T.model)
    for environment, since, model, provider, *values in connection.execute(grouped):
        hour, place = divmod(int(since), QUARTERS)
        spent = found.setdefault((environment, hour), Spent())
        row = numbers(values)
        spent.quarters[place] = added([row, spent.quarters[place]])
        known = spent.models.get(model, (None, []))
        spent.models[model] = max(known[0] or "", provider or "") or None, added([row, known[1]])
    hours = _T.started_at // literal_column(str(HOUR_US), BigInteger)
    sums = func.sum(_T.total_tokens), func.sum(_T.cost_usd_e8)
    talks = select(c.environment_id, hours, c.id, c.customer_id, *sums).select_from(joined)
    talks = talks.where(mine).group_by(c.environment_id, hours, c.id, c.customer_id)
    for environment, since, key, customer, tokens, cost in connection.execute(talks):
        spent = found[environment, int(since)]
        spent.talks += pack_whole([key])
        spent.customers.append(customer)
        spent.tokens += pack_whole([int(tokens)])
        spent.costs += pack_whole([UNKNOWN if cost is None else int(cost)])
    return found


def _join(parts: Sequence[tuple[int, Spent]]) -> Spent:
    day = Spent(quarters=[[] for _ in range(DAY * QUARTERS)])
    talks: dict[int, list[Any]] = {}
    for hour, part in parts:
        first = hour % DAY * QUARTERS
        day.quarters[first : first + QUARTERS] = part.quarters
        spent = zip(whole(part.talks), part.customers, whole(part.tokens), whole(part.costs), strict=True)
        for key, customer, tokens, cost in spent:
            talk = talks.setdefault(key, [customer, 0, UNKNOWN])
            talk[1] += tokens
            talk[2] = cost if talk[2] == UNKNOWN else talk[2] + max(0, cost)
    day.models = joined_models(part for _, part in parts)
    day.talks = pack_whole(talks)
    day.customers = [customer for customer, _, _ in talks.values()]
    day.tokens = pack_whole(tokens for _, tokens, _ in talks.values())
    day.costs = pack_whole(cost for _, _, cost in talks.values())
    return day


def joined_models(parts: Iterable[Spent]) -> dict[str, tuple[str | None, Sums]]:
    """Add up by model; of several providers it is the last by name."""
    sums: dict[str, list[Sums]] = {}
    providers: dict[str, str] = {}
    for part in parts:
        for model, (provider, row) in part.models.items():
            sums.setdefault(model, []).append(row)
            providers[model] = max(providers.get(model, ""), provider or "")
    return {model: (providers[model] or None, added(rows)) for model, rows in sums.items()}


def numbers(row: Any) -> Sums:
    """Return sums as PostgreSQL and SQLite give them as whole numbers."""
    return [int(v) if v is not None else (None if place == COST else 0) for place, v in enumerate(row)]


def added(rows: list[Sums]) -> Sums:
    """Add up sums; empty ones add nothing. A cost is None when no part of it is known."""
    columns = list(zip(*(row for row in rows if row), strict=True)) or [()] * len(SUMS)
    sums: Sums = [sum(value or 0 for value in column) for column in columns]
    if all(value is None for value in columns[COST]):
        sums[COST] = None
    return sums


SPENT: Final = Kind("spent", Spent, _measure, _join)
