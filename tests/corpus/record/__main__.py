"""Record the corpus again: ``python -m tests.corpus.record [--latest] [combination …]``.

Every combination is a driver with its requirements beside it. Each set of requirements becomes an environment
in a cache directory outside the tree (``CORPUS_CACHE``, by default below the user's cache), made with uv from
the package index; those for Node become a ``node_modules`` there. A recording replaces the old one only when
it succeeded. The exit status is 1 when something could not be recorded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.corpus.table import combinations, refresh_readme

HERE = Path(__file__).parent
CORPUS = HERE.parent
TOOLS = CORPUS.parent / "tools"
CACHE = Path(os.environ.get("CORPUS_CACHE") or Path.home() / ".cache" / "agentsight-otel-corpus")

QUIET = {
    "AGNO_TELEMETRY": "false",
    "ANONYMIZED_TELEMETRY": "False",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "TRACELOOP_TELEMETRY": "false",
}
"""What keeps the frameworks from calling home: nothing here talks to anything but the loopback interface."""


class InstallError(Exception):
    """An environment could not be made."""


@dataclass(frozen=True)
class Combination:
    """One driver and what it needs.

    Attributes:
        name: Of the driver and of its folder in the corpus.
        latest: Ignore the pins; under Node stay within the major version.
    """

    name: str
    latest: bool = False

    @property
    def requirements(self) -> list[str]:
        """The lines of its requirements file; ``-r other.txt`` alone borrows another's.

        A line that says ``# keep`` names an old version on purpose.
        """
        lines = (HERE / f"{self.name}.txt").read_text().split("\n")
        if lines[0].startswith("-r "):
            lines = (HERE / lines[0].removeprefix("-r ")).read_text().split("\n")
        wanted = [(line.split("#")[0].strip(), "# keep" in line) for line in lines if line]
        return [line if kept or not self.latest else line.split("==")[0] for line, kept in wanted]

    @property
    def package_json(self) -> str:
        """What it needs under Node, empty when it does not run there."""
        path = HERE / f"{self.name}.package.json"
        text = path.read_text() if path.exists() else ""
        return re.sub(r'": "(?=\d)', '": "^', text) if self.latest else text


def run(command: list[str | Path], **options: object) -> None:
    """Run *command*; raises InstallError with the end of what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, **options)  # type: ignore[call-overload] # options are cwd and env
    if done.returncode:
        raise InstallError((done.stderr or done.stdout).strip()[-600:])


def uv() -> Path:
    """The installer, itself installed in the cache."""
    home = CACHE / "uv"
    program = home / "bin" / "uv"
    if not program.exists():
        venv.create(home, with_pip=True)
        run([home / "bin" / "pip", "install", "-q", "uv"])
    return program


def python_for(combination: Combination) -> Path:
    """The interpreter of the combination's environment, made when it is not there yet."""
    key = hashlib.sha256("\n".join(combination.requirements).encode()).hexdigest()[:16]
    home = CACHE / f"python-{key}"
    done = home / "installed"
    if not done.exists() or combination.latest:
        run([uv(), "venv", "-q", "--clear", "--python", sys.executable, home])
        run([uv(), "pip", "install", "-q", "--python", home / "bin" / "python", *combination.requirements])
        done.touch()
    return home / "bin" / "python"


def node_for(combination: Combination) -> Path | None:
    """The directory with the combination's ``node_modules``, None when it needs none."""
    text = combination.package_json
    if not text:
        return None
    home = CACHE / f"node-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not (home / "installed").exists() or combination.latest:
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text(text)
        run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=home)
        (home / "installed").touch()
    return home


def versions(python: Path, node: Path | None, combination: Combination) -> dict[str, str]:
    """The versions of what the combination names, as installed."""
    listed = subprocess.run(
        [uv(), "pip", "list", "-q", "--format", "json", "--python", python],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    installed = {item["name"].lower(): item["version"] for item in json.loads(listed.stdout)}
    named = [re.split(r"[\[=<>]", line)[0].lower() for line in combination.requirements]
    found = {name: installed[name] for name in named if name in installed}
    if node:
        for name in json.loads(combination.package_json)["dependencies"]:
            about = json.loads((node / "node_modules" / name / "package.json").read_text())
            found[name] = about["version"]
    return dict(sorted(found.items()))


def record(combination: Combination) -> str:
    """Record one combination; returns what could not be recorded, empty when all could."""
    try:
        python, node = python_for(combination), node_for(combination)
    except (InstallError, OSError) as error:
        return f"not installed: {error}"
    out = CACHE / "out" / combination.name
    shutil.rmtree(out, ignore_errors=True)
    paths = os.pathsep.join(map(str, (HERE, CORPUS, TOOLS)))
    env = os.environ | QUIET | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    if node:
        env["CORPUS_NODE_DIR"] = str(node)
    done = subprocess.run(
        [python, HERE / f"{combination.name}.py", "--out", out],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    keep(out, combination, versions(python, node, combination), complete=done.returncode == 0)
    faults = [line for line in done.stdout.splitlines() if "NOT RECORDED" in line]
    if done.returncode and not faults:
        faults = [done.stderr.strip()[-600:]]
    return "\n  ".join(faults)


def keep(out: Path, combination: Combination, found: dict[str, str], *, complete: bool) -> None:
    """Move what was recorded to its place; old scenarios go only when everything was recorded."""
    target = CORPUS / combination.name
    fresh = sorted(path.parent.name for path in out.glob("*/expected.json"))
    if not fresh:
        return
    for old in target.glob("*/expected.json"):
        if complete or old.parent.name in fresh:
            shutil.rmtree(old.parent)
    for name in fresh:
        shutil.copytree(out / name, target / name)
    (target / "versions.json").write_text(json.dumps(found, indent=1) + "\n")


def main() -> int:
    """Record what the command line names, or everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("combinations", nargs="*")
    parser.add_argument("--latest", action="store_true", help="ignore the pins: record today's packages")
    arguments = parser.parse_args()
    names = arguments.combinations or combinations()
    missing = []
    for name in names:
        fault = record(Combination(name, arguments.latest))
        count = len(list((CORPUS / name).glob("*/expected.json")))
        print(
            f"{name}: {count} scenarios recorded" if not fault else f"{name}: NOT RECORDED\n  {fault}",
            flush=True,
        )
        if fault:
            missing.append(name)
    refresh_readme()
    print(f"{len(names) - len(missing)} of {len(names)} combinations recorded")
    if missing:
        print("not or not wholly recorded: " + ", ".join(missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
