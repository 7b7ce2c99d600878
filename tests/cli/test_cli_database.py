"""The commands about a local server's database, run as a user runs them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from agentsight_otel.cli import main
from agentsight_otel.commands.output import printable
from agentsight_otel.server.imports.limits import EXAMPLE
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import create_agent
from agentsight_otel.testing import LocalServer

COMMAND = [sys.executable, "-m", "agentsight_otel"]
KEY = re.compile(r"ags_[0-9a-f]{32}_[0-9a-f]{6}")
SHOWN = "Where is my parcel?"


@pytest.fixture
def db(tmp_path: Path) -> str:
    """Return the path of a database of the server that is running."""
    return str(tmp_path / "local.db")


@pytest.fixture
def running(db: str) -> Iterator[LocalServer]:
    """Run a server on that database."""
    with LocalServer(db) as server:
        yield server


@pytest.fixture
def example(tmp_path: Path) -> str:
    """Return an import file that is right."""
    path = tmp_path / "history.json"
    path.write_text(json.dumps(EXAMPLE))
    return str(path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run a command in this process and return what it printed."""
    assert main(arguments) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.out + captured.err


def role(server: LocalServer, key: str) -> str | int:
    """Return the role of a key, or the status with which it is refused."""
    headers = {"Authorization": f"Api-Key {key}"}
    answer = requests.get(f"{server.url}/api/me/", headers=headers, timeout=30)
    return str(answer.json()["role"]) if answer.ok else answer.status_code


def shown_on(leader: int) -> str:
    """Return everything that a terminal was sent, when nobody writes to it any more."""
    parts = []
    with contextlib.suppress(OSError), open(leader, "rb", buffering=0) as screen:
        while part := screen.read(65536):
            parts.append(part)
    return b"".join(parts).decode()


def test_the_life_of_a_key(capsys: pytest.CaptureFixture[str], running: LocalServer, db: str) -> None:
    """A key is made, shown once, used, replaced with an overlap and revoked, while the server runs."""
    made = said(capsys, "keys", "create", "--db", db, "--role", "read", "--name", "report").strip()
    assert KEY.fullmatch(made)
    assert role(running, made) == "read"
    listed = said(capsys, "keys", "list", "--db", db)
    line = next(line for line in listed.splitlines() if line.endswith("report"))
    number = line.split()[0]
    assert line.split()[1:4] == [made[:12] + "…", "read", "active"]
    assert "never" in line
    assert line.split()[-2] != "never"  # it was used
    assert made not in listed
    after = said(capsys, "keys", "rotate", number, "--db", db, "--overlap", "1").strip()
    assert (role(running, made), role(running, after)) == ("read", "read")
    said(capsys, "keys", "rotate", number, "--db", db, "--overlap", "0")
    assert role(running, made) == 401
    newest = said(capsys, "keys", "list", "--db", db).splitlines()[-1].split()[0]
    said(capsys, "keys", "revoke", newest, "--db", db)
    states = [line.split()[3] for line in said(capsys, "keys", "list", "--db", db).splitlines()[1:]]
    assert states == ["active", "active", "expired", "active", "revoked"]
    assert said(capsys, "keys", "rotate", newest, "--db", db, code=2)
    assert said(capsys, "keys", "revoke", "999", "--db", db, code=2)
    for path in Path(db).parent.iterdir():
        assert not path.is_file() or made.encode() not in path.read_bytes()


def test_a_key_expires(capsys: pytest.CaptureFixture[str], running: LocalServer, db: str) -> None:
    """A key with an end shows it; an end that was is a refusal."""
    before = time.time()
    made = said(capsys, "keys", "create", "--db", db, "--days", "2").strip()
    after = time.time()
    assert role(running, made) == "write"
    line = said(capsys, "keys", "list", "--db", db).splitlines()[-1]
    days = {time.strftime("%Y-%m-%d", time.gmtime(made_at + 2 * 86_400)) for made_at in (before, after)}
    assert any(day in line for day in days)


