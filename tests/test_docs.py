"""Every code block of the documentation runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import agentsight_otel
from agentsight_otel.config import Config
from agentsight_otel.testing import LocalServer

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)( [^\n]*)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[Any]:
    """Find the fenced blocks of a language; ``skip`` after the language leaves one out."""
    return [
        pytest.param(
            match[3], id=f"{page.relative_to(ROOT)}:{page.read_text()[: match.start()].count(chr(10)) + 1}"
        )
        for page in PAGES
        for match in BLOCK.finditer(page.read_text())
        if match[1] == language and "skip" not in (match[2] or "")
    ]


@pytest.mark.parametrize("code", blocks("python"))
def test_python_block_runs(code: str, server: LocalServer, tmp_path: Path) -> None:
    """A Python block runs in a new process against a local server."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **server.env()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_links_lead_somewhere() -> None:
    """Every relative link of the documentation names a file that exists."""
    pages = [*PAGES, *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_setting_is_documented() -> None:
    """The configuration page names each setting with its variable."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    missing = [
        name
        for name, field in Config.__dataclass_fields__.items()
        if f"`{name}`" not in text or field.metadata["env"] not in text
    ]
    assert missing == []


def test_site_builds_and_names_everything_public(tmp_path: Path) -> None:
    """The site builds without a warning, has every public name, and loads nothing from elsewhere."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    reference = "".join(page.read_text() for page in (tmp_path / "reference").rglob("*.html"))
    instances = {"__version__", "agentsight_api", "conversation_manager", "conversation_tracker"}
    assert [
        n
        for n in agentsight_otel.__all__
        if n not in instances and f'id="agentsight_otel.{n}"' not in reference
    ] == []
    pages = "".join(page.read_text() for page in tmp_path.rglob("*.html"))
    assert re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="?(?:https?:)?//[^" >]+', pages) == []
