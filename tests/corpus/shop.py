"""The lamp shop all applications of the corpus work for: its prompts, its tools, and a picture."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SHOP = "You are the assistant of a lamp shop. Use the tools you have."
BILLING = "You answer questions about bills. Use the tools you have."

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG of one pixel."""


class WarehouseError(RuntimeError):
    """What the failing tool raises."""


def order_status(order_id: str) -> dict[str, Any]:
    """Look up an order.

    Args:
        order_id: The number of the order.
    """
    return {"order_id": order_id, "status": "in transit", "items": 2}


def stock_level(sku: str) -> str:
    """Say how many of an article are in stock.

    Args:
        sku: The article number.
    """
    return f"{sku}: {10 + len(sku)} in stock"


def reserve_item(sku: str, quantity: int) -> str:
    """Reserve an article for a customer.

    Args:
        sku: The article number.
        quantity: How many.
    """
    message = f"warehouse 7 is offline, {quantity} of {sku} not reserved"
    raise WarehouseError(message)


@dataclass(frozen=True)
class Tool:
    """A tool as a model is told about it."""

    function: Callable[..., Any]
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.function.__name__

    @property
    def description(self) -> str:
        """One line about it."""
        return (self.function.__doc__ or "").splitlines()[0]


def _parameters(**types: str) -> dict[str, Any]:
    properties = {name: {"type": kind} for name, kind in types.items()}
    return {"type": "object", "properties": properties, "required": list(types)}


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(order_status, _parameters(order_id="string")),
        Tool(stock_level, _parameters(sku="string")),
        Tool(reserve_item, _parameters(sku="string", quantity="integer")),
    )
}


def plain_name(name: str) -> str:
    """A tool's own name, without what a framework puts before it: ``shop-x`` is ``x``."""
    return name.rpartition("-")[2]


def run_tool(name: str, arguments: dict[str, Any]) -> str:
    """Run a tool and return its result as an application sends it back: text as it is, the rest as JSON.

    Raises:
        WarehouseError: The failing tool was called.
    """
    result = TOOLS[name].function(**arguments)
    return result if isinstance(result, str) else json.dumps(result)


def run_tool_safely(name: str, arguments: dict[str, Any]) -> str:
    """Like `run_tool`, but a failure becomes the text an application would send to the model."""
    try:
        return run_tool(name, arguments)
    except WarehouseError as error:
        return f"Error: {error}"
