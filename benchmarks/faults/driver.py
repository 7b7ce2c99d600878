"""A driver's process, watched."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from benchmarks.faults import subjects
from benchmarks.faults.subjects import Subject

_POLL = 0.01


class Driver:
    """A driver's process.

    Args:
        subject: Whose.
        scratch: Folder with its home and its output.
        limit: Seconds it may take.
        *arguments: For the command line.

    Attributes:
        stages: What it has said, by stage.
        rss: Its largest memory in MB, once it has ended.
        cpu: Seconds of processor time it took, once it has ended.
        code: Its exit code, once it has ended.
        ended: When it ended, monotonic.
        late: Whether it was killed because its time was up.
    """

    def __init__(self, subject: Subject, scratch: Path, limit: float, *arguments: str) -> None:
        self._deadline = time.monotonic() + limit
        self.stages: dict[str, dict[str, Any]] = {}
        self.rss = 0.0
        self.cpu = 0.0
        self.code: int | None = None
        self.ended = 0.0
        self.late = False
        mine, theirs = os.pipe()
        with (scratch / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [subject.python, str(subject.driver), *arguments],
                env={**subjects.environment(subject, scratch), "FAULTS_REPORT": str(theirs)},
                pass_fds=[theirs],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=scratch,
                start_new_session=True,
            )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, args=[os.fdopen(mine)], daemon=True)
        self._reader.start()

    def wait_for(self, condition: Callable[[], bool], seconds: float = 3600.0) -> bool:
        """Wait for a condition, the end of the process, or the time; return whether the condition came."""
        until = min(time.monotonic() + seconds, self._deadline)
        while not condition():
            if self._has_ended() or time.monotonic() > until:
                return condition()
            time.sleep(_POLL)
        return True

    def reached(self, stage: str) -> bool:
        """Return whether the driver has come so far."""
        return stage in self.stages

    def at(self, stage: str) -> float | None:
        """Return when the driver came so far, monotonic."""
        return self.stages[stage]["at"] if stage in self.stages else None

    def release(self) -> None:
        """Let a lingering driver go on."""
        assert self._process.stdin
        if not self._has_ended():
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()

    def finish(self) -> None:
        """Wait for the end; kill the process and its children when its time is up."""
        self.late = not self.wait_for(self._has_ended)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the process, and to children that it left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        while not self._has_ended():
            time.sleep(_POLL)
        self._reader.join(5)
        assert self._process.stdin
        self._process.stdin.close()

    def _has_ended(self) -> bool:
        if self.code is None:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self.ended = time.monotonic()
                self.rss = usage.ru_maxrss / 1024
                self.cpu = usage.ru_utime + usage.ru_stime
                self.code = self._process.returncode = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def _read(self, report: TextIOWrapper) -> None:
        with report:
            for line in report:
                said = json.loads(line)
                self.stages[said["stage"]] = said
