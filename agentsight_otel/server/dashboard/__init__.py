"""The dashboard: transcripts and analytics in the browser, rendered on the server."""

from agentsight_otel.server.dashboard.access import login_link
from agentsight_otel.server.dashboard.app import routes

__all__ = ["login_link", "routes"]
