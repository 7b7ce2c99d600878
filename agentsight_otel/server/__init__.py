"""LOCAL AGENTSIGHT: ingest, REST, store, analytics, dashboard."""
