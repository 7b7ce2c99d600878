"""segment-analytics-python: one track call each."""

from life import Sdk, live
from segment import analytics


def open_sdk(endpoint: str) -> Sdk:
    """Point the default client at the endpoint."""
    analytics.write_key = "faults"
    analytics.host = endpoint

    def emit(_: int, text: str) -> None:
        analytics.track("faults", "event", {"text": text})

    return Sdk(emit, analytics.flush)


live(open_sdk)
