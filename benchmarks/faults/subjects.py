"""Who is measured: ourselves, and every peer in a virtual environment of its own."""

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from agentsight_otel._version import __version__
from benchmarks.peers import CACHE, ROOT

DRIVERS = Path(__file__).with_name("drivers")
OURS = ("ours", "tracker")
"""The live API and the tracker."""

TITLES = {"ours": "agentsight-otel", "tracker": "its tracker"}


@dataclass(frozen=True)
class Subject:
    """One column.

    Attributes:
        name: For the command line; its driver is ``drivers/<name>_driver.py``.
        version: Of the package.
        requirements: What pip installs, each pinned; none for ourselves.
        environ: Variables of its driver.
    """

    name: str
    version: str
    requirements: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """The head of its column."""
        return f"{TITLES.get(self.name, self.name)} {self.version}"

    @property
    def driver(self) -> Path:
        """The script that uses the SDK."""
        return DRIVERS / f"{self.name}_driver.py"

    @property
    def home(self) -> Path:
        """The virtual environment."""
        return CACHE / f"{self.name}-{self.version}"

    @property
    def python(self) -> str:
        """The interpreter of its driver."""
        return str(self.home / "bin" / "python") if self.requirements else sys.executable


QUIET_OPIK = (("OPIK_ANALYTICS_ENABLE", "false"), ("OPIK_SENTRY_ENABLE", "false"))

SUBJECTS = [
    *(Subject(name, __version__) for name in OURS),
    Subject("agentsight", "0.1.4", ("agentsight==0.1.4",)),
    Subject(
        "opentelemetry",
        "1.45.2",
        ("opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"),
    ),
    Subject("langfuse", "5.0.4", ("langfuse==5.0.4",)),
    Subject("logfire", "5.2.0", ("logfire==5.2.0",)),
    Subject("opik", "2.2.122", ("opik==2.2.122",), QUIET_OPIK),
    Subject("posthog", "7.91.1", ("posthog==7.91.1",)),
    Subject("segment", "2.4.0", ("segment-analytics-python==2.4.0",)),
    Subject("sentry", "2.75.0", ("sentry-sdk==2.75.0",)),
]

BY_NAME = {subject.name: subject for subject in SUBJECTS}


def install(subject: Subject) -> None:
    """Make a subject's environment, if it is not there."""
    ready = subject.home / ".ready"
    if not subject.requirements or ready.exists():
        return
    print(f"installing {subject.label} into {subject.home}", file=sys.stderr, flush=True)
    venv.create(subject.home, with_pip=True)
    uv = shutil.which("uv")
    pip = (
        [uv, "pip", "install", "--python", subject.python] if uv else [subject.python, "-m", "pip", "install"]
    )
    subprocess.run([*pip, "--quiet", *subject.requirements], check=True)
    ready.touch()


def environment(subject: Subject, scratch: Path) -> dict[str, str]:
    """Return the variables of a driver: its own home and folders, and nothing of ours."""
    folders = {name: scratch / name for name in ("home", "tmp", "spool")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    ours = {"PYTHONPATH": str(ROOT)} if subject.name in OURS else {}
    return {
        **ours,
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folders["home"]),
        "TMPDIR": str(folders["tmp"]),
        "AGENTSIGHT_SPOOL_DIR": str(folders["spool"]),
        **dict(subject.environ),
    }
