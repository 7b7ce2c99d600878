"""Tokens and cost."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from agentsight_otel.server.analytics import spending
from agentsight_otel.server.analytics.scope import Scope
from agentsight_otel.server.analytics.statistics import change
from agentsight_otel.server.dashboard import charts, present
from agentsight_otel.server.dashboard.pages.analytics import step_slot
from agentsight_otel.server.dashboard.render import page
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.wording import counted


def show(view: View) -> Response:
    """Return the page."""
    scope = view.scope
    total, before, steps, groups = view.recent.get(("spending", scope), lambda: _read(view, scope))
    costs = [step_slot(view, step, (row.cost_e8 or 0) / spending.E8) for step, row in steps.items()]
    tokens = [step_slot(view, step, row.input, row.output, row.cached) for step, row in steps.items()]
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
        cost_by_step=[slot.values[0] or 0 for slot in costs],
        tokens_by_step=[row.total for row in steps.values()],
        **groups,
        cost_chart=charts.bars(
            charts.Chart(
                "cost",
                f"Cost by {view.period.step}",
                f"{present.money(total.cost_e8)} in {counted(view.period.length, 'day')}.",
                view.period.step.capitalize(),
                [charts.Series("Cost", "c3", present.axis_money)],
                costs,
            ),
            whole=False,
        ),
        token_chart=charts.bars(
            charts.Chart(
                "tokens",
                f"Tokens by {view.period.step}",
                f"{counted(total.total, 'token')} in {counted(view.period.length, 'day')}.",
                view.period.step.capitalize(),
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
            spending.by_step(connection, scope),
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
