"""The table of combinations in the README, made from the drivers and from what was recorded."""

from __future__ import annotations

import ast
import json
from pathlib import Path

CORPUS = Path(__file__).parent
START, END = "<!-- combinations -->\n", "<!-- /combinations -->\n"


def combinations() -> list[str]:
    """The names of all combinations, recorded or not."""
    return sorted(path.stem for path in (CORPUS / "record").glob("*.txt"))


def about(name: str) -> str:
    """The first sentence of a driver's docstring."""
    tree = ast.parse((CORPUS / "record" / f"{name}.py").read_text(encoding="utf-8"))
    return " ".join((ast.get_docstring(tree) or "").split("\n\n")[0].split()).rstrip(".")


def row(name: str) -> tuple[str, ...]:
    """What the table says of a combination."""
    folder = CORPUS / name
    path = folder / "versions.json"
    versions = json.loads(path.read_text()) if path.exists() else {}
    named = ", ".join(
        f"{package} {version}" for package, version in versions.items() if package != "opentelemetry-sdk"
    )
    recorded = sorted(folder.glob("*/spans.json"))
    spans = sum(len(json.loads(file.read_text(encoding="utf-8"))) for file in recorded)
    scenarios = ", ".join(file.parent.name for file in recorded) or "not recorded"
    return f"`{name}`", about(name), named, scenarios, str(spans)


def markdown() -> str:
    """The whole table."""
    rows = [("combination", "what", "versions", "scenarios", "spans"), *map(row, combinations())]
    lines = ["| " + " | ".join(cells) + " |" for cells in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines) + "\n"


def refresh_readme() -> None:
    """Write the table into the README beside this file."""
    readme = CORPUS / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    readme.write_text(before + START + markdown() + END + after, encoding="utf-8")
