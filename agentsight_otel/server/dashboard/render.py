"""Templates: one Jinja environment, and the context every page gets."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from typing import Any, Final

import jinja2
from starlette.responses import HTMLResponse, Response

from agentsight_otel.server import countries
from agentsight_otel.server.analytics.definitions import COMMON, DEFINITIONS
from agentsight_otel.server.clock import iso
from agentsight_otel.server.dashboard import charts, present
from agentsight_otel.server.dashboard.access import form_token
from agentsight_otel.server.dashboard.view import DEFAULT_RANGE, RANGES, View, zone_names
from agentsight_otel.wording import counted

HTMX: Final = "htmx-4.0.1.min.js"
HTMX_SHA256: Final = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
"""Of the file as npm has it; a test compares."""


def static_file(name: str) -> bytes:
    """Return a file of the folder ``static``."""
    return resources.files(__package__).joinpath("static", name).read_bytes()


STATIC: Final = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    HTMX: "text/javascript; charset=utf-8",
    "htmx-LICENSE.txt": "text/plain; charset=utf-8",
    "favicon.svg": "image/svg+xml",
}


def _asset(name: str) -> str:
    digest = hashlib.sha256(static_file(name)).hexdigest()[:12]
    return f"/static/{name}?{digest}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals |= {
        "assets": {name: _asset(name) for name in STATIC},
        "definitions": DEFINITIONS,
        "common": COMMON,
        "charts": charts,
        "ranges": tuple(RANGES),
        "default_range": DEFAULT_RANGE,
        "zone_names": zone_names,
    }
    shown = (
        "number",
        "compact",
        "percent",
        "change",
        "duration",
        "money",
        "day",
        "size",
        "visible",
    )
    environment.filters |= {name: getattr(present, name) for name in shown}
    environment.filters |= {
        "counted": counted,
        "ago": present.ago,
        "iso": iso,
        "pretty": _pretty,
        "country": countries.name,
    }
    return environment


def _pretty(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


ENVIRONMENT: Final = _environment()


def page(view: View, template: str, /, *, status: int = 200, **context: Any) -> Response:
    """Return a page of an agent."""
    text = ENVIRONMENT.get_template(template).render(
        view=view,
        csrf=form_token(view.store, view.session),
        theme=theme_of(view.request.cookies.get("theme")),
        **context,
    )
    return HTMLResponse(text, status)


def plain(template: str, /, *, status: int = 200, theme: str = "", **context: Any) -> Response:
    """Return a page that belongs to no agent: login, error, shared transcript."""
    return HTMLResponse(ENVIRONMENT.get_template(template).render(theme=theme, **context), status)


def theme_of(cookie: str | None) -> str:
    """Return ``light`` or ``dark`` as chosen, or the empty text: as the system says."""
    return cookie if cookie in {"light", "dark"} else ""