def test_import_and_take_back(
    capsys: pytest.CaptureFixture[str], running: LocalServer, db: str, example: str
) -> None:
    """A file comes in while the server runs, once, and can be taken back."""
    done = said(capsys, "import", example, "--db", db, "--environment", "development")
    assert "imported 1 conversation with 2 messages" in done
    headers = {"Authorization": f"Api-Key {running.api_key}"}
    found = requests.get(f"{running.url}/api/conversations/", headers=headers, timeout=30).json()["results"]
    assert found[0]["messages"][0]["content"] == SHOWN
    assert found[0]["environment"] == "development"
    again = said(capsys, "import", example, "--db", db, code=1)
    assert "conversations[0].conversation_id: conversation_already_exists" in again
    assert "nothing was imported" in again
    run = re.search(r"--undo (\d+)", done)
    assert run is not None
    assert "removed 1 conversation of" in said(capsys, "import", "--undo", run[1], "--db", db)
    assert said(capsys, "import", "--undo", run[1], "--db", db, code=2)
    assert requests.get(f"{running.url}/api/conversations/", headers=headers, timeout=30).json()["count"] == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"schema_version": 1, "conversations": []}', "conversations: too_few_items"),
        ('{"schema_version": 1', "file: invalid_format"),
        ('{"schema_version": 1, "conversations": [NaN]}', "file: invalid_number"),
        ("[" * 100_000, "file: invalid_format"),
    ],
)
def test_a_bad_import_file_is_explained(
    capsys: pytest.CaptureFixture[str], running: LocalServer, db: str, tmp_path: Path, content: str, code: str
) -> None:
    """Each problem is named with its place, and nothing is written."""
    del running
    path = tmp_path / "bad.json"
    path.write_text(content)
    assert said(capsys, "import", str(path), "--db", db, code=1).splitlines()[0] == code


def test_import_draws_a_bar_on_a_terminal(running: LocalServer, db: str, tmp_path: Path) -> None:
    """Who watches sees how far it is; who reads the output does not."""
    del running
    document = {"schema_version": 1, "conversations": []}
    first = EXAMPLE["conversations"][0]
    document["conversations"] = [{**first, "conversation_id": f"c-{number}"} for number in range(50)]
    path = tmp_path / "many.json"
    path.write_text(json.dumps(document))
    leader, follower = pty.openpty()
    process = subprocess.run(
        [*COMMAND, "import", str(path), "--db", db],
        stdout=subprocess.PIPE,
        stderr=follower,
        check=True,
        timeout=120,
    )
    os.close(follower)
    drawn = shown_on(leader)
    assert re.search(r"importing \[#+\] 50 of 50", drawn)
    assert drawn.count("\r") > 10
    assert b"#" not in process.stdout


def test_backup_while_the_server_writes(
    capsys: pytest.CaptureFixture[str], running: LocalServer, db: str, tmp_path: Path
) -> None:
    """The copy is a whole database with its files, and opens by itself."""
    headers = {"Authorization": f"Api-Key {running.api_key}"}
    body = {"conversation_id": "c", "content": "kept", "sender": "end_user"}
    requests.post(f"{running.url}/api/track/", json=body, headers=headers, timeout=30).raise_for_status()
    file = {"filename": "a.txt", "data": base64.b64encode(b"kept too").decode()}
    upload = {"conversation_id": "c", "attachments": [file]}
    url = f"{running.url}/api/attachments/"
    requests.post(url, json=upload, headers=headers, timeout=30).raise_for_status()
    copy = tmp_path / "copy.db"
    assert str(copy) in said(capsys, "backup", str(copy), "--db", db)
    assert "exists already" in said(capsys, "backup", str(copy), "--db", db, code=2)
    assert "does not exist" in said(capsys, "backup", str(tmp_path / "no" / "x.db"), "--db", db, code=2)
    with LocalServer(str(copy)) as restored:
        listed = requests.get(f"{restored.url}/api/conversations/", headers=headers, timeout=30).json()
        messages = listed["results"][0]["messages"]
        assert messages[0]["content"] == "kept"
        link = messages[1]["attachments"][0]["file_url"]
        assert requests.get(link, timeout=30).content == b"kept too"


def test_old_conversations_are_removed(
    capsys: pytest.CaptureFixture[str], running: LocalServer, db: str, example: str
) -> None:
    """What is older goes, what is younger stays, and other agents' only when all are meant."""
    said(capsys, "import", example, "--db", db)
    running.add_agent("other")
    assert "removed 0" in said(capsys, "expire", "--days", "36500", "--db", db)
    assert "removed 0" in said(capsys, "expire", "--days", "30", "--db", db, "--agent", "other")
    assert "removed 1" in said(capsys, "expire", "--days", "30", "--db", db)


def test_an_agent_is_named_where_there_are_several(
    capsys: pytest.CaptureFixture[str], running: LocalServer, db: str
) -> None:
    """With one agent its name is not needed; with two it is."""
    with running.store.write() as connection:
        create_agent(connection, "second")
    assert "several agents" in said(capsys, "keys", "list", "--db", db, code=2)
    assert "no agent of that name" in said(capsys, "keys", "list", "--db", db, "--agent", "third", code=2)
    said(capsys, "keys", "create", "--db", db, "--agent", "second")


