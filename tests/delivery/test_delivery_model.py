from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from delivery_helpers import turn
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from opentelemetry.sdk.trace import TracerProvider

from agentsight_otel.enums import Durability
from agentsight_otel.exporters.adoption import Adopter
from agentsight_otel.exporters.entries import Entry
from agentsight_otel.exporters.ledger import Ledger
from agentsight_otel.exporters.tickets import Ticket
from agentsight_otel.journal import Journal, Kind
from agentsight_otel.journal.record import HEADER_SIZE

SEGMENT = 4096
MEMORY = 2**30
TRACER = TracerProvider().get_tracer("model")


class Place(NamedTuple):
    """Where a record was written."""

    path: Path
    start: int
    end: int


class Process:
    """What of a process the disk sees: its journal, and the ledger that writes and acknowledges."""

    def __init__(self, folder: Path, durability: Durability) -> None:
        self.journal = Journal(folder, durability=durability)
        self.journal._segment_bytes = SEGMENT
        self.ledger = Ledger(self.journal, memory_max_bytes=MEMORY)
        self.adopter = Adopter(self.ledger, self.journal, "http://nowhere")
        self.in_hand: list[Entry] = []


class Disk:
    """Remembers what was synced, so that a power cut can take the rest."""

    def __init__(self, folder: Path, shadow: Path) -> None:
        self.folder = folder
        self._shadow = shadow
        self._synced: dict[int, int] = {}
        self._fdatasync = os.fdatasync

    def fdatasync(self, fd: int) -> None:
        """Sync for real, and note how far."""
        self._fdatasync(fd)
        state = os.fstat(fd)
        self._synced[state.st_ino] = state.st_size

    def remember(self) -> None:
        """Hold on to every segment, for a removal is not on disk before its folder is."""
        for path in self.folder.glob("*.seg"):
            if not (self._shadow / path.name).exists():
                os.link(path, self._shadow / path.name)

    def cut_power(self, data: st.DataObject, *, names_are_safe: bool) -> None:
        """Lose what a power cut may lose: unsynced bytes, new names, removals and acknowledgements."""
        for path in sorted(self._shadow.iterdir()):
            there = self.folder / path.name
            if not there.exists() and data.draw(st.booleans(), label=f"{path.name} comes back"):
                os.link(path, there)
        for path in sorted(self.folder.glob("*.seg")):
            state = path.stat()
            safe = self._synced.get(state.st_ino, 0)
            if not safe and not names_are_safe and data.draw(st.booleans(), label="the name is lost"):
                path.unlink()
                continue
            cut = data.draw(st.integers(safe, state.st_size), label="bytes left")
            os.truncate(path, cut)
            if data.draw(st.booleans(), label="the size is kept"):
                os.truncate(path, state.st_size)
        for path in sorted(self.folder.glob("*.ack")):
            os.truncate(path, data.draw(st.integers(0, path.stat().st_size), label="bytes of acks left"))


