"""Agents, their API keys and their environments."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, Connection, RowMapping, bindparam, case, insert, select, update

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.store.tables import agents, api_keys, environments

Role = Literal["read", "write"]
PREFIX_LENGTH = 12
"""Characters of a key that are kept readable, to tell keys apart."""
LAST_USED_GRAIN_US = 60_000_000
"""A key's last use is written at most this often."""
_DAY_US = 86_400_000_000
_AGES = (
    ("ahead_count", 0),
    ("prompt_count", 60_000_000),
    ("minutes_count", 3_600_000_000),
    ("hours_count", _DAY_US),
    ("days_count", float("inf")),
)
"""Which count a request's newest time adds to: the first whose limit its age stays below."""

_ADDED_UP = ("accepted_count", "duplicate_count", "rejected_count", *(name for name, _ in _AGES), "ahead_us")
_k, _e = api_keys.c, environments.c
_FIND = (
    select(api_keys, agents.c.name.label("agent_name"))
    .join(agents, agents.c.id == _k.agent_id)
    .where(_k.key_hash == bindparam("hash"))
)
_ENVIRONMENTS = select(_e.slug, _e.id).where(_e.agent_id == bindparam("agent"))
_ahead = bindparam("b_ahead", type_=BigInteger)
_COUNT = (
    update(api_keys)
    .where(_k.id == bindparam("b_id"))
    .values(
        {name: _k[name] + bindparam(f"b_{name}") for name in _ADDED_UP}
        | {"ahead_max_us": case((_k.ahead_max_us < _ahead, _ahead), else_=_k.ahead_max_us)}
    )
)


class Principal(NamedTuple):
    """Who is asking: one key is one agent and one role."""

    key_id: int
    agent_id: int
    agent_name: str
    key_name: str
    role: str
    stale: bool
    """Whether the key's last use should be written down."""


class Refused(Exception):
    """The key is unknown, revoked or expired; the message says which, never the key."""


def generate_key() -> str:
    """Return a new key: ``ags_`` + 32 hexadecimal digits + ``_`` + 6 hexadecimal digits."""
    return f"ags_{secrets.token_hex(16)}_{secrets.token_hex(3)}"


def create_agent(connection: Connection, name: str) -> int:
    """Make an agent with the environments production and development; return its id."""
    now = now_us()
    agent_id: int = connection.execute(
        insert(agents).values(name=name, created_at=now).returning(agents.c.id)
    ).scalar_one()
    for slug, production in (("production", True), ("development", False)):
        create_environment(connection, agent_id, slug, slug.capitalize(), is_production=production)
    return agent_id


def create_environment(
    connection: Connection, agent_id: int, slug: str, name: str, *, is_production: bool = False
) -> None:
    """Add an environment to an agent."""
    now = now_us()
    values = {"agent_id": agent_id, "slug": slug, "name": name, "is_production": is_production}
    connection.execute(insert(environments).values(**values, created_at=now, updated_at=now))


def create_key(
    connection: Connection,
    agent_id: int,
    role: Role,
    *,
    key: str | None = None,
    name: str = "",
    expires_at: int | None = None,
) -> str:
    """Make a key for an agent and return it; this is the only time it is seen."""
    key = (key or generate_key()).strip().lower()
    values = {"agent_id": agent_id, "role": role, "name": name, "expires_at": expires_at}
    connection.execute(
        insert(api_keys).values(
            **values, prefix=key[:PREFIX_LENGTH], key_hash=hash_key(key), created_at=now_us()
        )
    )
    return key


def revoke_key(connection: Connection, agent_id: int, key_id: int) -> bool:
    """Revoke a key at once; False when the agent has no such key."""
    mine = (api_keys.c.agent_id == agent_id) & (api_keys.c.id == key_id)
    return connection.execute(update(api_keys).where(mine).values(revoked_at=now_us())).rowcount > 0


def expire_key(connection: Connection, agent_id: int, key_id: int, moment: int) -> bool:
    """Let a key end at a time, or earlier if it would; False when the agent has no such key."""
    k = api_keys.c
    mine = (k.agent_id == agent_id) & (k.id == key_id)
    earlier = case((k.expires_at < moment, k.expires_at), else_=moment)
    return connection.execute(update(api_keys).where(mine).values(expires_at=earlier)).rowcount > 0


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key, which is all that is stored. Keys do not differ by case."""
    return hashlib.sha256(key.strip().lower().encode()).hexdigest()


def find_key(connection: Connection, key: str) -> Principal:
    """Return who a key belongs to.

    The look-up is by hash, so its time says nothing about how much of a guess was right.

    Raises:
        Refused: With the text of the REST contract.
    """
    row = connection.execute(_FIND, {"hash": hash_key(key)}).mappings().first()
    if row is None:
        raise Refused("Invalid API key.")
    now = now_us()
    if row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now):
        raise Refused("API key is inactive, expired or revoked.")
    stale = (row["last_used_at"] or 0) + LAST_USED_GRAIN_US <= now
    return Principal(row["id"], row["agent_id"], row["agent_name"], row["name"], row["role"], stale)


def key_exists(connection: Connection, key: str) -> bool:
    """Tell whether a key was ever made here, revoked or not."""
    known = select(api_keys.c.id).where(api_keys.c.key_hash == hash_key(key))
    return connection.scalar(known) is not None


def touch_key(connection: Connection, key_id: int) -> None:
    """Write down that a key was used now."""
    connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now_us()))


def count_ingest(
    connection: Connection,
    key_id: int,
    *,
    accepted: int = 0,
    duplicate: int = 0,
    rejected: int = 0,
    age_us: int | None = None,
) -> None:
    """Add to what a key has sent.

    Args:
        connection: A writing transaction.
        key_id: The key.
        accepted: Spans that were new.
        duplicate: Spans that were there already.
        rejected: Requests that were refused.
        age_us: How far the newest time of a request lay behind this machine's clock, below 0 ahead of it;
            None for a request that brought nothing new.
    """
    added = dict.fromkeys(_ADDED_UP, 0)
    added |= {"accepted_count": accepted, "duplicate_count": duplicate, "rejected_count": rejected}
    ahead = 0
    if age_us is not None:
        added[next(name for name, below in _AGES if age_us < below)] = 1
        ahead = max(0, -age_us)
        added["ahead_us"] = min(ahead, _DAY_US)
    connection.execute(_COUNT, {"b_id": key_id, "b_ahead": ahead} | {f"b_{n}": v for n, v in added.items()})


def list_keys(connection: Connection, agent_id: int) -> list[RowMapping]:
    """Return an agent's keys, oldest first, without their hashes."""
    shown = [column for column in api_keys.c if column.name != "key_hash"]
    query = select(*shown).where(api_keys.c.agent_id == agent_id).order_by(api_keys.c.id)
    return list(connection.execute(query).mappings())


def list_environments(connection: Connection, agent_id: int) -> list[dict[str, Any]]:
    """Return an agent's environments, oldest first."""
    query = select(environments).where(environments.c.agent_id == agent_id).order_by(environments.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def environment_ids(connection: Connection, agent_id: int) -> dict[str, int]:
    """Return an agent's environments as slug → id."""
    return dict(connection.execute(_ENVIRONMENTS, {"agent": agent_id}).all())
