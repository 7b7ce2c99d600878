"""The fixture of this folder."""

from scripted_server import script

__all__ = ["script"]
