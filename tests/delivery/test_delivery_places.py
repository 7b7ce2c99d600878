from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from server_helpers import stored

from agentsight_otel.testing import LocalServer

NOWHERE = """
import errno, os, sys
if "read-only" in sys.argv:
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    def read_only(event, arguments):
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & writing
        if (writes and str(arguments[0]) != os.devnull) or event in {"os.mkdir", "os.rename", "os.chmod"}:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    sys.addaudithook(read_only)
import agentsight_otel
from agentsight_otel import agent_message, conversation, conversation_tracker, user_message
agentsight_otel.configure()
with conversation("nowhere"):
    user_message("question \\xe9")
    agent_message("answer \\u4f60")
conversation_tracker.configure(conversation_id="tracked")
conversation_tracker.track_human_message("tracked")
conversation_tracker.send_tracked_data()
print(agentsight_otel.force_flush(20).ok, agentsight_otel.stats().durable, agentsight_otel.stats().balanced)
agentsight_otel.shutdown(5)
"""
BARE = ("HOME", "TMPDIR", "XDG_STATE_HOME", "USER", "LOGNAME", "AGENTSIGHT_SPOOL_DIR", "LANG")
NOBODY = 54321


def as_nobody() -> list[str]:
    """Return what starts a command as a user that has no entry anywhere; skip where that is impossible."""
    unshare = ["unshare", "--user", f"--map-user={NOBODY}"]
    drop = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"]
    for start in (unshare, drop):
        check = [*start, sys.executable, "-c", "import os; os._exit(os.geteuid() == 0)"]
        if shutil.which(start[0]) and subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return start
    pytest.skip("neither user namespaces nor root: cannot be a user without a name")


@pytest.mark.parametrize("place", ["read-only", "nameless user", "both"])
def test_places_where_nothing_is_as_usual(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """No HOME, no TMPDIR, an ASCII locale, a user without a name, nothing writable: it works (P10)."""
    for name in BARE:
        monkeypatch.delenv(name, raising=False)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    start = as_nobody() if place != "read-only" else []
    done = subprocess.run(
        [*start, sys.executable, "-B", "-c", NOWHERE, *([] if place == "nameless user" else ["read-only"])],
        env={**os.environ, **plain, **server.env()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    shutil.rmtree(Path(tempfile.gettempdir()) / f"agentsight-otel-{NOBODY}", ignore_errors=True)
    assert done.returncode == 0, done.stderr
    durable = place == "nameless user"
    assert done.stdout == f"True {durable} True\n"
    assert done.stderr.count("agentsight-otel:") == (0 if durable else 1), done.stderr
    assert stored(server) == Counter(["question é", "answer 你", "tracked"])
