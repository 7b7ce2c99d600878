"""Which messages of a repeated history are new.

A lane is the history of one agent in one conversation. It remembers the user's messages by signature only;
what the agent said in between is aligned by its place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from agentsight_otel.translation.dialects.messages import Message

_MAX_ENTRIES = 1_000
_MAX_OPEN_CALLS = 200
_NO_ANSWER = -1  # which no signature is


class Entry(msgspec.Struct, gc=False):
    """A message of the user that the lane has seen.

    Attributes:
        sign: Its signature, None when its text is not known.
        emitted: It has been delivered as a message.
        reply: Signature of the agent's answer, once there is one.
    """

    sign: int | None
    emitted: bool = True
    reply: int | None = None
    replied: bool = False


class Found(msgspec.Struct, gc=False):
    """What one model call brings that is new.

    Attributes:
        users: The user's new messages.
        backfill: Answers of the agent that were never seen as an output.
    """

    users: list[Message] = []
    backfill: list[Message] = []


class History:
    """The input of a model call, and what tells it from other histories.

    Every model call repeats the history of the one before: what was found out of that is taken from it.

    Attributes:
        told: The whole input.
        messages: Without the system's.
        systems: Texts of the system's.
        at: Where among the messages those of the user are.
        signs: Their signatures.
        replies: For each of them the signature of the last answer before the next one.
        tail: Where the user's messages at the end begin, after all that the agent or a tool said.
    """

    __slots__ = ("at", "messages", "replies", "signs", "systems", "tail", "told")

    def __init__(self, told: tuple[Message, ...], earlier: History | None = None) -> None:
        self.told = told
        self.tail = 0
        self.messages: list[Message]
        self.systems: list[str]
        self.at: list[int]
        self.signs: list[int | None]
        self.replies: list[int | None]
        if earlier is not None and told[: len(earlier.told)] == earlier.told:
            self.messages, self.systems = earlier.messages.copy(), earlier.systems.copy()
            self.at, self.signs, self.replies = (
                earlier.at.copy(),
                earlier.signs.copy(),
                earlier.replies.copy(),
            )
            self.tail = earlier.tail
            told = told[len(earlier.told) :]
        else:
            self.messages, self.systems = [], []
            self.at, self.signs, self.replies = [], [], []
        for message in told:
            if message.role == "system":
                self.systems.append(message.text)
                continue
            if message.from_user:
                self.at.append(len(self.messages))
                self.signs.append(message.sign)
                self.replies.append(_NO_ANSWER)
            else:
                self.tail = len(self.messages) + 1
                if message.answers and self.at:
                    self.replies[-1] = message.sign
            self.messages.append(message)


class Lane(msgspec.Struct):
    """The history of one agent in one conversation."""

    users: list[Entry] = []
    dropped: int = 0
    system: str | None = None
    open_calls: dict[str, str] = {}

    def continues(self, history: History) -> bool:
        """Whether a history is this lane's."""
        return bool(history.at) and bool(self.users) and self._offset(history) is not None

    def find_new(self, history: History, *, delta: bool = False, again: bool = False) -> Found:
        """Return what is new in the input of a model call, and remember it.

        Args:
            history: The input.
            delta: The input holds only what is new.
            again: The turn that the last message began is still without an answer, so that the same
                message alone is a second try and not a second message.
        """
        at, signs, tail = history.at, history.signs, history.tail
        if not at:
            return Found()
        if delta:
            return self._append(history, 0)
        if not self.users:
            self.users = [Entry(sign, emitted=i >= tail) for i, sign in zip(at, signs, strict=True)]
            return Found([history.messages[i] for i in at if i >= tail])
        if len(history.messages) == 1:
            if again and _same(self.users[-1].sign, signs[0]):
                return Found()
            return self._append(history, 0)
        return self._align(history)

    def answered(self, reply: Message) -> None:
        """Remember the answer to the last message."""
        if self.users:
            self.users[-1].reply = reply.sign if reply.text else None
            self.users[-1].replied = True

    def note_calls(self, messages: list[Message], output: tuple[Message, ...]) -> None:
        """Remember which tool calls wait for their result."""
        for message in messages if self.open_calls else ():
            for part in message.results:
                if self.open_calls.pop(part.id, None) is None and not part.id and self.open_calls:
                    del self.open_calls[next(iter(self.open_calls))]
        for message in output:
            for index, part in enumerate(message.asks):
                if not part.hosted and len(self.open_calls) < _MAX_OPEN_CALLS:
                    self.open_calls[part.id or f"{part.name} {index}"] = str(part.value)

    def _append(self, history: History, first: int) -> Found:
        """Take the user's messages from the n-th on."""
        self.users += [Entry(sign) for sign in history.signs[first:]]
        self._trim()
        return Found([history.messages[i] for i in history.at[first:]])

    def _align(self, history: History) -> Found:
        at, signs, users = history.at, history.signs, self.users
        offset = self._offset(history)
        if offset is None:
            return self._append(history, bisect_left(at, history.tail))
        known = len(users) - offset
        unknown = max(-offset, 0)
        last = min(known, len(signs))
        if [entry.sign for entry in users[unknown + offset : last + offset]] != signs[unknown:last]:
            for n in range(unknown, last):
                if not _same(users[n + offset].sign, signs[n]):
                    del users[n + offset :]
                    known = last = n
                    break
        found = Found()
        for n in range(unknown, last):
            entry = users[n + offset]
            if not entry.emitted and at[n] >= history.tail:
                entry.emitted = True
                found.users.append(history.messages[at[n]])
            elif not (entry.replied and n + offset + 1 < len(users)):
                # What was said after an answer comes before the message that is new.
                self._backfill(found, history, n, offset)
        if known < len(at):
            found.users += self._append(history, known).users
            for n in range(known, len(at) - 1) if known else ():
                self._backfill(found, history, n, offset)
        return found

    def _backfill(self, found: Found, history: History, n: int, offset: int) -> None:
        """Find the answers to a message that only this history tells of."""
        if n + 1 >= len(history.at):
            return
        entry = self.users[n + offset]
        if not entry.emitted or (entry.replied and n + offset + 1 < len(self.users)):
            return
        answers = [one for one in history.messages[history.at[n] + 1 : history.at[n + 1]] if one.answers]
        signs = [answer.sign for answer in answers]
        if not answers:
            return
        if not entry.replied:
            answers = answers[-1:]
        elif entry.reply in signs:
            answers = answers[len(signs) - signs[::-1].index(entry.reply) :]
        else:
            return
        if answers:
            entry.replied, entry.reply = True, signs[-1]
            found.backfill += answers

    def _offset(self, history: History) -> int | None:
        """Return the place in the lane of a history's first message, or None when it is another history.

        The history may have lost its beginning, its end may be new; where several places fit because texts
        recur, the one where the agent's answers fit too is right.
        """
        known = len(self.users)
        signs, replies = history.signs, history.replies
        mine = [entry.sign for entry in self.users]
        if signs[:known] == mine and (
            replies[:known] == [entry.reply for entry in self.users]
            or self._answers_fit(0, known, replies, 0)[1] == 0
        ):
            return 0
        exact = None not in mine and None not in signs
        best: tuple[int, bool, int, bool, int] | None = None
        for offset in (0, *range(known - 1, -len(signs), -1)):
            first, last = max(offset, 0), min(known, len(signs) + offset)
            if first < last and (
                mine[first:last] == signs[first - offset : last - offset]
                or (not exact and all(map(_same, mine[first:last], signs[first - offset : last - offset])))
            ):
                right, wrong = self._answers_fit(first, last, replies, offset)
                if not wrong and offset == 0:
                    return 0
                # Without an answer that fits, nothing speaks against a history that starts with the lane.
                rank = (-right, not right and offset != 0, wrong, offset != 0, -offset)
                best = min(best or rank, rank)
        return -best[4] if best is not None else self._edited(mine, signs)

    def _edited(self, mine: list[int | None], signs: list[int | None]) -> int | None:
        """Return the place of a history of which the application changed a part."""
        known = len(mine)
        common = 0
        while common < min(known, len(signs)) and _same(mine[common], signs[common]):
            common += 1
        if common and not self.dropped and not {*mine[common:]}.intersection(signs[common:]):
            return 0
        for length in range(min(known, len(signs)), 0, -1):
            first = known - length
            for start in range(len(signs) - length, -1, -1):
                if first >= start and all(map(_same, mine[first:], signs[start : start + length])):
                    return first - start
        return None

    def _answers_fit(self, first: int, last: int, replies: list[int | None], offset: int) -> tuple[int, int]:
        """Return how many answers are the same in the lane and in a history, and how many are not."""
        right = wrong = 0
        theirs = replies[first - offset : last - offset]
        for entry, reply in zip(self.users[first:last], theirs, strict=True):
            if entry.replied:
                if entry.reply is None or reply is None or entry.reply == reply:
                    right += 1
                else:
                    wrong += 1
        return right, wrong

    def _trim(self) -> None:
        excess = len(self.users) - _MAX_ENTRIES
        if excess > 0:
            del self.users[:excess]
            self.dropped += excess


def users_of(messages: Iterable[Message]) -> list[Message]:
    """Return the user's messages."""
    return [message for message in messages if message.from_user]


def _same(one: int | None, other: int | None) -> bool:
    return one is None or other is None or one == other
