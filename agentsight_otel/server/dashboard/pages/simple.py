"""Tools, feedback and customers: one question each."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from agentsight_otel.server.analytics import customers, ratings, tools
from agentsight_otel.server.analytics.statistics import change
from agentsight_otel.server.dashboard import charts, listing, present
from agentsight_otel.server.dashboard.pages.analytics import TONES, rating_split, step_slot
from agentsight_otel.server.dashboard.render import page
from agentsight_otel.server.dashboard.view import View
from agentsight_otel.server.store.filters import ConversationFilter
from agentsight_otel.wording import counted

COMMENTS: Final = 100


def show_tools(view: View) -> Response:
    """Return the actions of the period."""
    with view.store.read() as connection:
        found = tools.tools(connection, view.scope)
    return page(view, "tools.html", heading="Tools", active="tools", tools=found)


def show_feedback(view: View) -> Response:
    """Return the ratings of the period and what was written with them."""
    scope = view.scope
    sentiment = view.params.get("sentiment")
    sentiment = sentiment if sentiment in ratings.SENTIMENTS else None
    everything = view.params.get("all") == "1"
    with view.store.read() as connection:
        now, before = ratings.ratings(connection, scope), ratings.ratings(connection, scope.previous())
        steps = ratings.ratings_by_step(connection, scope)
        comments = ratings.comments(
            connection, scope, sentiment=sentiment, written=not everything, limit=COMMENTS + 1
        )
    slots = [
        step_slot(view, step, *(row[name] for name in ratings.SENTIMENTS)) for step, row in steps.items()
    ]
    step = view.period.step
    series = [charts.Series(name.capitalize(), TONES[name], present.compact) for name in ratings.SENTIMENTS]
    said = "{} given in {}.".format(
        counted(sum(sum(row.values()) for row in steps.values()), "rating"),
        counted(view.period.length, "day"),
    )
    return page(
        view,
        "feedback.html",
        heading="Feedback",
        active="feedback",
        rated=now,
        moved=change(now.satisfaction, before.satisfaction, before.rated),
        split=rating_split(now.split),
        chart=charts.bars(
            charts.Chart("trend", f"Ratings by {step}", said, step.capitalize(), series, slots), stacked=True
        ),
        comments=comments[:COMMENTS],
        more=len(comments) > COMMENTS,
        sentiment=sentiment,
        everything=everything,
        sentiments=ratings.SENTIMENTS,
    )


def show_customers(view: View) -> Response:
    """Return the customers of the period."""
    number = view.number("page") or 1
    contains = view.params.get("contains", "")
    with view.store.read() as connection:
        rows, more = customers.customers(connection, view.scope, contains=contains, page=number)
    return page(
        view,
        "customers.html",
        heading="Customers",
        active="customers",
        rows=rows,
        more=more,
        number=number,
        contains=contains,
    )


def show_customer(view: View) -> Response:
    """Return one customer's history."""
    customer_id = view.request.path_params["customer"]
    store = view.store
    wanted = ConversationFilter(environment_id=view.environment.id, customer_id=customer_id)
    with store.read() as connection:
        found = customers.customer(connection, view.scope, customer_id)
        if found is None:
            raise HTTPException(404)
        tokens, cost = customers.customer_cost(connection, view.scope, customer_id)
        history = listing.read_page(
            connection, view.agent.id, wanted, store.dialect, after=view.params.get("after")
        )
        extra = listing.extras(connection, [row.id for row in history.rows], None, store.dialect)
    return page(
        view,
        "customer.html",
        heading=present.visible(customer_id),
        active="customers",
        customer=found,
        tokens=tokens,
        cost=cost,
        rows=history.rows,
        after=history.after,
        extra=extra,
    )
