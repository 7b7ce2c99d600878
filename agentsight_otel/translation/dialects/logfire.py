"""Logfire's own spans of model clients: the parts schema since 5, requests and answers as they are before.

Reference: logfire 3.25, 4.41 and 5.2, logfire/_internal/integrations/llm_providers/.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

LOGFIRE = Dialect(
    name="logfire",
    scopes=("logfire.",),
    span_names={
        "Message with {request_data[model]!r}": Kind.LLM,
        "streaming response from {request_data[model]!r} took {duration:.2f}s": Kind.LLM,
        "Embedding Creation with {request_data[model]!r}": Kind.EMBEDDING,
        "Image Generation with {request_data[model]!r}": Kind.OTHER,
    },
    streams_apart=True,
    input_messages=("request_data",),
    output_messages=("response_data",),
    output_value=("response_data",),
    usage_json=("gen_ai.usage.raw", "response_data"),
)
