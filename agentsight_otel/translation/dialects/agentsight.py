"""Our own names, where ConversationSpanProcessor stamped them on other people's spans.

Reference: agentsight_otel.semconv.
"""

from agentsight_otel import semconv
from agentsight_otel.translation.dialects.base import Dialect

AGENTSIGHT = Dialect(
    name="agentsight",
    conversation=(semconv.CONVERSATION_ID,),
    customer=(semconv.CUSTOMER_ID,),
)
