"""agentsight-otel: one turn with one message each, in ten conversations; defaults, the journal on."""

from life import Sdk, live

import agentsight_otel

KEY = "ags_" + "0" * 32 + "_" + "0" * 6
CONVERSATIONS = 10


def open_sdk(endpoint: str) -> Sdk:
    """Configure the process; the folder of the journal comes from the environment."""
    agentsight_otel.configure(api_key=KEY, endpoint=endpoint)

    def emit(number: int, text: str) -> None:
        with agentsight_otel.conversation(f"faults-{number % CONVERSATIONS}"), agentsight_otel.turn():
            agentsight_otel.user_message(text)

    def report() -> dict[str, object]:
        stats = agentsight_otel.stats()
        return {"dead": stats.dead, "waiting": stats.waiting, "balanced": stats.balanced}

    return Sdk(emit, agentsight_otel.force_flush, report)


live(open_sdk)
