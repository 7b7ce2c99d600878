"""The conversations that started in an hour: how they went, who had them, what they were rated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, case, func, select

from agentsight_otel.server.analytics.hours import DAY, QUARTERS, Kind, Stretch, quarter
from agentsight_otel.server.store.derived import HOUR_US
from agentsight_otel.server.store.tables import action_logs, conversations, feedbacks

REACH: Final = (1, 2, 3, 5, 10)
DIMENSIONS: Final = ("device", "source", "language", "country")


class Talks(msgspec.Struct, array_like=True):
    """Sums over the conversations that started in an hour, or in a day.

    Attributes:
        started: How many, by quarter of an hour.
        used: Those in which somebody interacted.
        anonymous: Those without a customer id.
        own: Their messages of users and agents.
        bounced: Used ones with exactly one user message.
        length: Microseconds of those with two messages or more, which are ``timed``.
        reach: Used ones with at least as many user messages as ``REACH`` says.
        customers: Whose they are, each named once.
        shares: How many by value of each dimension; the empty text is "not recorded".
        acted: How many used ones by the set of actions that ran in them.
        rated: How many by sentiment of the latest customer rating.
        rated_used: Used ones with such a rating.
    """

    started: list[int] = msgspec.field(default_factory=lambda: [0] * QUARTERS)
    used: int = 0
    anonymous: int = 0
    own: int = 0
    bounced: int = 0
    length: int = 0
    timed: int = 0
    reach: list[int] = msgspec.field(default_factory=lambda: [0] * len(REACH))
    customers: list[str] = msgspec.field(default_factory=list)
    shares: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    acted: list[tuple[list[int], int]] = []
    rated: dict[str, int] = msgspec.field(default_factory=dict)
    rated_used: int = 0


def _measure(connection: Connection, stretch: Stretch) -> dict[tuple[int, int], Talks]:
    c = conversations.c
    mine = stretch.living() & stretch.within(c.started_at)
    length = func.coalesce(c.ended_at, c.last_message_at) - c.first_message_at
    rows = connection.execute(
        select(
            c.id,
            c.environment_id,
            c.started_at,
            c.is_used,
            c.customer_id,
            c.user_message_count,
            c.user_message_count + c.agent_message_count,
            case((length < 0, 0), else_=length),
            c.device,
            c.source,
            c.language,
            c.geo_location["country"].as_string(),
        ).where(mine)
    )
    actions, ratings = _actions(connection, mine), _ratings(connection, mine)
    found: dict[tuple[int, int], Talks] = {}
    acted: dict[tuple[int, int], Counter[tuple[int, ...]]] = {}
    for key, environment, started_at, used, customer, asked, said, took, *places in rows:
        where = environment, started_at // HOUR_US
        talks = found.setdefault(where, Talks())
        talks.started[quarter(started_at)] += 1
        talks.own += said
        if said >= 2:
            talks.timed += 1
            talks.length += took
        _who(talks, customer, places)
        rating = ratings.get(key)
        if rating is not None:
            talks.rated[rating] = talks.rated.get(rating, 0) + 1
        if used:
            talks.used += 1
            talks.bounced += asked == 1
            talks.reach = [n + (asked >= least) for n, least in zip(talks.reach, REACH, strict=True)]
            talks.rated_used += rating is not None
            if key in actions:
                acted.setdefault(where, Counter())[tuple(sorted(actions[key]))] += 1
    for where, sets in acted.items():
        found[where].acted = [(list(ran), number) for ran, number in sets.items()]
    for talks in found.values():
        talks.customers = list(dict.fromkeys(talks.customers))
    return found


def _who(talks: Talks, customer: str | None, places: list[str | None]) -> None:
    if customer is None:
        talks.anonymous += 1
    else:
        talks.customers.append(customer)
    for dimension, value in zip(DIMENSIONS, places, strict=True):
        counts = talks.shares.setdefault(dimension, {})
        counts[value or ""] = counts.get(value or "", 0) + 1


def _actions(connection: Connection, mine: Any) -> dict[int, set[int]]:
    """Which actions ran, by conversation."""
    a = action_logs.c
    joined = action_logs.join(conversations, a.conversation == conversations.c.id)
    found: dict[int, set[int]] = {}
    for key, action in connection.execute(select(a.conversation, a.action).select_from(joined).where(mine)):
        found.setdefault(key, set()).add(action)
    return found


def _ratings(connection: Connection, mine: Any) -> dict[int, str]:
    """The latest customer rating, by conversation."""
    f = feedbacks.c
    joined = feedbacks.join(conversations, f.conversation == conversations.c.id)
    rated = select(f.conversation, f.sentiment).select_from(joined)
    rated = rated.where(mine, f.kind == "conversation", f.source == "customer")
    return dict(connection.execute(rated.order_by(f.created_at, f.id)).all())


def _join(parts: Sequence[tuple[int, Talks]]) -> Talks:
    day = Talks(started=[0] * (DAY * QUARTERS))
    acted: Counter[tuple[int, ...]] = Counter()
    for hour, part in parts:
        place = hour % DAY * QUARTERS
        day.started[place : place + QUARTERS] = part.started
        for name in _SUMMED:
            setattr(day, name, getattr(day, name) + getattr(part, name))
        day.reach = [sum(pair) for pair in zip(day.reach, part.reach, strict=True)]
        day.customers += part.customers
        for dimension, counts in part.shares.items():
            day.shares[dimension] = _added(day.shares.get(dimension, {}), counts)
        day.rated = _added(day.rated, part.rated)
        for ran, number in part.acted:
            acted[tuple(ran)] += number
    day.customers = list(dict.fromkeys(day.customers))
    day.acted = [(list(ran), number) for ran, number in acted.items()]
    return day


def _added(counts: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return counts | {name: counts.get(name, 0) + number for name, number in more.items()}


_SUMMED: Final = ("used", "anonymous", "own", "bounced", "length", "timed", "rated_used")
TALKS: Final = Kind("talks", Talks, _measure, _join)
