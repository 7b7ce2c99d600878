"""What the documentation says is so: its blocks run, its commands exist, and nothing is left out."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import agentsight_otel
from agentsight_otel import AgentSightAPI, cli
from agentsight_otel.config import Config
from agentsight_otel.exporters import spool
from agentsight_otel.testing import LocalServer

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTES = [ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
COMMAND = re.compile(r"^\$ agentsight-otel (.+)$", re.MULTILINE)
TARGET = re.compile(r"(?:`|^\$ )make ([a-z-]+)", re.MULTILINE)
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


SPAN = """
from opentelemetry import trace

attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.conversation.id": "declared-1",
    "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]',
}
with trace.get_tracer("my.agent").start_as_current_span("chat", attributes=attributes):
    pass
trace.get_tracer_provider().shutdown()
"""


def test_configuration_file_works(server: LocalServer, tmp_path: Path) -> None:
    """An OpenTelemetry configuration file of a page, as it stands, makes an application deliver."""
    [file] = [block.values[0] for block in blocks("yaml") if "tracer_provider:" in block.values[0]]
    (tmp_path / "otel.yaml").write_text(file)
    environ = {**os.environ, **server.env(), "OTEL_CONFIG_FILE": str(tmp_path / "otel.yaml")}
    program = Path(sys.executable).with_name("opentelemetry-instrument")
    command = [program, sys.executable, "-c", SPAN]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    config = Config.resolve(api_key=server.api_key, endpoint=server.url)
    if spool.status(config).waiting:  # where the answer was slow, the next process sends it
        assert spool.drain(config, 60)
    found = AgentSightAPI(server.api_key, server.url).fetch_conversation("declared-1")
    assert (found["environment"], found["messages"][0]["content"]) == ("development", "Hi")


def test_collector_configurations_are_what_is_tested() -> None:
    """The exporter that a page shows is that of `minimal.yaml`, with which the gateway's tests send."""
    folder = ROOT / "collector-config"
    [tested] = yaml.safe_load((folder / "minimal.yaml").read_text())["exporters"].items()
    shown = [match[3] for match in BLOCK.finditer((folder / "README.md").read_text()) if match[1] == "yaml"]
    shown += [block.values[0] for block in blocks("yaml") if "exporters:" in block.values[0]]
    assert len(shown) == 2
    for text in shown:
        [(name, exporter)] = yaml.safe_load(text)["exporters"].items()
        assert (name, exporter["headers"]) == (tested[0], tested[1]["headers"])
        assert tested[1]["endpoint"].endswith(f":-{exporter['endpoint']}}}")


def test_links_lead_somewhere() -> None:
    """Every relative link of the documentation names a file that exists."""
    broken = [
        f"{page.name}: {target}"
        for page in [*PAGES, *NOTES]
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_pictures_are_shown() -> None:
    """Every picture that a page shows exists, and none lies there unused."""
    shown = {
        name for page in PAGES for name in re.findall(r'(?:src|srcset)="images/([^"]+)"', page.read_text())
    }
    assert sorted(shown) == sorted(path.name for path in (ROOT / "docs" / "images").iterdir())


@pytest.mark.parametrize(
    "command", sorted({line for page in PAGES for line in COMMAND.findall(page.read_text())})
)
def test_commands_exist(command: str) -> None:
    """A command line of the documentation is one that the parser takes."""
    cli.parser().parse_args(shlex.split(command))


def test_readme_names_every_command() -> None:
    """The table of commands has each, in the order of ``--help``."""
    known = re.findall(r"^    (\w+) ", cli.parser().format_help().partition("commands:")[2], re.MULTILINE)
    table = (ROOT / "README.md").read_text().partition("## Commands")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert [name for row in rows[1:] for name in re.findall(r"`(\w+)`", row)] == known


@pytest.mark.parametrize(("command", "page"), [("serve", "operating"), ("gateway", "tutorial-collector")])
def test_options_are_documented(command: str, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The page about a service has each of its options."""
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    text = (ROOT / "docs" / f"{page}.md").read_text()
    assert "--port" in options
    assert [option for option in sorted(options) if f"`{option}" not in text] == []


def test_make_targets_exist() -> None:
    """Each target that the documentation names is one of the Makefile's."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in [*PAGES, *NOTES] for name in TARGET.findall(page.read_text())}
    assert named <= targets
    assert {"demo", "test", "bench"} <= named


def test_contributing_names_every_benchmark() -> None:
    """The table of benchmarks has each."""
    folder = ROOT / "benchmarks"
    [helpers] = re.findall(r"^HELPERS = ({.*})", (folder / "__main__.py").read_text(), re.MULTILINE)
    scripts = {path.stem for path in folder.glob("*.py")} - ast.literal_eval(helpers)
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("| Benchmark |")[2].partition("\n\n")[0]
    named = [name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.partition(" | ")[0])]
    assert sorted(named) == sorted(scripts)


def test_architecture_names_every_room() -> None:
    """The table of rooms has every module and package at the top."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    folder = ROOT / "agentsight_otel"
    rooms = {path.stem for path in folder.iterdir() if path.suffix in {"", ".py"} and path.name[0] != "_"}
    assert [room for room in sorted(rooms) if f"`{room}`" not in text] == []


def test_every_setting_is_documented() -> None:
    """The configuration page names each setting with its variable."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    missing = [
        name
        for name, field in Config.__dataclass_fields__.items()
        if f"`{name}`" not in text or field.metadata["env"] not in text
    ]
    assert missing == []


def test_variables_exist() -> None:
    """Each variable of ours that the documentation names is read somewhere."""
    folders = ("agentsight_otel", "tests", "benchmarks")
    code = "".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py"))
    pages = {*PAGES, *NOTES} - {ROOT / "docs" / "migrating.md"}  # which has those of other SDKs
    named = {name for page in pages for name in re.findall(r"AGENTSIGHT_[A-Z_]+", page.read_text())}
    assert "AGENTSIGHT_API_KEY" in named
    assert [name for name in sorted(named) if f'"{name}"' not in code] == []


def test_site_builds_and_names_everything_public(tmp_path: Path) -> None:
    """The site builds without a warning, has every public name, and loads nothing from elsewhere."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
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
