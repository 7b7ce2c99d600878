"""make_assembler: the assembler, imported when the first one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsight_otel.forking import SETUP

if TYPE_CHECKING:
    from agentsight_otel.translation.assembly import Assembler


def make_assembler(*, environment: str | None, export_all: bool, max_text_length: int | None) -> Assembler:
    """Make an assembler; call it first on a thread of the user's, for it imports."""
    # The dialects are most of the package's import time, and importing the package must stay cheap.
    with SETUP:
        from agentsight_otel.translation.assembly import Assembler  # noqa: PLC0415 - see above

    return Assembler(environment=environment, export_all=export_all, max_text_length=max_text_length)
