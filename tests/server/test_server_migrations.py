"""Databases of earlier schemas: brought up to date, refused, or left as they were by a crash."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from server_api import Api, said
from sqlalchemy import select, update

from agentsight_otel.exceptions import ConfigurationException
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.migrations import SCHEMA_VERSION, STEPS
from agentsight_otel.server.store.tables import api_keys, conversations
from agentsight_otel.server.upkeep import Upkeep
from agentsight_otel.testing import LocalServer

SCHEMAS = Path(__file__).parent / "schemas"
ONE_STEP = """
import os, sys
from agentsight_otel.server.store import engine, migrations
writer = engine._sqlite("sqlite:///" + sys.argv[1], pool_size=1, max_overflow=0)
with writer.begin() as connection:
    assert migrations.take_step(connection)
"""
CRASH = ONE_STEP + "    os._exit(9)"


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """Return a database file as the version with schema 2 made it."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        for statement in (SCHEMAS / "schema_2_sqlite.sql").read_text().split("\n\n"):
            connection.execute(statement)
        connection.commit()
    return path


@pytest.fixture
def old_url(postgresql_url: str) -> Iterator[str]:
    """Return a PostgreSQL database as the version with schema 2 made it."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE old")
    url = postgresql_url.replace("/postgres?", "/old?")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((SCHEMAS / "schema_2_postgresql.sql").read_bytes())
    yield url
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE old WITH (FORCE)")


def shape(path: Path) -> dict[str, object]:
    """Return the tables with their columns, and the names of everything else; the dashboard's are its own."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, type FROM sqlite_schema").fetchall()
        return {
            name: sorted(connection.execute(f"PRAGMA table_info({name})")) if kind == "table" else kind
            for name, kind in rows
            if "dashboard" not in name
        }


def settings(path: Path) -> dict[str, str]:
    """Return the settings of a database file."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT name, value FROM settings"))


def read_back(server: LocalServer) -> list[list[str]]:
    """Return what was said in the database of the old version, through a new key of its agent."""
    api = Api(server)
    with server.store.write() as connection:
        owner = select(conversations.c.agent_id).limit(1).scalar_subquery()
        mine = api_keys.c.agent_id == api.agent_id
        connection.execute(update(api_keys).where(mine).values(agent_id=owner))
    texts = [[content for *_, content in said(api.conversation(name))] for name in ("first", "second")]
    assert api.get("/api/conversations/", params={"search": "parcel", "full": "false"})["count"] == 1
    api.close()
    return texts


TEXTS = [
    ["Where is my parcel?", "Action find_order performed", "On its way."],
    ["A refund, please", "Done."],
]


def test_a_file_of_schema_2_becomes_like_a_new_one(old_file: Path, tmp_path: Path) -> None:
    """Same tables, indexes and triggers as in a new file; same transcripts; the old file is kept."""
    with LocalServer(str(old_file)) as server:
        Upkeep(server.store).finish()
        assert read_back(server) == TEXTS
    Store.open(str(tmp_path / "new.db")).close()
    assert shape(old_file) == shape(tmp_path / "new.db")
    assert settings(old_file)["schema_version"] == str(SCHEMA_VERSION)
    backup = old_file.with_name("old.db.schema-2.backup")
    assert settings(backup)["schema_version"] == "2"
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT count(*) FROM messages").fetchone() == (5,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_of_schema_3_keeps_its_keys(old_file: Path, tmp_path: Path) -> None:
    """From the schema before this one too: the keys are there, with counts that begin at nothing."""
    subprocess.run([sys.executable, "-c", ONE_STEP, str(old_file)], check=True, timeout=60)
    assert settings(old_file)["schema_version"] == "3"
    with closing(sqlite3.connect(old_file)) as connection:
        before = connection.execute("SELECT id, key_hash, accepted_count FROM api_keys").fetchall()
    Store.open(str(old_file)).close()
    Store.open(str(tmp_path / "new.db")).close()
    assert shape(old_file) == shape(tmp_path / "new.db")
    with closing(sqlite3.connect(old_file)) as connection:
        query = "SELECT id, key_hash, accepted_count, ahead_count, days_count, ahead_max_us FROM api_keys"
        assert connection.execute(query).fetchall() == [(*row, 0, 0, 0) for row in before]
    assert before


def test_a_crash_within_a_step_changes_nothing(old_file: Path) -> None:
    """A process that dies with the step done but not committed leaves schema 2; the next one brings it up."""
    before = shape(old_file)
    crashed = subprocess.run([sys.executable, "-c", CRASH, str(old_file)], check=False, timeout=60)
    assert crashed.returncode == 9
    assert settings(old_file)["schema_version"] == "2"
    assert shape(old_file) == before
    with LocalServer(str(old_file)) as server:
        assert read_back(server) == TEXTS


def test_several_open_an_old_file_at_once(old_file: Path) -> None:
    """Eight that open it together take each step once."""
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store.open(str(old_file)), range(8)))
    for store in stores:
        store.close()
    assert settings(old_file)["schema_version"] == str(SCHEMA_VERSION)


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99, min(STEPS) - 2])
def test_another_schema_is_refused_by_its_number(tmp_path: Path, version: int) -> None:
    """A newer or much older file is not touched; the error names its schema and the setting."""
    path = tmp_path / "other.db"
    Store.open(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE settings SET value = ? WHERE name = 'schema_version'", (str(version),))
        connection.commit()
    with pytest.raises(ConfigurationException, match=f"has schema {version}; .*{SCHEMA_VERSION}") as caught:
        Store.open(str(path))
    assert caught.value.field == "db"
    assert settings(path)["schema_version"] == str(version)
    assert list(tmp_path.glob("*.backup")) == []


@pytest.mark.postgres
def test_postgresql_of_schema_2_is_brought_up(old_url: str) -> None:
    """Two servers that open it at once take the step once; transcripts and searching are as before."""
    with ThreadPoolExecutor(2) as pool:
        stores = list(pool.map(lambda _: Store.open(old_url), range(2)))
    for store in stores:
        store.close()
    with LocalServer(old_url) as server:
        assert read_back(server) == TEXTS
    with psycopg.connect(old_url) as connection:
        names = {row[0] for row in connection.execute("SELECT indexname FROM pg_indexes").fetchall()}
        version = connection.execute("SELECT value FROM settings WHERE name = 'schema_version'").fetchone()
    assert {"ix_messages_facts", "ix_spans_arrivals", "ix_search_0"} <= names
    assert version == (str(SCHEMA_VERSION),)
