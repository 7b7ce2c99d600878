"""What somebody meets who gets something wrong on the first day."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentsight_otel import ConversationTracker
from agentsight_otel.doctor import Finding, Level, examine
from agentsight_otel.testing import LocalServer

COMMAND = f"{sys.executable} -m agentsight_otel"


def problem(environ: dict[str, str]) -> Finding:
    """Return the one problem that doctor finds."""
    [found] = [finding for finding in examine(environ) if finding.level is Level.PROBLEM]
    return found


def test_testing_without_its_extra_says_what_to_install(tmp_path: Path) -> None:
    """Where only the core is installed, the import names the extra."""
    code = "import sys; sys.modules.update(starlette=None); import agentsight_otel.testing"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: agentsight_otel.testing needs starlette")
    assert last.endswith("pip install 'agentsight-otel[server]'")


@pytest.mark.parametrize("command", ["doctor", "spool status", "export", "export --format csv"])
def test_nobody_reads_on(server: LocalServer, command: str) -> None:
    """A reader that leaves, as `head` does, ends a command without a word."""
    tracker = ConversationTracker(api_key=server.api_key, endpoint=server.url)
    tracker.track_human_message("hello")
    assert tracker.send_tracked_data()["delivered"]
    line = f"({COMMAND} {command}; echo $? >&2) | true"
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, **server.env()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "141\n")


def test_closed_output_is_an_error_and_no_traceback() -> None:
    """A command that has nowhere to write says so."""
    done = subprocess.run(
        ["bash", "-c", f"{COMMAND} doctor >&-"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (2, "agentsight-otel: standard output is closed\n")


@pytest.mark.parametrize("path", ["/api", "/api/ingest/", "/dashboard"])
def test_doctor_knows_an_endpoint_with_a_path(server: LocalServer, path: str) -> None:
    """An endpoint that has more than the base URL is a problem with its cure."""
    found = problem({**server.env(), "AGENTSIGHT_API_ENDPOINT": server.url + path})
    assert found.subject == "backend"
    assert "base URL alone" in found.advice


def test_doctor_tells_tls_from_a_dead_network(server: LocalServer) -> None:
    """Speaking https to a local server is not an unreachable network."""
    url = server.url.replace("http:", "https:")
    found = problem({**server.env(), "AGENTSIGHT_API_ENDPOINT": url})
    assert "tls error" in found.text
    assert "speaks http:" in found.advice


def test_doctor_tries_whether_the_folder_can_be_written(server: LocalServer, tmp_path: Path) -> None:
    """A folder that cannot be made is a problem, though a tracker goes on in memory."""
    (tmp_path / "file").write_text("")
    found = problem({**server.env(), "AGENTSIGHT_SPOOL_DIR": str(tmp_path / "file" / "spool")})
    assert found.subject == "journal"
    assert "Not a directory" in found.text
    assert "AGENTSIGHT_SPOOL_DIR" in found.advice


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("AGENTSIGHT_ENDPOINT", "did you mean AGENTSIGHT_API_ENDPOINT?"),
        ("AGENTSIGHT_APIKEY", "did you mean AGENTSIGHT_API_KEY?"),
        ("AGENTSIGHT_LOG_LEVEL", ""),
    ],
)
def test_doctor_notices_variables_that_do_nothing(server: LocalServer, name: str, advice: str) -> None:
    """A misspelled variable is named, with the one that was meant."""
    found = [f for f in examine({**server.env(), name: "x"}) if f.subject == "settings"]
    assert found == [Finding(Level.NOTE, "settings", f"{name} is no setting of this package", advice)]


def test_doctor_says_that_nothing_is_delivered(server: LocalServer) -> None:
    """With delivery switched off, the question why nothing arrives has its answer."""
    notes = [f.text for f in examine({**server.env(), "AGENTSIGHT_DELIVER": "0"}) if f.level is Level.NOTE]
    assert any("delivers nothing" in text for text in notes)


def test_doctor_says_how_to_correct_a_setting() -> None:
    """A value that cannot be read comes with the variable, what it takes and the default."""
    found = problem({"AGENTSIGHT_SEND_TIMEOUT": "soon"})
    assert found.text == "AGENTSIGHT_SEND_TIMEOUT must be a number"
    assert found.advice == "correct AGENTSIGHT_SEND_TIMEOUT, or unset it: the default is 10.0"
