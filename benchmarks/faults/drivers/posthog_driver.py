"""posthog: one capture each."""

from life import Sdk, live
from posthog import Posthog


def open_sdk(endpoint: str) -> Sdk:
    """Make the client."""
    client = Posthog("phc_faults", host=endpoint)

    def emit(_: int, text: str) -> None:
        client.capture("event", distinct_id="faults", properties={"text": text})

    return Sdk(emit, client.flush)


live(open_sdk)
