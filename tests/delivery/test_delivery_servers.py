from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from delivery_helpers import wait_until
from server_helpers import APP, ask, drain, running, stored

from agentsight_otel.testing import LocalServer

BIN = Path(sys.executable).parent
REQUESTS = 60
MOST_REQUESTS = 6000
"""A worker told to stop after ten requests takes more for up to a second."""
GUNICORN = [
    str(BIN / "gunicorn"),
    *("app:application", "--workers", "4", "--max-requests", "10", "--graceful-timeout", "5"),
]
UWSGI = [
    str(BIN / "uwsgi"),
    *("--master", "--processes", "2", "--wsgi-file", "app.py", "--max-requests", "10", "--die-on-term"),
    *("--home", sys.prefix, "--need-app", "--worker-reload-mercy", "5"),
]


def expected(numbers: Sequence[int]) -> Counter[str]:
    """Return the messages that the application records for requests, and the one of its master."""
    texts = [f"{kind} {n}" for n in numbers for kind in ("question", "answer", "tracked")]
    return Counter([*texts, "before the workers"])


def serve_and_drain(
    server: LocalServer,
    folder: Path,
    command: list[str],
    *,
    masters: int = 1,
    kill: bool = False,
    until: int = 1,
) -> set[int]:
    """Run an application server under requests, end it, deliver the rest; return the workers seen.

    It gets more requests than usual until so many workers have answered.
    """
    (folder / "app.py").write_text(APP)
    path = folder / "s"
    bind = ["--http-socket", str(path)] if "uwsgi" in command[0] else ["--bind", f"unix:{path}"]
    workers: set[int] = set()
    asked = 0
    with (
        (folder / "log").open("wb") as log,
        running([*command, *bind], env=server.env(), cwd=folder, log=log) as process,
    ):
        wait_until(lambda: path.exists() or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        while asked < REQUESTS or (len(workers) < until and asked < MOST_REQUESTS):
            pid = ask(path, asked)
            workers.add(pid)
            asked += 1
            if kill and asked % 20 == 0:
                os.kill(pid, signal.SIGKILL)
    assert process.returncode is not None
    drain(server)
    found = stored(server)
    assert found.pop("before the workers") >= masters
    wanted = expected(range(asked))
    del wanted["before the workers"]
    assert found == wanted, (folder / "log").read_text()[-3000:]
    return workers


@pytest.mark.parametrize("kind", ["sync", "gthread", "gevent"])
def test_gunicorn_with_a_preloaded_application(server: LocalServer, tmp_path: Path, kind: str) -> None:
    """Four workers forked from a master that has sent already, and replaced often: 100 %, none twice (P1)."""
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    workers = serve_and_drain(server, tmp_path, [*GUNICORN, "--preload", "--worker-class", kind], until=3)
    assert len(workers) > 2


def test_gunicorn_whose_workers_are_killed(server: LocalServer, tmp_path: Path) -> None:
    """What a request recorded before it was answered survives the SIGKILL of its worker (P1)."""
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    serve_and_drain(server, tmp_path, [*GUNICORN, "--preload"], kill=True)


@pytest.mark.parametrize(
    "options", [[], ["--enable-threads"], ["--enable-threads", "--lazy-apps"]], ids=" ".join
)
def test_uwsgi(server: LocalServer, tmp_path: Path, options: list[str]) -> None:
    """Workers that are forked after the application was loaded, and ones that load it (P1).

    uWSGI forks behind Python's back: a worker answers nothing if one of our threads ran in its master.
    """
    if not Path(UWSGI[0]).exists():
        pytest.skip("uwsgi is not installed")
    serve_and_drain(server, tmp_path, [*UWSGI, *options])
    names = (tmp_path / "threads").read_text()
    assert ("agentsight" in names) == ("--lazy-apps" in options)
