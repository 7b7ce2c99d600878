"""POST /api/ingest/ and GET /api/me/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentsight_otel.server.api.http import Answer, ApiError, Call
from agentsight_otel.server.clock import iso
from agentsight_otel.server.ingest.payload import Rejected, check_blocks, read_envelope
from agentsight_otel.server.ingest.projection import project
from agentsight_otel.server.store.ingest import write_blocks
from agentsight_otel.server.store.keys import count_ingest, environment_ids, list_environments

CAPABILITIES = ["gzip-ingest"]


def ingest(call: Call) -> Answer:
    """Write a payload: everything, or nothing when anything in it is wrong."""
    with call.store.read() as connection:
        known = environment_ids(connection, call.agent_id)
    try:
        envelope = read_envelope(call.body)
        blocks = check_blocks(envelope, known)
    except Rejected as error:
        with call.store.write() as connection:
            count_ingest(connection, call.principal.key_id, rejected=1)
        raise ApiError(400, error.body) from None
    projected = [(block, project(block, envelope.sdk_name)) for block in blocks]
    counts = write_blocks(call.store, call.agent_id, known, projected, key_id=call.principal.key_id)
    return Answer(counts._asdict(), 201)


def environments(call: Call) -> Answer:
    """Return the agent's environments as a bare list."""
    with call.store.read() as connection:
        return Answer([environment(row) for row in list_environments(connection, call.agent_id)])


def me(call: Call) -> Answer:
    """Tell a client whose key it has and what it may do."""
    with call.store.read() as connection:
        rows = list_environments(connection, call.agent_id)
    principal = call.principal
    return Answer(
        {
            "agent_id": principal.agent_id,
            "agent_name": principal.agent_name,
            "role": principal.role,
            "environments": [environment(row) for row in rows],
            "capabilities": CAPABILITIES,
        }
    )


def environment(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an environment as the contract shows it."""
    shape = {name: row[name] for name in ("id", "slug", "name", "is_production")}
    return shape | {"created_at": iso(row["created_at"]), "updated_at": iso(row["updated_at"])}
