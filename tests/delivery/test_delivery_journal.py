from __future__ import annotations

import os
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentsight_otel.enums import Durability
from agentsight_otel.journal import Journal, Kind, Ref
from agentsight_otel.journal.record import HEADER_SIZE, MAGIC, Damage, Record, pack, pack_ack, read_acks, scan

KEYS = [bytes([n]) * 24 for n in range(200)]


def records_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the intact records in *data*; every byte must be in a record or in damage."""
    found = list(scan(data))
    covered = sum(HEADER_SIZE + len(f.payload) if isinstance(f, Record) else f.length for f in found)
    assert covered == len(data)
    return [(f.key, f.payload) for f in found if isinstance(f, Record)]


def sample(count: int, size: int = 60) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
    """Make packed records and what they hold."""
    pairs = [(KEYS[n], bytes([n]) * size) for n in range(count)]
    return [pack(Kind.SPAN, key, payload, 1_790_000_000) for key, payload in pairs], pairs


def leave(folder: Path, count: int = 3, **settings_: object) -> list[Ref]:
    """Write records as a process does that then ends without acknowledging them."""
    journal = Journal(folder, **settings_)  # type: ignore[arg-type]  # settings of any kind
    refs = journal.append(Kind.SPAN, [(KEYS[n], b"payload %d" % n) for n in range(count)])
    assert refs is not None
    journal.close()
    return refs


def adopted(folder: Path) -> list[bytes]:
    """Adopt everything and return the payloads."""
    journal = Journal(folder)
    payloads = []
    for path in journal.orphans():
        taken = journal.adopt(path)
        payloads += [record.payload for record in taken.records] if taken else []
    journal.close()
    return payloads


def test_a_file_cut_at_every_byte_keeps_what_came_before() -> None:
    """Whatever the length a crash leaves, every whole record is read and nothing raises (D14)."""
    packed, pairs = sample(40)
    data = b"".join(packed)
    assert len(data) > 4096
    for cut in range(len(data) + 1):
        whole = cut // len(packed[0])
        assert records_of(data[:cut]) == pairs[:whole]


def test_a_flip_of_every_bit_costs_at_most_one_record() -> None:
    """Each single flipped bit of a 4 KB segment loses only the record it is in (D14)."""
    packed, pairs = sample(39)
    data = bytearray(b"".join(packed))
    size = len(packed[0])
    for position in range(len(data)):
        for bit in range(8):
            data[position] ^= 1 << bit
            hit = position // size
            assert records_of(bytes(data)) == pairs[:hit] + pairs[hit + 1 :]
            data[position] ^= 1 << bit


def damage_one(data: st.DataObject) -> None:
    """Insert, remove or overwrite bytes of one record; the others must be found."""
    packed, pairs = sample(12, data.draw(st.integers(0, 90)))
    hurt = data.draw(st.integers(0, 11))
    start = data.draw(st.integers(0, len(packed[hurt]) - 1))
    end = data.draw(st.integers(start + 1, len(packed[hurt])))
    junk = data.draw(st.binary(max_size=80) | st.just(MAGIC) | st.just(packed[0][: HEADER_SIZE - 1]))
    broken = packed[hurt][:start] + junk + packed[hurt][end:]
    found = records_of(b"".join([*packed[:hurt], broken, *packed[hurt + 1 :]]))
    assert [pair for pair in pairs if pair in found or pair == pairs[hurt]] == pairs


@settings(max_examples=300)
@given(st.data())
def test_any_damage_leaves_the_other_records(data: st.DataObject) -> None:
    """Bytes inserted, removed or overwritten anywhere: no exception, and untouched records survive (D14)."""
    damage_one(data)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None)
@given(st.data())
def test_ten_thousand_mutations(data: st.DataObject) -> None:
    """The same, 10,000 times (D14)."""
    damage_one(data)


@given(st.binary(max_size=400))
def test_junk_is_no_record(data: bytes) -> None:
    """Random bytes are damage as a whole."""
    assert list(scan(data)) == ([Damage(0, len(data))] if data else [])


def test_records_of_another_version_or_byte_order_are_damage() -> None:
    """A version this code does not know and a big-endian record are left alone, not misread (D17)."""
    known = pack(Kind.SPAN, KEYS[1], b"known", 1)
    future = bytearray(pack(Kind.SPAN, KEYS[2], b"future", 1))
    future[12] = 9
    foreign = MAGIC + struct.pack(">IIBBxxI", 1, 3, 1, 1, 1) + KEYS[3] + b"abc"
    assert records_of(bytes(future) + foreign + known) == [(KEYS[1], b"known")]


def test_records_of_another_version_or_byte_order_go_to_quarantine(tmp_path: Path) -> None:
    """Adopting them delivers what is known and keeps the rest aside (D17)."""
    leave(tmp_path, 2)
    (path,) = tmp_path.glob("*.seg")
    future = bytearray(pack(Kind.SPAN, KEYS[2], b"future", 1))
    future[12] = 9
    foreign = MAGIC + struct.pack(">IIBBxxI", 1, 3, 1, 1, 1) + KEYS[3] + b"abc"
    path.write_bytes(bytes(future) + path.read_bytes() + foreign)
    assert adopted(tmp_path) == [b"payload 0", b"payload 1"]
    aside = sorted(each.read_bytes() for each in (tmp_path / "quarantine").iterdir())
    assert aside == sorted([bytes(future), foreign])


def test_a_record_inside_a_payload_is_payload() -> None:
    """What looks like a record within an intact record is not taken for one."""
    inner = pack(Kind.SPAN, KEYS[1], b"inner", 1)
    outer = pack(Kind.SPAN, KEYS[2], b"<" + inner + b">", 1)
    assert records_of(outer) == [(KEYS[2], b"<" + inner + b">")]


def test_acks_survive_damage_one_by_one() -> None:
    """A torn or flipped acknowledgement says nothing; the others still count."""
    data = bytearray(b"".join(pack_ack(n * 100) for n in range(5)))
    data[9] ^= 4
    assert read_acks(bytes(data[:-3])) == {0, 200, 300}


def test_a_torn_acknowledgement_hides_none_that_follow(tmp_path: Path) -> None:
    """A full disk took half of an acknowledgement; the next ones of the same process count."""
    journal = Journal(tmp_path)
    refs = journal.append(Kind.SPAN, [(KEYS[n], b"payload %d" % n) for n in range(3)])
    assert refs is not None
    journal.ack([refs[0]])
    (acks,) = tmp_path.glob("*.ack")
    os.truncate(acks, acks.stat().st_size - 3)
    journal.ack([refs[1]])
    journal.close()
    assert adopted(tmp_path) == [b"payload 0", b"payload 2"]


def test_unacknowledged_records_are_adopted_once(tmp_path: Path) -> None:
    """Only records without an acknowledgement come back, in order; a done segment leaves no file."""
    journal = Journal(tmp_path)
    refs = journal.append(Kind.SPAN, [(KEYS[n], b"payload %d" % n) for n in range(4)])
    assert refs is not None
    journal.ack([refs[1], refs[3]])
    journal.close()
    heir = Journal(tmp_path)
    (path,) = heir.orphans()
    taken = heir.adopt(path)
    assert taken is not None
    assert [r.payload for r in taken.records] == [b"payload 0", b"payload 2"]
    heir.ack([Ref(taken.segment, record.offset) for record in taken.records])
    assert list(tmp_path.iterdir()) == []


def test_a_living_owner_keeps_its_segment(tmp_path: Path) -> None:
    """A leased segment cannot be adopted until its owner lets go."""
    owner, other = Journal(tmp_path), Journal(tmp_path)
    assert owner.append(Kind.SPAN, [(KEYS[0], b"mine")])
    (path,) = other.orphans()
    assert other.adopt(path) is None
    owner.close()
    taken = other.adopt(path)
    assert taken is not None
    assert [record.payload for record in taken.records] == [b"mine"]
    other.close()


def test_damage_goes_to_quarantine(tmp_path: Path) -> None:
    """Bytes that are no record are kept aside and the intact records delivered (D14)."""
    leave(tmp_path)
    (path,) = tmp_path.glob("*.seg")
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * 7 + data[100:])
    assert adopted(tmp_path) == [b"payload 0", b"payload 2"]
    quarantined = b"".join(p.read_bytes() for p in (tmp_path / "quarantine").iterdir())
    assert b"\xff" * 7 in quarantined


def test_folder_and_files_are_private(tmp_path: Path) -> None:
    """The folder is 0700 and each file 0600, whatever the umask."""
    folder = tmp_path / "spool" / "agent"
    journal = Journal(folder)
    refs = journal.append(Kind.SPAN, [(KEYS[0], b"a"), (KEYS[1], b"b")])
    assert refs is not None
    journal.ack(refs[:1])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 2
    journal.close()


def test_segments_rotate_and_go_when_acknowledged(tmp_path: Path) -> None:
    """A full segment is followed by another and unlinked when its last record is done."""
    journal = Journal(tmp_path, max_bytes=512 * 1024)
    refs: list[Ref] = []
    for n in range(100):
        refs += journal.append(Kind.SPAN, [(KEYS[n], bytes(4096))]) or []
    assert len(list(tmp_path.glob("*.seg"))) > 3
    assert [journal.read(ref, 4096) for ref in refs] == [bytes(4096)] * 100
    journal.ack(refs)
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_records_that_lie_together_are_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many are read at once, over several segments and in any order; a damaged or gone one costs no other."""
    journal = Journal(tmp_path, max_bytes=512 * 1024)
    payloads = [b"%d " % n * (200 + n) for n in range(200)]
    refs = [journal.append_one(Kind.SPAN, KEYS[n], payload) for n, payload in enumerate(payloads)]
    wanted = [(ref, len(payload)) for ref, payload in zip(refs, payloads, strict=True) if ref is not None]
    assert len({ref.segment for ref, _ in wanted}) > 2
    reads: list[int] = []
    real = os.pread
    monkeypatch.setattr(
        "agentsight_otel.journal.segment.os.pread",
        lambda fd, size, offset: (reads.append(size), real(fd, size, offset))[1],
    )
    assert journal.read_many(wanted) == payloads
    assert len(reads) == len({ref.segment for ref, _ in wanted})
    assert journal.read_many(wanted[::-1]) == payloads[::-1]
    assert journal.read_many(wanted[7:190:31]) == payloads[7:190:31]
    assert journal.read_many([]) == []
    ref, length = wanted[3]
    with ref.segment.path.open("r+b") as file:
        file.seek(ref.offset + HEADER_SIZE + length // 2)
        file.write(b"\xff")
    gone = wanted[-1][0].segment
    journal.discard(gone)
    left = [
        None if ref.segment is gone else payload for (ref, _), payload in zip(wanted, payloads, strict=True)
    ]
    left[3] = None
    assert journal.read_many(wanted) == left
    journal.close()


def test_a_full_journal_names_its_oldest_segments(tmp_path: Path) -> None:
    """Over the byte budget the oldest segments are to go, and no more of them than needed (D18)."""
    clock = [1000.0]
    journal = Journal(tmp_path, max_bytes=512 * 1024, clock=lambda: clock[0])
    for n in range(160):
        clock[0] += 1
        journal.append(Kind.SPAN, [(KEYS[n], bytes(4096))])
    assert journal.over_limit
    doomed = journal.evict()
    assert {reason for _, reason in doomed} == {"spool_full"}
    for path, _ in doomed:
        segment = journal.held(path)
        assert segment is not None
        journal.discard(segment)
    assert 512 * 1024 - 2 * 65536 <= journal.size <= 512 * 1024
    newest = max(path.stat().st_mtime_ns for path in tmp_path.glob("*.seg"))
    assert newest
    journal.close()


def test_an_old_segment_expires(tmp_path: Path) -> None:
    """A segment whose newest record is over the age is to go; a younger one stays (D18)."""
    clock = [1000.0]
    journal = Journal(tmp_path, max_age=60, monotonic=lambda: clock[0])
    journal.append(Kind.SPAN, [(KEYS[0], b"old")])
    clock[0] += 59
    assert journal.evict() == []
    clock[0] += 2
    assert [reason for _, reason in journal.evict()] == ["expired"]
    journal.close()


@pytest.mark.parametrize("wall", [-1e9, 0.0, 2.0**33])
def test_a_wall_clock_far_off_stops_no_record(tmp_path: Path, wall: float) -> None:
    """Before 1970 or after 2106, each way of writing gives records that can be read and are not old."""
    journal = Journal(tmp_path, max_age=60, clock=lambda: wall)
    refs = [journal.append_one(Kind.SPAN, KEYS[n], b"x") for n in range(2)]
    refs += journal.append(Kind.SPAN, [(KEYS[2], b"x")]) or []
    assert [ref and journal.read(ref, 1) for ref in refs] == [b"x"] * 3
    assert journal.evict() == []
    journal.close()


def test_a_removed_folder_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody removes the folder, the next record goes to a new one (D13)."""
    folder = tmp_path / "spool"
    monkeypatch.setattr("agentsight_otel.journal.store._CHECK_INTERVAL", 0.0)
    journal = Journal(folder)
    first = journal.append(Kind.SPAN, [(KEYS[0], b"first")])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    second = journal.append(Kind.SPAN, [(KEYS[1], b"second")])
    assert first is not None
    assert second is not None
    assert journal.read(first[0], 5) == b"first"
    journal.close()
    assert adopted(folder) == [b"second"]


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A symbolic link where the folder should be gets nothing written through it (D13)."""
    target = tmp_path / "elsewhere"
    target.mkdir()
    (tmp_path / "spool").symlink_to(target)
    journal = Journal(tmp_path / "spool")
    assert journal.append(Kind.SPAN, [(KEYS[0], b"x")]) is None
    assert not journal.durable
    assert list(target.iterdir()) == []


def test_memory_durability_touches_no_disk(tmp_path: Path) -> None:
    """With ``memory`` nothing is written."""
    journal = Journal(tmp_path / "spool", durability=Durability.MEMORY)
    assert journal.append(Kind.SPAN, [(KEYS[0], b"x")]) is None
    assert not (tmp_path / "spool").exists()


def test_power_durability_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``power`` each record is synced before the call returns, and callers share syncs."""
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(
        "agentsight_otel.journal.segment._fdatasync", lambda fd: (synced.append(fd), real(fd))
    )
    journal = Journal(tmp_path, durability=Durability.POWER)

    def work(worker: int) -> None:
        for n in range(25):
            refs = journal.append(Kind.SPAN, [(KEYS[worker], b"%d" % n)])
            assert refs is not None
            journal.sync(refs[0])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < len(synced) <= 100
    journal.close()
    assert len(adopted(tmp_path)) == 100


def test_nothing_is_written_without_a_place(tmp_path: Path) -> None:
    """Without a folder every append says so and nothing raises."""
    del tmp_path
    journal = Journal(None)
    assert journal.append(Kind.SPAN, [(KEYS[0], b"x")]) is None
    assert journal.orphans() == []
    journal.close()
