"""Hostile text in every field that is shown anywhere, in a real Chromium: it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from dashboard_browser import Watch, needs_chromium
from dashboard_payloads import PAYLOADS
from dashboard_running import Dashboard, form_of
from sqlalchemy import Connection, insert, select, update

from agentsight_otel.encoding import encode_json, encode_json_str
from agentsight_otel.server.dashboard import wanted
from agentsight_otel.server.dashboard.brand import Brand, save_brand
from agentsight_otel.server.dashboard.tables import clients, notes, views
from agentsight_otel.server.ingest.payload import check_blocks, read_envelope
from agentsight_otel.server.ingest.projection import project
from agentsight_otel.server.store.ingest import write_blocks
from agentsight_otel.server.store.keys import create_key, environment_ids
from agentsight_otel.server.store.tables import (
    actions,
    agents,
    attachments,
    conversations,
    environments,
    feedbacks,
    messages,
)

START = datetime.now(UTC) - timedelta(hours=5)
FOREIGN = (
    "main script, main img:not([src^='/agents/']), main iframe, main object, main style, main base, main meta"
)
LOOK = """(foreign) => {
    document.querySelectorAll('details').forEach(d => d.open = true);
    const safe = (a) => /^(https?|mailto):/.test(a.href) && a.rel.includes('nofollow');
    const bad = (a) => a.origin !== location.origin && !safe(a);
    return {
        ran: 'pwned' in window,
        foreign: [...document.querySelectorAll(foreign)].map(e => e.outerHTML),
        links: [...document.querySelectorAll('a[href]')].filter(bad).map(a => a.href),
    };
}"""
"""Unfolds everything, and says whether a script ran, which elements are not ours, which links may not be."""

LISTS = ("feedback?all=1", "tokens", "reports", "health", "settings")

pytestmark = needs_chromium


def block(number: int, payload: str) -> dict[str, Any]:
    """Return a conversation whose every text is the payload."""
    short = payload.replace("\0", "")[:200]
    spans: list[dict[str, Any]] = []

    def span(kind: str, attributes: dict[str, Any], events: tuple[Any, ...] = ()) -> None:
        moment = (START + timedelta(minutes=number, seconds=len(spans))).isoformat()
        spans.append(
            {
                "span_id": f"{len(spans) + 1:016x}",
                "trace_id": f"{number + 1:032x}",
                "kind": kind,
                "name": short,
                "started_at": moment,
                "ended_at": moment,
                "status": "error",
                "attributes": attributes | {short or "x": payload},
                "events": [
                    {"name": "agentsight.message", "timestamp": moment, "attributes": said} for said in events
                ],
            }
        )

    written = {
        "agentsight.message.content": payload,
        "agentsight.message.metadata": encode_json_str({payload: payload}),
    }
    said = [written | {"agentsight.message.sender": sender} for sender in ("end_user", "agent", "system")]
    span("turn", {"agentsight.turn.complete": True}, tuple(said))
    for error in (payload, ""):
        span(
            "tool",
            {
                "agentsight.tool.name": short,
                "agentsight.tool.arguments": encode_json_str({payload: payload}),
                "agentsight.tool.response": payload,
                "agentsight.tool.error": error,
            },
        )
    clicked = dict.fromkeys(
        ("agentsight.button.event", "agentsight.button.label", "agentsight.button.value"), payload
    )
    span("button", clicked | {"agentsight.button.value": payload + "2"})
    span(
        "llm", {"gen_ai.request.model": short, "gen_ai.provider.name": short, "gen_ai.usage.input_tokens": 7}
    )
    span("feedback", {"agentsight.feedback.sentiment": "negative", "agentsight.feedback.comment": payload})
    fields = dict.fromkeys(("name", "customer_id", "device", "source", "language"), short)
    named = f"{short[:150].strip() or 'x'}{number}"
    return {"conversation_id": named, "spans": spans, "metadata": {payload: {payload: payload}}, **fields}


@pytest.fixture(scope="module")
def infected() -> Iterator[Dashboard]:
    """A dashboard with a conversation for each payload, and the payload in everything around it."""
    running = Dashboard(needs_login=False)
    with running.store.read() as connection:
        known = environment_ids(connection, running.agent)
    document = {"conversations": [block(number, payload) for number, payload in enumerate(PAYLOADS)]}
    checked = check_blocks(read_envelope(encode_json(document)), known)
    write_blocks(running.store, running.agent, known, [(found, project(found)) for found in checked])
    with running.store.write() as connection:
        for payload, key in zip(PAYLOADS, keys_of(connection), strict=True):
            surround(connection, running.agent, key, payload, known["production"])
    yield running
    running.close()


def keys_of(connection: Connection) -> list[int]:
    """Return the keys of all conversations."""
    return list(connection.scalars(select(conversations.c.id).order_by(conversations.c.id)))


def surround(connection: Connection, agent: int, key: int, payload: str, environment: int) -> None:
    """Put a payload where ingest puts nothing: files, ratings of messages, notes, views, clients, keys."""
    mine = {"agent_id": agent, "conversation": key}
    line = connection.scalar(select(messages.c.id).where(messages.c.conversation == key).limit(1))
    file = {
        "type": "file",
        "filename": payload[:250],
        "mime_type": payload[:250],
        "size_bytes": 1,
        "sha256": "0" * 64,
    }
    connection.execute(insert(attachments).values(**mine, **file, message=line, created_at=1))
    vote = dict.fromkeys(("category", "topic", "reason"), payload[:50]) | {
        "comment": payload,
        "sentiment": "neutral",
    }
    times = {"created_at": int(START.timestamp() * 1e6), "updated_at": 1}
    rated = {"kind": "message", "message": line, "environment_id": environment}
    connection.execute(insert(feedbacks).values(**mine, **vote, **rated, **times))
    connection.execute(insert(notes).values(**mine, body=payload, created_at=1))
    connection.execute(
        insert(views).values(agent_id=agent, name=payload, page="conversations", query=payload, created_at=1)
    )
    connection.execute(
        insert(clients).values(
            name=payload, agents=[agent], token_hash=str(key), created_at=1, expires_at=2**52, last_used_at=1
        )
    )
    create_key(connection, agent, "read", name=payload[:200])
    text = {"display_name": payload[:250], "description": payload}
    connection.execute(
        update(actions).where(actions.c.name == payload.replace("\0", "")[:200]).values(**text)
    )


def dress(running: Dashboard, payload: str) -> None:
    """Name the agent, its brand and its environments after a payload."""
    with running.store.write() as connection:
        connection.execute(update(agents).values(name=payload[:250]))
        connection.execute(update(environments).values(name=payload[:250]))
        save_brand(connection, running.agent, Brand(name=payload[:120], footer=payload[:500]))


class Visitor:
    """A page that looks at addresses and at what they did."""

    def __init__(self, browser: Any, url: str) -> None:
        self.page = browser.new_page()
        self.watch = Watch(self.page, url)

    def look(self, address: str) -> None:
        """Open an address, unfold everything, and fail if anything ran or called out."""
        self.page.goto(address, wait_until="domcontentloaded")
        assert self.page.evaluate(LOOK, FOREIGN) == {"ran": False, "foreign": [], "links": []}, address
        self.watch.check()


def test_conversations_and_traces(browser: Any, infected: Dashboard) -> None:
    """Every payload in every field of its conversation, under an agent, a brand and a place of that name."""
    with infected.store.read() as connection:
        keys = keys_of(connection)
    visitor = Visitor(browser, infected.url)
    for number, (key, payload) in enumerate(zip(keys, PAYLOADS, strict=True)):
        dress(infected, payload)
        visitor.look(f"{infected.pages}conversations/{key}" + ("?view=trace" if number % 3 == 0 else ""))
    visitor.page.close()


@pytest.mark.parametrize(
    "path",
    [*("", "?env=development", "conversations", "customers", "tools"), *LISTS],
)
def test_pages_of_many(browser: Any, infected: Dashboard, path: str) -> None:
    """All payloads side by side on the pages that list them."""
    visitor = Visitor(browser, infected.url)
    visitor.look(infected.pages + path)
    visitor.page.close()


def test_addresses(browser: Any, infected: Dashboard) -> None:
    """A payload as the value of every filter, as a customer's id and as a search."""
    visitor = Visitor(browser, infected.url)
    for payload in PAYLOADS[::12]:
        short = payload.replace("\0", "")[:200]
        values = dict.fromkeys((*wanted.NAMES, "ordering", "after", "tz", "env", "part", "at", "to"), short)
        visitor.look(str(httpx.URL(infected.pages + "conversations", params=values)))
        visitor.look(str(httpx.URL(infected.pages + "conversations", params={"search": short[:20]})))
        visitor.look(str(httpx.URL(infected.pages + "customers", params={"contains": short})))
    visitor.page.close()


