"""The two published AgentSight SDKs, unmodified, in environments of their own, against our server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from server_api import Api

from agentsight_otel.testing import LocalServer

HERE = Path(__file__).parent
INSTALL_TIMEOUT = 170
RUN_TIMEOUT = 120
OPENED = {"customer_id": "bob", "is_used": False}


@pytest.fixture(scope="session")
def install(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a virtual environment with a published SDK in the test run's cache, once; return its Python."""
    cache = getattr(pytestconfig, "cache", None)  # `-p no:cacheprovider` leaves none
    name = "agentsight-sdks"
    folders = tmp_path_factory.mktemp(name) if cache is None else Path(cache.mkdir(name))

    def made(version: str) -> Path:
        folder = folders / f"venv-{version}"
        python, done = folder / "bin" / "python", folder / ".done"
        if done.exists():
            return python
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, timeout=INSTALL_TIMEOUT)
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        result = subprocess.run(
            [*command, f"agentsight=={version}"], check=False, capture_output=True, timeout=INSTALL_TIMEOUT
        )
        if result.returncode:
            pytest.skip(f"agentsight=={version} cannot be installed: no package index in reach")
        done.touch()
        return python

    return made


def run(install: Callable[[str], Path], version: str, api: Api) -> dict[str, Any]:
    """Run a scenario with an SDK and return what it saw."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONIOENCODING": "utf-8",
        "AGENTSIGHT_API_KEY": api.key,
        "AGENTSIGHT_API_ENDPOINT": api.server.url,
        "READ_KEY": api.read_key,
    }
    script = HERE / f"sdk_scenario_{version.replace('.', '_')}.py"
    result = subprocess.run(
        [install(version), script],
        check=False,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT,
        env=environment,
        cwd=HERE.parent,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    seen: dict[str, Any] = json.loads(result.stdout.rpartition("\n")[2])
    return seen


def transcript(detail: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a transcript without times, keys and the latency that only 0.1.x turns have."""
    rows = []
    for row in detail["messages"]:
        metadata = {k: v for k, v in (row["metadata"] or {}).items() if k != "latency_ms"}
        runs = [(run["tools_used"], run["response"], run["error_message"]) for run in row["action_logs"]]
        files = [(file["filename"], file["type"], file["size_bytes"]) for file in row["attachments"]]
        button = row["button"] and (row["button"]["button_event"], row["button"]["value"])
        shown = {name: row[name] for name in ("sender", "content", "action_name")}
        rows.append(shown | {"metadata": metadata, "runs": runs, "files": files, "button": button})
    return rows


def test_sdk_0_0_44(api: Api, install: Callable[[str], Path]) -> None:
    """0.0.44 tracks, uploads both ways, manages, reads and gets the errors it knows."""
    seen = run(install, "0.0.44", api)
    assert seen["sent"]["summary"]["errors"] == 0
    assert [item["success"] for item in seen["sent"]["items"]] == [True] * 7
    assert seen["forms_sent"]["summary"]["errors"] == 0
    assert {name: seen["opened"][name] for name in OPENED} == OPENED
    assert (seen["feedback"]["source"], seen["feedback"]["metadata"]) == ("customer", {"m": 1})
    assert (seen["renamed"]["name"], seen["marked"]["is_marked"]) == ("Renamed", True)
    assert seen["updated"]["updated_fields"] == ["language", "metadata"]
    assert [row["conversation_id"] for row in seen["found"]["results"]] == ["story"]
    assert seen["files"]["total_attachments"] == 1
    assert seen["deleted"]["is_deleted"] is True
    assert sorted(row["conversation_id"] for row in seen["after"]["results"]) == ["opened", "story"]
    assert set(seen["errors"].values()) == {True}
    assert seen["detail"]["token_usage"]["totals"]["total_tokens"] == 77
    forms = api.conversation("forms")["messages"]
    assert [file["type"] for row in forms for file in row["attachments"]] == ["document", "image"]


def test_sdk_0_1_4(api: Api, install: Callable[[str], Path]) -> None:
    """0.1.4 exports, uploads and uses every namespace of its client."""
    seen = run(install, "0.1.4", api)
    assert (seen["started"], seen["flushed"]) == (True, True)
    assert seen["me"]["agent_id"] == api.agent_id
    assert {name: seen["opened"][name] for name in OPENED} == OPENED
    assert seen["renamed"]["name"] == "Renamed"
    assert seen["detail"]["metadata"] == {"more": 1}
    assert seen["lean"] == ["story"]
    assert [row["id"] for row in seen["full"]] == [row["id"] for row in seen["detail"]["messages"]]
    assert seen["again"]["id"] == seen["vote"]["id"]
    assert (seen["again"]["sentiment"], seen["again"]["topic"]) == ("positive", "facts")
    assert seen["votes"] == ["agent", "message", "conversation"]
    assert (seen["ticket"]["status"], seen["thread"]) == ("done", ["looking"])
    assert seen["actions"] == ["lookup"]
    assert seen["runs"][0]["tools_used"] == {"order": 7}
    assert (seen["usage"], seen["summary"]["results"]) == ([], [])
    assert seen["trace"]["span_count"] == 2
    assert len(seen["span_payload"]) == 16
    assert (seen["keys"]["keys"], seen["values"]["values"]) == (["more"], [1])
    assert seen["message_keys"]["keys"] == ["added", "latency_ms", "n"]
    assert set(seen["errors"].values()) == {True}
    assert (seen["joined"], seen["slugs"]) == (["a.txt", "b.txt"], ["production", "development"])
    assert seen["left"] == ["story"]


def test_both_make_the_same_transcript(install: Callable[[str], Path]) -> None:
    """The same story told with either SDK reads the same."""
    with LocalServer() as server:
        details = []
        for version in ("0.0.44", "0.1.4"):
            api = Api(server)
            run(install, version, api)
            detail = api.conversation("story")
            added = detail["messages"][0]["metadata"].pop("added", None)
            assert added == (1 if version == "0.1.4" else None)
            details.append(detail)
            api.close()
    first, second = details
    assert transcript(first) == transcript(second)
    for name in ("customer_id", "device", "language", "name", "environment", "is_used", "is_marked"):
        assert first[name] == second[name]
