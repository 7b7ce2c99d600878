"""What happens between an ingest request's bytes and the rows it becomes. No SQL."""
