"""Bring the pages that live outside docs/ into the site, and lead the links between them right."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "collector-config/README.md": "collector-config.md",
}
"""Where each page of the repository is in the site; README's part is played by the index."""
LINK = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    for source, target in OUTSIDE.items():
        if files.get_file_from_path(target) is None:
            text = (ROOT / source).read_text(encoding="utf-8")
            files.append(File.generated(config, target, content=_lead(text, source, target)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links of a page of docs/ to where the others are in the site."""
    name = page.file.src_uri
    return markdown if page.file.generated_by else _lead(markdown, f"docs/{name}", name)


def _lead(markdown: str, source: str, target: str) -> str:
    def led(link: re.Match[str]) -> str:
        name = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[2]))
        inside = OUTSIDE.get(name, name.removeprefix("docs/"))
        return link[1] + posixpath.relpath(inside, posixpath.dirname(target) or ".")

    return LINK.sub(led, markdown)
