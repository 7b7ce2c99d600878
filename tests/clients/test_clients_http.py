from __future__ import annotations

import socket
import traceback
from pathlib import Path

import pytest
from scripted_server import KEY, Script

from agentsight_otel.clients import AgentSightAPI, ConversationManager
from agentsight_otel.exceptions import (
    ConversationApiException,
    ConversationNetworkException,
    ForbiddenException,
    NotFoundException,
    RateLimitedException,
    UnauthorizedException,
)
from agentsight_otel.testing import LocalServer
from agentsight_otel.transport import Transport


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (401, {"detail": "Invalid API key."}, UnauthorizedException, "Invalid API key."),
        (403, {"detail": "read only"}, ForbiddenException, "read only"),
        (404, {"detail": "Not found."}, NotFoundException, "Not found."),
        (404, b"<html>", NotFoundException, "Resource not found"),
        (429, {"detail": "slow down"}, RateLimitedException, "slow down"),
        (400, {"error": "No files"}, ConversationApiException, "No files"),
        (
            400,
            {"name": ["too long", "bad"], "tags": "no", "details": [1]},
            ConversationApiException,
            "name: too long, bad; tags: no",
        ),
        (400, ["a", {"b": ["c"]}], ConversationApiException, "a, b: c"),
        (500, b"oops", ConversationApiException, "AgentSight answered HTTP 500"),
        (302, None, ConversationApiException, "AgentSight answered HTTP 302"),
    ],
)
def test_errors_are_typed_and_say_the_servers_reason(
    script: Script,
    manager: ConversationManager,
    status: int,
    body: object,
    kind: type[ConversationApiException],
    message: str,
) -> None:
    """A status maps to its exception, a field map to one line; a write is not sent again."""
    script.then(status, body, Location="/elsewhere/", Retry_After="2")
    with pytest.raises(kind) as caught:
        manager.mark_conversation(7, True)
    assert type(caught.value) is kind
    assert str(caught.value) == message
    assert caught.value.status_code == status
    assert len(script.asked) == 1
    if isinstance(caught.value, RateLimitedException):
        assert caught.value.retry_after == 2.0


def test_success_without_json_is_an_error_and_empty_is_an_empty_dict(
    script: Script, manager: ConversationManager
) -> None:
    """204 and an empty body give {}; a 2xx that is not JSON is not taken for success."""
    script.then(204)
    assert manager.mark_conversation(7, True) == {}
    script.then(200, b"<html>")
    with pytest.raises(ConversationApiException):
        manager.mark_conversation(7, True)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_reads_are_tried_again(script: Script, api: AgentSightAPI, status: int) -> None:
    """A GET survives two refusals that may pass."""
    script.then(status, {"detail": "later"}, Retry_After="0")
    script.then(status, {"detail": "later"}, Retry_After="0")
    assert api.fetch_identity() == {"id": 7}
    assert len(script.asked) == 3


def test_reads_give_up_and_say_why(script: Script, api: AgentSightAPI) -> None:
    """After four refusals the last one is raised."""
    for _ in range(5):
        script.then(503, {"detail": "later"}, Retry_After="0")
    with pytest.raises(ConversationApiException, match="later"):
        api.fetch_identity()
    assert len(script.asked) == 4


def test_unreachable_server_is_named_and_no_key() -> None:
    """The network error says which machine, and its whole traceback quotes neither filters nor key."""
    manager = ConversationManager(KEY, "http://127.0.0.1:9")
    with pytest.raises(ConversationNetworkException) as caught:
        manager.submit_feedback("conv_secret", "positive")
    shown = "".join(traceback.format_exception(caught.value))
    assert str(caught.value).startswith("127.0.0.1:9 cannot be reached (")
    assert KEY not in shown
    assert "conv_secret" not in str(caught.value)


def test_a_closed_transport_leaves_no_connection(server: LocalServer) -> None:
    """Closing closes the connections though a pool's own finalizer has run, as when the process ends."""
    transport = Transport(server.url, server.api_key)
    assert transport.request("GET", "/api/me/").status == 200
    pools = transport._session.get_adapter(server.url).poolmanager.pools
    pool = pools[pools.keys().pop()]  # holding it keeps its finalizer from running
    [connection] = [one for one in pool.pool.queue if one is not None]
    assert connection.sock is not None
    transport.close()
    assert connection.sock is None


def test_netrc_does_not_replace_the_key(
    script: Script, api: AgentSightAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .netrc entry for the host, which requests honours, leaves our key alone."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    api.fetch_identity()
    assert script.asked[0].headers["Authorization"] == f"Api-Key {KEY}"


def test_a_redirect_is_an_error_and_takes_the_key_nowhere(script: Script, api: AgentSightAPI) -> None:
    """An answer that points elsewhere is not followed: one request, and none at the other place (S17)."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.3)
        host, port = elsewhere.getsockname()
        script.then(307, None, Location=f"http://{host}:{port}/api/me/")
        with pytest.raises(ConversationApiException):
            api.fetch_identity()
        with pytest.raises(TimeoutError):
            seen.append(elsewhere.accept()[0].recv(4096))
    assert (len(script.asked), seen) == (1, [])
