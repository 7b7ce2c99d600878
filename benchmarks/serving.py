"""A server process to measure: started as a user starts it, with its memory and a way into its dashboard."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from benchmarks.make_big_db import KEY, make
from benchmarks.peers import ROOT


class Server:
    """`agentsight-otel serve` on a database.

    Attributes:
        netloc: Host and port.
        cookie: Opens the dashboard.
        first_page: Seconds from the start of the process to the first page.
    """

    def __init__(self, db: str) -> None:
        began = time.perf_counter()
        command = [sys.executable, "-m", "agentsight_otel", "serve", "--port", "0", "--db", db]
        self._process = subprocess.Popen(
            [*command, "--api-key", KEY],
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self._process.stdout is not None
        link = next(line for line in self._process.stdout if line.startswith("Dashboard: ")).split()[-1]
        self.netloc = urlsplit(link).netloc
        answer = self._open(link)
        self.cookie = answer.getheader("Set-Cookie", "").split(";")[0]
        self.get("/agents/1/conversations")
        self.first_page = time.perf_counter() - began

    def _open(self, link: str) -> http.client.HTTPResponse:
        deadline = time.monotonic() + 600
        parts = urlsplit(link)
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection(self.netloc, timeout=60)
            try:
                connection.request("GET", f"{parts.path}?{parts.query}")
                answer = connection.getresponse()
                answer.read()
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                return answer
            finally:
                connection.close()
        raise SystemExit("the server did not answer")

    def get(self, path: str) -> tuple[float, str]:
        """Return the seconds to the first byte of a page, and the page."""
        connection = http.client.HTTPConnection(self.netloc, timeout=120)
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        took = time.perf_counter() - began
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, (path, answer.status)
        return took, text

    def memory(self) -> str:
        """Return resident memory in MB: all of it, what only this process has, and what files back."""
        found = dict(re.findall(r"(\w+):\s+(\d+) kB", Path(f"/proc/{self._process.pid}/status").read_text()))
        names = {"VmRSS": "RSS", "RssAnon": "anonymous", "RssFile": "file"}
        return ", ".join(f"{label} {int(found[name]) / 1024:.0f} MB" for name, label in names.items())

    def cpu(self) -> float:
        """Return the CPU seconds the process has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark over a big database."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--db", type=Path, help="made here unless it is there (default: made and removed)")
    parser.add_argument("--messages", type=int, default=1_000_000, help="that it gets (default: %(default)s)")
    return parser


@contextlib.contextmanager
def big_db(asked: argparse.Namespace) -> Iterator[Path]:
    """Give the database that the options ask for."""
    with tempfile.TemporaryDirectory() as folder:
        path = asked.db or Path(folder) / "big.db"
        make(path, asked.messages)
        yield path


def at_once(count: int, seconds: float, work: Callable[[float], None]) -> float:
    """Run *work* in so many threads, each told when to end; return the seconds until all have."""
    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(began + seconds,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def quantile(values: list[float], share: float) -> float:
    """Return the nearest-rank quantile, in milliseconds for values in seconds."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] * 1000