PROBLEMS = [
    (["keys", "list", "--db", "{folder}/missing.db"], "there is no database"),
    (["keys", "list", "--db", ":memory:"], "there is no database"),
    (["import", "{folder}/none.json", "--db", "{db}"], "No such file or directory"),
    (["import", "{db}", "--db", "{db}", "--environment", "x"], "no such environment"),
    (["serve", "--port", "0", "--db", "{folder}/no/such/folder.db"], "does not exist"),
    (["serve", "--port", "0", "--db", "{folder}/text.db"], "cannot be opened"),
    (["serve", "--port", "0", "--db", "mysql://u:secret-word@127.0.0.1/x"], "a postgresql:// URL"),
    (["serve", "--port", "0", "--db", "postgresql://u:secret-word@127.0.0.1:9/x"], "cannot be opened"),
]


@pytest.mark.parametrize(("arguments", "problem"), PROBLEMS)
def test_what_cannot_be_done_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], problem: str
) -> None:
    """A line and the exit code 2, no traceback, no password, and no new database."""
    db = tmp_path / "there.db"
    store = Store.open(str(db))
    with store.write() as connection:
        create_agent(connection, "local")
    store.close()
    (tmp_path / "text.db").write_text("not a database, but long enough to look at " * 100)
    before = set(tmp_path.iterdir())
    given = [argument.format(folder=tmp_path, db=db) for argument in arguments]
    text = said(capsys, *given, code=2)
    assert problem in text
    assert "secret-word" not in text
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "a.json", "--undo", "1"],
        ["expire"],
        ["expire", "--days", "0"],
        ["expire", "--days", "nan"],
        ["keys", "create", "--role", "owner"],
        ["keys", "create", "--days", "x"],
        ["keys", "rotate", "1", "--overlap", "-1"],
        ["serve", "--rate-limit", "0"],
        ["serve", "--attachment-quota", "0"],
    ],
)
def test_a_malformed_argument_is_said(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """What cannot be meant is refused before anything is opened."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


ESCAPES = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "\x9b31m",
    "line\nforged",
    "over\rwritten",
    "back\x08\x08space",
    "\x07bell",
    "nul\x00byte",
    "\u202eturned",
    "zero\u200bwidth",
    "\u2028separator",
    "\x7fdelete",
    "\x0bvertical",
    "\x0cform",
    "\x1bc",
    "\x1b(0",
    "\ufeffmark",
    "\u2066isolate",
    "\x85next",
]


@pytest.mark.parametrize("text", ESCAPES, ids=[f"escape-{number}" for number in range(len(ESCAPES))])
def test_nothing_reaches_the_terminal_as_a_command(
    capsys: pytest.CaptureFixture[str], running: LocalServer, db: str, text: str
) -> None:
    """Names that strangers chose are printed with their escapes visible, each on its own line."""
    said(capsys, "keys", "create", "--db", db, "--name", text)
    listed = said(capsys, "keys", "list", "--db", db)
    assert len(listed.splitlines()) == 4
    assert all(char.isprintable() or char == "\n" for char in listed)
    assert printable(text.replace("\0", "\ufffd")) in listed
    refused = said(capsys, "keys", "list", "--db", db, "--agent", text, code=2)
    missing = said(capsys, "keys", "list", "--db", f"{db}{text}".replace("\0", ""), code=2)
    assert all(char.isprintable() or char == "\n" for char in refused + missing)
    assert len(missing.splitlines()) == 1
    assert running.url


def test_an_export_to_a_terminal_is_escaped(running: LocalServer) -> None:
    """On a terminal an export shows escapes; in a file it has the texts as they are."""
    headers = {"Authorization": f"Api-Key {running.api_key}"}
    body = {"conversation_id": "c", "name": "\x9b31m\u202ename"}
    url = f"{running.url}/api/conversations/"
    requests.post(url, json=body, headers=headers, timeout=30).raise_for_status()
    for form in ("jsonl", "csv"):
        command = [*COMMAND, "export", "--format", form]
        environment = {**os.environ, **running.env(), "PYTHONIOENCODING": "utf-8"}
        leader, follower = pty.openpty()
        subprocess.run(command, stdout=follower, env=environment, check=True, timeout=120)
        os.close(follower)
        shown = shown_on(leader)
        assert "name" in shown
        assert "\x9b" not in shown
        assert "\u202e" not in shown
        plain = subprocess.run(command, capture_output=True, env=environment, check=True, timeout=120)
        assert "\u202ename" in plain.stdout.decode()
