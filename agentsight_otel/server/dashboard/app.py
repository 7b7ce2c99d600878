"""The dashboard's routes, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agentsight_otel.server.dashboard.access import form_token
from agentsight_otel.server.dashboard.brand import MAX_LOGO_BYTES, brand_css
from agentsight_otel.server.dashboard.embedding import frame_ancestors
from agentsight_otel.server.dashboard.fields import text_of
from agentsight_otel.server.dashboard.gate import Gate
from agentsight_otel.server.dashboard.live import Live, Source
from agentsight_otel.server.dashboard.pages import (
    analytics,
    conversation,
    conversations,
    entry,
    health,
    owner,
    simple,
    spending,
)
from agentsight_otel.server.dashboard.recent import Recent
from agentsight_otel.server.dashboard.render import plain, theme_of
from agentsight_otel.server.dashboard.tables import make_tables
from agentsight_otel.server.dashboard.view import View, open_view
from agentsight_otel.server.store.engine import Store

Show = Callable[[View], Response]
Act = Callable[[View, FormData], Response]
Follow = Callable[[View], tuple[Source, int]]
Answer = Callable[[Request, Store], Response]

MAX_FORM_PART: Final = MAX_LOGO_BYTES * 4
AT_ONCE: Final = 2
"""Pages that are computed at a time; more would hold up what is being received."""


def routes(store: Store, *, needs_login: bool = True, embed_origins: Sequence[str] = ()) -> list[BaseRoute]:
    """Return the dashboard's routes, for `create_app` to put beside the REST routes.

    Args:
        store: The database; the dashboard's own tables are made in it.
        needs_login: Whether to ask for a session. Without, everybody who reaches the port is the owner.
        embed_origins: Sites that may show pages in a frame, such as ``https://app.example.com``.

    Raises:
        ConfigurationException: One of these is not an origin.
    """
    frames = frame_ancestors(embed_origins)
    make_tables(store)
    gate = [Middleware(Gate, store=store, frames=frames, needs_login=needs_login)]
    app = _Builder(store)
    found = [(AGENT + path, "GET", app.shown(show)) for path, show in PAGES]
    found += [(AGENT + path, "GET", app.followed(follow)) for path, follow in STREAMS]
    found += [(AGENT + path, "POST", app.acted(act)) for path, act in FORMS]
    found += [("/login", "POST", app.sign_in), ("/s/{token}", "GET", app.computed(entry.shared))]
    found += [(path, method, app.plain(answer)) for path, method, answer in OUTSIDE]
    return [Route(path, endpoint, methods=[method], middleware=gate) for path, method, endpoint in found]


class _Builder:
    """Turns functions of a view into endpoints; errors become pages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent = Recent()
        self._live = Live(store)
        self._at_once = CapacityLimiter(AT_ONCE)

    def plain(self, answer: Answer) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            try:
                return answer(request, self._store)
            except HTTPException as error:
                return _error(request, error)

        return endpoint

    def computed(self, answer: Answer) -> Callable[[Request], object]:
        guarded = self.plain(answer)

        async def endpoint(request: Request) -> Response:
            return await to_thread.run_sync(guarded, request, limiter=self._at_once)

        return endpoint

    def shown(self, show: Show) -> Callable[[Request], object]:
        return self.computed(lambda request, store: show(open_view(request, store, self._recent)))

    def followed(self, follow: Follow) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            try:
                view = await run_in_threadpool(open_view, request, self._store, self._recent)
                source, seen = await run_in_threadpool(follow, view)
            except HTTPException as error:
                return _error(request, error)
            return self._live.answer(view, source, seen)

        return endpoint

    def acted(self, act: Act) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            try:
                _only_owners(request)  # before the form is read, which may be large
                async with request.form(max_files=1, max_fields=100, max_part_size=MAX_FORM_PART) as form:
                    return await run_in_threadpool(self._act, act, request, form)
            except HTTPException as error:
                return _error(request, error)

        return endpoint

    def _act(self, act: Act, request: Request, form: FormData) -> Response:
        if form.get("csrf") != form_token(self._store, request.state.session):
            raise HTTPException(403, "This form is too old. Go back, reload the page and try again.")
        return act(open_view(request, self._store, self._recent), form)

    async def sign_in(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=5)
        given = text_of(form, "token").strip().rpartition("token=")[2]
        return await run_in_threadpool(entry.sign_in, request, self._store, given)


def _only_owners(request: Request) -> None:
    if not request.state.session.is_owner:
        raise HTTPException(403, "This login can only look.")


def _owners(show: Callable[..., Response]) -> Show:
    def guarded(view: View) -> Response:
        if not view.session.is_owner:
            raise HTTPException(404)
        return show(view)

    return guarded


def _brand(view: View) -> Response:
    return Response(brand_css(view.brand.accent), media_type="text/css")


def _logo(view: View) -> Response:
    if not view.brand.logo:
        raise HTTPException(404)
    return Response(view.brand.logo, media_type=view.brand.logo_type)


AGENT: Final = "/agents/{agent:id}/"
PAGES: Final[tuple[tuple[str, Show], ...]] = (
    ("", analytics.show),
    ("conversations", conversations.show),
    ("export.{kind:str}", conversations.download),
    ("conversations/{key:id}", conversation.show),
    ("conversations/{key:id}/transcript.json", conversation.as_json),
    ("conversations/{key:id}/transcript.html", conversation.as_html),
    ("files/{file:id}", conversation.file),
    ("tokens", spending.show),
    ("tools", simple.show_tools),
    ("feedback", simple.show_feedback),
    ("customers", simple.show_customers),
    ("customers/{customer:path}", simple.show_customer),
    ("reports", owner.show_reports),
    ("health", _owners(health.show)),
    ("settings", _owners(owner.show_settings)),
    ("brand.css", _brand),
    ("logo", _logo),
)
"""Pages and files of an agent, below its address."""
STREAMS: Final[tuple[tuple[str, Follow], ...]] = (
    ("live", conversations.follow),
    ("conversations/{key:id}/live", conversation.follow),
)
FORMS: Final[tuple[tuple[str, Act], ...]] = (
    ("conversations/{key:id}", conversation.act),
    ("settings", owner.save_settings),
    ("views", owner.save_view),
)
OUTSIDE: Final[tuple[tuple[str, str, Answer], ...]] = (
    ("/", "GET", entry.home),
    ("/login", "GET", entry.login),
    ("/logout", "POST", entry.logout),
    ("/theme", "GET", entry.theme),
    ("/static/{name}", "GET", entry.static),
    ("/s/{token}/brand.css", "GET", entry.shared_css),
    ("/agents/{rest:path}", "GET", entry.nowhere),
)
"""What belongs to no agent; its last line is what no page of an agent has taken."""


_TITLES: Final = {404: "Not found", 403: "Not allowed", 410: "No longer there", 400: "That did not work"}
_TEXTS: Final = {404: "There is no such page, or not for you."}


def _error(request: Request, error: HTTPException) -> Response:
    title = _TITLES.get(error.status_code, "That did not work")
    text = _TEXTS.get(error.status_code, error.detail)
    theme = theme_of(request.cookies.get("theme"))
    return plain("error.html", status=error.status_code, theme=theme, title=title, text=text)
