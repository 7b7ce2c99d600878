"""Every page, download, stream, form and share link of the dashboard against those who may not have it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import requests
from server_api import Api
from server_everything import SECRET, everything, fill
from sqlalchemy import insert, update
from starlette.routing import Route

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.dashboard import routes
from agentsight_otel.server.dashboard.access import COOKIE, digest, new_token
from agentsight_otel.server.dashboard.tables import clients, shares
from agentsight_otel.server.store import Store
from agentsight_otel.testing import LocalServer

_store = Store.open()
TABLE = [route for route in routes(_store) if isinstance(route, Route)]
_store.close()
PAGES = [route for route in TABLE if route.path.startswith("/agents/") and "GET" in (route.methods or ())]
FORMS = [route for route in TABLE if route.path.startswith("/agents/") and "POST" in (route.methods or ())]
OPEN = {"/login", "/logout", "/theme", "/static/{name}", "/s/{token}", "/s/{token}/brand.css", "/"}
OWNERS = ("/health", "/settings")
DECOYS = {"kind": "csv", "customer": "somebody", "rest": "nowhere"}
STOPPED = 303
"""Where a stranger is led: to the login."""


class House(NamedTuple):
    """Two agents on one server; the first has one of everything."""

    owner: Api
    keys: dict[str, int]
    other: Api


@pytest.fixture(scope="module")
def house(engine_server: LocalServer) -> Iterator[House]:
    """Return two agents on each engine."""
    owner, other = Api(engine_server), Api(engine_server, "other")
    yield House(owner, fill(owner), other)
    owner.close()
    other.close()


def page_id(route: Route) -> str:
    """Return a test id."""
    method = "POST" if "POST" in (route.methods or ()) else "GET"
    return f"{method} {route.path.removeprefix('/agents/{agent:id}')}"


def path_of(route: Route, agent: int, house: House) -> str:
    """Return a path that points at the owner's things."""
    values = {"agent": agent, "key": house.keys["conversations"], "file": house.keys["files"], **DECOYS}
    return re.sub(r"{(\w+)(:\w+)?}", lambda match: str(values[match[1]]), route.path)


def visitor(house: House, agent: int, **columns: int) -> requests.Session:
    """Log a client in who may see one agent; *columns* end the login afterwards."""
    token = new_token()
    store, url = house.owner.server.store, house.owner.server.url
    times = {"created_at": now_us(), "expires_at": now_us() + 10**12}
    row = {"name": "client", "agents": [agent], "token_hash": digest(token), **times}
    with store.write() as connection:
        connection.execute(insert(clients).values(**row))
    session = requests.Session()
    assert session.get(f"{url}/login?token={token}", timeout=30).ok
    with store.write() as connection:
        if columns:
            mine = clients.c.token_hash == digest(token)
            connection.execute(update(clients).where(mine).values(**columns))
    return session


def ask(session: requests.Session, method: str, url: str) -> tuple[int, str]:
    """Return status and text; a stream that opens is left at once."""
    data = {"do": "delete", "csrf": "0" * 64} if method == "POST" else None
    with session.request(method, url, data=data, allow_redirects=False, timeout=30, stream=True) as answer:
        is_stream = answer.headers.get("Content-Type", "").startswith("text/event-stream")
        return answer.status_code, "" if is_stream else answer.text


@pytest.mark.parametrize("route", [*PAGES, *FORMS], ids=page_id)
def test_strangers_get_nothing(house: House, route: Route) -> None:
    """No cookie, a forged one, an API key, an ended login: all are led to the login, and nothing changes."""
    method = "POST" if route in FORMS else "GET"
    url = house.owner.server.url + path_of(route, house.owner.agent_id, house)
    before = everything(house.owner, house.keys)
    forged, keyed = requests.Session(), requests.Session()
    forged.cookies.set(COOKIE, f"owner.{now_us()}.0.{'0' * 64}")
    keyed.headers["Authorization"] = f"Api-Key {house.owner.key}"
    revoked = visitor(house, house.owner.agent_id, revoked_at=1)
    expired = visitor(house, house.owner.agent_id, expires_at=1)
    for session in (requests.Session(), forged, keyed, revoked, expired):
        with session:
            status, text = ask(session, method, url)
            assert (status, SECRET in text) == (STOPPED, False)
    assert everything(house.owner, house.keys) == before


