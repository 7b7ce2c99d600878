"""LocalServer: what it records, its faults, stopping and starting; and `serve`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from server_api import Api, block, said, span, turn
from sqlalchemy import update

from agentsight_otel.exceptions import ConfigurationException, InvalidApiKeyException
from agentsight_otel.server.run import serve
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import find_key
from agentsight_otel.server.store.tables import settings
from agentsight_otel.testing import LocalServer

KEY = "ags_" + "a" * 32 + "_" + "b" * 6


@pytest.fixture
def local(server: LocalServer) -> Iterator[Api]:
    """Return the first agent of an in-memory server."""
    client = Api(server)
    client.key, client.read_key = server.api_key, server.read_key
    yield client
    client.close()


def test_requests_are_recorded_with_inflated_bodies(local: Api) -> None:
    """Each request is there with its status before the client has the answer."""
    local.ingest(block(span(1, "tool", 1)))
    recorded = local.server.requests[0]
    assert (recorded.method, recorded.path, recorded.status) == ("POST", "/api/ingest/", 201)
    assert b'"kind"' in recorded.body
    assert local.server.payloads()[0]["conversations"][0]["conversation_id"] == "c1"
    assert local.key not in repr(recorded)


def test_environment_points_here(server: LocalServer) -> None:
    """env() is what a client needs."""
    assert server.env() == {"AGENTSIGHT_API_KEY": server.api_key, "AGENTSIGHT_API_ENDPOINT": server.url}


def test_respond(local: Api) -> None:
    """A status as often as asked, on the path asked for, with Retry-After and a body."""
    faults = local.server.faults
    faults.respond(503, times=2, path="/api/ingest/", retry_after=3, body={"detail": "busy"})
    for _ in range(2):
        answer = local.call("POST", "/api/ingest/", json={})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
        assert answer.json() == {"detail": "busy"}
        assert local.call("GET", "/api/me/").status_code == 200
    assert local.call("POST", "/api/ingest/", json={}).status_code == 400
    faults.respond(500)
    assert local.call("GET", "/api/me/").status_code == 500
    faults.clear()
    assert local.call("GET", "/api/me/").status_code == 200


@pytest.mark.parametrize(("moment", "accepted"), [("before", 1), ("after", 0)])
def test_reset(local: Api, moment: str, accepted: int) -> None:
    """A reset before the commit leaves nothing, one after it leaves everything; the client sees neither."""
    local.server.faults.reset(moment)  # type: ignore[arg-type] - parametrised text
    with pytest.raises(requests.ConnectionError):
        local.ingest(block(span(1, "tool", 1)))
    assert local.server.requests[-1].status is None
    assert local.ingest(block(span(1, "tool", 1)))["accepted"] == accepted


def test_truncate(local: Api) -> None:
    """Half an answer, then the connection is closed."""
    local.server.faults.truncate()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        local.call("GET", "/api/me/")
    assert local.call("GET", "/api/me/").status_code == 200


def test_delay(local: Api) -> None:
    """A delay longer than the client waits is a timeout for it; the request is handled all the same."""
    local.server.faults.delay(1.0, times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.get(local.server.url + "/api/me/", timeout=0.1)
    assert local.call("GET", "/api/me/").status_code == 200


def test_limit_body(local: Api) -> None:
    """A body over the limit is a 413 until cleared; a smaller one passes."""
    local.server.faults.limit_body(2000)
    assert local.ingest(block(span(1, "tool", 1)))["accepted"] == 1
    local.ingest(block(span(2, "tool", 1, tool__name="x" * 2000)), status=413)


def test_poison(local: Api) -> None:
    """The block that contains the text is named, the others pass without it."""
    local.server.faults.poison("venom")
    good, bad = block(span(1, "tool", 1)), block(span(2, "venom", 1), conversation_id="bad")
    body = local.ingest(good, bad, status=400)
    assert [(b["index"], b["conversation_id"]) for b in body["conversations"]] == [(1, "bad")]
    assert local.ingest(good)["accepted"] == 1


def test_stop_and_start_keep_the_port_and_the_data(local: Api) -> None:
    """A stopped server refuses connections; started again it is the same server."""
    local.ingest(block(turn(1, 1, (1, "end_user", "kept"))))
    url = local.server.url
    local.server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/api/me/", timeout=5)
    local.server.start()
    assert local.server.url == url
    assert [content for _, _, content in said(local.conversation())] == ["kept"]


def test_another_host_name_is_refused(local: Api) -> None:
    """A page that gives the server a name of its own gets nothing: DNS rebinding."""
    answer = local.call("GET", "/api/me/", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert local.call("GET", "/api/me/", headers={"Host": "localhost:1"}).status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_serve_prints_what_a_client_needs_and_keeps_the_data(tmp_path: Path) -> None:
    """A new database gets a key, shown once; with the given key it works again after a restart."""
    db = str(tmp_path / "local.db")
    service = serve(port=0, db=db)
    service.start()
    try:
        assert f"export AGENTSIGHT_API_KEY={service.api_key}" in service.lines()
        assert f"export AGENTSIGHT_API_ENDPOINT={service.url}" in service.lines()
        me = requests.get(
            service.url + "/api/me/", headers={"Authorization": f"Api-Key {service.api_key}"}, timeout=5
        )
        assert me.json()["role"] == "write"
    finally:
        service.stop()
    again = serve(port=0, db=db)
    assert again.api_key is None
    assert not any("API_KEY=" in line for line in again.lines())
    again.start()
    again.stop()
    given = serve(port=0, db=db, api_key=KEY)
    with given.store.read() as connection:
        assert find_key(connection, KEY).role == "write"
    assert given.api_key == KEY
    given.start()
    given.stop()


def test_serve_refuses_what_is_not_safe() -> None:
    """A malformed key and an address others can reach are refused, and the key is not shown."""
    with pytest.raises(InvalidApiKeyException) as error:
        serve(port=0, api_key="secret")
    assert "secret" not in str(error.value)
    with pytest.raises(ConfigurationException):
        serve(host="0.0.0.0", port=0)  # noqa: S104 - what must be refused


def test_only_the_hash_of_a_key_is_stored(tmp_path: Path) -> None:
    """The database's bytes do not contain the key."""
    path = tmp_path / "k.db"
    service = serve(port=0, db=str(path), api_key=KEY)
    service.start()
    service.stop()
    assert KEY.encode() not in path.read_bytes()


