"""agentsight: one turn with one message each, in ten conversations."""

import agentsight
from life import Sdk, live

KEY = "ags_" + "0" * 32 + "_" + "0" * 6
CONVERSATIONS = 10


def open_sdk(endpoint: str) -> Sdk:
    """Start the SDK."""
    agentsight.init(KEY, endpoint=endpoint)

    def emit(number: int, text: str) -> None:
        with agentsight.conversation(f"faults-{number % CONVERSATIONS}"), agentsight.turn():
            agentsight.user_message(text)

    return Sdk(emit, agentsight.flush)


live(open_sdk)