@pytest.mark.parametrize("route", PAGES, ids=page_id)
def test_a_client_of_another_agent_gets_nothing(house: House, route: Route) -> None:
    """The owner's agent is not found, and the owner's rows are not found under the client's own agent."""
    url = house.owner.server.url
    with visitor(house, house.other.agent_id) as session:
        status, text = ask(session, "GET", url + path_of(route, house.owner.agent_id, house))
        assert (status, SECRET in text) == (404, False)
        status, text = ask(session, "GET", url + path_of(route, house.other.agent_id, house))
        assert SECRET not in text
        assert "{key" not in route.path or status == 404
        assert "{file" not in route.path or status == 404
        assert not route.path.endswith(OWNERS) or status == 404


@pytest.mark.parametrize("route", FORMS, ids=page_id)
def test_a_client_changes_nothing(house: House, route: Route) -> None:
    """A client login, of this or of another agent, may send no form."""
    before = everything(house.owner, house.keys)
    for agent in (house.owner.agent_id, house.other.agent_id):
        with visitor(house, agent) as session:
            url = house.owner.server.url + path_of(route, house.owner.agent_id, house)
            assert ask(session, "POST", url)[0] == 403
    assert everything(house.owner, house.keys) == before


@pytest.mark.parametrize("route", PAGES, ids=page_id)
def test_a_client_of_the_agent_is_let_in(house: House, route: Route) -> None:
    """What is refused above is there: the agent's own client may look, but for the owner's pages."""
    with visitor(house, house.owner.agent_id) as session:
        status, _ = ask(session, "GET", house.owner.server.url + path_of(route, house.owner.agent_id, house))
        assert status in ({404} if route.path.endswith((*OWNERS, "/logo", "path}")) else {200, 204})


def test_searches_and_exports_stay_with_the_agent(house: House) -> None:
    """Search words, filters and exports of another agent find none of the owner's texts."""
    queries = (
        "conversations?search=",
        "conversations?message_contains=",
        "export.csv?search=",
        "export.jsonl?x=",
    )
    with visitor(house, house.other.agent_id) as session:
        for query in queries:
            url = f"{house.owner.server.url}/agents/{house.other.agent_id}/{query}{SECRET}"
            _, text = ask(session, "GET", url)
            assert "/conversations/" + str(house.keys["conversations"]) not in text
            assert SECRET not in text.replace(f'value="{SECRET}"', "") or "export" not in query


def test_a_share_link_opens_only_while_it_lasts(house: House) -> None:
    """A link needs no login and shows one transcript; revoked or expired it is gone; none can be made up."""
    token, url = new_token(), house.owner.server.url
    row = {"agent_id": house.owner.agent_id, "conversation": house.keys["conversations"], "created_at": 1}
    row |= {"token_hash": digest(token), "expires_at": now_us() + 10**12}
    store = house.owner.server.store
    with store.write() as connection:
        connection.execute(insert(shares).values(**row))
    with requests.Session() as session:
        for path in (f"/s/{token}", f"/s/{token}/brand.css"):
            assert ask(session, "GET", url + path)[0] == 200
            assert ask(session, "GET", url + path.replace(token, new_token()))[0] == 404
        for ended in ({"revoked_at": 1}, {"revoked_at": None, "expires_at": 1}):
            with store.write() as connection:
                mine = shares.c.token_hash == digest(token)
                connection.execute(update(shares).where(mine).values(**ended))
            status, text = ask(session, "GET", f"{url}/s/{token}")
            assert (status, SECRET in text) == (410, False)
            assert ask(session, "GET", f"{url}/s/{token}/brand.css")[0] == 410


def test_every_other_route_is_known_to_be_open() -> None:
    """Beside the agents' pages there is the login, the assets and the share links, and nothing else."""
    assert {route.path for route in TABLE if not route.path.startswith("/agents/")} == OPEN
