"""Google Agent Development Kit, telemetry schema 1 (schema 2 is otel_genai's).

Reference: google-adk 2.13, google/adk/telemetry/tracing.py.
"""

from agentsight_otel.translation.dialects.base import Dialect, Kind

GOOGLE_ADK = Dialect(
    name="google_adk",
    scopes=("gcp.vertex.agent", "openinference.instrumentation.google_adk"),
    span_names={
        "invocation": Kind.CHAIN,
        "call_llm": Kind.LLM,
        "execute_tool (merged tools)": Kind.OTHER,
        "execute_tool (merged)": Kind.OTHER,
    },
    ignored_names=("execute_tool (merged tools)", "execute_tool (merged)"),
    result_envelope="result",
    name_prefixes=(("agent_run", Kind.AGENT),),
    conversation=("gcp.vertex.agent.session_id",),
    input_messages=("gcp.vertex.agent.llm_request",),
    output_messages=("gcp.vertex.agent.llm_response",),
    tool_arguments=("gcp.vertex.agent.tool_call_args",),
    tool_result=("gcp.vertex.agent.tool_response",),
)
