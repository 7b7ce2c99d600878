"""The OpenAPI document against the route table, against real answers, and with schemathesis."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis import checks
from server_api import Api, at, block, span
from server_everything import SECRET, TRACE, fill, name_of, path_of, place_of, request
from starlette.datastructures import URL, Headers, QueryParams

from agentsight_otel.server.api.http import ApiError, Call
from agentsight_otel.server.api.openapi.document import document, template
from agentsight_otel.server.api.routes import ROUTES
from agentsight_otel.server.api.routing import Route
from agentsight_otel.server.store.keys import find_key
from agentsight_otel.testing import LocalServer

DOCUMENT = document(ROUTES)
SCHEMAS = DOCUMENT["components"]["schemas"]
READS = [route for route in ROUTES if route.method == "GET" and "imports" not in route.path]
BRANCHES = ("anyOf", "oneOf")
NOT_SHOWN = {"Rejection", "FailedBlock", "Error"}
"""Shown by errors, which have a test of their own."""


@pytest.fixture(scope="module")
def openapi_api() -> Iterator[Api]:
    """Return an agent on a server of this module's own."""
    with LocalServer() as server:
        api = Api(server)
        yield api
        api.close()


@pytest.fixture(scope="module")
def openapi_keys(openapi_api: Api) -> dict[str, int]:
    """Give that agent one of everything and return the keys."""
    return tell_all(openapi_api)


def schema_of(route: Route, status: int) -> Any:
    """Return the schema of an answer; None when it has no JSON."""
    operation = DOCUMENT["paths"][template(route.path)][route.method.lower()]
    answer = operation["responses"][str(status)]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return answer.get("content", {}).get("application/json", {}).get("schema")


def errors_of(value: Any, schema: Any) -> list[str]:
    """Return how a value differs from what a schema of the document describes."""
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [error.message for error in validator.iter_errors(value)]


