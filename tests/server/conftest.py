"""The server room's fixtures: one server per database engine, and a new agent for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from server_api import Api

from agentsight_otel.testing import LocalServer

START_TIMEOUT = 60.0
ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path and shutil.which("postgres") else None


def _as_postgres() -> list[str]:
    """Return what runs a command as a user that PostgreSQL accepts: root is refused."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Run a PostgreSQL cluster of the test run's own, reachable only through a socket in its folder."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="agentsight-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    process = None
    try:
        subprocess.run(
            [*_as_postgres(), programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd="/",
            timeout=START_TIMEOUT,
        )
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"]
        process = subprocess.Popen(
            [*_as_postgres(), programs / "postgres", "-D", data, "-k", folder, *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        _wait_until_up(folder)
        yield f"postgresql://tester@/postgres?host={folder}"
    finally:
        if process is not None:
            subprocess.run(
                [*_as_postgres(), programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
                check=False,
                capture_output=True,
                cwd="/",
                timeout=START_TIMEOUT,
            )
            process.wait(START_TIMEOUT)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_up(folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            psycopg.connect(f"host={folder} user=tester dbname=postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session", params=ENGINES)
def engine_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a database of each engine."""
    if request.param == "sqlite":
        return str(tmp_path_factory.mktemp("server") / "agentsight.db")
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="session")
def engine_server(engine_url: str) -> Iterator[LocalServer]:
    """Run one server per engine for the whole test run."""
    with LocalServer(engine_url) as running:
        yield running


@pytest.fixture
def api(engine_server: LocalServer) -> Iterator[Api]:
    """Return a new agent on each engine."""
    client = Api(engine_server)
    yield client
    engine_server.faults.clear()
    engine_server.requests.clear()
    client.close()


@pytest.fixture
def other(engine_server: LocalServer) -> Iterator[Api]:
    """Return another agent on the same server."""
    client = Api(engine_server, "other")
    yield client
    client.close()
