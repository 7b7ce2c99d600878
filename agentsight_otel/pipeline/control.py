"""configure, force_flush, shutdown, stats, and the singletons, made when first asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from agentsight_otel.clients import AgentSightAPI, ConversationManager
from agentsight_otel.exporters.delivery import FlushResult, Stats
from agentsight_otel.pipeline.state import PIPELINE
from agentsight_otel.pipeline.tracker import ConversationTracker


@functools.cache
def get_conversation_tracker() -> ConversationTracker:
    """Return the process's tracker."""
    return ConversationTracker(config=PIPELINE.config)


@functools.cache
def get_conversation_manager() -> ConversationManager:
    """Return the process's manager."""
    return ConversationManager(config=PIPELINE.config)


@functools.cache
def get_agentsight_api() -> AgentSightAPI:
    """Return the process's reader."""
    return AgentSightAPI(config=PIPELINE.config)


def configure(
    *,
    tracer_provider: TracerProvider | None = None,
    mask: Callable[[str], str] | None = None,
    meter_provider: MeterProvider | None = None,
    **settings: Any,
) -> None:
    """Set the process up: settings, provider, masking and metrics. What is not given stays.

    Calling it is optional: everything falls back to the environment and is set up on first use. Our span
    processors are added to the provider, once; the singletons follow the settings.

    Args:
        tracer_provider: Where spans are made; the global one by default, and a new one where none is set.
        mask: Sees every text before it is written or sent; if it fails, the text is left out.
        meter_provider: Gets metrics about delivery.
        **settings: Any setting of `Config`.

    Raises:
        InvalidApiKeyException: The key is malformed.
        ConfigurationException: Another setting has a value it cannot have.
        TypeError: There is no such setting.
    """
    PIPELINE.configure(tracer_provider, mask, meter_provider, settings)
    given = {name: value for name, value in settings.items() if value is not None}
    if given and get_conversation_tracker.cache_info().currsize:
        get_conversation_tracker().configure(**given)
    if given and get_conversation_manager.cache_info().currsize:
        get_conversation_manager().configure(**given)
    if given and get_agentsight_api.cache_info().currsize:
        get_agentsight_api().configure(**given)


def force_flush(timeout: float = 30.0) -> FlushResult:
    """Deliver what has been submitted and still waits.

    What is tracked and not sent stays tracked: `send_tracked_data` is what sends it.

    Args:
        timeout: Seconds this may take for each destination.

    Returns:
        What was reached; true when nothing is left waiting.
    """
    return PIPELINE.flush(timeout)


def shutdown(timeout: float | None = None) -> FlushResult:
    """Deliver what can be delivered and let go of threads, connections and the journal.

    Unsent tracked items are submitted too. Using the package again starts everything anew.

    Args:
        timeout: Seconds for each destination; the setting ``shutdown_timeout`` when None.
    """
    if get_conversation_tracker.cache_info().currsize:
        get_conversation_tracker().submit_unsent()
    return PIPELINE.shutdown(timeout)


def stats() -> Stats:
    """Return what became of every record of this process; the sums always agree."""
    return PIPELINE.stats()
