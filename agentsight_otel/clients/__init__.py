"""MANAGE: manage and read what was recorded."""
