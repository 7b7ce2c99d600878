"""langfuse: one span each."""

from langfuse import Langfuse
from life import Sdk, live


def open_sdk(endpoint: str) -> Sdk:
    """Make the client."""
    client = Langfuse(public_key="pk-lf-faults", secret_key="sk-lf-faults", base_url=endpoint)  # noqa: S106

    def emit(_: int, text: str) -> None:
        client.start_observation(name="event", input=text).end()

    return Sdk(emit, client.flush)


live(open_sdk)
