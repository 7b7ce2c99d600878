"""Reading query parameters and body fields, with the REST contract's error texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agentsight_otel.server.api.http import ApiError, Call, bad_field
from agentsight_otel.server.clock import parse_time
from agentsight_otel.server.ingest.payload import normalise_slug
from agentsight_otel.server.store.dialect import MAX_ID

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def flag(query: Mapping[str, str], name: str, *, strict: bool = False) -> bool | None:
    """Return a boolean parameter; None when it is absent, or empty and not *strict*."""
    text = query.get(name)
    if text is None or (not text and not strict):
        return None
    lowered = text.strip().lower()
    if lowered in _TRUE or lowered in _FALSE:
        return lowered in _TRUE
    raise bad_field(name, "Must be a valid boolean.")


def moment(query: Mapping[str, str], name: str) -> int | None:
    """Return an ISO 8601 parameter in microseconds, None when absent or empty."""
    text = query.get(name)
    if not text:
        return None
    try:
        return parse_time(text.replace(" ", "+") if "T" in text else text)  # an unquoted + arrives as a space
    except ValueError:
        raise bad_field(name, "Enter a valid date/time.") from None


def integer(query: Mapping[str, str], name: str) -> int | None:
    """Return an integer parameter, None when absent or empty."""
    text = query.get(name, "").strip()
    if not text:
        return None
    if (value := _key(text)) is None:
        raise bad_field(name, "Enter a whole number.")
    return value


def choice(query: Mapping[str, str], name: str, allowed: Iterable[str]) -> str | None:
    """Return a parameter that takes one of a few values, None when absent or empty."""
    text = query.get(name)
    if not text:
        return None
    return checked_choice(name, text, allowed)


def checked_choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return *value* if it is one of *allowed*."""
    if isinstance(value, str) and value in set(allowed):
        return value
    raise bad_field(name, f'"{value}" is not a valid choice.')


def environment(query: Mapping[str, str], known: Mapping[str, int], *names: str) -> int | None:
    """Return the id of the environment that the first of *names* present names."""
    for name in names:
        if text := query.get(name):
            return _environment_id(name, text, known)
    return None


def ordering(query: Mapping[str, str], allowed: Iterable[str], default: str) -> list[tuple[str, bool]]:
    """Return the fields to order by, each once, and whether they descend; unknown ones are ignored."""
    fields = set(allowed)
    wanted = [part.strip() for part in query.get("ordering", "").split(",")]
    known = [part for part in wanted if part.lstrip("-") in fields] or [default]
    once = {part.lstrip("-"): part.startswith("-") for part in reversed(known)}
    return [(field, once[field]) for field in dict.fromkeys(part.lstrip("-") for part in known)]


def text_field(
    document: Mapping[str, Any],
    name: str,
    *,
    limit: int | None = 255,
    required: bool = False,
    blank: bool = True,
) -> str | None:
    """Return a text of a body; None when it is absent or null."""
    value = document.get(name)
    if value is None:
        if required:
            raise bad_field(name, "This field is required.")
        return None
    if isinstance(value, bool | dict | list):
        raise bad_field(name, "Not a valid string.")
    text = value if isinstance(value, str) else str(value)
    if not blank and not text.strip():
        raise bad_field(name, "This field may not be blank.")
    if limit is not None and len(text) > limit:
        raise bad_field(name, f"Ensure this field has no more than {limit} characters.")
    return text


def object_field(document: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return an object of a body; None when it is absent or null."""
    value = document.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise bad_field(name, "Expected an object.")


def flag_field(document: Mapping[str, Any], name: str) -> bool | None:
    """Return a boolean of a body; None when it is absent or null."""
    value = document.get(name)
    if value is None or isinstance(value, bool):
        return value
    lowered = str(value).lower()
    if lowered in _TRUE or lowered in _FALSE:
        return lowered in _TRUE
    raise bad_field(name, "Must be a valid boolean.")


def environment_field(document: Mapping[str, Any], known: Mapping[str, int]) -> int:
    """Return the id of the environment a body names; production when it names none."""
    return _environment_id("environment", text_field(document, "environment") or "production", known)


def _environment_id(name: str, text: str, known: Mapping[str, int]) -> int:
    slug = normalise_slug(text)
    if slug not in known:
        raise bad_field(name, f"Unknown environment: '{text}'.")
    return known[slug]


def time_field(document: Mapping[str, Any], name: str) -> int | None:
    """Return an ISO 8601 time of a body in microseconds; None when it is absent, null or empty."""
    value = document.get(name)
    if value is None or value == "":
        return None
    try:
        return parse_time(value)
    except (TypeError, ValueError):
        raise bad_field(name, "Datetime has wrong format. Use ISO 8601.") from None


def key_field(document: Mapping[str, Any], name: str) -> int | None:
    """Return an integer key of a body; None when it is absent, null, empty or the text ``None``."""
    given = document.get(name)
    if given is None or given in ("", "None"):
        return None
    value = None if isinstance(given, bool) or not isinstance(given, int | str) else _key(str(given))
    if value is None:
        raise bad_field(name, "A valid integer is required.")
    return value


def _key(text: str) -> int | None:
    """Return the integer that digits write; None for what no row's key can be."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_ID)) or int(text) > MAX_ID:
        return None
    return int(text)


DEFAULT_PAGE_SIZE = 15
MAX_PAGE_SIZE = 100
MAX_BARE = 10_000
"""Rows a list may have to be returned without pages."""


def page_size(query: Mapping[str, str]) -> int:
    """Return the page size: 15 unless given, at most 100."""
    text = query.get("page_size", "")
    if not (text.isascii() and text.isdigit()) or int(text[:9]) < 1:
        return DEFAULT_PAGE_SIZE
    return min(int(text[:9]), MAX_PAGE_SIZE)


def paginate(
    call: Call, count: int, rows: Callable[[int, int | None], list[Any]], *, bare: bool = True
) -> Any:
    """Return a page in the seven-key envelope, or everything as a list for ``paginate=false``.

    Args:
        call: The request.
        count: How many rows there are.
        rows: Given an offset and a limit (None for all), returns the rows.
        bare: Whether ``paginate=false`` is understood.
    """
    if bare and call.query.get("paginate", "").lower() == "false":
        if count > MAX_BARE:
            raise bad_field("paginate", f"{count} rows are too many for one answer: ask for pages.")
        return rows(0, None)
    size = page_size(call.query)
    pages = max(1, -(-count // size))
    text = call.query.get("page") or "1"
    page = pages if text == "last" else int(text[:12]) if text.isascii() and text.isdigit() else 0
    if not 1 <= page <= pages:
        raise ApiError(404, {"detail": "Invalid page."})
    return {
        "count": count,
        "page_size": size,
        "total_pages": pages,
        "current_page": page,
        "next": str(call.url.include_query_params(page=page + 1)) if page < pages else None,
        "previous": str(call.url.include_query_params(page=page - 1)) if page > 1 else None,
        "results": rows((page - 1) * size, size),
    }
