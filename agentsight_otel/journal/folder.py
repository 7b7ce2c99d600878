"""Where the journal of a destination lives, and making it safe to use."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

NAME = "agentsight-otel"


def fingerprint(endpoint: str, api_key: str) -> str:
    """Name a destination without giving its key away."""
    return hashlib.sha256(f"{endpoint}\0{api_key}".encode()).hexdigest()[:24]


def default_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder under which journals live when none is configured.

    The user's state folder if there is a home, else a folder of the user's own in the temporary folder,
    else None.
    """
    environ = os.environ if environ is None else environ
    for base in (_state_folder(environ), _temporary_folder()):
        if base is not None and _usable(base):
            return base
    return None


def ensure_private(folder: Path) -> None:
    """Make *folder*, or check the one that is there: a real folder, ours, closed to others.

    Raises:
        OSError: It cannot be made or is not safe to use.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode):
        raise NotADirectoryError(folder.name)
    if sys.platform != "win32":
        if state.st_uid != os.geteuid():
            raise PermissionError(f"{folder.name} belongs to another user")
        if state.st_mode & 0o077:
            folder.chmod(0o700)


def _state_folder(environ: Mapping[str, str]) -> Path | None:
    if given := environ.get("XDG_STATE_HOME", ""):
        return Path(given) / NAME
    if sys.platform == "win32":
        local = environ.get("LOCALAPPDATA", "")
        return Path(local) / NAME if local else None
    home = environ.get("HOME", "")
    if not home or home == "/":
        return None
    if sys.platform == "darwin":
        return Path(home) / "Library" / "Application Support" / NAME
    return Path(home) / ".local" / "state" / NAME


def _temporary_folder() -> Path | None:
    try:
        base = Path(tempfile.gettempdir())
    except OSError:
        return None
    owner = "" if sys.platform == "win32" else f"-{os.geteuid()}"
    return base / f"{NAME}{owner}"


def _usable(base: Path) -> bool:
    try:
        ensure_private(base)
    except OSError:
        return False
    return os.access(base, os.W_OK | os.X_OK)
