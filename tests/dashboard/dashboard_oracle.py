"""Random conversations, and the numbers of the dashboard computed a second time, by walking over them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dashboard_data import Talk, us
from hypothesis import strategies as st

from agentsight_otel.server.analytics import ratings
from agentsight_otel.server.analytics.period import Period
from agentsight_otel.server.prices import Tokens, price

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
AROUND = (
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
COUNTRIES = {"141.20.0.0": "Germany", "145.97.0.0": "Netherlands", "192.0.2.1": None}
NAMES = ("lookup", "contact_human", "ticket", "search")

moments = st.integers(0, 6 * 86_400 * 1_000_000).map(lambda n: timedelta(microseconds=n))


@st.composite
def talks(draw: st.DrawFn, number: int, base: datetime) -> Talk:
    """One conversation within six days of *base*, its times in any order."""
    start = base + draw(moments)
    near = st.one_of(
        st.integers(0, 120_000), st.integers(0, 100_000_000), st.sampled_from((0, 86_400_000, 86_400_001))
    )
    at = near.map(lambda ms: start + timedelta(milliseconds=ms))
    return Talk(
        number,
        start,
        said=draw(
            st.lists(st.tuples(at, st.sampled_from(("end_user", "agent", "agent", "system"))), max_size=7)
        ),
        ran=draw(
            st.lists(
                st.tuples(
                    at,
                    st.sampled_from(NAMES),
                    st.floats(0, 9e4).map(lambda v: round(v, 3)),
                    st.sampled_from(("", "", "boom")),
                ),
                max_size=3,
            )
        ),
        spent=draw(
            st.lists(
                st.tuples(
                    at,
                    st.sampled_from(("gpt-4.1-mini", "nobody-knows-1")),
                    st.integers(0, 5000),
                    st.integers(0, 5000),
                ),
                max_size=2,
            )
        ),
        rated=draw(
            st.lists(
                st.tuples(
                    at,
                    st.sampled_from(ratings.SENTIMENTS),
                    st.sampled_from(("customer", "customer", "platform")),
                    st.sampled_from(("", "why")),
                ),
                max_size=2,
            )
        ),
        fields=draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "customer_id": st.sampled_from(("ann", "bob", "cy")),
                    "device": st.sampled_from(("mobile", "desktop")),
                    "language": st.just("en"),
                    "source": st.sampled_from(("website", "email")),
                    "customer_ip_address": st.sampled_from(sorted(COUNTRIES)),
                },
            )
        ),
        environment=draw(st.sampled_from(("production", "production", "development"))),
        deleted=draw(st.sampled_from((False, False, False, True))),
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Talk], Period]:
    """Some conversations and the period that is asked about."""
    base = draw(st.sampled_from(AROUND)) - timedelta(days=3)
    many = [draw(talks(number, base)) for number in range(draw(st.integers(0, 6)))]
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    first = base.date() + timedelta(days=draw(st.integers(0, 5)))
    return many, Period(first, first + timedelta(days=draw(st.integers(0, 4))), zone)


class Oracle:
    """The same questions, answered by walking over the conversations."""

    def __init__(self, everything: list[Talk], period: Period) -> None:
        self.everything = everything
        self.period = period
        self.alive = [talk for talk in everything if talk.environment == "production" and not talk.deleted]
        self.started = [talk for talk in self.alive if self.inside(self.begin(talk))]
        self.used = [talk for talk in self.started if talk.said or talk.ran or talk.spent]

    def begin(self, talk: Talk) -> datetime:
        """When its first span began."""
        return min(
            [talk.start, *(m for m, _ in talk.said), *(m for m, *_ in talk.ran), *(m for m, *_ in talk.spent)]
        )

    def local(self, moment: datetime) -> datetime:
        """The instant on the reader's clock."""
        return moment.astimezone(self.period.zone)

    @property
    def steps(self) -> list[date]:
        """The days of the period; where it is one day, the hours on its clock."""
        midnight = datetime.combine(self.period.first, time())
        return [midnight + timedelta(hours=hour) for hour in range(24)] if self.hourly else self.period.days

    @property
    def hourly(self) -> bool:
        """Whether the period is one day."""
        return self.period.first == self.period.last

    def step(self, moment: datetime) -> date:
        """Of `steps`, the one an instant lies in."""
        local = self.local(moment).replace(tzinfo=None)
        return local.replace(minute=0, second=0, microsecond=0) if self.hourly else local.date()

    def inside(self, moment: datetime) -> bool:
        """Whether it is in the period."""
        return self.period.first <= self.local(moment).date() <= self.period.last

    def people(self, talk: Talk) -> list[tuple[datetime, str]]:
        """What users and agents said, in order; what was said at once keeps the order of writing."""
        return sorted((line for line in talk.said if line[1] != "system"), key=lambda line: line[0])

    def sent(self) -> list[datetime]:
        """When each message of the period was sent."""
        return [moment for talk in self.alive for moment, _ in self.people(talk) if self.inside(moment)]

    def answers(self) -> list[tuple[datetime, float]]:
        """When each answer came and how long it took, by the rule in words."""
        found = []
        for talk in self.alive:
            asked = None
            for moment, sender in self.people(talk):
                if sender == "end_user":
                    asked = moment
                elif asked is not None:
                    if moment - asked <= timedelta(hours=24) and self.inside(moment):
                        found.append((moment, us(moment) / 1000 - us(asked) / 1000))
                    asked = None
        return found

    def last(self, talk: Talk) -> datetime:
        """When the last line of its transcript is, or when it began without any."""
        return max([m for m, _ in talk.said] + [m for m, *_ in talk.ran], default=self.begin(talk))

    def length(self, talk: Talk) -> float:
        """Milliseconds from the first line of the transcript to the last thing recorded."""
        lines = [m for m, _ in talk.said] + [m for m, *_ in talk.ran]
        ends = [m + timedelta(milliseconds=lasted) for m, _, lasted, _ in talk.ran]
        last = max([talk.start, *(m for m, _ in talk.said), *ends, *(m for m, *_ in talk.spent)])
        return (us(last) - us(min(lines))) / 1000

    def rating(self, talk: Talk) -> str | None:
        """What the customer said last."""
        mine = [
            (m, place, mood) for place, (m, mood, source, _) in enumerate(talk.rated) if source == "customer"
        ]
        return max(mine)[2] if mine else None

    def calls(self) -> list[tuple[Talk, datetime, str, int, int]]:
        """The model calls of the period with their conversations."""
        return [(talk, *call) for talk in self.alive for call in talk.spent if self.inside(call[0])]

    def before(self) -> Oracle:
        """The same about the same number of days just before."""
        length = self.period.last - self.period.first + timedelta(days=1)
        earlier = Period(self.period.first - length, self.period.last - length, self.period.zone)
        return Oracle(self.everything, earlier)

    def rank(self, values: Iterable[float], share: float) -> float | None:
        """The smallest value that at least this share of the values does not exceed, by trying them all."""
        found = sorted(values)
        return next((v for v in found if sum(w <= v for w in found) >= share * len(found) - 1e-9), None)


def cost_of(moment: datetime, model: str, prompt: int, completion: int) -> int | None:
    """Return what a call costs in 1e-8 US dollars; None for a model without a price."""
    hour = us(moment) // 3_600_000_000 * 3_600_000_000
    found = price(model, None, Tokens(prompt=prompt, completion=completion), hour)
    return found.usd_e8 if found else None
