"""How much one gateway takes: spans per second, time to answer, memory.

Requests of 512 spans with 22 attributes, gzip, against a gateway process that delivers to a local server in
another.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.peers import ROOT
from benchmarks.serving import at_once

SPANS = 512
CONNECTIONS = 2
MARK = b"@@@@@@@@"
GENAI_EVERY = 16
"""One span in so many is a model call; the others are what a Collector without a filter sends along."""


def template(genai_every: int) -> bytes:
    """Build a request with MARK where its number goes: in the trace ids, conversation ids and texts."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "bench"
    scoped = group.scope_spans.add()
    scoped.scope.name = "bench"
    start = time.time_ns()
    for index in range(SPANS):
        span = scoped.spans.add(
            trace_id=MARK + (index // 8 + 1).to_bytes(8, "big"),
            span_id=(index + 1).to_bytes(8, "big"),
            name="chat gpt-4o",
            kind=3,
            start_time_unix_nano=start + index,
            end_time_unix_nano=start + index + 1000,
        )
        texts = {f"app.some.attribute.{i}": f"value {i} of {index}" for i in range(16)}
        if index % genai_every == 0:
            texts |= {
                "gen_ai.operation.name": "chat",
                "gen_ai.conversation.id": f"conv_{MARK.decode()}",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.provider.name": "openai",
                "gen_ai.input.messages": _message("user", f"question {index} " + "why " * 100),
                "gen_ai.output.messages": _message("assistant", f"answer {index} " + "so " * 100),
            }
        else:
            texts |= {f"http.request.header.{i}": f"header {i} of {index}" for i in range(6)}
        for key, value in texts.items():
            span.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


def _message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def _rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def _start(code: str, environ: dict[str, str], marker: str) -> tuple[subprocess.Popen[str], str]:
    """Start a process that prints *marker* and its address or what follows it."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if marker in line:
            return process, line.strip()
    raise SystemExit("a process did not start")


SERVER = """
import threading
from agentsight_otel.testing import LocalServer
with LocalServer({db!r}) as server:
    print("server", server.url, server.api_key, flush=True)
    while True:
        threading.Event().wait(1)
        server.requests.clear()
"""


def run(seconds: float, rate: float | None, genai_every: int) -> None:
    """Send for so long and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        server, line = _start(SERVER.format(db=f"{folder}/server.db"), {}, "server ")
        _, endpoint, key = line.split()
        gateway, line = _start(
            f"from agentsight_otel.gateway.run import serve; serve(port=0, endpoint={endpoint!r})",
            {"AGENTSIGHT_SPOOL_DIR": f"{folder}/spool"},
            "gateway on ",
        )
        url = line.split("gateway on ")[1].split(",")[0]
        try:
            run = Run(url, key, gateway.pid, template(genai_every), rate)
            run.go(seconds)
            print(f"one span in {genai_every} about agents, {CONNECTIONS} connections, {seconds:.0f} s")
            run.report()
        finally:
            for process in (gateway, server):
                process.kill()
                process.wait()


class Run:
    """Senders and what they saw."""

    def __init__(self, url: str, key: str, pid: int, raw: bytes, rate: float | None) -> None:
        self._host = urlsplit(url).netloc
        self._headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "Authorization": f"Bearer {key}",
        }
        self._pid = pid
        self._raw = raw
        self._pause = CONNECTIONS * SPANS / rate if rate else 0.0
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._times: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._memory = [_rss_mib(pid)]
        self._elapsed = 0.0

    def go(self, seconds: float) -> None:
        """Send for so long."""
        self._elapsed = at_once(CONNECTIONS, seconds, self._send)

    def _send(self, end: float) -> None:
        connection = http.client.HTTPConnection(self._host, timeout=30)
        due = time.perf_counter()
        while due < end and time.perf_counter() < end:
            body = gzip.compress(self._raw.replace(MARK, b"%08d" % next(self._numbers)), 1)
            due += self._pause
            time.sleep(max(0.0, due - time.perf_counter()))
            started = time.perf_counter()
            connection.request("POST", "/v1/traces", body, self._headers)
            answer = connection.getresponse()
            answer.read()
            with self._lock:
                if answer.status == 200:  # a refusal is quick and would flatter the rest
                    self._times.append((time.perf_counter() - started) * 1e3)
                self._statuses[answer.status] += 1
                self._memory.append(_rss_mib(self._pid))
        connection.close()

    def report(self) -> None:
        """Print the figures."""
        times, memory = sorted(self._times), self._memory
        share = [memory[min(len(memory) - 1, len(memory) * part // 4)] for part in range(5)]
        print(f"  answers            {dict(self._statuses)}")
        print(f"  spans per second   {self._statuses[200] * SPANS / self._elapsed:,.0f}")
        print(f"  answer p50 / p99   {times[len(times) // 2]:.0f} / {times[int(len(times) * 0.99)]:.0f} ms")
        print(f"  memory in MiB      {', '.join(f'{each:.0f}' for each in share)} (start, quarters, end)")


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--seconds", type=float, default=10, help="of each run (default: %(default)s)")
    given.add_argument("--rate", type=float, help="spans per second (default: as many as it takes)")
    asked = given.parse_args()
    for every in (GENAI_EVERY, 1):
        run(asked.seconds, asked.rate, every)


if __name__ == "__main__":
    main()
