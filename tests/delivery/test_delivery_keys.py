from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from delivery_helpers import KEY, ingests, run_script, texts, turn, turns, wait_until

from agentsight_otel import ConversationTracker
from agentsight_otel.config import Config
from agentsight_otel.exceptions import InvalidApiKeyException, NoApiKeyException
from agentsight_otel.exporters import AgentSightSpanExporter
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.exporters.keys import KeySource
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]
OTHER = KEY[:-1] + "0"
HOLD = 30.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file with a key, as an editor leaves it."""
    path = tmp_path / "key"
    path.write_text(f"\n  {KEY} \n")
    return path


def test_a_file_is_the_last_place_to_look(file: Path) -> None:
    """An argument wins over the variable, which wins over the file; the space around the key goes."""
    environ = {"AGENTSIGHT_API_KEY_FILE": str(file)}
    assert Config.resolve(environ).api_key == KEY
    assert Config.resolve({**environ, "AGENTSIGHT_API_KEY": OTHER}).api_key == OTHER
    assert Config.resolve(environ, api_key=OTHER).api_key == OTHER
    assert Config.resolve({"AGENTSIGHT_API_KEY": OTHER}, api_key_file=str(file)).api_key == KEY
    assert Config.resolve({}, api_key=OTHER).replace(api_key_file=str(file)).api_key == KEY
    assert Config.resolve(environ).replace(api_key=OTHER).api_key == OTHER


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\x00"])
def test_a_file_without_a_key_fails_where_the_key_is_needed(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or unreadable file resolves, tracks, and names its variable when the key is used."""
    path = tmp_path / "none"
    if content is not None:
        path.write_bytes(content)
    tracker = ConversationTracker(config=Config.resolve({"AGENTSIGHT_API_KEY_FILE": str(path)}))
    tracker.track_human_message("kept in memory")
    with pytest.raises(NoApiKeyException, match="AGENTSIGHT_API_KEY_FILE") as caught:
        tracker.send_tracked_data()
    assert caught.value.field == "api_key_file"


def test_what_a_file_holds_is_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file of something else than a key is refused without its content in any text."""
    path = tmp_path / "password"
    path.write_text("hunter2")
    config = Config.resolve({}, api_key_file=str(path))
    assert not config.has_usable_key
    with pytest.raises(InvalidApiKeyException) as caught:
        config.require_api_key()
    exporter = AgentSightSpanExporter(api_key_file=str(path))
    exporter.shutdown()
    assert "malformed" in caplog.text
    assert "hunter2" not in repr(config) + str(caught.value) + caplog.text


def test_importing_needs_no_readable_file(tmp_path: Path) -> None:
    """With a variable that names nothing the package and its singletons import, and tracking works."""
    source = (
        "from agentsight_otel import conversation_tracker, conversation_manager, agentsight_api\n"
        "conversation_tracker.track_human_message('hello')\nprint('fine')"
    )
    done = run_script(source, env={"AGENTSIGHT_API_KEY_FILE": str(tmp_path / "missing")})
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_is_rotated_through_its_file_while_parked(
    server: LocalServer,
    make_delivery: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    status: int,
) -> None:
    """What is recorded while the key is refused waits, and the next key in the file delivers all (D6)."""
    path = tmp_path / "key"
    path.write_text(OTHER)
    monkeypatch.setenv("AGENTSIGHT_API_KEY_FILE", str(path))
    server.faults.respond(status, path="/api/ingest/")
    delivery = make_delivery(server, api_key=None)
    for number in range(0, 1000, 100):
        delivery.submit(turns(100, first=number))
    wait_until(lambda: delivery.stats().parked is not None)
    path.unlink()  # as a rotation may do for a moment
    delivery.submit([turn(1000, "c0")])
    server.faults.clear()
    path.write_text(f"{server.api_key}\n")
    wait_until(lambda: delivery.stats().waiting == 0)
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(1001))
    keys = [request.headers["authorization"] for request in ingests(server)]
    assert keys[0] == f"Api-Key {OTHER}"
    assert keys[-1] == f"Api-Key {server.api_key}"


def test_a_function_that_fails_leaves_the_key_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The user's own function may raise or return anything; the log names no key."""
    monkeypatch.delenv("AGENTSIGHT_STRICT")

    def fail() -> str:
        raise RuntimeError(KEY)

    assert KeySource(KEY, fail).current() == KEY
    assert KeySource(KEY, lambda: None).current() == KEY
    assert KeySource(KEY, lambda: "no key").current() == KEY
    assert KeySource(KEY, lambda: OTHER).current() == OTHER
    assert "RuntimeError" in caplog.text
    assert KEY not in caplog.text


def test_a_done_callback_that_fails_stops_nothing(
    server: LocalServer,
    make_delivery: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A callback that raises on the sender thread is logged; the others are called and delivery goes on."""
    monkeypatch.delenv("AGENTSIGHT_STRICT")
    caplog.set_level(logging.ERROR)
    delivery = make_delivery(server)
    called: list[str] = []
    server.faults.delay(0.2, times=1)
    ticket = delivery.submit([turn(1)])

    def fail(_: object) -> None:
        raise ZeroDivisionError

    ticket.add_done_callback(fail)
    ticket.add_done_callback(lambda done: called.append(done.state))
    assert ticket.wait(HOLD)
    wait_until(lambda: called == ["delivered"])
    assert "ZeroDivisionError" in caplog.text
    assert delivery.submit([turn(2)]).wait(HOLD)
