"""DELIVER: spans to AgentSight or to files, and every outcome handled."""

from agentsight_otel.exporters.agentsight import AgentSightSpanExporter
from agentsight_otel.exporters.file import FileSpanExporter

__all__ = ["AgentSightSpanExporter", "FileSpanExporter"]
