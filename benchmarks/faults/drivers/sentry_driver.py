"""sentry-sdk: one captured message each."""

import sentry_sdk
from life import Sdk, live


def open_sdk(endpoint: str) -> Sdk:
    """Start the SDK."""
    sentry_sdk.init(dsn=endpoint.replace("://", "://faults@") + "/1")

    def emit(_: int, text: str) -> None:
        sentry_sdk.capture_message(text)

    return Sdk(emit, sentry_sdk.flush)


live(open_sdk)
