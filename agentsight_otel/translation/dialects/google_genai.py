"""Gemini's SDK, whoever instruments it: results of tools stand in an object.

Reference: google-genai, types.FunctionResponse; recorded in tests/corpus/google_genai_*.
"""

from agentsight_otel.translation.dialects.base import Dialect

GOOGLE_GENAI = Dialect(
    name="google_genai",
    scopes=(
        "openinference.instrumentation.google_genai",
        "opentelemetry.instrumentation.google_genai",
        "opentelemetry.instrumentation.google_generativeai",
        "opentelemetry.instrumentation.genai.google",
    ),
    result_envelope="result",
)
