"""Who may look: one-time login links, client logins, signed session cookies, form tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final, NamedTuple

from sqlalchemy import delete, insert, select, update

from agentsight_otel.server.clock import now_us
from agentsight_otel.server.dashboard.tables import clients, logins
from agentsight_otel.server.store.engine import Store

COOKIE: Final = "agentsight_session"
SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
SESSION_US: Final = 30 * DAY
LINK_US: Final = DAY
"""A login link that nobody opened stops working after a day."""


class Session(NamedTuple):
    """Who is looking.

    Attributes:
        value: The cookie's text, what form tokens are derived from.
        client: Primary key of the client login; None is the owner.
        name: How to call them.
        agents: The agents they may see; None is all.
    """

    value: str
    client: int | None
    name: str
    agents: frozenset[int] | None

    @property
    def is_owner(self) -> bool:
        """Whether they may change things."""
        return self.client is None

    def may_see(self, agent: int) -> bool:
        """Whether the agent is one of theirs."""
        return self.agents is None or agent in self.agents


def login_link(store: Store, base_url: str) -> str:
    """Make a one-time login link for the owner and return it; it works once, within a day.

    Args:
        store: The database.
        base_url: Where the dashboard is, such as ``http://127.0.0.1:8000``.
    """
    token = new_token()
    with store.write() as connection:
        connection.execute(delete(logins).where(logins.c.expires_at < now_us()))
        connection.execute(
            insert(logins).values(token_hash=digest(token), expires_at=now_us() + LINK_US, uses_left=1)
        )
    return f"{base_url.rstrip('/')}/login?token={token}"


def redeem(store: Store, token: str) -> str | None:
    """Return a session cookie for a login token of the owner or a client; None when it opens nothing."""
    now = now_us()
    hashed = digest(token)
    with store.write() as connection:
        taken = connection.execute(
            update(logins)
            .where(logins.c.token_hash == hashed, logins.c.uses_left > 0, logins.c.expires_at > now)
            .values(uses_left=logins.c.uses_left - 1)
        )
        if taken.rowcount:
            return _sign(store, f"owner.{now}.{secrets.token_hex(8)}")
        client = connection.execute(
            update(clients)
            .where(clients.c.token_hash == hashed, clients.c.revoked_at.is_(None), clients.c.expires_at > now)
            .values(last_used_at=now)
            .returning(clients.c.id)
        ).scalar()
    return None if client is None else _sign(store, f"client-{client}.{now}.{secrets.token_hex(8)}")


def session_of(store: Store, cookie: str | None) -> Session | None:
    """Return whose session a cookie is; None when it is forged, too old, or the client login has ended."""
    body, _, signature = (cookie or "").rpartition(".")
    if not body or not hmac.compare_digest(_sign(store, body), f"{body}.{signature}"):
        return None
    who, issued, _ = body.split(".")
    now = now_us()
    if int(issued) + SESSION_US < now:
        return None
    if who == "owner":
        return Session(body, None, "Owner", None)
    with store.read() as connection:
        row = connection.execute(
            select(clients.c.id, clients.c.name, clients.c.agents).where(
                clients.c.id == int(who.removeprefix("client-")),
                clients.c.revoked_at.is_(None),
                clients.c.expires_at > now,
            )
        ).one_or_none()
    return None if row is None else Session(body, row.id, row.name, frozenset(row.agents))


def form_token(store: Store, session: Session) -> str:
    """Return the token that every form of a session carries which changes data."""
    return _mac(store, f"form:{session.value}")


def new_token() -> str:
    """Return 192 random bits for a link."""
    return secrets.token_urlsafe(24)


def digest(token: str) -> str:
    """Return the SHA-256 that is stored in a token's place."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _sign(store: Store, body: str) -> str:
    return f"{body}.{_mac(store, f'session:{body}')}"


def _mac(store: Store, text: str) -> str:
    return hmac.new(store.secret, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
