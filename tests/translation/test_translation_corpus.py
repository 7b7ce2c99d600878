"""Every recording of real frameworks, translated, against the truth written from its script."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.fidelity import CORPUS, load, score

FOLDERS = sorted(path.parent for path in CORPUS.glob("*/*/expected.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_recording_gives_exactly_its_conversations(folder: Path) -> None:
    """Messages, actions, tokens, ids: nothing missing, invented or twice."""
    result = score(load(folder))
    assert not result.faults
    assert result.ok
