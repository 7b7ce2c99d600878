"""opentelemetry-sdk with the OTLP exporter over HTTP: one span each, behind a BatchSpanProcessor."""

from life import Sdk, live
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def open_sdk(endpoint: str) -> Sdk:
    """Build the provider."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint + "/v1/traces")))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("faults")

    def emit(_: int, text: str) -> None:
        with tracer.start_as_current_span("event", attributes={"text": text}):
            pass

    return Sdk(emit, provider.force_flush)


live(open_sdk)
