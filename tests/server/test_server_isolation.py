"""Every route of the table against every kind of key: nobody sees or changes another agent's rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from server_api import Api
from server_everything import SECRET, everything, fill, name_of, request
from sqlalchemy import update

from agentsight_otel.server.api.imports import refused
from agentsight_otel.server.api.routes import ROUTES
from agentsight_otel.server.api.routing import Route
from agentsight_otel.server.store.keys import create_key, list_keys, revoke_key
from agentsight_otel.server.store.tables import api_keys
from agentsight_otel.testing import LocalServer

KEYED = [route for route in ROUTES if route.role is not None]
KEYLESS = {"/openapi.json", "/api/files/{pk:id}/"}
"""The description of the routes, and the download, which asks for its link's signature."""
MAY_BE_400 = {"/api/actions/", "/api/feedbacks/"}
NO_CREDENTIALS = "Authentication credentials were not provided."
ENDED = "API key is inactive, expired or revoked."


@pytest.fixture
def owned(api: Api) -> tuple[Api, dict[str, int]]:
    """Return a new agent with one of everything."""
    return api, fill(api)


@pytest.fixture(scope="module")
def guarded(engine_server: LocalServer) -> Iterator[tuple[Api, dict[str, int]]]:
    """Return an agent with one of everything, on which nobody succeeds to change anything."""
    api = Api(engine_server)
    yield api, fill(api)
    api.close()


def ended_keys(api: Api) -> tuple[str, str]:
    """Return a revoked and an expired key of an agent."""
    with api.server.store.write() as connection:
        revoked = create_key(connection, api.agent_id, "write", name="revoked")
        expired = create_key(connection, api.agent_id, "write", name="expired", expires_at=1)
        newest = max(row["id"] for row in list_keys(connection, api.agent_id) if row["name"] == "revoked")
        assert revoke_key(connection, api.agent_id, newest)
    return revoked, expired


@pytest.mark.parametrize("route", KEYED, ids=name_of)
def test_another_agent_sees_and_changes_nothing(
    guarded: tuple[Api, dict[str, int]], other: Api, route: Route
) -> None:
    """With another agent's keys no route shows the owner's texts or changes the owner's rows."""
    api, keys = guarded
    before = everything(api, keys)
    for key in (other.key, other.read_key):
        answer = request(other, route, keys, key)
        assert SECRET not in answer.text.replace(f'"key":"{SECRET}"', "")
        assert answer.status_code < 500
        if "{" in route.path and "imports" not in route.path and key == other.key:
            assert answer.status_code == 404
    assert everything(api, keys) == before


@pytest.mark.parametrize("route", KEYED, ids=name_of)
def test_no_key_and_ended_keys_are_refused(guarded: tuple[Api, dict[str, int]], route: Route) -> None:
    """Without a key, and with one that is unknown, revoked or expired, every route refuses and says why."""
    api, keys = guarded
    before = everything(api, keys)
    refusals = dict.fromkeys(ended_keys(api), ENDED) | {"ags_none": "Invalid API key."}
    for key, detail in [(None, NO_CREDENTIALS), *refusals.items()]:
        answer = request(api, route, keys, key)
        assert (answer.status_code, answer.json()) == (route.refused_status, {"detail": detail})
    assert everything(api, keys) == before


def missing() -> Iterator[Route]:
    """Yield a route for each method that a path with a key does not have."""
    for path, refused_status in {route.path: route.refused_status for route in KEYED}.items():
        offered = {route.method for route in KEYED if route.path == path}
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            if method not in offered:
                yield Route(method, path, refused, refused_status=refused_status)


def test_which_methods_a_path_has_is_told_to_keys_only(guarded: tuple[Api, dict[str, int]]) -> None:
    """A method that a path does not have is a 405 with a key of either role, and without one a refusal."""
    api, keys = guarded
    for route in missing():
        stranger = request(api, route, keys, None)
        assert (stranger.status_code, stranger.json()) == (route.refused_status, {"detail": NO_CREDENTIALS})
        for key in (api.key, api.read_key):
            answer = request(api, route, keys, key)
            assert answer.status_code == 405
            assert answer.json() == {"detail": f'Method "{route.method}" not allowed.'}


@pytest.mark.parametrize("route", [route for route in KEYED if route.role == "write"], ids=name_of)
def test_a_reading_key_changes_nothing(guarded: tuple[Api, dict[str, int]], route: Route) -> None:
    """A key that may only read is refused on every writing route."""
    api, keys = guarded
    before = everything(api, keys)
    assert request(api, route, keys, api.read_key).status_code == 403
    assert everything(api, keys) == before


@pytest.mark.parametrize("route", KEYED, ids=name_of)
def test_own_key_is_let_in(owned: tuple[Api, dict[str, int]], route: Route) -> None:
    """The owner's key is let in everywhere: the isolation above is not that everything is refused."""
    api, keys = owned
    answer = request(api, route, keys, api.key)
    if route.handler is refused:
        assert answer.status_code == 403
    else:
        assert answer.status_code in {200, 201, 204} | ({400} if route.path in MAY_BE_400 else set())
    if route.role == "read" and route.handler is not refused:
        assert request(api, route, keys, api.read_key).status_code == 200


def test_which_routes_need_no_key() -> None:
    """Only the description and the download have no role of their own."""
    assert {route.path for route in ROUTES if route.role is None} == KEYLESS


def test_a_download_opens_only_with_its_own_signature(owned: tuple[Api, dict[str, int]], other: Api) -> None:
    """A key opens no file, and a link of one file opens no other."""
    api, keys = owned
    detail = api.get(f"/api/conversations/{keys['conversations']}/attachments/")
    link = detail["attachments"][0]["file_url"]
    theirs = fill(other)["files"]
    for key in (api.key, other.key, None):
        bare = link.partition("?")[0].removeprefix(api.server.url)
        headers = {} if key is None else {"Authorization": f"Api-Key {key}"}
        assert api.session.get(api.server.url + bare, headers=headers, timeout=30).status_code == 403
    moved = link.replace(f"/files/{keys['files']}/", f"/files/{theirs}/")
    assert api.session.get(moved, timeout=30).status_code == 403
    assert SECRET in api.session.get(link, timeout=30).text


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
def test_otlp_takes_writing_keys_only(owned: tuple[Api, dict[str, int]], path: str) -> None:
    """OTLP asks for a key that may write, like every writing route."""
    api, _ = owned
    headers = {"Content-Type": "application/json"}
    url = api.server.url + path
    assert api.session.post(url, data="{}", headers=headers, timeout=30).status_code == 401
    for key in (*ended_keys(api), "ags_none"):
        assert api.call("POST", path, key=key, data="{}", headers=headers).status_code == 401
    assert api.call("POST", path, key=api.read_key, data="{}", headers=headers).status_code == 403
    assert api.call("POST", path, data="{}", headers=headers).status_code == 200


def test_a_revoked_key_stops_with_the_next_request(api: Api) -> None:
    """Nothing about keys is remembered between requests, by any connection."""
    assert api.call("GET", "/api/me/").status_code == 200
    with api.server.store.write() as connection:
        connection.execute(update(api_keys).where(api_keys.c.agent_id == api.agent_id).values(revoked_at=1))
    assert api.call("GET", "/api/me/").status_code == 401
