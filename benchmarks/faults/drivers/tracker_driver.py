"""agentsight-otel's tracker: one message each, in one conversation, sent by the flush; the journal on."""

import contextlib

from life import Sdk, live

import agentsight_otel
from agentsight_otel import ConversationTracker
from agentsight_otel.exceptions import NoDataToSendException

KEY = "ags_" + "0" * 32 + "_" + "0" * 6


def open_sdk(endpoint: str) -> Sdk:
    """Make a tracker; the folder of the journal comes from the environment."""
    agentsight_otel.configure(api_key=KEY, endpoint=endpoint)
    tracker = ConversationTracker(KEY, "faults", endpoint)

    def flush() -> None:
        with contextlib.suppress(NoDataToSendException):
            tracker.send_tracked_data()
        agentsight_otel.force_flush()

    def report() -> dict[str, object]:
        stats = agentsight_otel.stats()
        return {"dead": stats.dead, "waiting": stats.waiting, "balanced": stats.balanced}

    return Sdk(lambda _, text: tracker.track_human_message(text), flush, report)


live(open_sdk)
