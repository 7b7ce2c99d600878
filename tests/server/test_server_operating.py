"""What the commands about a database do, on both engines, beside a running server."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
import requests

from agentsight_otel.exceptions import ConfigurationException, NotFoundException
from agentsight_otel.server.imports.limits import EXAMPLE
from agentsight_otel.server.operating import opened
from agentsight_otel.testing import LocalServer


@pytest.fixture
def agent(engine_server: LocalServer) -> tuple[str, str]:
    """Make an agent of a name that nobody else has; return the name and a key."""
    name = f"agent-{secrets.token_hex(4)}"
    return name, engine_server.add_agent(name)[1]


def status(server: LocalServer, key: str) -> int:
    """Return the status with which a key is answered."""
    headers = {"Authorization": f"Api-Key {key}"}
    return requests.get(f"{server.url}/api/me/", headers=headers, timeout=30).status_code


def test_keys(engine_url: str, engine_server: LocalServer, agent: tuple[str, str]) -> None:
    """Made, replaced with and without an overlap, revoked: the running server follows at once."""
    with opened(engine_url, agent[0]) as place:
        first = place.create_key("read", "first", 1)
        lines = {key.name: key for key in place.key_lines()}
        assert (lines["first"].state, lines["first"].role) == ("active", "read")
        second = place.rotate_key(lines["first"].id, 1.0)
        assert [status(engine_server, key) for key in (first, second)] == [200, 200]
        place.rotate_key(lines["first"].id, 0.0)
        assert [status(engine_server, key) for key in (first, second)] == [401, 200]
        newest = max(key.id for key in place.key_lines())
        place.revoke_key(newest)
        states = [key.state for key in place.key_lines()]
        assert states == ["active", "active", "expired", "active", "revoked"]
        with pytest.raises(NotFoundException):
            place.rotate_key(newest, 1.0)
        with pytest.raises(NotFoundException):
            place.revoke_key(10**9)
    assert status(engine_server, agent[1]) == 200


def test_an_expiry_is_never_put_off(
    engine_url: str, engine_server: LocalServer, agent: tuple[str, str]
) -> None:
    """A key that ends in an hour ends in an hour, however long the overlap."""
    with opened(engine_url, agent[0]) as place:
        place.create_key("write", "brief", 1 / 24)
        before = next(key for key in place.key_lines() if key.name == "brief")
        place.rotate_key(before.id, 1000.0)
        assert next(key for key in place.key_lines() if key.id == before.id).expires == before.expires
    assert engine_server.url


def test_import_undo_and_expiry(
    engine_url: str, engine_server: LocalServer, agent: tuple[str, str], tmp_path: Path
) -> None:
    """An import reports its progress, is refused a second time, and goes by undo or by age."""
    path = tmp_path / "history.json"
    path.write_text(json.dumps(EXAMPLE))
    headers = {"Authorization": f"Api-Key {agent[1]}"}
    steps: list[tuple[int, int]] = []

    def count() -> int:
        url = f"{engine_server.url}/api/conversations/"
        return int(requests.get(url, headers=headers, timeout=30).json()["count"])

    with opened(engine_url, agent[0]) as place:
        done = place.import_file(path, "production", lambda *step: steps.append(step))
        assert (done.conversations, done.messages, steps, count()) == (1, 2, [(1, 1)], 1)
        again = place.import_file(path, "production", None)
        assert [problem.code for problem in again.problems] == ["conversation_already_exists"]
        assert done.import_id is not None
        assert (place.undo_import(done.import_id), count()) == (1, 0)
        with pytest.raises(NotFoundException):
            place.undo_import(done.import_id)
        with pytest.raises(ConfigurationException):
            place.import_file(path, "nowhere", None)
        place.import_file(path, "production", None)
        assert (place.expire(36_500), count()) == (0, 1)
        assert (place.expire(30), count()) == (1, 0)


def test_backup_of_postgresql_is_pg_dumps(postgresql_url: str, tmp_path: Path) -> None:
    """The command says what to use."""
    with opened(postgresql_url) as place, pytest.raises(ConfigurationException, match="pg_dump"):
        place.back_up(tmp_path / "copy.db")
