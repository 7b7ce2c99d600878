"""The OpenAPI document: the route table with what `operations` knows about each route."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec.json import schema_components

from agentsight_otel._version import __version__
from agentsight_otel.server.api.openapi.answers_more import Rejection
from agentsight_otel.server.api.openapi.operations import OPERATIONS, Operation
from agentsight_otel.server.api.routing import BODY_METHODS, Route
from agentsight_otel.server.store.dialect import MAX_ID

_HELP: Final = (
    "Every path ends in a slash; one without is a 404 with an HTML page. A method that a path does not have "
    "is a 405 to who has a key. Times are ISO 8601. Unknown query parameters and unknown fields of a body "
    "are ignored, but for those of the blocks of an ingest payload. Bodies may be compressed with gzip. What "
    "belongs to another agent is not found."
)
_ANY_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "description": "`detail` or `error` in words, or a text or list of texts for each wrong field.",
    "properties": {"detail": {"type": "string"}, "error": {"type": "string"}},
    "minProperties": 1,
}
_ERROR: Final = {"$ref": "#/components/schemas/Error"}
_TEXTS: Final = {
    200: "Done, or found.",
    201: "Made.",
    204: "Gone for good.",
    400: "Something in the request is wrong; nothing was written.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key may only read, or nobody's may.",
    404: "There is no such thing, or it is another agent's.",
    413: "Too large; the text names the limit.",
    415: "A content encoding other than gzip.",
    429: "More requests than this key may send; wait as long as the header says.",
    503: "The database is busy or not reachable.",
}
_PATH_SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "pk": {"type": "integer", "minimum": 0, "maximum": MAX_ID},
    "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_WAIT: Final = {
    "Retry-After": {
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "description": "Seconds.",
    }
}


def template(path: str) -> str:
    """Return a route's path as OpenAPI writes it, without converters."""
    return re.sub(r"{(\w+):\w+}", r"{\1}", path)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of some routes.

    Raises:
        KeyError: A route is not described.
    """
    table = [(route, template(route.path)) for route in routes]
    described = {(route.method, path): OPERATIONS[route.method, path] for route, path in table}
    types = list(dict.fromkeys(_types(described.values())))
    schemas, components = schema_components(types, ref_template="#/components/schemas/{name}")
    known = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route, path in table:
        entry = paths.setdefault(path, _path_item(path))
        entry[route.method.lower()] = _operation(route, path, described[route.method, path], known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AgentSight, local",
            "version": __version__,
            "description": _HELP,
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": _ANY_ERROR},
            "responses": {str(status): _refusal(status, _ERROR) for status in _TEXTS if status >= 400},
            "securitySchemes": {
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Api-Key <key>`. A key has one agent and one role: `read` or `write`.",
                }
            },
        },
        "security": [{"key": []}],
    }


def _types(operations: Iterable[Operation]) -> Iterator[Any]:
    yield Rejection
    for operation in operations:
        yield from (kind for kind in (operation.answer, operation.body) if kind not in {None, bytes})


def _path_item(path: str) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", path)
    if not names:
        return {}
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]} for name in names
        ]
    }


def _operation(route: Route, path: str, operation: Operation, known: Mapping[Any, Any]) -> dict[str, Any]:
    said = (inspect.getdoc(route.handler) or "").partition("\n")[0].rstrip(".")
    name = f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}_{route.method}_{path}"
    made: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", name).strip("_").lower(),
        "summary": said,
        "tags": [path.strip("/").split("/")[1] if path.startswith("/api/") else "document"],
    }
    if operation.query:
        made["parameters"] = [
            {"name": name, "in": "query", "description": given.text, "schema": given.schema}
            | ({"required": True} if given.required else {})
            for name, given in operation.query.items()
        ]
    if operation.body is not None:
        made["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": known[operation.body]}},
        }
    if route.role is None:
        made["security"] = []
    made["responses"] = dict(_responses(route, path, operation, known))
    return made


def _responses(
    route: Route, path: str, operation: Operation, known: Mapping[Any, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for status in operation.statuses:
        answer: dict[str, Any] = {"description": _TEXTS[status]}
        if operation.answer is bytes:
            answer["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
        elif operation.answer is not None:
            answer["content"] = {"application/json": {"schema": known[operation.answer]}}
        yield str(status), answer
    for status in sorted(_refusals(route, path, operation)):
        if status == 400 and path == "/api/ingest/":
            yield "400", _refusal(400, {"anyOf": [known[Rejection], _ERROR]})
        else:
            yield str(status), {"$ref": f"#/components/responses/{status}"}


def _refusal(status: int, schema: Mapping[str, Any]) -> dict[str, Any]:
    answer = {"description": _TEXTS[status], "content": {"application/json": {"schema": schema}}}
    return answer | ({"headers": _WAIT} if status in {429, 503} else {})


def _refusals(route: Route, path: str, operation: Operation) -> set[int]:
    """Return the statuses with which a route refuses."""
    found = {503}
    if route.role is not None:
        found |= {route.refused_status, 429}
    if route.role != "read" or path.startswith(("/api/imports/", "/api/feedbacks/")):
        found.add(403)
    if operation.query or route.method in BODY_METHODS:
        found.add(400)
    if route.method in BODY_METHODS:
        found |= {413, 415}
    if "{" in path or "page" in operation.query or "conversation_id" in operation.query or operation.body:
        found.add(404)
    return found
