"""Every recording becomes exactly the conversation its script says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.fidelity import CORPUS, load, score

FOLDERS = sorted(path.parent for path in CORPUS.glob("*/*/expected.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_recording_becomes_its_conversation(folder: Path) -> None:
    """Messages, actions, tokens and ids are the truth's: none missing, invented or duplicated."""
    result = score(load(folder))
    assert result.ok, "\n".join(result.faults)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_traces_far_apart_become_the_same_conversation(folder: Path) -> None:
    """A process that sees the traces one by one, each long after the one before, tells the same truth."""
    result = score(load(folder), slowly=True)
    assert result.ok, "\n".join(result.faults)
