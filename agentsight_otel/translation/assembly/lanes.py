"""Which messages of a repeated history are new.

A lane is the history of one agent in one conversation. It remembers the user's messages by signature only;
what the agent said in between is aligned by its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from agentsight_otel.translation.dialects.messages import Message
from agentsight_otel.translation.dialects.values import text_signature

_MAX_ENTRIES = 1_000
_MAX_OPEN_CALLS = 200
_NO_ANSWER = "none"


class Entry(msgspec.Struct, gc=False):
    """A message of the user that the lane has seen.

    Attributes:
        sign: Its signature, None when its text is not known.
        emitted: It has been delivered as a message.
        reply: Signature of the agent's answer, once there is one.
    """

    sign: str | None
    emitted: bool = True
    reply: str | None = None
    replied: bool = False


class Found(msgspec.Struct, gc=False):
    """What one model call brings that is new.

    Attributes:
        users: The user's new messages.
        backfill: Answers of the agent that were never seen as an output.
    """

    users: list[Message] = []
    backfill: list[Message] = []


class Lane(msgspec.Struct):
    """The history of one agent in one conversation."""

    users: list[Entry] = []
    dropped: int = 0
    system: str | None = None
    open_calls: dict[str, str] = {}

    def continues(self, messages: tuple[Message, ...]) -> bool:
        """Whether a history is this lane's."""
        at = [i for i, message in enumerate(messages) if message.from_user]
        signs = [messages[i].sign for i in at]
        return bool(signs) and bool(self.users) and self._offset(signs, _replies(messages, at)) is not None

    def find_new(self, messages: tuple[Message, ...], *, delta: bool = False, again: bool = False) -> Found:
        """Return what is new in the input of a model call, and remember it.

        Args:
            messages: The input without system messages, in order.
            delta: The input holds only what is new.
            again: The turn that the last message began is still without an answer, so that the same
                message alone is a second try and not a second message.
        """
        at = [i for i, message in enumerate(messages) if message.from_user]
        if not at:
            return Found()
        signs = [messages[i].sign for i in at]
        trailing = _trailing(messages, at)
        if delta:
            return self._append(messages, at, signs)
        if len(messages) == 1 and self.users:
            return self._alone(messages, signs, again=again)
        if not self.users:
            self.users = [Entry(sign, emitted=i in trailing) for i, sign in zip(at, signs, strict=True)]
            return Found([messages[i] for i in at if i in trailing])
        return self._align(messages, at, signs, trailing)

    def answered(self, reply: str) -> None:
        """Remember the answer to the last message."""
        if self.users:
            self.users[-1].reply = text_signature(reply)
            self.users[-1].replied = True

    def note_calls(self, messages: tuple[Message, ...], output: tuple[Message, ...]) -> None:
        """Remember which tool calls wait for their result."""
        for message in messages if self.open_calls else ():
            if message.results:
                for part in message.of("tool_result"):
                    if self.open_calls.pop(part.id, None) is None and not part.id and self.open_calls:
                        del self.open_calls[next(iter(self.open_calls))]
        for message in output:
            for index, part in enumerate(message.of("tool_call")):
                if len(self.open_calls) < _MAX_OPEN_CALLS:
                    self.open_calls[part.id or f"{part.name} {index}"] = str(part.value)

    def _alone(self, messages: tuple[Message, ...], signs: list[str | None], *, again: bool) -> Found:
        if again and _same(self.users[-1].sign, signs[0]):
            return Found()
        return self._append(messages, [0], signs)

    def _append(self, messages: tuple[Message, ...], at: list[int], signs: list[str | None]) -> Found:
        self.users += [Entry(sign) for sign in signs]
        self._trim()
        return Found([messages[i] for i in at])

    def _align(
        self, messages: tuple[Message, ...], at: list[int], signs: list[str | None], trailing: set[int]
    ) -> Found:
        offset = self._offset(signs, _replies(messages, at))
        if offset is None:
            new = [n for n, i in enumerate(at) if i in trailing]
            return self._append(messages, [at[n] for n in new], [signs[n] for n in new])
        known = len(self.users) - offset
        unknown = max(-offset, 0)
        common = next(
            (n for n in range(unknown, min(known, len(signs))) if not self._is(n + offset, signs[n])), known
        )
        if common < min(known, len(signs)):
            del self.users[common + offset :]
            known = common
        found = Found()
        for n, i in enumerate(at[:known]):
            if n < unknown:
                continue
            entry = self.users[n + offset]
            if i in trailing and not entry.emitted:
                entry.emitted = True
                found.users.append(messages[i])
            else:
                self._backfill(found, messages, at, n, offset)
        found.users += self._append(messages, at[known:], signs[known:]).users
        if known:
            self._backfill_between(found, messages, at, known, offset)
        return found

    def _backfill(
        self, found: Found, messages: tuple[Message, ...], at: list[int], n: int, offset: int
    ) -> None:
        if n + 1 >= len(at):
            return
        entry = self.users[n + offset]
        if entry.replied and n + offset + 1 < len(self.users):
            return  # what was said after an answer comes before the message that is new
        answers = _answers(messages, at, n)
        if not entry.emitted or not answers:
            return
        signs = [answer.sign for answer in answers]
        if not entry.replied:
            answers = answers[-1:]
        elif entry.reply in signs:
            answers = answers[len(signs) - signs[::-1].index(entry.reply) :]
        else:
            return
        if answers:
            entry.replied, entry.reply = True, signs[-1]
            found.backfill += answers

    def _backfill_between(
        self, found: Found, messages: tuple[Message, ...], at: list[int], known: int, offset: int
    ) -> None:
        for n in range(known, len(at) - 1):
            self._backfill(found, messages, at, n, offset)

    def _is(self, index: int, sign: str | None) -> bool:
        return _same(self.users[index].sign, sign)

    def _offset(self, signs: list[str | None], replies: list[str | None]) -> int | None:
        """Return the place in the lane of a history's first message, or None when it is another history.

        The history may have lost its beginning, its end may be new; where several places fit because texts
        recur, the one where the agent's answers fit too is right.
        """
        known = len(self.users)
        mine = [entry.sign for entry in self.users]
        if signs[:known] == mine and self._answers_fit(0, known, replies, 0)[1] == 0:
            return 0
        exact = None not in mine and None not in signs
        best: tuple[int, bool, int, bool, int] | None = None
        for offset in (0, *range(known - 1, -len(signs), -1)):
            first, last = max(offset, 0), min(known, len(signs) + offset)
            if first < last and (
                mine[first:last] == signs[first - offset : last - offset]
                or (not exact and all(self._is(n, signs[n - offset]) for n in range(first, last)))
            ):
                right, wrong = self._answers_fit(first, last, replies, offset)
                if not wrong and offset == 0:
                    return 0
                # Without an answer that fits, nothing speaks against a history that starts with the lane.
                rank = (-right, not right and offset != 0, wrong, offset != 0, -offset)
                best = min(best or rank, rank)
        return -best[4] if best is not None else self._edited(signs)

    def _edited(self, signs: list[str | None]) -> int | None:
        """Return the place of a history of which the application changed a part."""
        known = len(self.users)
        common = 0
        while common < min(known, len(signs)) and self._is(common, signs[common]):
            common += 1
        rest = {entry.sign for entry in self.users[common:]}
        if common and not self.dropped and not rest.intersection(signs[common:]):
            return 0
        for length in range(min(known, len(signs)), 0, -1):
            first = known - length
            for start in range(len(signs) - length, -1, -1):
                if first >= start and all(self._is(first + n, signs[start + n]) for n in range(length)):
                    return first - start
        return None

    def _answers_fit(self, first: int, last: int, replies: list[str | None], offset: int) -> tuple[int, int]:
        """Return how many answers are the same in the lane and in a history, and how many are not."""
        answered = [n for n in range(first, last) if self.users[n].replied]
        right = sum(_same(self.users[n].reply, replies[n - offset]) for n in answered)
        return right, len(answered) - right

    def _trim(self) -> None:
        excess = len(self.users) - _MAX_ENTRIES
        if excess > 0:
            del self.users[:excess]
            self.dropped += excess


def users_of(messages: Iterable[Message]) -> list[Message]:
    """Return the user's messages."""
    return [message for message in messages if message.from_user]


def _trailing(messages: tuple[Message, ...], at: list[int]) -> set[int]:
    """Return where the user's messages at the end are, after all that the agent or a tool said."""
    first = len(messages)
    while first and messages[first - 1].from_user:
        first -= 1
    return {i for i in at if i >= first}


def _answers(messages: tuple[Message, ...], at: list[int], n: int) -> list[Message]:
    end = at[n + 1]
    return list(filter(_is_answer, messages[at[n] + 1 : end]))


def _replies(messages: tuple[Message, ...], at: list[int]) -> list[str | None]:
    """Return for each of the user's messages the signature of the last answer before the next one."""
    replies: list[str | None] = []
    for start, end in pairwise((*at, len(messages))):
        last = end - 1
        while last > start and not _is_answer(messages[last]):
            last -= 1
        replies.append(messages[last].sign if last > start else _NO_ANSWER)
    return replies


def _is_answer(message: Message) -> bool:
    return message.role == "assistant" and not message.asks and bool(message.text.strip())


def _same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other
