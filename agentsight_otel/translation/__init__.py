"""TRANSLATE: spans of any convention become ingest blocks. Pure."""
