"""What every driver shares: run the scenarios of one combination and write what came out.

A driver is a script that ends in ``run(Driver(...))``. It is started in its own environment by
``python -m tests.corpus.record``; each group of scenarios gets a fresh process, because instrumentations
change the libraries they instrument for good.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dump import LogCollector, SpanCollector, write_json
from limits import Evidence, mark
from model_server import ModelServer, Rule
from model_wire import ToolUse
from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from scenarios import SCENARIOS
from script import Truth, rules, with_transfer_tool
from shape import Conversation, Scenario, Turn

CORE = (
    "basic",
    "tools",
    "same_text",
    "delegate",
    "streaming",
    "interleaved",
    "provider_error",
    "odd_texts",
    "no_id",
)
"""What most combinations can run."""
MODEL = "gpt-4o-mini"


def core_without(*names: str) -> tuple[str, ...]:
    """The scenarios of `CORE` but those that a combination cannot run."""
    return tuple(name for name in CORE if name not in names)


class NotRecordedError(Exception):
    """A scenario did not run as its script says."""


class App(Protocol):
    """The application under test; ``turn`` may be a coroutine function."""

    def turn(self, conversation: Conversation, turn: Turn) -> Any:
        """Run one turn; raises what the framework raises when the provider fails."""

    # An asynchronous application may have a ``close()``, a coroutine function, for the end of a scenario.


@dataclass(frozen=True)
class Context:
    """What a driver is handed: where the model server is and where spans go.

    Attributes:
        collector: Takes the spans that do not come by way of *provider*.
        log_collector: Likewise for log records and *loggers*.
    """

    url: str
    scenario: Scenario
    provider: TracerProvider
    loggers: LoggerProvider
    collector: SpanCollector
    log_collector: LogCollector

    @property
    def openai_url(self) -> str:
        """The base URL for OpenAI's clients."""
        return self.url + "/v1"


@dataclass(frozen=True)
class Driver:
    """One combination of framework and instrumentation.

    Attributes:
        name: Its folder in the corpus.
        instrument: Called once per process, before the application is made.
        app: Makes a fresh application for a scenario.
        scenarios: Names of those it can run.
        env: Environment of the run.
        env_off: Added for ``content_off``.
        per_turn: Without a conversation id each turn stands alone.
        transfer: The tool by which it hands a turn over, and a text in what it answers to that.
        adapt: Changes the script where the framework makes the model speak its own protocol.
        reshape: Changes the scenario, and with it the truth, where the framework changes what is said.
        outside: Instead of an application: runs the scenario in another process and returns its spans.
    """

    name: str
    instrument: Callable[[Context], None]
    app: Callable[[Context], App] | None = None
    scenarios: tuple[str, ...] = CORE
    env: dict[str, str] = field(default_factory=dict)
    env_off: dict[str, str] = field(default_factory=dict)
    per_turn: bool = False
    transfer: tuple[ToolUse, str] | None = None
    adapt: Callable[[list[Rule]], list[Rule]] | None = None
    reshape: Callable[[Scenario], Scenario] | None = None
    outside: Callable[[Context], list[dict[str, Any]]] | None = None


class Recorder:
    """The providers and collectors of one process."""

    def __init__(self, driver: Driver, out: Path) -> None:
        self._driver = driver
        self._out = out
        self._spans = SpanCollector()
        self._logs = LogCollector()
        resource = Resource.create({"service.name": "lamp-shop"})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._loggers = LoggerProvider(resource=resource)
        self._loggers.add_log_record_processor(self._logs)  # type: ignore[arg-type] # complete by its methods
        trace.set_tracer_provider(self._provider)
        set_logger_provider(self._loggers)
        self._instrumented = False

    def record(self, server: ModelServer, scenario: Scenario) -> None:
        """Run *scenario* and write its files."""
        if self._driver.transfer:
            scenario = with_transfer_tool(scenario, *self._driver.transfer)
        if self._driver.reshape:
            scenario = self._driver.reshape(scenario)
        script = rules(scenario)
        server.script.load(self._driver.adapt(script) if self._driver.adapt else script)
        server.script.delay = 0.03 if scenario.concurrent else 0.0
        context = Context(server.url, scenario, self._provider, self._loggers, self._spans, self._logs)
        if not self._instrumented:
            self._driver.instrument(context)
            self._instrumented = True
        self._spans.take()
        self._logs.take()
        spans = self._run(context)
        check_script(server)
        self._write(scenario, server.script.served, spans)

    def _run(self, context: Context) -> list[dict[str, Any]]:
        if self._driver.outside:
            return self._driver.outside(context)
        assert self._driver.app, self._driver.name
        play(self._driver.app(context), context)
        self._provider.force_flush()
        return self._spans.take()

    def _write(self, scenario: Scenario, served: list[Rule], spans: list[dict[str, Any]]) -> None:
        logs = self._logs.take()
        truth = Truth(scenario, self._driver.per_turn).conversations(served)
        evidence = Evidence(spans + logs)
        for conversation, billed in truth:
            mark(conversation, evidence, billed)
        expected = [conversation for conversation, _billed in truth]
        told = [item.get("captured", True) for part in expected for item in part["messages"]]
        if not any(told) and scenario.name != "content_off":
            raise NotRecordedError("the instrumentation wrote no message down")
        folder = self._out / scenario.name
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "spans.json", spans)
        if logs:
            write_json(folder / "logs.json", logs)
        else:
            (folder / "logs.json").unlink(missing_ok=True)
        write_json(folder / "expected.json", {"about": scenario.about, "conversations": expected})


