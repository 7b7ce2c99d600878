"""What an import file looks like. Runs are started on the command line, not with an API key."""

from __future__ import annotations

from agentsight_otel.server.api.http import Answer, ApiError, Call
from agentsight_otel.server.imports.limits import EXAMPLE, LIMITS, SCHEMA


def schema(call: Call) -> Answer:
    """Return the JSON schema of an import file."""
    del call
    return Answer(SCHEMA)


def limits(call: Call) -> Answer:
    """Return the limits."""
    del call
    return Answer(LIMITS)


def example(call: Call) -> Answer:
    """Return a small valid file."""
    del call
    return Answer(EXAMPLE)


def refused(call: Call) -> Answer:
    """Refuse to start or show a run."""
    del call
    raise ApiError(403, {"detail": "You do not have permission to perform this action."})
