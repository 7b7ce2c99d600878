"""logfire: one log each; its copy to the console is off."""

import logfire
from life import Sdk, live


def open_sdk(endpoint: str) -> Sdk:
    """Configure the SDK."""
    logfire.configure(
        token="faults",  # noqa: S106
        console=False,
        advanced=logfire.AdvancedOptions(base_url=endpoint),
    )

    def emit(_: int, text: str) -> None:
        logfire.info("event", text=text)

    return Sdk(emit, logfire.force_flush)


live(open_sdk)
