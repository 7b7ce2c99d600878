"""Conversations across services: W3C Trace Context and Baggage over real HTTP between two processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
from world import RULES, WHOLE, World

SERVICE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from opentelemetry import context, propagate, trace
import agentsight_otel as a
from agent import Agent
a.configure()
a.instrument()

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        text = self.rfile.read(int(self.headers['Content-Length'])).decode()
        token = context.attach(propagate.extract(dict(self.headers)))
        try:
            with trace.get_tracer('web').start_as_current_span('POST /', kind=trace.SpanKind.SERVER):
                body = answer(text).encode()
        finally:
            context.detach(token)
        assert a.force_flush()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

agent = Agent()
def answer(text):
    {answer}

server = HTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
sys.stdin.readline()
"""

FRONT = """
import sys, requests
from opentelemetry import propagate
import agentsight_otel as a
a.configure()

def ask(text):
    headers = {}
    propagate.inject(headers)
    return requests.post(sys.argv[1], data=text.encode(), headers=headers, timeout=30).text
"""


@pytest.fixture
def services() -> Iterator[list[subprocess.Popen[str]]]:
    """Collect the services of a test and end them."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for service in started:
        service.kill()
        service.communicate(timeout=30)


def serve(world: World, services: list[subprocess.Popen[str]], answer: str) -> str:
    """Start a service in a process of its own; return its address."""
    code = SERVICE.replace("{answer}", answer).replace("sys.stdin.readline()", "server.serve_forever()")
    service = subprocess.Popen(
        [sys.executable, "-c", code],
        env=world.env | {"AGENTSIGHT_SPOOL_DIR": str(world.folder / "service-spool")},
        stdout=subprocess.PIPE,
        text=True,
    )
    services.append(service)
    assert service.stdout is not None
    return f"http://127.0.0.1:{service.stdout.readline().strip()}/"


def test_model_calls_of_another_service(world: World, services: list[subprocess.Popen[str]]) -> None:
    """A service that is called inside a conversation adds its model calls to it: one conversation."""
    url = serve(world, services, "return agent.say(text)")
    world.run(
        "python",
        "-c",
        FRONT
        + """
with a.conversation('shared-1', customer_id='ada'):
    for question in ('Hello!', 'How is the sky in Oslo?'):
        ask(question)
""",
        url,
    )
    assert world.conversations() == ["shared-1"]
    assert world.transcript("shared-1") == WHOLE
    assert world.api.fetch_conversation("shared-1")["customer_id"] == "ada"
    assert world.tokens() == (61, 14)


def test_tools_of_another_service_under_a_turn(world: World, services: list[subprocess.Popen[str]]) -> None:
    """A tool that runs in another service stands in the turn of the service that asked, in one trace."""
    url = serve(
        world, services, "\n    with a.tool('remote') as t:\n        t.response = text\n    return text"
    )
    world.run(
        "python",
        "-c",
        FRONT
        + """
with a.conversation('shared-1'), a.turn() as t:
    t.user_message('Go')
    t.agent_message(ask('went'))
assert a.force_flush()
""",
        url,
    )
    assert world.transcript("shared-1") == [("end_user", "Go"), ("action", "remote"), ("agent", "went")]
    assert len({span["trace_id"] for span in world.spans()}) == 1


def test_explicit_turn_spans_services(world: World, services: list[subprocess.Popen[str]]) -> None:
    """In the turn of one service, what another asks its model is no message of the conversation."""
    url = serve(world, services, "return agent.say(text)")
    world.run(
        "python",
        "-c",
        FRONT
        + """
with a.conversation('shared-1'), a.turn() as t:
    t.user_message('Greet')
    t.agent_message('It says: ' + ask('Hello!'))
assert a.force_flush()
""",
        url,
    )
    assert world.transcript("shared-1") == [("end_user", "Greet"), ("agent", "It says: Good day.")]
    assert world.tokens() == (11, 3)


ABOUT = {"plan": "gold", "seats": 3, "trial": False, "since": None, "tags": ["a", 'é; %, ="x"']}


def fields(world: World, name: str) -> tuple[str | None, dict[str, object] | None]:
    """Return customer and metadata of a conversation."""
    found = world.api.fetch_conversation(name)
    return found["customer_id"], found["metadata"]


@pytest.mark.parametrize(
    ("propagate", "known", "expected"),
    [("all", True, ("ada", ABOUT)), ("ids", True, (None, None)), ("none", False, None)],
    ids=["all", "ids", "none"],
)
def test_how_much_travels(
    world: World,
    services: list[subprocess.Popen[str]],
    propagate: str,
    known: bool,
    expected: tuple[str | None, dict[str, object] | None] | None,
) -> None:
    """Metadata arrives with its types, or the id alone does, or nothing, as the caller's setting says."""
    url = serve(world, services, "return agent.say(text)")
    world.run(
        "python",
        "-c",
        FRONT + f"with a.conversation('shared-1', customer_id='ada', metadata={ABOUT!r}):\n    ask('Hello!')",
        url,
        AGENTSIGHT_PROPAGATE=propagate,
    )
    assert (world.conversations() == ["shared-1"]) is known
    if expected is not None:
        assert fields(world, "shared-1") == expected


def test_metadata_too_large_to_travel(world: World, services: list[subprocess.Popen[str]]) -> None:
    """Metadata that does not fit stays at home, with one warning; id and customer travel."""
    url = serve(world, services, "return agent.say(text)")
    result = world.run(
        "python",
        "-c",
        FRONT
        + """
from agentsight_otel.tracking.propagation import left_out
for _ in range(2):
    with a.conversation('shared-1', customer_id='ada', metadata={'plan': 'gold', 'note': 'é' * 700}):
        pass
with a.conversation('shared-1', customer_id='ada', metadata={'plan': 'gold', 'note': 'é' * 700}):
    ask('Hello!')
assert left_out() == 3
""",
        url,
    )
    assert result.stderr.count("too large for W3C Baggage") == 1
    assert "gold" not in result.stderr
    assert fields(world, "shared-1") == ("ada", None)


def test_metadata_of_strangers(world: World, services: list[subprocess.Popen[str]]) -> None:
    """What is no JSON object in a stranger's header is no metadata; the id counts all the same."""
    url = serve(world, services, "return agent.say(text)")
    for number, value in enumerate(("[1]", "{broken", "7", "%7B" * 3000)):
        world.models.script.load(RULES)
        header = f"agentsight.conversation.id=odd-{number},agentsight.conversation.metadata={value}"
        requests.post(url, data=b"Hello!", headers={"baggage": header}, timeout=30).raise_for_status()
        if number < 3:
            assert fields(world, f"odd-{number}") == (None, None)
    assert {"odd-0", "odd-1", "odd-2"} <= set(world.conversations())
