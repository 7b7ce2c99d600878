"""One pass over a span's attributes by every dialect at once.

The tables are compiled into an index from attribute name to field and rank, so that a span of twenty
attributes costs twenty look-ups, however many dialects there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from agentsight_otel.translation.dialects.base import CONTENT_FIELDS, KEY_FIELDS, Dialect, Kind, Rules, Walk
from agentsight_otel.translation.dialects.flattened import Flat, split_number
from agentsight_otel.translation.span_data import SpanData

_BLANK = ("", None)
_EMPTY_CONTENT: tuple[Any, ...] = ("", "{}", "[]", "null", "None", None, [], {})
_ROUTES_KEPT = 4096


class _Slot(NamedTuple):
    field: str
    rank: int


class _KindSlot(NamedTuple):
    table: Mapping[str, Kind]
    rank: int
    dialect: str


class _Route(NamedTuple):
    """What an attribute name means: fields, kinds, or a part of something flattened."""

    slots: tuple[_Slot, ...] = ()
    kinds: tuple[_KindSlot, ...] = ()
    flat: str = ""
    number: int = 0
    path: str = ""
    metadata: str = ""
    whole_metadata: bool = False


_NOTHING = _Route()
_PRESENCE_RANK = 10_000


class Index:
    """The compiled tables of the dialects that hold for one instrumentation scope."""

    def __init__(self, dialects: tuple[Dialect, ...], kind_order: tuple[str, ...]) -> None:
        self._exact: dict[str, _Route] = {}
        self._prefixes: list[tuple[str, str, str]] = []
        self._routes: dict[str, _Route] = {}
        self._names: dict[str, tuple[Kind, str]] = {}
        self._name_prefixes: list[tuple[str, Kind, str]] = []
        self._presence: list[tuple[str, Kind, str]] = []
        self._ignored: tuple[str, ...] = ()
        self._ignored_endings: tuple[str, ...] = ()
        self._rules = Rules(
            next((d.result_envelope for d in dialects if d.result_envelope), ""),
            tuple(name for d in dialects for name in d.answer_tools),
            tuple(prefix for d in dialects for prefix in d.user_prefixes),
        )
        for position, dialect in enumerate(dialects):
            self._add(dialect, position * 100, kind_order)

    def walk(self, span: SpanData) -> Walk:
        """Read a span."""
        reading = _Pass(span)
        routes, flat = self._routes, reading.flat
        for key, value in span.attributes.items():
            route = routes.get(key)
            if route is None:
                route = self._route(key)
            if route is _NOTHING:
                continue
            if route.flat:
                numbered = flat.get(route.flat)
                if numbered is None:
                    numbered = flat[route.flat] = {}
                numbered.setdefault(route.number, []).append((route.path, value))
            else:
                reading.take(route, value)
        kind, dialect = reading.kind, reading.dialect
        if kind is None:
            kind, dialect = self._kind_by_name(span)
        elif span.name.startswith(self._ignored) or span.name.endswith(self._ignored_endings):
            kind = Kind.OTHER
        found = reading.fields, reading.flat, reading.metadata
        return Walk(span, kind, dialect, *found, self._rules)

    def _kind_by_name(self, span: SpanData) -> tuple[Kind | None, str]:
        named = self._names.get(span.name)
        if named is not None:
            return named
        for key, kind, dialect in self._presence:
            if key in span.attributes:
                return kind, dialect
        for prefix, kind, dialect in self._name_prefixes:
            if span.name.startswith(prefix):
                return kind, dialect
        return None, ""

    def _add(self, dialect: Dialect, base: int, kind_order: tuple[str, ...]) -> None:
        for field in KEY_FIELDS:
            for offset, key in enumerate(getattr(dialect, field)):
                known = self._exact.get(key, _NOTHING)
                self._exact[key] = known._replace(slots=(*known.slots, _Slot(field, base + offset)))
        rank = kind_order.index(dialect.name) if dialect.name in kind_order else len(kind_order) + base
        for key, table in dialect.kinds:
            known = self._exact.get(key, _NOTHING)
            self._exact[key] = known._replace(kinds=(*known.kinds, _KindSlot(table, rank, dialect.name)))
        for key in dialect.metadata_json:
            self._exact[key] = self._exact.get(key, _NOTHING)._replace(whole_metadata=True)
        self._prefixes += [(prefix, field, "flat") for prefix, field in dialect.message_prefixes]
        for prefix in dialect.annotation_prefixes:
            scope = prefix.split(".")[0] if prefix.count(".") > 1 else "span"
            self._prefixes.append((prefix, f"{scope} annotations", "flat"))
        self._prefixes += [(prefix, "", "metadata") for prefix in dialect.metadata_prefixes]
        self._names.update({name: (kind, dialect.name) for name, kind in dialect.span_names.items()})
        self._name_prefixes += [(prefix, kind, dialect.name) for prefix, kind in dialect.name_prefixes]
        self._presence += [(key, kind, dialect.name) for key, kind in dialect.presence]
        self._ignored += dialect.ignored_names
        self._ignored_endings += dialect.ignored_endings

    def _route(self, key: str) -> _Route:
        route = self._exact.get(key, _NOTHING)
        for prefix, field, purpose in self._prefixes:
            if key.startswith(prefix) and len(key) > len(prefix):
                rest = key[len(prefix) :]
                route = _below(route, field, rest, purpose)
                break
        if len(self._routes) >= _ROUTES_KEPT:
            self._routes.clear()
        self._routes[key] = route
        return route


def _below(route: _Route, field: str, rest: str, purpose: str) -> _Route:
    if purpose == "metadata":
        return route._replace(metadata=rest)
    numbered = split_number(rest)
    if numbered is None:
        return route
    return route._replace(flat=field, number=numbered[0], path=numbered[1])


class _Pass:
    """Gathers the best value of each field."""

    __slots__ = ("_kind_rank", "_ranks", "dialect", "fields", "flat", "kind", "metadata", "span")

    def __init__(self, span: SpanData) -> None:
        self.span = span
        self.kind: Kind | None = None
        self.dialect = ""
        self.fields: dict[str, Any] = {}
        self.flat: dict[str, Flat] = {}
        self.metadata: dict[str, Any] = {}
        self._ranks: dict[str, int] = {}
        self._kind_rank = _PRESENCE_RANK

    def take(self, route: _Route, value: Any) -> None:
        for field, rank in route.slots:
            if rank < self._ranks.get(field, _PRESENCE_RANK) and _says_something(field, value):
                self._ranks[field] = rank
                self.fields[field] = value
        for table, rank, dialect in route.kinds:
            if rank < self._kind_rank and isinstance(value, str):
                kind = table.get(value.lower())
                if kind is not None:
                    self._kind_rank, self.kind, self.dialect = rank, kind, dialect
        if route.metadata:
            self.metadata[route.metadata] = value
        elif route.whole_metadata:
            self.metadata.setdefault("", []).append(value)


def _says_something(field: str, value: Any) -> bool:
    return value not in (_EMPTY_CONTENT if field in CONTENT_FIELDS else _BLANK)
