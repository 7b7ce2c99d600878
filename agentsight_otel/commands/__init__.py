"""The commands that do not run a service: about the journal, what was recorded, and a database."""

from __future__ import annotations

from typing import Any

from agentsight_otel.commands import database, export, spool


def add_to(commands: Any) -> None:
    """Describe the commands to an argument parser."""
    spool.add_to(commands)
    export.add_to(commands)
    database.add_to(commands)
