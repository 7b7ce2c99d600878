"""How far a produced conversation is from the truth: exact, missing, invented, duplicated, wrong."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.corpus.view import ActionView, ConversationView, MessageView

Expected = dict[str, Any]
"""One conversation of an ``expected.json``."""


@dataclass
class Tally:
    """What became of one kind of fact.

    Attributes:
        exact: As the truth has it.
        missing: In the truth and the recording, not produced.
        invented: Produced, not in the truth.
        duplicated: Produced more often than it is in the truth.
        wrong: Produced with another value, or in another order.
    """

    exact: int = 0
    missing: int = 0
    invented: int = 0
    duplicated: int = 0
    wrong: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.exact + other.exact,
            self.missing + other.missing,
            self.invented + other.invented,
            self.duplicated + other.duplicated,
            self.wrong + other.wrong,
        )

    @property
    def ok(self) -> bool:
        """Nothing but exact."""
        return not (self.missing or self.invented or self.duplicated or self.wrong)


@dataclass
class Score:
    """The tallies of a recording, and a line for each fault."""

    messages: Tally = field(default_factory=Tally)
    actions: Tally = field(default_factory=Tally)
    tokens: Tally = field(default_factory=Tally)
    ids: Tally = field(default_factory=Tally)
    faults: list[str] = field(default_factory=list)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.messages + other.messages,
            self.actions + other.actions,
            self.tokens + other.tokens,
            self.ids + other.ids,
            self.faults + other.faults,
        )

    @property
    def ok(self) -> bool:
        """Everything is exact."""
        return self.messages.ok and self.actions.ok and self.tokens.ok and self.ids.ok


def compare(expected: Sequence[Expected], produced: Sequence[ConversationView]) -> Score:
    """Judge all conversations of one recording."""
    score = Score()
    rest = list(produced)
    for truth in sorted(expected, key=lambda item: item["conversation_id"] is None):
        view = _partner(truth, rest)
        if view is None:
            score.ids.missing += 1
            score.faults.append(f"conversation {truth['conversation_id']} is missing")
            view = ConversationView("")
        else:
            rest.remove(view)
            score.ids.exact += 1
        _compare_one(truth, view, score)
    for view in rest:
        score.ids.invented += 1
        score.faults.append(f"invented conversation {view.conversation_id}")
        _compare_one(EMPTY, view, score)
    return score


EMPTY: Expected = {"conversation_id": None, "customer_id": None, "messages": [], "actions": [], "tokens": {}}


def _partner(truth: Expected, views: Sequence[ConversationView]) -> ConversationView | None:
    """The produced conversation *truth* is about: by id, or where it has none by its texts."""
    if truth["conversation_id"] is not None:
        return next((view for view in views if view.conversation_id == truth["conversation_id"]), None)
    texts = {message["text"] for message in truth["messages"]}
    ranked = sorted(views, key=lambda view: -sum(message.text in texts for message in view.messages))
    return ranked[0] if ranked else None


def _compare_one(truth: Expected, view: ConversationView, score: Score) -> None:
    customer, told = truth["customer_id"], view.fields.get("customer_id")
    if customer is not None and customer != told:
        score.ids.wrong += 1
        score.faults.append(f"customer is {told!r}, not {customer!r}")
    files = truth.get("attachments")
    wanted = None if files is None else sorted((item["mime_type"], item["size"]) for item in files)
    if wanted is not None and wanted != sorted(view.attachments):
        score.messages.wrong += 1
        score.faults.append(f"attachments are {view.attachments}, not {wanted}")
    _compare_messages(truth["messages"], view.messages, score)
    _compare_actions(truth["actions"], view.actions, score)
    for name, wanted in truth["tokens"].items():
        got = getattr(view.tokens, name)
        if wanted is None or wanted == got:
            score.tokens.exact += wanted is not None
        else:
            score.tokens.wrong += 1
            score.faults.append(f"{name} tokens are {got}, not {wanted}")


def _multiset(
    tally: Tally, wanted: Counter[Any], optional: Counter[Any], got: Counter[Any], say: Callable[[str], None]
) -> None:
    for key in wanted.keys() | optional.keys() | got.keys():
        required, most, found = wanted[key], wanted[key] + optional[key], got[key]
        tally.exact += min(found, most)
        if found < required:
            tally.missing += required - found
            say(f"missing {required - found} × {key}")
        elif found > most and most:
            tally.duplicated += found - most
            say(f"duplicated {found - most} × {key}")
        elif found > most:
            tally.invented += found
            say(f"invented {found} × {key}")


def _compare_messages(
    expected: Sequence[dict[str, Any]], produced: Sequence[MessageView], score: Score
) -> None:
    real = [message for message in produced if message.metadata.get("content_captured") is not False]
    told = [(message.sender, message.text.strip()) for message in real]
    wanted: Counter[Hashable] = Counter()
    optional: Counter[Hashable] = Counter()
    for message in expected:
        key = (message["sender"], message["text"].strip())
        (wanted if message.get("captured", True) else optional)[key] += 1
    keys = [_whole(key, wanted, optional) for key in told]
    before = score.messages.exact
    _multiset(score.messages, wanted, optional, Counter(keys), score.faults.append)
    order = [(message["sender"], message["text"].strip()) for message in expected]
    if score.messages.exact - before == len(keys) == len(order) and keys != order:
        score.messages.wrong += 1
        score.faults.append(f"order of messages is {keys}")


def _whole(key: tuple[str, str], wanted: Counter[Hashable], optional: Counter[Hashable]) -> Hashable:
    """The truth's message for *key*, also where the instrumentation wrote only a piece of it down."""
    if key in wanted or key in optional:
        return key
    return next((other for other in optional if _is_piece(key, other)), key)


