"""One odd value at a time, in every described field and parameter, with everything else right."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests
from server_api import Api
from server_everything import SECRET, ask, body_of, fill, name_of

from agentsight_otel.server.api.http import encode
from agentsight_otel.server.api.openapi.document import template
from agentsight_otel.server.api.openapi.operations import OPERATIONS, Operation
from agentsight_otel.server.api.routes import ROUTES
from agentsight_otel.server.api.routing import Route
from agentsight_otel.testing import LocalServer

MANY_ZEROS = "0" * 20
HUGE = "1" + "0" * 400
TOO_LONG = "9" * 5000
"""Python turns no more than 4,300 digits into a number."""
VALUES = [
    *("null", "[]", "{}", "-1", "1e308", '"None"', '"\\u0000"', HUGE, f'"{TOO_LONG}"'),
    *(f'"{MANY_ZEROS}{HUGE}"', f'{{"a": {HUGE}}}', '"0001-01-01T00:00:00+14:00"'),
]
"""As JSON."""
TEXTS = [
    *("-1", "\0", "[]", ":", "\u00b2", HUGE, TOO_LONG, MANY_ZEROS + HUGE, f"a:{HUGE}", "a:1e308"),
    "0001-01-01T00:00:00+14:00",
]

ANSWERS = {200, 201, 400, 403, 404}


def described(route: Route) -> Operation:
    """Return what is known of a route."""
    return OPERATIONS[route.method, template(route.path)]


@pytest.fixture(scope="module")
def filled(engine_server: LocalServer) -> Iterator[tuple[Api, dict[str, int]]]:
    """Return an agent with one of everything, and its keys."""
    api = Api(engine_server)
    yield api, fill(api)
    api.close()


@pytest.mark.parametrize("route", [route for route in ROUTES if described(route).body], ids=name_of)
def test_a_field_may_hold_anything(filled: tuple[Api, dict[str, int]], route: Route) -> None:
    """Any JSON in any field of any body is taken or refused, and nothing breaks."""
    api, keys = filled
    right = body_of(route, keys)
    for field in described(route).body.__struct_fields__:
        rest = json.dumps({name: item for name, item in right.items() if name != field})[1:]
        for value in VALUES:
            text = f'{{"{field}": {value}{", " if len(rest) > 1 else ""}{rest}'
            status, answer = ask(api, route, keys, {}, text.encode())
            assert status in ANSWERS, (field, value[:40])
            encode(answer)


@pytest.mark.parametrize("route", [route for route in ROUTES if described(route).query], ids=name_of)
def test_a_parameter_may_hold_anything(filled: tuple[Api, dict[str, int]], route: Route) -> None:
    """Any text in any parameter of any route is taken or refused, and nothing breaks."""
    api, keys = filled
    right = {"conversation_id": SECRET, "metadata_key": SECRET, "key": SECRET}
    for name in described(route).query:
        for text in TEXTS:
            status, answer = ask(api, route, keys, right | {name: text})
            assert status in ANSWERS, (name, text[:40])
            encode(answer)


NUMBERS = ["9" * digits for digits in (19, 20, 5000)]


@pytest.mark.parametrize("number", NUMBERS, ids=len)
def test_a_path_may_hold_any_number(api: Api, number: str) -> None:
    """A number that no row can have is not found, however long it is."""
    assert api.call("GET", f"/api/conversations/{number}/").json() == {"detail": "Not found."}
    assert api.call("DELETE", f"/api/tickets/{number}/").status_code == 404
    assert api.call("PATCH", f"/api/track/{number}/", json={"metadata": {}}).status_code == 404
    link = {"expires": "9" * 12, "signature": "x"}
    assert api.call("GET", f"/api/files/{number}/", params=link).status_code == 403


@pytest.mark.parametrize("number", NUMBERS, ids=len)
def test_a_page_may_have_any_number(api: Api, number: str) -> None:
    """The same on the dashboard, for somebody who is logged in."""
    own = f"/agents/{api.agent_id}"
    with requests.Session() as browser:
        assert browser.get(api.server.dashboard_url(), timeout=30).status_code == 200
        for path in (
            f"/agents/{number}/",
            *(f"{own}/{place}/{number}" for place in ("conversations", "files")),
        ):
            assert browser.get(api.server.url + path, timeout=30).status_code == 404
