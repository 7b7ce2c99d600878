"""opik: one trace each; its own usage reports to its makers are off (see `subjects`)."""

import opik
from life import Sdk, live


def open_sdk(endpoint: str) -> Sdk:
    """Make the client."""
    client = opik.Opik(host=endpoint + "/api", workspace="default")

    def emit(_: int, text: str) -> None:
        client.trace(name="event", input={"text": text})

    return Sdk(emit, client.flush)


live(open_sdk)
