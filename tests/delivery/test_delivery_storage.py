"""A disk that fails now and then: no record is lost for it, sent for ever or kept twice."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from delivery_helpers import INGEST, run_script, texts, turns
from test_delivery_interrupted import spans

from agentsight_otel.config import Config
from agentsight_otel.exporters import spool
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.journal import Journal, Kind, Segment, segment
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]
STALE = OSError(errno.ESTALE, os.strerror(errno.ESTALE))


def failing(function: Callable[..., Any], times: int) -> Callable[..., Any]:
    """Return a function that fails as a file in a network does, so many times."""
    left = [None] * times

    def fail(*given: Any, **named: Any) -> Any:
        if left:
            left.pop()
            raise STALE
        return function(*given, **named)

    return fail


def test_a_file_whose_age_cannot_be_told(
    server: LocalServer, make_delivery: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It counts as the oldest; looking after the folder goes on, and everything is delivered."""
    journal = Journal(tmp_path, max_bytes=1)
    journal.append(Kind.SPAN, [(bytes(24), b"record")])
    monkeypatch.setattr(os, "fstat", failing(os.fstat, 1_000_000))
    assert journal.evict() == []
    delivery = make_delivery(server)
    delivery.submit(turns(50))
    assert delivery.flush(60).ok
    monkeypatch.undo()
    assert len(texts(server)) == 50
    journal.close()


def test_a_file_that_cannot_be_looked_at_when_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither left behind nor left open, where nobody could adopt it."""
    monkeypatch.setattr(os, "fstat", failing(os.fstat, 1))
    with pytest.raises(OSError, match="Stale"):
        Segment.create(tmp_path, "one")
    assert list(tmp_path.iterdir()) == []


def test_reading_that_fails_once(
    server: LocalServer, make_delivery: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again at once: what is on disk is not given up for one error."""
    server.faults.respond(503, times=1, path=INGEST, retry_after=1)
    delivery = make_delivery(server)
    for span in spans(50):
        delivery.receive(span)
    monkeypatch.setattr(segment, "_pread", failing(segment._pread, 2))
    assert delivery.flush(60).ok
    assert (delivery.stats().delivered, dict(delivery.stats().dropped)) == (50, {})


def test_a_folder_that_cannot_be_written_any_more(server: LocalServer, tmp_path: Path) -> None:
    """A file that cannot be unlinked is emptied: its records are not found there and sent again."""
    done = run_script(FOLDER_CLOSED, env={**server.env(), "AGENTSIGHT_SPOOL_DIR": str(tmp_path / "spool")})
    assert done.returncode == 0, done.stderr
    assert sum(request.path == INGEST for request in server.requests) == 1


FOLDER_CLOSED = """
import os, pathlib
from delivery_helpers import turns
from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery

delivery = Delivery(Config.resolve())
server_down = delivery.keep(b"an item")  # makes the folder, and the file
unlink, open_file, refused = os.unlink, os.open, []

def in_closed_folder(path):
    return delivery.folder in pathlib.Path(path).parents

def refuse(path):
    refused.append(path)
    raise PermissionError(13, "Permission denied", str(path))

# Root, who runs some of the tests, may write into every folder.
os.unlink = lambda path, **named: refuse(path) if in_closed_folder(path) else unlink(path, **named)
os.open = lambda path, flags, *mode, **named: (
    refuse(path) if flags & os.O_CREAT and in_closed_folder(path) and not os.path.exists(path)
    else open_file(path, flags, *mode, **named)
)
delivery.submit(turns(20))
delivery.release([server_down])
assert delivery.flush(60).ok
delivery.shutdown(5)
assert refused
heir = Delivery(Config.resolve())
assert heir.flush(60).ok
assert heir.stats().emitted == 0, heir.stats()
heir.shutdown(5)
"""


def dead_letters(server: LocalServer, make_delivery: Make, count: int) -> Config:
    """Deliver turns, and make dead letters of the next."""
    config = Config.resolve(api_key=server.api_key, endpoint=server.url)
    delivery = make_delivery(server)
    delivery.submit(turns(10 - count, conversations=1))
    assert delivery.flush(60).ok
    server.faults.poison("message")
    delivery.submit(turns(count, conversations=1, first=10 - count))
    assert delivery.flush(60).ok
    delivery.shutdown(5)
    server.faults.clear()
    assert spool.status(config).dead == count
    return config


def test_requeueing_onto_a_full_disk(
    server: LocalServer, make_delivery: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When not every letter can be put back, none is; and none is kept twice."""
    config = dead_letters(server, make_delivery, 2)
    append, calls = Segment.append, [0]

    def second_fails(file: Segment, *given: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return append(file, *given)

    monkeypatch.setattr(Segment, "append", second_fails)
    assert spool.requeue(config) == 0
    assert (spool.status(config).dead, spool.status(config).waiting) == (2, {})
    monkeypatch.undo()
    assert spool.requeue(config) == 2
    assert spool.drain(config, 60).ok
    assert len(texts(server, 1)) == 10


def test_requeueing_when_the_letters_cannot_be_rewritten(server: LocalServer, make_delivery: Make) -> None:
    """They stay dead letters, and nothing of them waits."""
    config = dead_letters(server, make_delivery, 1)
    folder = spool.status(config).folder
    assert folder is not None
    (folder / "dead.new").mkdir()
    with pytest.raises(OSError, match=r"dead\.new"):
        spool.requeue(config)
    assert (spool.status(config).dead, spool.status(config).waiting) == (1, {})


KILLED = """
import os, pathlib, sys
from agentsight_otel.config import Config
from agentsight_otel.exporters import spool

pathlib.Path.replace = lambda *_: os._exit(9)
spool.requeue(Config.resolve())
"""


def test_a_requeue_that_is_killed(server: LocalServer, make_delivery: Make) -> None:
    """In the worst moment a letter is in both places; sending it twice changes nothing, and none is lost."""
    config = dead_letters(server, make_delivery, 1)
    assert run_script(KILLED, env=server.env()).returncode == 9
    assert (spool.status(config).dead, spool.status(config).waiting) == (1, {"span": 1})
    assert spool.drain(config, 60).ok
    assert spool.requeue(config) == 1
    assert spool.drain(config, 60).ok
    assert len(texts(server, 1)) == 10