def _is_piece(key: tuple[str, str], other: Hashable) -> bool:
    return isinstance(other, tuple) and key[0] == other[0] and bool(key[1]) and key[1] in other[1]


def canonical(value: Any) -> Any:
    """A value whichever way it was written down: itself, JSON text or a Python literal.

    Gemini takes no tool result but an object, so its clients wrap a value as ``{"result": value}``.
    """
    if isinstance(value, dict) and set(value) == {"result"}:
        return canonical(value["result"])
    if not isinstance(value, str):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return canonical(found) if found != value else found
    return value


def _compare_actions(
    expected: Sequence[dict[str, Any]], produced: Sequence[ActionView], score: Score
) -> None:
    rest = list(produced)
    for truth in expected:
        captured = truth.get("captured", True)
        named = [action for action in rest if action.name == truth["name"]]
        fitting = [action for action in named if _difference(truth, action) is None]
        if fitting or (named and captured):
            action = (fitting or named)[0]
            rest.remove(action)
            difference = _difference(truth, action)
            score.actions.exact += difference is None
            if difference:
                score.actions.wrong += 1
                score.faults.append(f"action {truth['name']}: {difference}")
        elif captured:
            score.actions.missing += 1
            score.faults.append(f"missing action {truth['name']} {truth['arguments']}")
    names = {truth["name"] for truth in expected}
    for action in rest:
        if action.name in names:
            score.actions.duplicated += 1
            score.faults.append(f"duplicated action {action.name} {action.arguments}")
        else:
            score.actions.invented += 1
            score.faults.append(f"invented action {action.name} {action.arguments}")


def _difference(truth: dict[str, Any], action: ActionView) -> str | None:
    if truth["arguments"] is not None and canonical(action.arguments) != truth["arguments"]:
        return f"arguments {action.arguments!r}, not {truth['arguments']!r}"
    if truth["error"] is not None:
        told = f"{action.error or ''} {action.result or ''}"
        return None if truth["error"] in told else f"error {told!r}, not {truth['error']!r}"
    if truth.get("any_result"):
        return None
    if canonical(action.result) != canonical(truth["result"]):
        return f"result {action.result!r}, not {truth['result']!r}"
    return f"error {action.error!r}" if action.error else None
