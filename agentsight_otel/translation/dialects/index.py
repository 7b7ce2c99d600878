"""One pass over a span's attributes by every dialect at once.

The tables are compiled into an index from attribute name to field and rank, and the names that spans of one
place in a program share into a plan of what to read, however many dialects there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agentsight_otel.translation.dialects.base import CONTENT_FIELDS, KEY_FIELDS, Dialect, Kind, Rules, Walk
from agentsight_otel.translation.dialects.flattened import Flat, Layout, getter, layout, split_number
from agentsight_otel.translation.dialects.values import load
from agentsight_otel.translation.span_data import SpanData

_EMPTY_CONTENT: tuple[Any, ...] = ("", "{}", "[]", "null", "None", None, [], {})
_LONGEST_EMPTY = 4
_ANNOTATIONS = " annotations"
_SPEAKING = CONTENT_FIELDS | {"system_instructions", "event_list"}
_ROUTES_KEPT = 4096
_PLANS_KEPT = 256


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


class _Plan(NamedTuple):
    """What the attribute names of one place in a program mean: its spans share them, in the same order.

    Attributes:
        names: The attributes' names.
        fields: Those that one attribute may fill.
        values_of: Gets these attributes' values.
        ranked: Those that several may fill, in order of precedence, and those in which an empty list or
            object says nothing.
        flat: The objects of each flattened field, messages in order.
        kinds: Attributes that may name the kind, in order of precedence.
        metadata: Attributes by the key of the entry.
        whole_metadata: Attributes that hold whole objects.
        speaks: See `Walk`.
        describes: Likewise.
        judges: Likewise.
    """

    names: tuple[str, ...]
    fields: tuple[str, ...]
    values_of: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    ranked: list[tuple[str, bool, list[str]]]
    flat: list[tuple[str, Layout]]
    kinds: list[tuple[_KindSlot, str]]
    metadata: list[tuple[str, str]]
    whole_metadata: list[str]
    speaks: bool
    describes: bool
    judges: bool


class Index:
    """The compiled tables of the dialects that hold for one instrumentation scope."""

    def __init__(self, dialects: tuple[Dialect, ...], kind_order: tuple[str, ...]) -> None:
        self._exact: dict[str, _Route] = {}
        self._prefixes: list[tuple[str, str, str]] = []
        self._routes: dict[str, _Route] = {}
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._names: dict[str, tuple[Kind, str]] = {}
        self._name_prefixes: list[tuple[str, Kind, str]] = []
        self._presence: list[tuple[str, Kind, str]] = []
        self._ignored: tuple[str, ...] = ()
        self._ignored_endings: tuple[str, ...] = ()
        self._ignores = any(dialect.ignored_names or dialect.ignored_endings for dialect in dialects)
        self._rules = Rules(
            next((d.result_envelope for d in dialects if d.result_envelope), ""),
            tuple(name for d in dialects for name in d.answer_tools),
            tuple(prefix for d in dialects for prefix in d.user_prefixes),
            tuple(heading for d in dialects for heading in d.headings),
            next((d.report for d in dialects if d.report), None),
            tuple(prompt for d in dialects for prompt in d.own_prompts),
            any(d.json_texts for d in dialects),
            any(d.streams_apart for d in dialects),
            any(d.asks_later for d in dialects),
        )
        for position, dialect in enumerate(dialects):
            self._add(dialect, position * 100, kind_order)
        for key in (key for d in dialects for key in d.anonymous):
            route = self._exact.get(key, _NOTHING)
            kept = tuple(slot for slot in route.slots if slot.field != "customer")
            self._exact[key] = route._replace(slots=kept)
        for key in (key for d in dialects for key in d.nested):
            route = self._exact.get(key, _NOTHING)
            last = tuple(slot._replace(rank=slot.rank + len(dialects) * 100) for slot in route.slots)
            self._exact[key] = route._replace(slots=last)

    def walk(self, span: SpanData) -> Walk:
        """Read a span."""
        attributes = span.attributes
        keys = tuple(attributes)
        plan = self._plans.get(keys) or self._plan(keys)
        values = plan.values_of(attributes)
        fields: dict[str, Any] = dict(zip(plan.fields, values, strict=True))
        if not all(values) and (None in values or "" in values):
            fields = {field: value for field, value in fields.items() if value is not None and value != ""}
        if plan.ranked:
            _add_ranked(fields, plan.ranked, attributes)
        if self._rules.json_texts:
            fields = {field: _bare(value) for field, value in fields.items()}
        flat = {field: Flat(places, values_of(attributes)) for field, (places, values_of) in plan.flat}
        metadata: dict[str, Any] = (
            {field: attributes[key] for field, key in plan.metadata} if plan.metadata else {}
        )
        if plan.whole_metadata:
            metadata[""] = [attributes[key] for key in plan.whole_metadata]
        kind, dialect = _kind_named(plan, attributes)
        if kind is None:
            kind, dialect = self._kind_by_name(span)
        elif self._ignores and (
            span.name.startswith(self._ignored) or span.name.endswith(self._ignored_endings)
        ):
            kind = Kind.OTHER
        return Walk(
            span,
            plan.names,
            kind,
            dialect,
            fields,
            flat,
            metadata,
            plan.speaks,
            plan.describes,
            plan.judges,
            self._rules,
        )

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
            self._prefixes.append((prefix, scope + _ANNOTATIONS, "flat"))
        self._prefixes += [(prefix, "", "metadata") for prefix in dialect.metadata_prefixes]
        self._names.update({name: (kind, dialect.name) for name, kind in dialect.span_names.items()})
        self._name_prefixes += [(prefix, kind, dialect.name) for prefix, kind in dialect.name_prefixes]
        self._presence += [(key, kind, dialect.name) for key, kind in dialect.presence]
        self._ignored += dialect.ignored_names
        self._ignored_endings += dialect.ignored_endings

    def _plan(self, keys: tuple[str, ...]) -> _Plan:
        if len(self._plans) >= _PLANS_KEPT:
            self._plans.clear()
        plan = self._plans[keys] = _planned(keys, [self._route(key) for key in keys])
        return plan

    def _route(self, key: str) -> _Route:
        route = self._routes.get(key)
        if route is not None:
            return route
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


def _planned(names: tuple[str, ...], routes: list[_Route]) -> _Plan:
    slots: dict[str, list[tuple[int, str]]] = {}
    flat: dict[str, dict[int, list[tuple[str, str]]]] = {}
    kinds: list[tuple[_KindSlot, str]] = []
    metadata: list[tuple[str, str]] = []
    whole_metadata: list[str] = []
    for key, route in zip(names, routes, strict=True):
        if route.flat:
            flat.setdefault(route.flat, {}).setdefault(route.number, []).append((route.path, key))
            continue
        for field, rank in route.slots:
            slots.setdefault(field, []).append((rank, key))
        kinds += [(kind, key) for kind in route.kinds]
        if route.metadata:
            metadata.append((route.metadata, key))
        elif route.whole_metadata:
            whole_metadata.append(key)
    kinds.sort(key=lambda one: one[0].rank)
    lone = {
        field: ranked[0][1]
        for field, ranked in slots.items()
        if len(ranked) == 1 and field not in CONTENT_FIELDS
    }
    return _Plan(
        names,
        tuple(lone),
        getter(tuple(lone.values())),
        [
            (field, field in CONTENT_FIELDS, [key for _, key in sorted(ranked)])
            for field, ranked in slots.items()
            if field not in lone
        ],
        [
            (field, layout([objects[n] for n in (sorted(objects) if field in CONTENT_FIELDS else objects)]))
            for field, objects in flat.items()
        ],
        kinds,
        metadata,
        whole_metadata,
        speaks=bool(flat) or not _SPEAKING.isdisjoint(slots),
        describes=bool(metadata or whole_metadata or "tags" in slots or "session.id" in names),
        judges=any(field.endswith(_ANNOTATIONS) for field in flat),
    )


def _add_ranked(
    fields: dict[str, Any], ranked: list[tuple[str, bool, list[str]]], attributes: Mapping[str, Any]
) -> None:
    """Add for each field the first value that says something."""
    for field, is_content, candidates in ranked:
        for key in candidates:
            value = attributes[key]
            if (type(value) is str and len(value) > _LONGEST_EMPTY) or (
                value not in _EMPTY_CONTENT if is_content else value is not None and value != ""
            ):
                fields[field] = value
                break


def _bare(value: Any) -> Any:
    """Return a text without the quotes of its JSON."""
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        text = load(value)
        return text if isinstance(text, str) else value
    return value


def _kind_named(plan: _Plan, attributes: Mapping[str, Any]) -> tuple[Kind | None, str]:
    """Return the kind that the surest convention names, and the convention."""
    for slot, key in plan.kinds:
        value = attributes[key]
        if isinstance(value, str) and (kind := slot.table.get(value.lower())) is not None:
            return kind, slot.dialect
    return None, ""