def test_shared_and_saved_transcripts(browser: Any, infected: Dashboard, tmp_path: Path) -> None:
    """A shared page, and a saved one opened from the disk."""
    client = infected.client(follow_redirects=True)
    with infected.store.read() as connection:
        keys = keys_of(connection)
    visitor = Visitor(browser, infected.url)
    saved = Visitor(browser, tmp_path.as_uri())
    for key, payload in list(zip(keys, PAYLOADS, strict=True))[::12]:
        dress(infected, payload)
        path = f"/agents/{infected.agent}/conversations/{key}"
        page = client.post(path, data=form_of(client, path, do="share", days="7")).text
        link = re.search(r'value="(http[^"]+/s/[^"]+)"', page)
        assert link is not None
        visitor.look(link.group(1))
        copy = tmp_path / f"{key}.html"
        copy.write_bytes(client.get(path + "/transcript.html").content)
        saved.look(copy.as_uri())
    visitor.page.close()
    saved.page.close()


OVERRIDE = "\u202e"
STRAY = """(override) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (!node.data.includes(override)) continue;
        const held = node.parentElement.closest('bdi, [dir=auto], h1, pre, option, textarea');
        if (!held) found.push(node.parentElement.outerHTML.slice(0, 200));
    }
    return found;
}"""
"""Returns what holds a direction override outside an element that isolates it or that holds nothing else."""


