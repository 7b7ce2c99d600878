"""LlamaIndex, as OpenInference records it: helpers of a model call are spans of a model call too.

Reference: openinference-instrumentation-llama-index, recorded in tests/corpus/llama_index_openinference.
"""

from agentsight_otel.translation.dialects.base import Dialect

LLAMA_INDEX = Dialect(
    name="llama_index",
    scopes=("openinference.instrumentation.llama_index",),
    ignored_endings=("._prepare_chat_with_tools",),
)
