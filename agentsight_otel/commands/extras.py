"""Rooms whose dependencies are optional."""

from __future__ import annotations

import importlib
from types import ModuleType

from agentsight_otel.exceptions import ConfigurationException


def optional(module: str, extra: str) -> ModuleType:
    """Import a module that needs an extra of this package.

    Raises:
        ConfigurationException: The extra is not installed; says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        needed = f"{error.name} is missing; pip install 'agentsight-otel[{extra}]'"
        raise ConfigurationException(needed) from None
