"""An attribute that is computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """Like ``functools.cached_property``, without the lock it takes for every attribute in Python 3.11."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        """Compute and keep the value; from then on the instance answers without coming here."""
        value: T = self._compute(instance)
        # Not through __dict__, which would make a dictionary of each instance's attributes.
        setattr(instance, self._name, value)
        return value
