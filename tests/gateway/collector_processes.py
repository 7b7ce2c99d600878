"""Real processes for tests: the Collector that `make collector` built, and our gateway."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from local_ports import free_ports

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "collector-config"
BROKER = Path(__file__).parent / "broker"
_CACHE = Path(
    os.environ.get("AGENTSIGHT_COLLECTOR_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agentsight-otel" / "collector"
)
WAIT = 60.0
"""Seconds anything may take to happen."""


def collector_binary(name: str = "agentsight-otelcol") -> Path:
    """Return a built Collector, or skip."""
    path = _CACHE / name / name
    if not path.exists():
        pytest.skip(f"no {name}: run `make collector`")
    return path


@contextlib.contextmanager
def kafka_broker() -> Iterator[str]:
    """Run a Kafka broker that keeps its topics in memory; gives host:port. Skips where Go is missing."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("no Go to build the Kafka broker with")
    binary = _CACHE / "kafka-broker"
    build = [go, "build", "-o", str(binary), "."]
    subprocess.run(build, cwd=BROKER, env={**os.environ, "GOTOOLCHAIN": "local"}, check=True, timeout=300)
    with subprocess.Popen([str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as broker:
        assert broker.stdin is not None
        assert broker.stdout is not None
        yield broker.stdout.readline().strip()
        broker.stdin.close()


def wait_until(condition: Callable[[], object], what: str, timeout: float = WAIT) -> None:
    """Wait until *condition* holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"timed out waiting for {what}"
        time.sleep(0.02)


def answers(port: int, path: str = "/") -> bool:
    """Say whether something speaks HTTP on a port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()


class Process:
    """A process that can be killed and started again with the same arguments."""

    def __init__(self, command: list[str], environ: Mapping[str, str], port: int, log: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._command = command
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), **environ}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environ, stdout=log, stderr=log)
        wait_until(self._up, "the process to answer")

    def _up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-3000:]
        return answers(self.port)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(WAIT)

    def stop(self) -> None:
        """End it as a service manager does."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def collector(
    config: str,
    environ: Mapping[str, str],
    folder: Path,
    *,
    overrides: tuple[str, ...] = (),
    binary: str = "agentsight-otelcol",
) -> Process:
    """Prepare a Collector with one of our configurations, listening on free loopback ports."""
    grpc, http_port, health = free_ports(3)
    folder.mkdir(exist_ok=True)
    command = [str(collector_binary(binary)), f"--config={CONFIGS / config}"]
    command += [f"--config=yaml:{each}" for each in ("service::telemetry::metrics::level: none", *overrides)]
    settings = {
        "OTLP_GRPC_LISTEN": f"127.0.0.1:{grpc}",
        "OTLP_HTTP_LISTEN": f"127.0.0.1:{http_port}",
        "HEALTH_LISTEN": f"127.0.0.1:{health}",
        "AGENTSIGHT_QUEUE_DIR": str(folder / "queue"),
        **environ,
    }
    return Process(command, settings, http_port, folder / f"{config}.log")


def gateway(endpoint: str, folder: Path, *, keys: Path | None = None) -> Process:
    """Prepare a gateway that delivers to *endpoint* and journals below *folder*; *keys* is its keys' file."""
    (port,) = free_ports(1)
    folder.mkdir(exist_ok=True)
    code = f"from agentsight_otel.gateway.run import serve; serve(port={port}, endpoint={endpoint!r}"
    code += f", api_keys_file={str(keys)!r})" if keys else ")"
    settings = {"AGENTSIGHT_SPOOL_DIR": str(folder / "gateway-spool"), "PYTHONPATH": str(ROOT)}
    return Process([sys.executable, "-c", code], settings, port, folder / "gateway.log")


@contextlib.contextmanager
def chain(
    config: str, endpoint: str, key: str, folder: Path, *, overrides: tuple[str, ...] = (), **environ: str
) -> Iterator[tuple[Process, Process]]:
    """Run a Collector that exports to a gateway that delivers to *endpoint*; gives both."""
    with gateway(endpoint, folder) as behind:
        settings = {"AGENTSIGHT_API_KEY": key, "AGENTSIGHT_OTLP_ENDPOINT": behind.url, **environ}
        with collector(config, settings, folder, overrides=overrides) as front:
            yield front, behind