@pytest.mark.parametrize("version", ["1", "99"])
def test_a_database_of_another_version_is_refused(tmp_path: Path, version: str) -> None:
    """A file of an older or a newer version is not touched, and the message names it."""
    db = tmp_path / "other.db"
    store = Store.open(str(db))
    with store.write() as connection:
        connection.execute(update(settings).where(settings.c.name == "schema_version").values(value=version))
    store.close()
    before = db.read_bytes()
    with pytest.raises(ConfigurationException, match=rf"other\.db has schema {version};"):
        Store.open(str(db))
    assert db.read_bytes() == before


def test_otlp_arrives_as_a_conversation(local: Api) -> None:
    """What is sent to /v1/traces is there when the server has stopped; a reading key is refused."""
    exporter = OTLPSpanExporter(
        f"{local.server.url}/v1/traces", headers={"Authorization": f"Bearer {local.key}"}
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.conversation.id": "by-otlp",
        "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]',
    }
    with provider.get_tracer("my.agent").start_as_current_span("invoke_agent", attributes=attributes):
        pass
    provider.shutdown()
    refused = local.call("POST", "/v1/traces", key=local.read_key, json={})
    assert refused.status_code == 403
    local.server.stop()
    local.server.start()
    assert [content for _, _, content in said(local.conversation("by-otlp"))] == ["Hello"]


def test_the_dashboard_opens_with_the_link(local: Api) -> None:
    """The link logs in once and shows what was ingested; without it there is only the login page."""
    local.ingest(block(turn(1, 1, (1, "end_user", "shown to the reader"))))
    with requests.Session() as session:
        session.get(local.server.dashboard_url(), timeout=10).raise_for_status()
        pages = f"{local.server.url}/agents/{local.server.agent_id}"
        listed = session.get(f"{pages}/conversations", timeout=10)
        assert "shown to the reader" in listed.text
    stranger = requests.get(f"{pages}/conversations", timeout=10)
    assert "shown to the reader" not in stranger.text
