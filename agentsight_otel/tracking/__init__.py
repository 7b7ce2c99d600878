"""RECORD: conversations become spans."""
