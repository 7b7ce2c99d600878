"""What the dashboard keeps for itself: notes, share links, saved views, brands, logins."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.tables import DOCUMENT, ID, metadata
from agentsight_otel.server.store.texts import Text

notes = Table(
    "dashboard_notes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("agent_id", ID, ForeignKey("agents.id"), nullable=False),
    Column(
        "conversation", ID, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

shares = Table(
    "dashboard_shares",
    metadata,
    Column("id", ID, primary_key=True),
    Column("agent_id", ID, ForeignKey("agents.id"), nullable=False),
    Column(
        "conversation", ID, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
"""Links to one transcript. Only the SHA-256 of a link's secret is stored."""

views = Table(
    "dashboard_views",
    metadata,
    Column("id", ID, primary_key=True),
    Column("agent_id", ID, ForeignKey("agents.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("page", String(40), nullable=False),
    Column("query", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""A page with its filters under a name: a saved view of the list, or a saved report."""

brands = Table(
    "dashboard_brands",
    metadata,
    Column("agent_id", ID, ForeignKey("agents.id"), primary_key=True),
    Column("name", Text, nullable=False, default=""),
    Column("accent", String(7), nullable=False, default=""),
    Column("footer", Text, nullable=False, default=""),
    Column("logo", LargeBinary),
    Column("logo_type", String(20), nullable=False, default=""),
    Column("escalation", DOCUMENT),
)
"""How an agent looks to its readers, and which of its actions hand over to a person."""

clients = Table(
    "dashboard_clients",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("agents", DOCUMENT, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)
"""Read-only logins that see only the agents they name."""

logins = Table(
    "dashboard_logins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Column("uses_left", Integer, nullable=False),
)
"""One-time links of the owner, printed in the terminal."""

OWN = (notes, shares, views, brands, clients, logins)


def make_tables(store: Store) -> None:
    """Make the dashboard's tables where they are missing."""
    with store.write() as connection:
        for table in OWN:
            table.create(connection, checkfirst=True)
