"""Folders of the same agent under another key: what an old key left is sent with the new one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from agentsight_otel.encoding import decode_json, encode_json

NAME = "destination.json"


def note_agent(folder: Path, endpoint: str, agent_id: int) -> None:
    """Write down which agent a folder belongs to; never the key."""
    wanted = {"endpoint": endpoint, "agent_id": agent_id}
    if _read(folder) == wanted or not folder.is_dir():
        return
    with contextlib.suppress(OSError):
        temporary = folder / f"{NAME}.{os.getpid()}"
        temporary.write_bytes(encode_json(wanted))
        temporary.replace(folder / NAME)


def siblings(folder: Path, endpoint: str, agent_id: int) -> list[Path]:
    """Return the other folders of the same agent at the same endpoint."""
    wanted = {"endpoint": endpoint, "agent_id": agent_id}
    try:
        others = [each for each in folder.parent.iterdir() if each != folder and each.is_dir()]
    except OSError:
        return []
    return [each for each in others if _read(each) == wanted]


def _read(folder: Path) -> Any:
    try:
        return decode_json((folder / NAME).read_bytes())
    except (OSError, ValueError):
        return None
