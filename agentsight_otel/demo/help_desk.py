"""The help desk: a real agent without a model, tracked as any agent would be."""

from __future__ import annotations

import re

from agentsight_otel.demo.library import Library, Passage
from agentsight_otel.pipeline import ConversationTracker

ANSWER_SENTENCES = 3
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


class HelpDesk:
    """Answers questions about this project by searching its documentation.

    Args:
        tracker: Where the conversation is recorded.
        library: What is searched; whoever made it closes it.
    """

    def __init__(self, tracker: ConversationTracker, library: Library) -> None:
        self._tracker = tracker
        self._library = library

    def ask(self, question: str) -> str:
        """Answer *question*, recording it, the search and the answer."""
        self._tracker.track_human_message(question)
        with self._tracker.track_action("search_docs", tools_used={"query": question}) as action:
            passages = self._library.search(question)
            action.response = {"found": [passage.source for passage in passages]}
        if not passages:
            return self._hand_over(question)
        answer = _answer(passages[0])
        self._tracker.track_agent_message(answer, metadata={"sources": [p.source for p in passages]})
        return answer

    def rate(self, *, helpful: bool) -> None:
        """Record a click on one of the two buttons under an answer."""
        label, value = ("👍", "yes") if helpful else ("👎", "no")
        self._tracker.track_button("helpful", label, value)

    def _hand_over(self, question: str) -> str:
        with self._tracker.track_action("fallback_to_human", tools_used={"query": question}) as action:
            action.response = {"queue": "maintainers"}
        answer = "I found nothing about that in the documentation, so I passed your question on to a person."
        self._tracker.track_agent_message(answer)
        return answer


def _answer(passage: Passage) -> str:
    text = " ".join(_SENTENCE.split(passage.text)[:ANSWER_SENTENCES])
    return f"{passage.title}: {text} ({passage.source})"
