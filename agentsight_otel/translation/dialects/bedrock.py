"""Amazon Bedrock by the packages that hand on its count of the input, in which cached tokens are not.

Reference: opentelemetry-instrumentation-botocore 0.66b2, extensions/bedrock.py;
opentelemetry-instrumentation-bedrock 0.62.4; Amazon Bedrock's TokenUsage.
"""

from agentsight_otel.translation.dialects.base import Dialect

BEDROCK = Dialect(
    name="bedrock",
    scopes=(
        "opentelemetry.instrumentation.botocore.bedrock-runtime",
        "opentelemetry.instrumentation.bedrock",
    ),
    input_tokens_without_cache=("gen_ai.usage.input_tokens",),
)
