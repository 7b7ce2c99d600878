"""Which sites may show the dashboard in a frame of theirs: none, unless they are named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agentsight_otel.exceptions import ConfigurationException

_ORIGIN: Final = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.IGNORECASE)


def frame_ancestors(origins: Sequence[str]) -> str:
    """Return the directive of the content security policy that lets these sites frame a page, and no others.

    Args:
        origins: Such as ``https://app.example.com``: scheme and host, a port if it is not the scheme's own.

    Raises:
        ConfigurationException: One of them is more or less than an origin.
    """
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ConfigurationException(
                f"{origin!r} is not the origin of a site, such as https://app.example.com: no path, no *",
                field="embed_origin",
                limit="scheme, host and port",
            )
    allowed = " ".join(origins).lower() or "'none'"
    return f"frame-ancestors {allowed}"
