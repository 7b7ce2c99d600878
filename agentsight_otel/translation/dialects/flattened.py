"""Objects that were flattened into dotted attribute names, put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from agentsight_otel.encoding import Quiet

_MAX_INDEX = 10_000
_MAX_DEPTH = 12
_MAX_DIGITS = 5


class Place(NamedTuple):
    """Where one object of a flattened list is.

    Attributes:
        paths: What stands after its number in the attributes' names.
        start: Where its values begin.
        end: Where they end.
        has_role: One of the paths ends with a role.
    """

    paths: tuple[str, ...]
    start: int
    end: int
    has_role: bool


class Layout(NamedTuple):
    """What the names of a flattened list's attributes say, which spans of one place in a program share.

    Attributes:
        places: Of its objects.
        values_of: Gets all their values out of a span's attributes at once.
    """

    places: tuple[Place, ...]
    values_of: Callable[[Mapping[str, Any]], tuple[Any, ...]]


class Flat(Quiet, msgspec.Struct, frozen=True, gc=False):
    """A flattened list: where its objects are, and the values of all of them."""

    places: tuple[Place, ...]
    values: tuple[Any, ...]

    def objects(self) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
        """Iterate over the paths and the values of each object."""
        values = self.values
        for paths, start, end, _ in self.places:
            yield paths, values[start:end]


NO_OBJECTS = Flat((), ())


def layout(objects: Iterable[list[tuple[str, str]]]) -> Layout:
    """Lay out objects, each given as its paths and the names of their attributes."""
    places: list[Place] = []
    names: list[str] = []
    for items in objects:
        start = len(names)
        names += [name for _, name in items]
        places.append(_place(tuple([path for path, _ in items]), start, len(names)))
    return Layout(tuple(places), getter(tuple(names)))


# Always the same one, so that two histories are compared by identity and not by their paths.
@lru_cache(maxsize=4096)
def _place(paths: tuple[str, ...], start: int, end: int) -> Place:
    return Place(_only(paths), start, end, any(path.endswith("role") for path in paths))


@lru_cache(maxsize=1024)
def _only(paths: tuple[str, ...]) -> tuple[str, ...]:
    return paths


def getter(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return what gets the values of these attributes, in this order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda attributes: tuple([attributes[name] for name in names])


def split_number(path: str) -> tuple[int, str] | None:
    """Split ``3.message.role`` into its number and the rest; None for a path without a usable number."""
    number, dot, rest = path.partition(".")
    if not dot or not rest or not number.isascii() or not number.isdigit() or len(number) > _MAX_DIGITS:
        return None
    index = int(number)
    return (index, rest) if index <= _MAX_INDEX else None


def unflatten(paths: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """Put one object together, or one list where the paths begin with numbers.

    ``("message.role", "message.contents.0.text")`` and ``("user", "hi")`` become
    ``{"message": {"role": "user", "contents": [{"text": "hi"}]}}``. Numbers may have gaps and are never
    trusted as sizes; a path that contradicts an earlier one is left out.
    """
    return _filled(_shape(paths), values)


def _filled(node: Any, values: tuple[Any, ...]) -> Any:
    if type(node) is dict:
        return {
            key: values[below] if type(below) is int else _filled(below, values)
            for key, below in node.items()
        }
    return [values[below] if type(below) is int else _filled(below, values) for below in node]


# The messages of one place in a program have the same paths in the same order.
@lru_cache(maxsize=1024)
def _shape(paths: tuple[str, ...]) -> Any:
    """Return the object or list with the place of each value instead of the value."""
    root: dict[str, Any] = {}
    for place, path in enumerate(paths):
        *steps, last = path.split(".", _MAX_DEPTH)
        node = root
        for step in steps:
            below = node.setdefault(step, {})
            if not isinstance(below, dict):
                break
            node = below
        else:
            node.setdefault(last, place)
    return _lists(root)


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _MAX_DIGITS


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(map(_is_number, node)):
        return [_lists(value) for _, value in sorted((int(key), value) for key, value in node.items())]
    return {key: _lists(value) for key, value in node.items()}
