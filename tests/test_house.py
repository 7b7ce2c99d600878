"""The house rules, checked as tests."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "agentsight_otel"
MODULES = sorted(PACKAGE.rglob("*.py"))
BROAD = re.compile(r"except\s*(\(?\s*(Base)?Exception\b|:)")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment from the project's root."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=170
    )


def test_modules_stay_small() -> None:
    """No module is over 400 lines; half are at most 150."""
    sizes = {path: path.read_text().count("\n") for path in MODULES}
    assert {str(p): n for p, n in sizes.items() if n > 400} == {}
    assert statistics.median(sizes.values()) <= 150


def test_functions_stay_short() -> None:
    """95 of 100 functions have at most 40 lines, and none has more than 60."""
    lengths = sorted(
        node.end_lineno - node.lineno + 1
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    )
    assert lengths[int(len(lengths) * 0.95)] <= 40
    assert lengths[-1] <= 60


def test_one_broad_except_for_a_thousand_lines() -> None:
    """Only the guard catches everything, and what calls a function that the user handed in."""
    broad = {path.relative_to(PACKAGE).as_posix() for path in MODULES if BROAD.search(path.read_text())}
    assert broad == {"guard.py"}
    hidden = {
        path.relative_to(PACKAGE).as_posix() for path in MODULES if "suppress(Exception)" in path.read_text()
    }
    assert hidden == {"translation/masking.py"}


def test_import_rules_hold() -> None:
    """Each room imports only what it may."""
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert result.returncode == 0, result.stdout[-3000:]


@pytest.mark.parametrize("command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)])
def test_the_tree_is_clean(command: tuple[str, ...]) -> None:
    """Style, format and types have nothing to say."""
    result = run(*command)
    assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]


def test_importing_costs_nothing_but_time() -> None:
    """Importing the package starts no thread, opens no file or socket and reads no key."""
    script = (
        "import sys, threading\n"
        "import opentelemetry.sdk.trace, opentelemetry.sdk.trace.export\n"
        "opened = []\n"
        "def watch(event, args):\n"
        "    if event in ('socket.__new__', 'socket.connect'):\n"
        "        opened.append(event)\n"
        "    if event == 'open' and not str(args[0]).endswith(('.py', '.pyc', '.so')):\n"
        "        opened.append(str(args[0]))\n"
        "sys.addaudithook(watch)\n"
        "import agentsight_otel\n"
        "from agentsight_otel import conversation_tracker, conversation_manager, agentsight_api\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "print([name for name in opened if 'site-packages' not in name and '.dist-info' not in name])\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"
