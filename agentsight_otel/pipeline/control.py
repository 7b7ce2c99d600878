"""configure, force_flush, shutdown, stats, and the singletons, made when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from agentsight_otel.clients import AgentSightAPI, ConversationManager
from agentsight_otel.exporters.delivery import FlushResult, Stats
from agentsight_otel.forking import SETUP
from agentsight_otel.pipeline.state import PIPELINE
from agentsight_otel.pipeline.tracker import ConversationTracker, trackers
from agentsight_otel.tracking.live import end_open_turns

T = TypeVar("T")


class Singleton(Generic[T]):
    """One object of the process, made when it is first asked for, by whichever thread.

    Importing it by name reads no settings: an application may load its environment after its imports.

    Attributes:
        made: The object, or None.
    """

    def __init__(self, kind: type[T]) -> None:
        self._unused = _unused(kind)
        self.made: T | None = None

    def __call__(self) -> T:
        """Return the object."""
        made = self.made
        if made is not None:
            return made
        with SETUP:
            if self.made is None:
                self.made = object.__new__(self._unused)
            return self.made


def _unused(kind: type[Any]) -> type[Any]:
    """Return a class whose objects become those of *kind*, with the settings in force, at their first use."""

    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807 -- becomes the method: an attribute is missing
        if name.startswith("__"):
            raise AttributeError(name)  # somebody looks what kind of object this is
        with SETUP:
            if type(self) is not kind:
                kind.__init__(self, config=PIPELINE.config)
                self.__class__ = kind
        return getattr(self, name)

    return type(kind.__name__, (kind,), {"__getattr__": __getattr__, "__doc__": kind.__doc__})


get_conversation_tracker = Singleton(ConversationTracker)
get_conversation_manager = Singleton(ConversationManager)
get_agentsight_api = Singleton(AgentSightAPI)


def singletons() -> list[ConversationTracker | ConversationManager | AgentSightAPI]:
    """Return the singletons that were made."""
    made = (get_conversation_tracker.made, get_conversation_manager.made, get_agentsight_api.made)
    return [one for one in made if one is not None]


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
        mask: Sees every text before it is written or sent; if it fails, the text is left out. It adds
            to the masks of exporters to the same destinations.
        meter_provider: Gets metrics about delivery.
        **settings: Any setting of `Config`.

    Raises:
        InvalidApiKeyException: The key is malformed.
        ConfigurationException: Another setting has a value it cannot have.
        TypeError: There is no such setting.
    """
    PIPELINE.configure(tracer_provider, mask, meter_provider, settings)
    given = {name: value for name, value in settings.items() if value is not None}
    for singleton in singletons() if given else ():
        singleton.configure(**given)


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

    What any tracker holds unsent is submitted too, and open turns end as incomplete. Using the package again
    starts everything anew.

    Args:
        timeout: Seconds for each destination; the setting ``shutdown_timeout`` when None.
    """
    for tracker in trackers():
        tracker.submit_unsent()
    end_open_turns()
    return PIPELINE.shutdown(timeout)


def stats() -> Stats:
    """Return what became of every record of this process; the sums always agree."""
    lost = sum(tracker.dropped for tracker in trackers())
    keyless = Stats(emitted=lost, dropped={"no_key": lost} if lost else {})
    return Stats.total([PIPELINE.stats(), keyless])
