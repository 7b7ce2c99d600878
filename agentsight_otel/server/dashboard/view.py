"""What every page knows: who looks, at which agent, environment, period and time zone, and how to link on."""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select
from starlette.exceptions import HTTPException
from starlette.requests import Request

from agentsight_otel.server.analytics.period import Period, between, last_days
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.clock import now_us
from agentsight_otel.server.dashboard.access import Session
from agentsight_otel.server.dashboard.brand import Brand, load_brand
from agentsight_otel.server.dashboard.fields import whole_number
from agentsight_otel.server.dashboard.present import days, moment
from agentsight_otel.server.dashboard.recent import Recent
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.tables import agents, environments

RANGES: Final = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "365d": 365}
DEFAULT_RANGE: Final = "30d"
KEPT: Final = ("env", "tz", "range", "from", "to")
"""Query parameters that a link to another page carries along."""


@dataclass(frozen=True, slots=True)
class View:
    """One request, understood.

    Attributes:
        request: The request.
        params: The query of its URL; of a repeated name the last.
        store: The database.
        session: Who looks.
        agent: Row of the agent: ``id``, ``name``.
        agents: The agents the session may see.
        environments: Rows of the agent's environments.
        environment: The chosen one.
        period: The chosen days, in the chosen time zone.
        brand: How the agent looks.
        now: Microseconds since the Unix epoch.
        recent: What was computed a moment ago.
    """

    request: Request
    params: Mapping[str, str]
    store: Store
    session: Session
    agent: Row[*tuple[Any, ...]]
    agents: list[Row[*tuple[Any, ...]]]
    environments: list[Row[*tuple[Any, ...]]]
    environment: Row[*tuple[Any, ...]]
    period: Period
    brand: Brand
    now: int
    recent: Recent

    @property
    def zone(self) -> ZoneInfo:
        """The time zone everything is shown in."""
        return self.period.zone

    @property
    def scope(self) -> Scope:
        """The frame of every metric on the page."""
        return Scope(self.agent.id, self.environment.id, self.period, self.brand.escalation)

    @property
    def days(self) -> str:
        """The period's first and last day in words."""
        return days(self.period.first, self.period.last, self.moment(self.now).date())

    @property
    def base(self) -> str:
        """Path of the agent's pages, with a slash at the end."""
        return f"/agents/{self.agent.id}/"

    def number(self, name: str) -> int | None:
        """Return a whole number of the query, None when there is none."""
        return whole_number(self.params.get(name, ""))

    def link(self, page: str = "", /, **params: object) -> str:
        """Return the address of another page of the agent, which keeps environment, period and time zone."""
        kept = {name: value for name, value in self.params.items() if name in KEPT}
        return address(self.base + page, {**kept, **params})

    def customer(self, customer_id: str) -> str:
        """Return the address of a customer's page."""
        return self.link(f"customers/{quote(customer_id, safe='')}")

    def here(self, **changes: object) -> str:
        """Return this page's address with some parameters changed; None takes one out."""
        return address(self.request.url.path, {**self.params, **changes})

    def moment(self, value: int) -> datetime:
        """Return microseconds since the Unix epoch on the page's clock."""
        return moment(value, self.zone)


def address(path: str, params: Mapping[str, object]) -> str:
    """Return a path with a query; parameters that are None or empty are left out."""
    given = ((name, str(value)) for name, value in params.items() if value is not None and value != "")
    query = "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in given])
    return f"{path}?{query}" if query else path


@functools.lru_cache(maxsize=1_000)
def _quoted(text: str) -> str:
    """A page has hundreds of addresses made of the same few words."""
    return quote(text, safe=":,/")


def open_view(request: Request, store: Store, recent: Recent) -> View:
    """Read the request's frame.

    Raises:
        HTTPException: 404 for an agent that does not exist or that the session may not see.
    """
    session: Session = request.state.session
    agent_id = request.path_params["agent"]
    with store.read() as connection:
        known = visible_agents(connection, session)
        agent = next((row for row in known if row.id == agent_id), None)
        if agent is None:
            raise HTTPException(404)
        kinds = list(
            connection.execute(
                select(environments).where(environments.c.agent_id == agent.id).order_by(environments.c.id)
            )
        )
        brand = load_brand(connection, agent.id)
    return View(
        request,
        dict(request.query_params),
        store,
        session,
        agent,
        known,
        kinds,
        _environment(kinds, request.query_params.get("env")),
        _period(request),
        brand,
        now_us(),
        recent,
    )


def visible_agents(connection: Connection, session: Session) -> list[Row[*tuple[Any, ...]]]:
    """Return the agents a session may see, oldest first."""
    rows = connection.execute(select(agents.c.id, agents.c.name).order_by(agents.c.id))
    return [row for row in rows if session.may_see(row.id)]


@functools.cache
def zone_names() -> tuple[str, ...]:
    """Return the names of the time zones this machine knows, UTC first."""
    regions = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ("UTC", *sorted(name for name in zoneinfo.available_timezones() if name.startswith(regions)))


def _zone(request: Request) -> ZoneInfo:
    for name in (request.query_params.get("tz"), request.cookies.get("tz")):
        if name and name in zone_names():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


def _period(request: Request) -> Period:
    zone = _zone(request)
    query = request.query_params
    first, last = _date(query.get("from")), _date(query.get("to"))
    now = datetime.now(UTC)
    if first is None and last is None:
        return last_days(RANGES.get(query.get("range", ""), RANGES[DEFAULT_RANGE]), zone, now)
    today = now.astimezone(zone).date()
    last = last or max(today, first or today)
    return between(first or last - timedelta(days=29), last, zone)


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _environment(rows: list[Row[*tuple[Any, ...]]], wanted: str | None) -> Row[*tuple[Any, ...]]:
    production = next((row for row in rows if row.is_production), rows[0])
    return next((row for row in rows if row.slug == wanted), production)