def test_text_that_turns_the_direction_turns_only_itself(browser: Any, infected: Dashboard) -> None:
    """A right-to-left override in any name is inside an element of its own; in ids it is spelled out."""
    payload = next(text for text in PAYLOADS if OVERRIDE in text)
    with infected.store.read() as connection:
        c = conversations.c
        key = connection.scalar(select(c.id).where(c.conversation_id.contains(OVERRIDE)).limit(1))
    dress(infected, payload)
    page = browser.new_page()
    many = ("", "?env=development", "conversations", "customers", "tools", "settings", *LISTS)
    for path in (
        *many,
        f"conversations/{key}",
        f"conversations/{key}?view=trace",
        f"conversations?search={OVERRIDE}",
        infected.share(key),
    ):
        page.goto(urljoin(infected.pages, path))
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate(STRAY, OVERRIDE) == [], path
    page.goto(f"{infected.pages}conversations/{key}")
    assert "\\u202egpj.exe" in page.inner_text("aside dd.mono")
    page.close()


def test_names_of_downloads_are_plain(infected: Dashboard) -> None:
    """A conversation's id and a file's name give no header and no path."""
    client = infected.client()
    with infected.store.write() as connection:
        keys = keys_of(connection)
        sha256 = "a" * 64
        infected.store.files.put(connection, sha256, b"bytes")
        connection.execute(update(attachments).values(sha256=sha256))
        files = list(connection.scalars(select(attachments.c.id)))
    for key in keys[::5]:
        for kind in ("json", "html"):
            answer = client.get(f"{infected.pages}conversations/{key}/transcript.{kind}")
            assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer.headers["content-disposition"])
    for file in files[::5]:
        answer = client.get(f"{infected.pages}files/{file}")
        assert answer.status_code == 200
        assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w.%~-]+", answer.headers["content-disposition"])
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_a_line_that_comes_live_is_text_too(browser: Any) -> None:
    """Each payload put on an open page by the event stream."""
    running = Dashboard(needs_login=False)
    try:
        with running.store.read() as connection:
            known = environment_ids(connection, running.agent)

        def say(number: int, payload: str) -> None:
            found = check_blocks(read_envelope(encode_json({"conversations": [one(number, payload)]})), known)
            write_blocks(running.store, running.agent, known, [(b, project(b)) for b in found])

        def one(number: int, payload: str) -> dict[str, Any]:
            made = block(number, payload)
            for span in made["spans"]:
                span["span_id"] = f"{number + 1:04x}{span['span_id'][4:]}"
            return {"conversation_id": "one", "spans": made["spans"][:4]}

        say(0, "first")
        page = Visitor(browser, running.url)
        page.page.goto(running.pages + "conversations/1")
        for number, payload in enumerate(PAYLOADS[::8], 1):
            say(number, payload)
            page.page.locator(".chat article").nth(3 * number + 2).wait_for(state="attached")
        assert page.page.evaluate(LOOK, FOREIGN) == {"ran": False, "foreign": [], "links": []}
        page.watch.check()
        page.page.close()
    finally:
        running.close()
