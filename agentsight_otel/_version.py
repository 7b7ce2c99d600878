"""The version, in one place for code that sends it."""

__version__ = "0.1.0"