class JournalModel(RuleBasedStateMachine):
    """Processes that record, deliver, die and take over; and disks that forget and decay (D15)."""

    processes = Bundle("processes")

    @initialize(durability=st.sampled_from([Durability.PROCESS, Durability.POWER]))
    def begin(self, durability: Durability) -> None:
        """Make an empty folder."""
        self.root = Path(tempfile.mkdtemp(prefix="agentsight-model-"))
        (self.root / "spool").mkdir(mode=0o700)
        (self.root / "shadow").mkdir()
        self.disk = Disk(self.root / "spool", self.root / "shadow")
        patched = mock.patch("agentsight_otel.journal.segment._fdatasync", self.disk.fdatasync)
        patched.start()
        self.unpatch = patched.stop
        self.durability = durability
        self.running: list[Process] = []
        self.number = 0
        self.returned: dict[bytes, Place] = {}
        self.settled: set[bytes] = set()
        self.received: Counter[bytes] = Counter()
        self.may_be_lost: set[bytes] = set()
        self.may_repeat: set[bytes] = set()

    @rule(target=processes)
    def start(self) -> Process:
        """A process starts."""
        process = Process(self.disk.folder, self.durability)
        self.running.append(process)
        return process

    @rule(process=processes, count=st.integers(1, 5), size=st.integers(0, 2000))
    def submit(self, process: Process, count: int, size: int) -> None:
        """Spans are submitted together."""
        spans = [turn(self.number + n, text="x" * size) for n in range(count)]
        self.number += count
        entries = process.ledger.admit(Kind.SPAN, spans, Ticket(process.ledger.condition))
        process.ledger.enqueue(entries)
        self._note(entries)

    @rule(process=processes, size=st.integers(0, 2000))
    def end_span(self, process: Process, size: int) -> None:
        """A span of the SDK ends."""
        assert process.ledger.receive(finished(size), True)
        process.ledger.book()
        self._note([process.ledger._inbox[-1]])

    @rule(process=processes, most=st.integers(1, 8))
    def send(self, process: Process, most: int) -> None:
        """The sender takes records and the backend gets them, but no answer has come."""
        taken = [entry for entry, _ in process.ledger.take(most)]
        process.in_hand += taken
        for entry in taken:
            assert entry.key in self.returned, "what was adopted was never written"
            assert entry.key not in self.settled or entry.key in self.may_repeat, (
                "acknowledged, yet sent as new"
            )
            self.received[entry.key] += 1
            assert self.received[entry.key] == 1 or entry.key in self.may_repeat

    @rule(process=processes)
    def answer(self, process: Process) -> None:
        """The answer comes: what was sent is acknowledged."""
        process.ledger.deliver(process.in_hand)
        self.settled.update(entry.key for entry in process.in_hand)
        process.in_hand = []

    @rule(process=processes)
    def rotate(self, process: Process) -> None:
        """The segment in use is full."""
        with process.journal._lock:
            process.journal._seal()

    @rule(process=processes)
    def adopt(self, process: Process) -> None:
        """A process takes over what dead ones left."""
        process.adopter.run(0.0, at_once=True)

    @rule(process=consumes(processes))
    def kill(self, process: Process) -> None:
        """SIGKILL: every file stays as it is, and every lease ends."""
        self.may_repeat.update(entry.key for entry in process.in_hand)
        self._end(process)
        process.journal.abandon()

    @rule(process=consumes(processes))
    def shut_down(self, process: Process) -> None:
        """A process ends in order, with an answer outstanding."""
        self.may_repeat.update(entry.key for entry in process.in_hand)
        self._end(process)
        process.ledger.hand_over()
        process.journal.close()

    @precondition(lambda self: self.returned)
    @rule(data=st.data())
    def cut_power(self, data: st.DataObject) -> None:
        """The power goes, and every process with it."""
        for process in self.running:
            process.journal.abandon()
            self.may_repeat.update(entry.key for entry in process.in_hand)
            process.ledger = Ledger(process.journal, memory_max_bytes=MEMORY)  # it starts again
            process.adopter = Adopter(process.ledger, process.journal, "http://nowhere")
            process.in_hand = []
        self.may_repeat |= self.settled
        if self.durability is Durability.PROCESS:
            self.may_be_lost |= set(self.returned)
        self.disk.cut_power(data, names_are_safe=self.durability is Durability.POWER)

    @precondition(lambda self: self.returned)
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        """A range of a file that nobody holds is overwritten."""
        held = {path for process in self.running for path in process.journal._segments}
        files = [path for path in sorted(self.disk.folder.glob("*.seg")) if path not in held]
        files = [path for path in files if path.stat().st_size]
        if not files:
            return
        path = data.draw(st.sampled_from(files))
        start = data.draw(st.integers(0, path.stat().st_size - 1))
        junk = data.draw(st.binary(min_size=1, max_size=64))
        with path.open("r+b") as file:
            file.seek(start)
            file.write(junk)
        for key, place in self.returned.items():
            if place.path == path and place.start < start + len(junk) and start < place.end:
                self.may_be_lost.add(key)

    @precondition(lambda self: self.settled)
    @rule(data=st.data())
    def damage_acks(self, data: st.DataObject) -> None:
        """Acknowledgements are overwritten: their records come again, and no others are taken for done."""
        files = [path for path in sorted(self.disk.folder.glob("*.ack")) if path.stat().st_size]
        if files:
            path = data.draw(st.sampled_from(files))
            with path.open("r+b") as file:
                file.seek(data.draw(st.integers(0, path.stat().st_size - 1)))
                file.write(data.draw(st.binary(min_size=1, max_size=8)))
            self.may_repeat |= self.settled

    @invariant()
    def counts_agree(self) -> None:
        """Emitted is what became of it, in every process."""
        for process in getattr(self, "running", ()):
            assert process.ledger.stats().balanced
        if hasattr(self, "disk"):
            self.disk.remember()

    def teardown(self) -> None:
        """Kill what runs, start one more process, deliver everything, and compare."""
        if not hasattr(self, "disk"):
            return
        try:
            for process in tuple(self.running):
                self.kill(process)
            last = self.start()
            self.adopt(last)
            while last.ledger.waiting:
                self.send(last, 100)
                self.answer(last)
            missing = set(self.returned) - set(self.received) - self.may_be_lost
            assert not missing, "returned, and lost"
            stats = last.ledger.stats()
            assert stats.balanced
            assert stats.emitted == stats.delivered + sum(stats.dropped.values())
            assert not list(self.disk.folder.glob("*.seg"))
            last.journal.close()
        finally:
            self.unpatch()
            for process in self.running:
                process.journal.abandon()
            shutil.rmtree(self.root)

    def _note(self, entries: list[Entry]) -> None:
        for entry in entries:
            assert entry.ref is not None
            start = entry.ref.offset
            end = start + HEADER_SIZE + entry.size
            self.returned[entry.key] = Place(entry.ref.segment.path, start, end)

    def _end(self, process: Process) -> None:
        self.running.remove(process)


def finished(size: int) -> Any:
    """Make a finished span of the SDK."""
    span: Any = TRACER.start_span("turn", attributes={"agentsight.span.kind": "turn", "text": "x" * size})
    span.end()
    return span._readable_span()


def run(examples: int, steps: int) -> None:
    """Run the model so many times."""
    run_state_machine_as_test(
        JournalModel,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_journal_keeps_its_promises() -> None:
    """Whatever dies and in whatever order: nothing returned is lost, nothing acknowledged is sent as new."""
    run(250, 30)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_journal_keeps_its_promises_at_length() -> None:
    """The same, 5,000 times (D15)."""
    run(5000, 50)
