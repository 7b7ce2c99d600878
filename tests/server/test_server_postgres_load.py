"""Several server processes on one database under many writers: nothing fails, is lost or comes twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from server_api import block, span, turn
from sqlalchemy import select, text

from agentsight_otel.server.store import Store
from agentsight_otel.server.store.filters import ConversationFilter, conditions
from agentsight_otel.server.store.tables import conversations

KEY = "ags_" + "c" * 32 + "_" + "c" * 6
WRITERS = 16
ROUNDS = 3 if os.environ.get("AGENTSIGHT_SOAK") != "1" else 60


@contextmanager
def serving(db: str) -> Iterator[str]:
    """Run `agentsight-otel serve` and yield its address."""
    command = [sys.executable, "-m", "agentsight_otel", "serve", "--port", "0", "--db", db, "--api-key", KEY]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield next(line for line in process.stdout if line.startswith("AgentSight, local:")).split()[-1]
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


def load(urls: list[str]) -> Counter[str]:
    """Write from many threads to all servers, each request to two of them, while others read."""
    answers: Counter[str] = Counter()
    done = threading.Event()

    def call(method: str, url: str, body: object = None) -> None:
        headers = {"Authorization": f"Api-Key {KEY}"}
        answer = requests.request(method, url, json=body, headers=headers, timeout=60)
        answers[f"{answer.status_code} {answer.text[:200] if answer.status_code > 201 else ''}"] += 1

    def write(writer: int) -> None:
        for place in range(ROUNDS):
            number = 1 + writer * ROUNDS + place
            made = turn(number, number, (number, "end_user", f"{writer}-{place}"), (number, "agent", "yes"))
            name, turn_id = f"tool-{number % 5}", f"{number:016x}"
            tool = span(100_000 + number, "tool", number, tool__name=name, turn__id=turn_id)
            body = {"conversations": [block(made, tool), block(made, conversation_id=f"own-{writer}")]}
            for shift in range(2):
                call("POST", urls[(writer + place + shift) % len(urls)] + "/api/ingest/", body)

    def read() -> None:
        while not done.wait(0.05):
            for url in urls:
                call("GET", f"{url}/api/conversations/?full=false&search=yes")

    with ThreadPoolExecutor(WRITERS + 2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [pool.submit(write, writer) for writer in range(WRITERS)]
        for writer in writers:
            writer.result()
        done.set()
        for reader in readers:
            reader.result()
    return answers


def check(url: str) -> None:
    """Every span and message is there once."""
    headers = {"Authorization": f"Api-Key {KEY}"}

    def get(path: str) -> Any:
        answer = requests.get(url + path, headers=headers, timeout=60)
        assert answer.status_code == 200
        return answer.json()

    total = WRITERS * ROUNDS
    assert get("/api/spans/?page_size=1")["count"] == 3 * total
    rows = get("/api/conversations/?full=false&page_size=100")
    assert rows["count"] == WRITERS + 1
    counts = {row["conversation_id"]: row["message_count"] for row in rows["results"]}
    assert counts == {"c1": 3 * total} | {f"own-{writer}": 2 * ROUNDS for writer in range(WRITERS)}


def run(db: str, processes: int) -> None:
    """Serve, write, read and check."""
    with ExitStack() as stack:
        first = stack.enter_context(serving(db))
        urls = [first, *(stack.enter_context(serving(db)) for _ in range(processes - 1))]
        assert {answer.split()[0] for answer in load(urls)} <= {"200", "201"}
        check(urls[-1])


@pytest.mark.postgres
def test_four_processes_and_sixteen_writers_on_postgresql(postgresql_url: str) -> None:
    """Each request reaches two of four processes: no error, nothing lost, nothing twice."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE load")
        try:
            run(postgresql_url.replace("/postgres?", "/load?"), 4)
        finally:
            connection.execute("DROP DATABASE load WITH (FORCE)")


@pytest.mark.postgres
@pytest.mark.parametrize("wanted", [{"message_contains": "parcel-77"}, {"name_contains": "parcel-77"}])
def test_postgresql_searches_in_its_trigram_indexes(postgresql_url: str, wanted: dict[str, str]) -> None:
    """The conditions of the store are such that the indexes made for them can answer them."""
    with psycopg.connect(postgresql_url, autocommit=True) as raw:
        raw.execute("CREATE DATABASE trigrams")
        store = Store.open(postgresql_url.replace("/postgres?", "/trigrams?"))
        try:
            asked = conditions(1, ConversationFilter(**wanted), store.dialect)[-1]
            with store.read() as connection:
                connection.execute(text("SET LOCAL enable_seqscan = off"))
                query = select(conversations.c.id).where(asked)
                compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
                plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {compiled}").scalars())
            assert "ix_search_" in plan, plan
        finally:
            store.close()
            raw.execute("DROP DATABASE trigrams WITH (FORCE)")


def test_sixteen_writers_on_one_file(tmp_path: Path) -> None:
    """Two processes on one SQLite file, their upkeep running: never "database is locked"."""
    run(str(tmp_path / "load.db"), 2)