def check_script(server: ModelServer) -> None:
    """Raise NotRecordedError unless the script was served to its end, with nothing asked beside it."""
    if server.script.misses:
        raise NotRecordedError(f"no rule for: {server.script.misses[0][:2000]!r}")
    if server.script.unused:
        raise NotRecordedError(f"never asked for: {server.script.unused[0]}")


def play(app: App, context: Context) -> None:
    """Run the turns of a scenario; a turn that should fail must fail."""
    scenario = context.scenario
    if scenario.name == "fastapi":
        from http_root import play_over_http  # noqa: PLC0415 - needs FastAPI, which few drivers have

        play_over_http(app, context)
        return
    lines = [list(scenario.turns)]
    if scenario.concurrent:
        lines = [
            [turn for turn in scenario.turns if turn.conversation == item.key]
            for item in scenario.conversations
        ]
    if inspect.iscoroutinefunction(app.turn):
        asyncio.run(_play_async(app, scenario, lines))
        return
    with ThreadPoolExecutor(len(lines)) as pool:
        for done in [pool.submit(_play_line, app, scenario, line) for line in lines]:
            done.result(timeout=120)


def _play_line(app: App, scenario: Scenario, turns: list[Turn]) -> None:
    for turn in turns:
        try:
            app.turn(scenario.conversation(turn.conversation), turn)
        except Exception:
            if not turn.fails:
                raise


async def _play_async(app: App, scenario: Scenario, lines: list[list[Turn]]) -> None:
    async def play_line(turns: list[Turn]) -> None:
        for turn in turns:
            try:
                await app.turn(scenario.conversation(turn.conversation), turn)
            except Exception:
                if not turn.fails:
                    raise

    await asyncio.gather(*(play_line(line) for line in lines))
    if hasattr(app, "close"):
        await app.close()


def run(driver: Driver) -> None:
    """Record the scenarios named on the command line, or all of the driver's, each group in a process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--here", action="store_true", help="in this process")
    arguments = parser.parse_args()
    names = arguments.only or list(driver.scenarios)
    if not arguments.here:
        sys.exit(_run_groups(driver, arguments.out, names))
    failed = _run_here(driver, arguments.out, names)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(failed)  # frameworks leave threads and exporters behind that would hold the process up


def _run_here(driver: Driver, out: Path, names: list[str]) -> int:
    failed = 0
    with ModelServer() as server:
        recorder = Recorder(driver, out)
        for name in names:
            try:
                recorder.record(server, SCENARIOS[name])
            except NotRecordedError as error:
                failed = 1
                print(f"{driver.name}/{name}: NOT RECORDED: {error}")
            except Exception as error:  # one scenario's crash must not cost the others
                failed = 1
                missed = f"; no rule for {server.script.misses[0][:500]!r}" if server.script.misses else ""
                print(
                    f"{driver.name}/{name}: NOT RECORDED: {type(error).__name__}: {str(error)[:1000]}{missed}"
                )
                if os.environ.get("CORPUS_DEBUG"):
                    raise
            else:
                print(f"{driver.name}/{name}: recorded")
    return failed


def _run_groups(driver: Driver, out: Path, names: list[str]) -> int:
    plain = [name for name in names if not SCENARIOS[name].variant]
    groups = [plain] if plain else []
    groups += [[name] for name in names if SCENARIOS[name].variant]
    failed = 0
    for group in groups:
        env = os.environ | driver.env | (driver.env_off if group == ["content_off"] else {})
        command = [sys.executable, *sys.argv[:1], "--here", "--out", str(out), "--only", *group]
        failed |= subprocess.run(command, env=env, check=False, timeout=600).returncode
    return failed
