from __future__ import annotations

import json

import pytest
from delivery_helpers import run_script
from server_helpers import stored

from agentsight_otel.testing import LocalServer

# urllib3's own instrumentor does the same: a span for each call, unless instrumentation is suppressed.
URLLIB3 = """
import urllib3
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
real = urllib3.HTTPConnectionPool.urlopen
def urlopen(pool, method, url, *arguments, **named):
    if not is_http_instrumentation_enabled():
        return real(pool, method, url, *arguments, **named)
    with provider.get_tracer("urllib3").start_as_current_span(method):
        return real(pool, method, url, *arguments, **named)
urllib3.HTTPConnectionPool.urlopen = urlopen
"""
REQUESTS = """
from opentelemetry.instrumentation.requests import RequestsInstrumentor
RequestsInstrumentor().instrument(tracer_provider=provider)
"""
LOGGING = """
import logging
from opentelemetry.instrumentation.logging import LoggingInstrumentor
LoggingInstrumentor().instrument(tracer_provider=provider, set_logging_format=True)
class SpanOfEachLine(logging.Handler):  # an application may do worse than this
    def emit(self, record):
        if record.name.startswith("opentelemetry"):
            return
        with provider.get_tracer("logging").start_as_current_span(record.levelname):
            pass
logging.getLogger().addHandler(SpanOfEachLine())
"""
INSTRUMENTED = """
import json, logging, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import agentsight_otel
provider, memory = TracerProvider(), InMemorySpanExporter()
provider.add_span_processor(SimpleSpanProcessor(memory))
{instrument}
import requests
from agentsight_otel import agentsight_api, conversation, conversation_tracker, user_message
from agentsight_otel.exporters import AgentSightSpanExporter
agentsight_otel.configure(tracer_provider=provider)
provider.add_span_processor(SimpleSpanProcessor(AgentSightSpanExporter(export_all=True)))
with conversation("instrumented"):
    user_message("live")
conversation_tracker.configure(conversation_id="instrumented-too")
conversation_tracker.track_human_message(
    "tracked", attachments=[{{"filename": "a.txt", "data": b"1"}}], attachment_mode="form_data"
)
conversation_tracker.send_tracked_data()
assert agentsight_otel.force_flush(20)
agentsight_otel.shutdown(5)
made = memory.get_finished_spans()
ours = [span.name for span in made if span.instrumentation_scope.name != "agentsight_otel"]
memory.clear()
requests.get(sys.argv[1] + "/api/health/", timeout=10)
logging.getLogger("application").warning("a line")
control = [span.name for span in memory.get_finished_spans()]
print(json.dumps([ours, control, agentsight_otel.stats().balanced]))
"""
WAYS = {"requests": REQUESTS, "urllib3": URLLIB3, "logging": LOGGING, "all": REQUESTS + URLLIB3 + LOGGING}


@pytest.mark.parametrize("way", list(WAYS))
def test_no_spans_about_ourselves(server: LocalServer, way: str) -> None:
    """With its HTTP client and logging instrumented the package makes no span of its own requests (P9)."""
    for needed in {"all": ("requests", "logging")}.get(way, (way,)):
        if needed != "urllib3":
            pytest.importorskip(
                f"opentelemetry.instrumentation.{needed}", reason=f"no instrumentor of {needed}"
            )
    server.faults.respond(503, times=2, path="/api/ingest/")
    done = run_script(INSTRUMENTED.format(instrument=WAYS[way]), server.url, env=server.env())
    assert done.returncode == 0, done.stderr
    assert "Exception while exporting" not in done.stderr
    ours, control, balanced = json.loads(done.stdout.splitlines()[-1])
    assert [name for name in ours if name not in {"WARNING", "INFO"}] == []
    assert len(ours) <= 2  # a warning of ours that an application turns into a span is the application's
    assert len(control) == (2 if way == "all" else 1)
    assert balanced
    mine = [r for r in server.requests if r.headers.get("user-agent", "").startswith("agentsight-otel")]
    assert len(mine) > 2
    assert not any("traceparent" in request.headers for request in mine)
    assert stored(server)["live"] == stored(server)["tracked"] == 1
