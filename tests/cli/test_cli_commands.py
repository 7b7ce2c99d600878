"""The commands, run as a user runs them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agentsight_otel import ConversationManager, ConversationTracker
from agentsight_otel.cli import main
from agentsight_otel.doctor import Level, examine
from agentsight_otel.testing import LocalServer

COMMAND = [sys.executable, "-m", "agentsight_otel"]


def command(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def track(server: LocalServer, conversation_id: str = "c-1", **fields: str) -> None:
    """Record one exchange."""
    tracker = ConversationTracker(api_key=server.api_key, endpoint=server.url)
    tracker.get_or_create_conversation(conversation_id, **fields)
    tracker.track_human_message("hello")
    tracker.track_agent_message("hi")
    assert tracker.send_tracked_data()["delivered"]


def test_demo_shows_the_transcript_it_reads_back() -> None:
    """The demo runs the whole circle, ends by itself when told to and leaves nothing open."""
    result = command(
        "demo", "--exit", "--conversations", "20", env={"PYTHONWARNINGS": "always::ResourceWarning"}
    )
    assert result.returncode == 0, result.stderr
    assert "ResourceWarning" not in result.stderr
    assert "delivered=True" in result.stdout
    assert "Action search_docs performed" in result.stdout
    assert "Action fallback_to_human performed" in result.stdout
    assert "feedback: positive" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [(["serve"], "server"), (["gateway"], "gateway"), (["demo"], "server"), (["keys", "list"], "server")],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_missing_extra_is_named(arguments: list[str], extra: str, tmp_path: Path) -> None:
    """Where only the core is installed, a command that needs more says what, and could not run."""
    bare = "import sys; sys.modules.update(starlette=None, uvicorn=None); from agentsight_otel import cli; "
    code = f"{bare}sys.exit(cli.main({arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert re.fullmatch(
        rf"agentsight-otel: [\w.]+ is missing; pip install 'agentsight-otel\[{extra}\]'\n", done.stderr
    )


def test_serve_prints_what_points_a_client_at_it(tmp_path: Path) -> None:
    """`serve` prints its address, a working key and the two export lines, and ends on SIGINT."""
    arguments = [*COMMAND, "serve", "--port", "0", "--db", str(tmp_path / "a.db")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        while len(lines) < 5:
            lines.append(process.stdout.readline())
        text = "".join(lines)
        key = re.search(r"export AGENTSIGHT_API_KEY=(\S+)", text)
        url = re.search(r"export AGENTSIGHT_API_ENDPOINT=(\S+)", text)
        assert key
        assert url
        headers = {"Authorization": f"Api-Key {key[1]}"}
        with requests.get(f"{url[1]}/api/me/", headers=headers, timeout=10) as answer:
            assert answer.json()["role"] == "write"
        with requests.post(f"{url[1]}/v1/traces", data=b"", headers=headers, timeout=10) as answer:
            assert answer.status_code == 415
        process.send_signal(signal.SIGINT)
        process.wait(20)


def export_and_end(process: subprocess.Popen[str], ending: signal.Signals) -> tuple[str, str]:
    """Send `serve` 300 conversations by OTLP, end it right after its answer; return its key and URL."""
    assert process.stdout is not None
    text = "".join(process.stdout.readline() for _ in range(5))
    key, url = re.findall(r"export AGENTSIGHT_API_(?:KEY|ENDPOINT)=(\S+)", text)
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    for number in range(300):
        named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": f"c-{number}"}
        provider.get_tracer("my.agent").start_span("invoke_agent", attributes=named).end()
    exporter = OTLPSpanExporter(f"{url}/v1/traces", headers={"Authorization": f"Bearer {key}"})
    assert exporter.export(kept.get_finished_spans()) is SpanExportResult.SUCCESS
    process.send_signal(ending)
    process.wait(60)
    return key, url


def conversations_in(path: Path) -> int:
    """Return how many conversations a database has."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM conversations").fetchone()[0])


def test_serve_delivers_what_came_by_otlp_before_it_ends(tmp_path: Path) -> None:
    """Interrupted right after the answer, it still answers itself until everything is in the database."""
    patient = "from agentsight_otel import cli; from agentsight_otel.exporters import delivery; "
    patient += "delivery.PATIENCE = 30.0; cli.main()"
    arguments = [sys.executable, "-c", patient, "serve", "--port", "0", "--db", str(tmp_path / "a.db")]
    environ = {**os.environ, "AGENTSIGHT_SHUTDOWN_TIMEOUT": "30"}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environ) as process:
        export_and_end(process, signal.SIGINT)
    assert conversations_in(tmp_path / "a.db") == 300


