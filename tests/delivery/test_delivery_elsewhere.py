"""Systems that have less than Linux: the package loads there, and what is tracked can be read back."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from delivery_helpers import run_script

ELSEWHERE = """
import asyncio, errno, faulthandler, importlib, os, pkgutil, sys, types
from pathlib import Path

faulthandler.dump_traceback_later(100, exit=True)
# What is not ours comes first: the question is what we do elsewhere.
import httptools, jinja2, opentelemetry.sdk.trace.export, requests, sqlalchemy.dialects.sqlite, subprocess
import tempfile, uvicorn.loops.asyncio, uvicorn.protocols.http.httptools_impl, webbrowser
from starlette import applications

system, folder = sys.argv[1:]
missing = ["fdatasync", "memfd_create", "posix_fadvise", "sched_getaffinity"]
if system == "win32":
    missing += "O_CLOEXEC O_DIRECTORY O_NOFOLLOW chown fchmod fork forkpty getegid geteuid getgid".split()
    missing += "getloadavg getuid killpg mkfifo nice pread preadv pwrite pwritev readv".split()
    missing += "register_at_fork setsid statvfs sync uname wait waitid writev".split()
    sys.modules.update(dict.fromkeys(["fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"]))
    sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *_: None)
    asyncio.ProactorEventLoop = asyncio.SelectorEventLoop
    real_open = os.open

    def refuse(path):
        raise PermissionError(errno.EACCES, "Access is denied", str(path))

    def open_file(path, *rest, **named):  # no folder can be opened
        return refuse(path) if os.path.isdir(path) else real_open(path, *rest, **named)

    def when_closed(move):  # nor can an open file be moved or removed
        def closed(path, *rest, **named):
            held = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
            held = [one for one in held if os.path.exists(one) and os.path.exists(path)]
            if any(os.path.samefile(one, path) for one in held):
                return refuse(path)
            return move(path, *rest, **named)
        return closed

    os.open = open_file
    for name in ("rename", "replace", "unlink", "remove"):
        setattr(os, name, when_closed(getattr(os, name)))
for name in missing:
    if hasattr(os, name):
        delattr(os, name)
sys.platform = system

import agentsight_otel
for found in pkgutil.walk_packages(agentsight_otel.__path__, "agentsight_otel."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)

from agentsight_otel.testing import LocalServer
with LocalServer(f"sqlite:///{folder}/server.db") as server:
    tracker = agentsight_otel.ConversationTracker(
        api_key=server.api_key, endpoint=server.url, conversation_id="c-1", spool_dir=folder
    )
    tracker.track_human_message("Hello")
    durable = agentsight_otel.stats().durable
    report = tracker.send_tracked_data()
    read = agentsight_otel.AgentSightAPI(server.api_key, server.url).fetch_conversation("c-1")
    print((durable, report["delivered"], [message["content"] for message in read["messages"]]))
    agentsight_otel.shutdown()
"""


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_the_whole_circle_on_another_system(system: str, tmp_path: Path) -> None:
    """Without what macOS and Windows lack, every module loads and a conversation makes the whole circle."""
    done = run_script(ELSEWHERE, system, str(tmp_path), env={})
    assert done.returncode == 0, done.stderr
    durable, delivered, texts = ast.literal_eval(done.stdout)
    assert (delivered, texts) == (True, ["Hello"])
    assert durable or system == "win32"  # there a file in use cannot be named anew: what waits is in memory
