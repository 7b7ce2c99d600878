"""Records on disk before the call that made them returns, and adopted when their process is dead."""

from __future__ import annotations

from agentsight_otel.journal.dead import DeadFile
from agentsight_otel.journal.folder import default_folder, fingerprint
from agentsight_otel.journal.inspection import SegmentReport, inspect
from agentsight_otel.journal.record import Kind, Record
from agentsight_otel.journal.segment import Ref, Segment
from agentsight_otel.journal.store import Journal

__all__ = [
    "DeadFile",
    "Journal",
    "Kind",
    "Record",
    "Ref",
    "Segment",
    "SegmentReport",
    "default_folder",
    "fingerprint",
    "inspect",
]
