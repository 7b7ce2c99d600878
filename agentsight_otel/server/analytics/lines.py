"""The messages sent in an hour, and how fast they answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from agentsight_otel.server.analytics.hours import DAY, QUARTERS, Kind, Stretch, quarter, quarter_of
from agentsight_otel.server.analytics.packed import floats, pack_floats
from agentsight_otel.server.analytics.scope import PEOPLE
from agentsight_otel.server.store.derived import HOUR_US
from agentsight_otel.server.store.tables import conversations, messages


class Lines(msgspec.Struct, array_like=True):
    """The messages of an hour, or of a day.

    Attributes:
        total: The sum of ``answers``.
        sent: How many users and agents sent, by quarter of an hour.
        answers: Response times in milliseconds, ascending, packed.
        places: In which of these quarters each was sent, a byte for each.
    """

    total: float = 0.0
    sent: list[int] = msgspec.field(default_factory=lambda: [0] * QUARTERS)
    answers: bytes = b""
    places: bytes = b""


def _measure(connection: Connection, stretch: Stretch) -> dict[tuple[int, int], Lines]:
    m, c = messages.c, conversations.c
    joined = messages.join(conversations, m.conversation == c.id)
    mine = (m.agent_id == stretch.agent) & stretch.within(m.timestamp) & stretch.living()
    quarters = quarter_of(m.timestamp)
    sent = select(c.environment_id, quarters, func.count()).select_from(joined)
    sent = sent.where(mine, m.kind == "message", m.sender.in_(PEOPLE)).group_by(c.environment_id, quarters)
    found: dict[tuple[int, int], Lines] = {}
    for environment, place, count in connection.execute(sent):
        found.setdefault((environment, int(place) // QUARTERS), Lines()).sent[int(place) % QUARTERS] = count
    answers = select(c.environment_id, m.timestamp, m.response_ms).select_from(joined)
    answers = answers.where(mine, m.kind == "message", m.response_ms.is_not(None))
    timed: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for environment, moment, value in connection.execute(answers):
        timed.setdefault((environment, moment // HOUR_US), []).append((value, quarter(moment)))
    for where, values in timed.items():
        _set_answers(found.setdefault(where, Lines()), values)
    return found


def _join(parts: Sequence[tuple[int, Lines]]) -> Lines:
    day = Lines(sent=[0] * (DAY * QUARTERS))
    answers: list[tuple[float, int]] = []
    for hour, part in parts:
        first = hour % DAY * QUARTERS
        day.sent[first : first + QUARTERS] = part.sent
        places = (first + place for place in part.places)
        answers += zip(floats(part.answers), places, strict=True)
    _set_answers(day, answers)
    return day


def _set_answers(lines: Lines, answers: list[tuple[float, int]]) -> None:
    answers.sort()
    lines.total = math.fsum(value for value, _ in answers)
    lines.answers = pack_floats(value for value, _ in answers)
    lines.places = bytes(place for _, place in answers)


LINES: Final = Kind("lines", Lines, _measure, _join)