def test_serve_goes_on_with_what_came_by_otlp_before_it_was_killed(tmp_path: Path) -> None:
    """Killed right after the answer and started again with the key, it has everything."""
    path = tmp_path / "a.db"
    arguments = [*COMMAND, "serve", "--db", str(path), "--port"]
    with subprocess.Popen([*arguments, "0"], stdout=subprocess.PIPE, text=True) as process:
        key, url = export_and_end(process, signal.SIGKILL)
    again = [*arguments, url.rpartition(":")[2], "--api-key", key]
    with subprocess.Popen(again, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while conversations_in(path) < 300 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert conversations_in(path) == 300


def test_serve_refuses_to_be_reached_by_others(capsys: pytest.CaptureFixture[str]) -> None:
    """Listening beyond this machine needs to be asked for."""
    assert main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2  # noqa: S104 - it is refused
    assert "allow" in capsys.readouterr().err


def test_doctor_is_content_with_a_working_setup(server: LocalServer) -> None:
    """A good key, an answering backend: no problem found."""
    findings = list(examine({**server.env(), "AGENTSIGHT_DURABILITY": "memory"}))
    assert [finding for finding in findings if finding.level is Level.PROBLEM] == []
    assert any("agent 'local'" in finding.text for finding in findings)


@pytest.mark.parametrize(
    ("environ", "subject"),
    [
        ({"AGENTSIGHT_API_KEY": "oops"}, "key"),
        ({"AGENTSIGHT_API_KEY": ""}, "key"),
        ({"AGENTSIGHT_API_KEY": "ags_" + "0" * 32 + "_" + "0" * 6}, "backend"),
        ({"AGENTSIGHT_API_ENDPOINT": "http://127.0.0.1:9"}, "backend"),
        ({"AGENTSIGHT_ENVIRONMENT": "nowhere"}, "environment"),
        ({"AGENTSIGHT_TIMEOUT": "soon"}, "timeout"),
    ],
)
def test_doctor_names_the_problem(server: LocalServer, environ: dict[str, str], subject: str) -> None:
    """Each thing that can be wrong is named, with what to do about it."""
    problems = [f for f in examine({**server.env(), **environ}) if f.level is Level.PROBLEM]
    assert subject in {finding.subject for finding in problems}


def test_doctor_notices_a_key_that_may_only_read(server: LocalServer) -> None:
    """A read key cannot record, and doctor says so."""
    findings = examine({**server.env(), "AGENTSIGHT_API_KEY": server.read_key})
    assert "role" in {finding.subject for finding in findings if finding.level is Level.PROBLEM}


def test_doctor_exits_with_1_for_a_problem() -> None:
    """A script can tell that something is wrong."""
    assert command("doctor").returncode == 1


def test_spool_keeps_what_a_dead_process_tracked_and_drains_it(server: LocalServer) -> None:
    """A process dies with the backend down; `spool drain` delivers what it tracked and what it sent."""
    script = (
        "import os\n"
        "from agentsight_otel import conversation_tracker as tracker\n"
        "tracker.configure(conversation_id='unsent', send_timeout=0.2)\n"
        "tracker.track_human_message('never sent')\n"
        "tracker.configure(conversation_id='failed')\n"
        "tracker.track_human_message('sent in vain')\n"
        "assert not tracker.send_tracked_data()['delivered']\n"
        "os._exit(1)\n"
    )
    server.faults.respond(503)
    env = {**os.environ, **server.env()}
    subprocess.run([sys.executable, "-c", script], env=env, check=False, timeout=60)
    server.faults.clear()
    status = command("spool", "status", env=server.env()).stdout
    assert re.search(r"waiting\s+1 span", status)
    assert re.search(r"waiting\s+\d+ item", status)
    drained = command("spool", "drain", env=server.env())
    assert drained.returncode == 0, drained.stdout + drained.stderr
    export = command("export", env=server.env()).stdout
    texts = {m["content"] for line in export.splitlines() for m in json.loads(line)["messages"]}
    assert texts == {"never sent", "sent in vain"}
    assert "waiting" not in command("spool", "status", env=server.env()).stdout


def test_dead_letters_are_listed_and_tried_again(server: LocalServer) -> None:
    """What the backend refused is listed with its reason, and delivered once it takes it."""
    server.faults.poison("hello")
    tracker = ConversationTracker(api_key=server.api_key, endpoint=server.url, conversation_id="bad")
    tracker.track_human_message("hello")
    assert not tracker.send_tracked_data()["delivered"]
    server.faults.clear()
    assert "bad" in command("spool", "dead", env=server.env()).stdout
    assert "1 put back" in command("spool", "requeue", env=server.env()).stdout
    assert command("spool", "drain", env=server.env()).returncode == 0
    assert "hello" in command("export", env=server.env()).stdout


def test_export_csv_is_safe_in_a_spreadsheet(server: LocalServer, tmp_path: Path) -> None:
    """CSV has a head and a row for each conversation; nothing in it is a formula."""
    track(server, "c-1", name="=1+1", device="phone")
    track(server, "c-2", device="desktop")
    path = tmp_path / "out.csv"
    arguments = ("export", "--format", "csv", "--output", str(path), "--filter", "device=phone")
    assert command(*arguments, env=server.env()).returncode == 0
    (row,) = csv.DictReader(io.StringIO(path.read_text()))
    assert row["conversation_id"] == "c-1"
    assert row["name"] == "'=1+1"
    assert row["message_count"] == "2"


def test_a_missing_key_is_said_and_not_a_traceback() -> None:
    """A command that needs a key says so and exits with 2."""
    result = command("export")
    assert result.returncode == 2
    assert "No AgentSight API key" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "--filter", "page"], "NAME=VALUE"),
        (["export", "--filter", "full=true"], "--format decides"),
        (["spool", "requeue", "zz"], "`spool dead`"),
        (["serve", "--port", "65536"], "from 0 to 65535"),
        (["gateway", "--port", "-1"], "from 0 to 65535"),
    ],
)
def test_a_malformed_argument_is_said_and_not_a_traceback(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """What cannot be an argument is refused before anything runs, with what it may be."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_export_writes_utf_8_whatever_the_locale(server: LocalServer, tmp_path: Path) -> None:
    """A file is UTF-8 also where the locale is not."""
    track(server, "c-1", source="web")
    ConversationManager(api_key=server.api_key, endpoint=server.url).rename_conversation("c-1", "Größe 👍")
    file = tmp_path / "all.jsonl"
    ascii_only = {**server.env(), "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = command("export", "--output", str(file), env=ascii_only)
    assert result.returncode == 0, result.stderr
    assert json.loads(file.read_text(encoding="utf-8"))["name"] == "Größe 👍"
