"""Every recording becomes exactly the conversation its script says."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.corpus.compare import Score
from tests.corpus.fidelity import (
    CORPUS,
    README,
    Results,
    load,
    readme_with,
    score,
    translate_live,
    translate_slowly,
)

FOLDERS = sorted(path.parent for path in CORPUS.glob("*/*/expected.json"))


@cache
def scored(folder: Path) -> Score:
    """The score of a recording, once for all tests of this process."""
    return score(load(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_recording_becomes_its_conversation(folder: Path) -> None:
    """Messages, actions, tokens and ids are the truth's: none missing, invented or duplicated."""
    result = scored(folder)
    assert result.ok, "\n".join(result.faults)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_traces_far_apart_become_the_same_conversation(folder: Path) -> None:
    """A process that sees the traces one by one, each long after the one before, tells the same truth."""
    result = score(load(folder), translate_slowly)
    assert result.ok, "\n".join(result.faults)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_slow_models_change_nothing(folder: Path) -> None:
    """Spans that come as they end, 20 s after the ones before, are not told of in pieces."""
    result = score(load(folder), translate_live)
    assert result.ok, "\n".join(result.faults)


def test_the_projects_readme_shows_this_table() -> None:
    """The README has the table that these recordings give."""
    results = Results()
    for folder in FOLDERS:
        results.add(folder.parent.name, scored(folder))
    shown = README.read_text(encoding="utf-8") == readme_with(results.markdown())
    assert shown, "python -m tests.corpus.fidelity --readme writes it"
