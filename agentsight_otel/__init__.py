"""AI agent conversations out of OpenTelemetry."""
