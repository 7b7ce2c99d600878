"""Tokens and cost."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from agentsight_otel.server.analytics import spending
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import change
from agentsight_otel.server.dashboard import charts, present
from agentsight_otel.server.dashboard.pages.analytics import day_slot
from agentsight_otel.server.dashboard.render import page
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.wording import counted


def show(view: View) -> Response:
    """Return the page."""
    scope = view.scope
    total, before, days, groups = view.recent.get(("spending", scope), lambda: _read(view, scope))
    costs = [day_slot(view, day, (row.cost_e8 or 0) / spending.E8) for day, row in days.items()]
    tokens = [day_slot(view, day, row.input, row.output, row.cached) for day, row in days.items()]
    kinds = (("Input", "c1"), ("Output", "c2"), ("Cache", "c6"))
    return page(
        view,
        "tokens.html",
        heading="Tokens & cost",
        active="tokens",
        total=total,
        moved={
            "tokens": change(total.total, before.total, before.calls),
            "cost": change(total.cost_e8, before.cost_e8, before.calls),
            "calls": change(total.calls, before.calls, before.calls),
        },
        daily_cost=[slot.values[0] or 0 for slot in costs],
        daily_tokens=[row.total for row in days.values()],
        **groups,
        cost_chart=charts.bars(
            charts.Chart(
                "cost",
                "Cost by day",
                f"{present.money(total.cost_e8)} in {counted(view.period.length, 'day')}.",
                "Day",
                [charts.Series("Cost", "c3", present.axis_money)],
                costs,
            ),
            whole=False,
        ),
        token_chart=charts.bars(
            charts.Chart(
                "tokens",
                "Tokens by day",
                f"{counted(total.total, 'token')} in {counted(view.period.length, 'day')}.",
                "Day",
                [charts.Series(name, tone, present.compact) for name, tone in kinds],
                tokens,
            ),
            stacked=True,
        ),
    )


def _read(view: View, scope: Scope) -> tuple[Any, Any, Any, dict[str, Any]]:
    with view.store.read() as connection:
        return (
            spending.total(connection, scope),
            spending.total(connection, scope.previous()),
            spending.by_day(connection, scope),
            _groups(connection, scope),
        )


def _groups(connection: Connection, scope: Scope) -> dict[str, Any]:
    models = spending.by_model(connection, scope)
    return {
        "models": models,
        "unpriced": [group for group in models if group.spending.unpriced_tokens],
        "customers": spending.by_customer(connection, scope),
        "conversations": spending.by_conversation(connection, scope),
    }
