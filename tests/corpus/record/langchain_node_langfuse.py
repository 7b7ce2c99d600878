"""LangChain/LangGraph under Node traced by Langfuse's callback handler."""

from __future__ import annotations

from functools import partial

from harness import Driver, run
from node_app import instrument, play_under_node

if __name__ == "__main__":
    run(
        Driver(
            name="langchain_node_langfuse",
            instrument=instrument,
            outside=partial(play_under_node, script="langchain_node.mjs", style="langfuse"),
            per_turn=True,
        )
    )
