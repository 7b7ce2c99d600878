"""The dashboard over a big database beside Arize Phoenix: start, memory, scripts, first page; then each page.

Phoenix is installed into a virtual environment of its own (some 855 MB) and gets a few thousand spans over
OTLP; ours has a million messages. A browser loads the first page of both, where Debian's chromium is there.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import Response, sync_playwright

from benchmarks.peers import CACHE, table
from benchmarks.server_pages import measure
from benchmarks.serving import Server, big_db, options

PHOENIX = "arize-phoenix==20.26.1"
SPANS = 5_000
PATIENCE = 300.0
STARTS = 3


class Figures(NamedTuple):
    """What is compared. Seconds, MB and kB."""

    start: float
    memory: float
    loaded: float
    scripts: float


def phoenix() -> Path | None:
    """Return Phoenix's command, installed once; None when it cannot be."""
    home = CACHE / PHOENIX
    command = home / "bin" / "phoenix"
    if not command.exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", PHOENIX]
        if subprocess.run(pip, check=False).returncode:
            return None
    return command


def free_port() -> int:
    """Return a port nobody listens on; Phoenix takes no 0."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@contextlib.contextmanager
def running_phoenix(command: Path, folder: str) -> Iterator[tuple[str, int, float]]:
    """Run Phoenix on a fresh database; gives its address, its process id and the seconds to its answer."""
    port = free_port()
    settings = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_WORKING_DIR": folder,
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(command), "serve"],
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers(port):
            if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise SystemExit("Phoenix did not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(60)


def answers(port: int) -> bool:
    """Whether the first page comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def send_spans(address: str) -> None:
    """Send model calls over OTLP/HTTP."""
    host = address.removeprefix("http://")
    for _ in range(SPANS // 500):
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        for _ in range(500):
            span = scope.spans.add(
                name="chat", trace_id=secrets.token_bytes(16), span_id=secrets.token_bytes(8)
            )
            span.start_time_unix_nano = time.time_ns() - 2_000_000_000
            span.end_time_unix_nano = time.time_ns()
            for name, value in (
                ("openinference.span.kind", "LLM"),
                ("input.value", "Where is my order? " * 8),
            ):
                span.attributes.add(key=name).value.string_value = value
        connection = http.client.HTTPConnection(host, timeout=60)
        headers = {"Content-Type": "application/x-protobuf"}
        connection.request("POST", "/v1/traces", request.SerializeToString(), headers)
        assert connection.getresponse().status == 200
        connection.close()


def resident(pid: int) -> float:
    """Return the memory of a process and its children in MB."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        found = dict(re.findall(r"^(Pid|PPid|VmRSS):\s+(\d+)", text, re.MULTILINE))
        if str(pid) in (found.get("Pid"), found.get("PPid")):
            total += int(found.get("VmRSS", 0)) / 1024
    return total


def in_browser(address: str, cookie: str = "") -> tuple[float, float]:
    """Load a page in a new Chromium; return the seconds until it can be read, and kB of scripts."""
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        context = browser.new_context()
        if cookie:
            name, _, value = cookie.partition("=")
            context.add_cookies([{"name": name, "value": value, "url": address}])
        page = context.new_page()
        sizes: list[int] = []

        def note(response: Response) -> None:
            if response.request.resource_type == "script":
                sizes.append(len(response.body()))

        page.on("response", note)
        began = time.perf_counter()
        # The page's own stream of events never ends: what counts is what the page needs to be read
        page.goto(address, wait_until="load", timeout=120_000)
        page.get_by_text(re.compile("Projects|Analytics")).first.wait_for(timeout=120_000)
        took = time.perf_counter() - began
        page.wait_for_timeout(1500)
        browser.close()
    return took, sum(sizes) / 1000


def ours(db: Path) -> Figures:
    """Measure our server."""
    with Server(str(db)) as server:
        memory = float(re.findall(r"RSS (\d+)", server.memory())[0])
        loaded, scripts = (
            in_browser(f"http://{server.netloc}/agents/1/", server.cookie) if browser() else (0, 0)
        )
        return Figures(server.first_page, memory, loaded, scripts)


def theirs(command: Path) -> Figures:
    """Measure Phoenix."""
    with tempfile.TemporaryDirectory() as folder, running_phoenix(command, folder) as (address, pid, start):
        memory = resident(pid)
        send_spans(address)
        loaded, scripts = in_browser(address) if browser() else (0, 0)
        return Figures(start, memory, loaded, scripts)


def browser() -> bool:
    """Whether there is one."""
    return shutil.which("chromium") is not None


def prepare(db: Path) -> None:
    """Let a server keep the hours of a database that was written past it, as ingest would have done."""
    asked = "SELECT count(*) FROM stale_hours WHERE hour < CAST(strftime('%s', 'now') AS INTEGER) / 3600"
    deadline = time.monotonic() + 3 * PATIENCE
    with Server(str(db)), contextlib.closing(sqlite3.connect(db)) as raw:
        while raw.execute(asked).fetchone()[0] and time.monotonic() < deadline:
            time.sleep(0.5)


def compare(db: Path, command: Path | None) -> None:
    """Print the best of some starts, taken in turn."""
    found: dict[str, list[Figures]] = {"agentsight-otel": [], PHOENIX: []}
    for _ in range(STARTS):
        found["agentsight-otel"].append(ours(db))
        if command is not None:
            found[PHOENIX].append(theirs(command))
    best = {name: Figures(*map(min, zip(*rows, strict=True))) for name, rows in found.items() if rows}
    head = ("best of " + str(STARTS), *best)
    labels = (
        "start to first page, s",
        "memory then, MB",
        "first page in a browser, s",
        "JavaScript loaded, kB",
    )
    rows = [
        (label, *(f"{figures[place]:.2f}" for figures in best.values())) for place, label in enumerate(labels)
    ]
    table([head, *rows])


def main() -> None:
    given = options(__doc__)
    given.add_argument("--rounds", type=int, default=10, help="visits of each page (default: %(default)s)")
    given.add_argument("--no-peer", action="store_true", help="leave Phoenix out")
    asked = given.parse_args()
    with big_db(asked) as path:
        prepare(path)
        compare(path, None if asked.no_peer else phoenix())
        with Server(str(path)) as server:
            measure(server, asked.rounds)
            print(f"afterwards {server.memory()}")


if __name__ == "__main__":
    main()
