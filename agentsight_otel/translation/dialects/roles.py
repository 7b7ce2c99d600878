"""Who speaks in a message, by the names that providers and frameworks have for it."""

ROLES = {
    "user": "user",
    "human": "user",
    "end_user": "user",
    "customer": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "agent": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "tool_message": "tool",
    "toolmessage": "tool",
    "toolresult": "tool",
    "humanmessage": "user",
    "humanmessagechunk": "user",
    "aimessage": "assistant",
    "aimessagechunk": "assistant",
    "systemmessage": "system",
    "functionmessage": "tool",
    "tool-response": "tool",
    "tool-call": "assistant",
}
"""Our role by theirs, in lower case."""
SPEAKERS = frozenset(name for name, role in ROLES.items() if role != "tool")
"""Those whose messages are more than results of tools."""
ITEM_ROLES = {
    "function_call": "assistant",
    "custom_tool_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
    "custom_tool_call_output": "tool",
    "tool_call": "assistant",
    "tool_call_response": "tool",
    "tool_result": "tool",
    "tool_use": "assistant",
}
"""The role of an item that names none, by its type."""
