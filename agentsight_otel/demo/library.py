"""The help desk's library: this project's own documentation, cut into passages and searched in full text."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata

import agentsight_otel

_HEADING = re.compile(r"^#{1,4}\s+(.*)$", re.MULTILINE)
_FENCE = re.compile(r"```.*?```", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_BULLET = re.compile(r"^\s*[-*] ", re.MULTILINE)
_WORD = re.compile(r"\w+")
_SMALL_WORDS = frozenset(
    _WORD.findall(
        "a an and are be can do does for from have how i if in is it me my of on or that the this to use "
        "what when where which who why will with you your"
    )
)
PROSE_WEIGHT = 2.0

_DOCUMENTED_MODULES = ("exceptions", "config", "enums", "helpers", "semconv")


@dataclasses.dataclass(frozen=True)
class Passage:
    """One passage of the documentation.

    Attributes:
        source: Where it is from, for people.
        title: Its heading.
        text: Its text.
    """

    source: str
    title: str
    text: str


class Library:
    """Full-text search over passages, best first."""

    def __init__(self, passages: list[Passage] | None = None) -> None:
        self._passages = list(project_passages()) if passages is None else passages
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute(
            "CREATE VIRTUAL TABLE passage USING fts5(title, text, tokenize='porter unicode61')"
        )
        self._database.executemany(
            "INSERT INTO passage (rowid, title, text) VALUES (?, ?, ?)",
            [(number, p.title, p.text) for number, p in enumerate(self._passages)],
        )

    def __len__(self) -> int:
        return len(self._passages)

    def close(self) -> None:
        """Close the database it searches in."""
        self._database.close()

    def search(self, question: str, limit: int = 3) -> list[Passage]:
        """Return up to *limit* passages that share a telling word with *question*."""
        words = [word for word in _WORD.findall(question.lower()) if word not in _SMALL_WORDS]
        if not words:
            return []
        query = " OR ".join(f'"{word}"' for word in words)
        rows = self._database.execute(
            "SELECT rowid, bm25(passage, 4.0, 1.0) FROM passage WHERE passage MATCH ?", (query,)
        )
        # bm25 is negative, the best the lowest. Prose answers a question better than a docstring does.
        ranked = sorted(rows, key=lambda row: row[1] * (PROSE_WEIGHT if self._is_prose(row[0]) else 1.0))
        return [self._passages[number] for number, _ in ranked[:limit]]

    def _is_prose(self, number: int) -> bool:
        return not self._passages[number].source.startswith("agentsight_otel")


def project_passages() -> Iterator[Passage]:
    """Yield the README by heading and the docstrings of the public API by name."""
    try:
        readme = metadata("agentsight-otel").json.get("description", "")
    except PackageNotFoundError:
        readme = ""
    yield from markdown_passages("README", str(readme))
    for name in sorted(agentsight_otel.__all__):
        yield from _docstring_passages(f"agentsight_otel.{name}", getattr(agentsight_otel, name))
    for name in _DOCUMENTED_MODULES:
        module = importlib.import_module(f"agentsight_otel.{name}")
        for member, value in sorted(vars(module).items()):
            if getattr(value, "__module__", None) == module.__name__:
                yield from _docstring_passages(f"agentsight_otel.{name}.{member}", value)


def markdown_passages(source: str, text: str) -> Iterator[Passage]:
    """Cut Markdown at its headings, leaving code blocks out."""
    parts = _HEADING.split(_FENCE.sub("", text))
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        if body.strip():
            yield Passage(source, title.strip(), _flowing(_BULLET.sub("", _LINK.sub(r"\1", body))))


def _docstring_passages(name: str, value: object) -> Iterator[Passage]:
    owner = value if inspect.isclass(value) or inspect.isroutine(value) else type(value)
    if text := inspect.getdoc(owner):
        yield Passage(name, name.rpartition(".")[2], _flowing(text))
    for method, function in vars(owner).items() if inspect.isclass(owner) else ():
        if inspect.isfunction(function) and not method.startswith("_") and (text := inspect.getdoc(function)):
            yield Passage(f"{name}.{method}", method, _flowing(text))


def _flowing(text: str) -> str:
    return " ".join(text.replace("**", "").replace("`", "").split())