def seen(value: Any, schema: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each (component, property) of a schema that a value has."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from seen(value, SCHEMAS[name], name)
        return
    for branch in BRANCHES:
        for option in schema.get(branch, ()):
            if not errors_of(value, option):
                yield from seen(value, option, name)
    if isinstance(value, list):
        for item in value:
            yield from seen(item, schema.get("items", {}))
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in schema.get("properties", {}):
                yield name, key
                yield from seen(item, schema["properties"][key])


def described(schema: Any, found: dict[str, set[str]]) -> None:
    """Collect the properties of every component that a schema reaches."""
    if isinstance(schema, list):
        for item in schema:
            described(item, found)
    elif isinstance(schema, dict):
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name not in found:
                found[name] = set(SCHEMAS[name].get("properties", ()))
                described(SCHEMAS[name], found)
        for item in schema.values():
            described(item, found)


def test_every_route_is_described() -> None:
    """The document has the routes of the table and no others, each with a summary and a name of its own."""
    operations = {
        (method.upper(), path): operation
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert set(operations) == {(route.method, template(route.path)) for route in ROUTES}
    assert len({operation["operationId"] for operation in operations.values()}) == len(ROUTES)
    assert all(operation["summary"] for operation in operations.values())
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_the_document_is_served_without_a_key(engine_server: LocalServer) -> None:
    """It is the same for everybody, so nobody has to log in for it."""
    answer = requests.get(f"{engine_server.url}/openapi.json", timeout=30)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == DOCUMENT


def tell_all(api: Api) -> dict[str, int]:
    """Give an agent what `fill` leaves out: every optional field of an answer is somewhere."""
    keys = fill(api)
    story = {"conversation": keys["conversations"]}
    click = {"button_event": "e", "label": "l", "value": "v"}
    api.post("/api/buttons/", {"timestamp": at(20), **click, **story})
    vote = {"kind": "conversation", "sentiment": "neutral", **story}
    second = api.post("/api/feedbacks/", vote)["id"]
    api.post("/api/tickets/", {"title": "t", "feedback_id": second, "tags": ["a"], "priority": "low"})
    counts = ("input_tokens", "output_tokens")
    usage = {f"gen_ai__usage__{name}": 1 for name in counts}
    columns = ("cache_read", "cache_write", "reasoning", "audio_input", "audio_output", "embedding")
    usage |= {f"llm__{name}_tokens": 1 for name in columns}
    api.ingest(block(span(40, "llm", 30, gen_ai__request__model="gpt-4o", **usage), conversation_id=SECRET))
    return keys


def test_every_described_field_is_in_a_real_answer(api: Api) -> None:
    """Each answer of each route has exactly the fields that are described, and each of them occurs."""
    keys = tell_all(api)
    shown: set[tuple[str, str]] = set()
    wanted: dict[str, set[str]] = {}
    queries = ({}, {"full": "false"}, {"paginate": "false"}, {"include_tickets": "true"}, {"payload": "true"})
    answers = [(route, request(api, route, keys, api.key)) for route in ROUTES if route.method != "DELETE"]
    for route in READS:
        path = path_of(route, keys)
        fixed = {"conversation_id": SECRET, "key": SECRET} if "lookup" in path or "values" in path else {}
        answers += [(route, api.call("GET", path, params={**query, **fixed})) for query in queries]
    changes: dict[str, Any] = {
        "name": "n",
        "is_marked": True,
        "customer_id": "c",
        "device": "d",
        "language": "l",
    }
    update = next(route for route in ROUTES if route.path.endswith("/update/"))
    changes |= {"is_marked": True, "metadata": {}}
    answers.append((update, api.call("PATCH", path_of(update, keys), json=changes)))
    delete = next(route for route in ROUTES if route.path.endswith("/delete/"))
    answers.append((delete, request(api, delete, keys, api.key)))
    for route, answer in answers:
        schema = schema_of(route, answer.status_code)
        if schema is None:
            continue
        value = answer.json()
        assert errors_of(value, schema) == [], name_of(route)
        if answer.status_code < 300:
            shown |= set(seen(value, schema))
            described(schema, wanted)
    missing = {(name, key) for name in wanted.keys() - NOT_SHOWN for key in wanted[name]} - shown
    assert missing == set()


class Watched(QueryParams):
    """A query that notes what is asked of it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[str] = set()

    def get(self, key: Any, default: Any = None) -> Any:
        """Note and answer."""
        self.asked.add(key)
        return super().get(key, default)

    def getlist(self, key: Any) -> list[str]:
        """Note and answer."""
        self.asked.add(key)
        return super().getlist(key)


@pytest.mark.parametrize("route", READS, ids=name_of)
def test_every_parameter_is_described(openapi_api: Api, openapi_keys: dict[str, int], route: Route) -> None:
    """A route reads the parameters it is described with and no others."""
    store = openapi_api.server.store
    with store.read() as connection:
        principal = find_key(connection, openapi_api.key)
    query = Watched(
        {} if "spans" in route.path else {"conversation_id": SECRET, "key": "k", "metadata_key": "x"}
    )
    path = {"pk": openapi_keys.get(place_of(route), 0), "trace_id": TRACE}
    url = URL(openapi_api.server.url + route.path)
    with contextlib.suppress(ApiError):  # a download without its signature
        route.handler(Call(store, principal, path, query, b"", Headers(), url))
    operation = DOCUMENT["paths"][template(route.path)]["get"]
    assert query.asked - {"paginate"} == {given["name"] for given in operation.get("parameters", ())} - {
        "paginate"
    }


SCHEMATHESIS = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_any_request_of_the_document_is_answered_as_described(
    route: Route, openapi_api: Api, openapi_keys: dict[str, int]
) -> None:
    """Schemathesis sends what the document allows; every answer is one that the document describes."""
    del openapi_keys  # there is something to find
    operation = SCHEMATHESIS[template(route.path)][route.method]

    @settings(
        max_examples=4 if route.path == "/api/ingest/" else 15,  # a payload takes long to make up
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        headers = {"Authorization": f"Api-Key {openapi_api.key}"}
        case.call_and_validate(base_url=openapi_api.server.url, headers=headers, checks=CHECKS)

    send()
