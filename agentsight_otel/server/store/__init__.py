"""Everything that speaks SQL: tables, engines, and one module per thing that is stored."""

from agentsight_otel.server.store.engine import Store

__all__ = ["Store"]
