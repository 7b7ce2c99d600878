"""What leaves the process: the mask sees every text first, and only what belongs to agents is exported."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_server import Rule
from model_wire import Reply
from world import World

SAY_IT = """
import os
import agentsight_otel as a
from agent import Agent
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from agentsight_otel.exporters import AgentSightSpanExporter

{mask}
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(AgentSightSpanExporter({exporter})))
trace.set_tracer_provider(provider)
{configure}
a.instrument()

tracker = a.conversation_tracker
tracker.get_or_create_conversation("tracked-1", name="SECRET name", metadata={{"note": "SECRET note"}})
tracker.track_human_message("SECRET question", metadata={{"deep": ["SECRET inside"]}})
tracker.track_action("look", tools_used={{"q": "SECRET argument"}}, response="SECRET result")
tracker.track_action("fail", error_msg="SECRET error")
tracker.track_button("rate", "SECRET label", "SECRET value")
tracker.track_agent_message("SECRET answer")
tracker.send_tracked_data()
tracker.track_human_message("SECRET unsent")

with a.conversation("live-1"):
    with a.turn("SECRET turn") as t:
        t.user_message("SECRET live question")
        with a.tool("SECRET tool") as use:
            use.tools_used, use.response = {{"q": "SECRET"}}, ["SECRET"]
        t.agent_message("SECRET live answer")
    Agent().say("SECRET asked of the model")
provider.force_flush()
a.force_flush(1)
os._exit(0)
"""
HIDE = "def mask(text): return text.replace('SECRET', '[hidden]')"
FAIL = "def mask(text): raise ValueError(text)"


def on_disk(folder: Path) -> bytes:
    """Read every file of the journal."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize(
    ("exporter", "configure"),
    [
        ("", "a.configure(mask=mask, send_timeout=1, shutdown_timeout=1)"),
        ("mask=mask", "a.configure(send_timeout=1, shutdown_timeout=1)"),
    ],
    ids=["configure", "exporter"],
)
def test_mask_sees_every_text(world: World, exporter: str, configure: str) -> None:
    """Nothing unmasked is on disk while the backend is away, nor on the wire when it is back."""
    world.models.script.load([Rule(("asked of the model",), Reply("SECRET reply"))])
    spool = world.folder / "spool"
    env = {"AGENTSIGHT_SPOOL_DIR": str(spool)}
    world.server.faults.respond(503)
    world.run("python", "-c", SAY_IT.format(mask=HIDE, exporter=exporter, configure=configure), **env)
    journal = on_disk(spool)
    assert b"SECRET" not in journal
    for text in (b"question", b"unsent", b"live answer", b"reply"):
        assert b"[hidden] " + text in journal
    world.server.faults.clear()
    world.run_code(
        "import agentsight_otel as a"
        "\na.conversation_tracker.track_human_message('back')"
        "\na.conversation_tracker.send_tracked_data()"
        "\nassert a.force_flush()",
        **env,
    )
    assert not any(b"SECRET" in request.body for request in world.server.requests)
    assert world.transcript("tracked-1")[0] == ("end_user", "[hidden] question")
    assert ("end_user", "[hidden] unsent") in world.transcript("tracked-1")
    assert ("agent", "[hidden] reply") in world.transcript("live-1")


def test_mask_that_fails_hides_the_text(world: World) -> None:
    """A mask that raises lets nothing through: the text is replaced, the structure stays."""
    world.models.script.load([Rule(("asked of the model",), Reply("SECRET reply"))])
    code = SAY_IT.format(mask=FAIL, exporter="", configure="a.configure(mask=mask)")
    world.run("python", "-c", code, AGENTSIGHT_SPOOL_DIR=str(world.folder / "spool"))
    assert b"SECRET" not in on_disk(world.folder / "spool")
    assert world.server.payloads() != []
    assert not any(b"SECRET" in request.body for request in world.server.requests)
    assert world.transcript("tracked-1")[0] == ("end_user", "[masked: mask failed]")


PLAIN_SPANS = """
import agentsight_otel as a
from opentelemetry import trace
a.configure()
tracer = trace.get_tracer("app")
with tracer.start_as_current_span("outside"):
    pass
with a.conversation("live-1"):
    a.user_message("Hi")
    with tracer.start_as_current_span("inside", attributes={"rows": 7}):
        pass
assert a.force_flush()
"""


@pytest.mark.parametrize(("export_all", "names"), [("0", set()), ("1", {"inside"})])
def test_export_all(world: World, export_all: str, names: set[str]) -> None:
    """With `export_all` any span inside a conversation goes along; one outside belongs to none."""
    world.run_code(PLAIN_SPANS, AGENTSIGHT_EXPORT_ALL=export_all)
    assert world.transcript("live-1") == [("end_user", "Hi")]
    assert {span["name"] for span in world.spans()} - {"message"} == names
