"""The list: its filters are the API's, its pages cover everything once, its export is what it shows."""

from __future__ import annotations

import csv
import html
import io
import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from dashboard_data import Talk, write
from dashboard_running import Dashboard
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from agentsight_otel.server.api.openapi import parameters as openapi
from agentsight_otel.server.dashboard import marking
from agentsight_otel.server.dashboard.listing import orders
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.tables import conversations, tickets
from agentsight_otel.spreadsheet import safe_cell

START = datetime(2026, 10, 20, 12, tzinfo=UTC)
FILTERS: dict[str, tuple[str, ...]] = {
    "search": ("needle", "NEEDLE 1", "ann", "talk-1", "%", "_", "straße", "a" * 3),
    "message_contains": ("needle", "hay 1", "NEEDLE", "'; DROP TABLE messages; --"),
    "name": ("Alpha", "alp", "ß"),
    "customer_id": ("ann", "bob", "nobody"),
    "customer_id__icontains": ("A", "o"),
    "conversation_id": ("talk-3", "talk"),
    "customer_ip_address": ("192.0.2.7", "192.0.2"),
    "device": ("mobile", "desktop"),
    "source": ("web", "app"),
    "language": ("en",),
    "is_marked": ("true", "false"),
    "has_messages": ("true", "false"),
    "has_action": ("true", "false"),
    "has_feedback": ("true", "false"),
    "include_deleted": ("true",),
    "include_tickets": ("true",),
    "action_name": ("look", "ticket"),
    "button_event": ("yes", "no"),
    "feedback_sentiment": ("positive", "negative"),
    "feedback_source": ("customer", "platform"),
    "metadata": ("tier:1", "a.b:x", "tier:1,a.b:x"),
    "started_at_after": ("2026-10-21T00:00:00Z",),
    "started_at_before": ("2026-10-22T00:00:00Z", "2026-10-21"),
    "env": ("production", "development"),
}
PAIR = {"metadata_key": "a.b", "metadata_value": "x"}
"""One filter in two parameters."""


CLICKS = """INSERT INTO buttons (agent_id, conversation, message, timestamp, button_event, label, value)
    SELECT agent_id, conversation, min(id), min(timestamp), 'yes', 'Yes', '1' FROM messages
    WHERE conversation % 3 = 0 GROUP BY agent_id, conversation"""


@pytest.fixture(scope="module")
def listed() -> Iterator[Dashboard]:
    """A dashboard with 230 conversations of every kind, many of them begun at the same instant."""
    running = Dashboard(needs_login=False)
    source = random.Random(5)  # noqa: S311 - made-up data
    many = []
    for number in range(230):
        start = START + timedelta(hours=source.choice((0, 0, 5, 30, 50)))
        senders = source.choices(("end_user", "agent"), k=source.choice((0, 1, 2, 3)))
        many.append(
            Talk(
                number,
                start,
                said=[(start + timedelta(seconds=n), sender) for n, sender in enumerate(senders)],
                ran=[(start, source.choice(("lookup", "ticket")), 5.0, "")] if source.random() < 0.3 else [],
                spent=[(start, "gpt-4.1-mini", 100, 10)] if source.random() < 0.3 else [],
                rated=[
                    (
                        start,
                        source.choice(("positive", "negative")),
                        source.choice(("customer", "platform")),
                        "",
                    )
                ]
                if source.random() < 0.3
                else [],
                fields=source.choice(
                    (
                        {"customer_id": "ann", "device": "mobile", "name": "Alpha", "source": "web"},
                        {"customer_id": "bob", "language": "en", "metadata": {"tier": 1, "a": {"b": "x"}}},
                        {
                            "name": "=HYPERLINK(1)",
                            "metadata": {"tier": "1"},
                            "customer_ip_address": "192.0.2.7",
                        },
                        {},
                    )
                ),
                environment=source.choice(("production", "production", "development")),
                deleted=source.random() < 0.1,
                text=source.choice(("needle", "hay", "Straße")),
            )
        )
    keys = write(running.store, running.agent, many)
    with running.store.write() as connection:
        marked = source.sample(sorted(keys.values()), 40)
        connection.execute(update(conversations).where(conversations.c.id.in_(marked)).values(is_marked=True))
        production = environment_ids(connection, running.agent)["production"]
        mine = {"agent_id": running.agent, "environment_id": production, "created_at": 1, "updated_at": 1}
        for key in source.sample(sorted(keys.values()), 30):
            row = mine | {"title": "t", "status": "backlog", "tags": [], "conversation": key}
            connection.execute(insert(tickets).values(**row))
        connection.exec_driver_sql(CLICKS)
    yield running
    running.close()


def shown(dashboard: Dashboard, params: dict[str, Any]) -> list[int]:
    """Walk through all pages of the list and return the keys in order."""
    found: list[int] = []
    address: str | None = str(httpx.URL(dashboard.pages + "conversations", params=params))
    for _ in range(20):
        text = dashboard.http.get(address).text
        found += [
            int(key) for key in re.findall(r'class="title" href="/agents/\d+/conversations/(\d+)', text)
        ]
        more = re.search(r'rel="next" href="([^"]+)"', text)
        if more is None:
            return found
        address = dashboard.url + more.group(1).replace("&amp;", "&")
    raise AssertionError("the list does not end")


def from_api(dashboard: Dashboard, params: dict[str, Any]) -> list[int]:
    """Ask the REST API the same and return the keys in order."""
    headers = {"authorization": f"Api-Key {dashboard.key}"}
    asked = {"env": "production", **params, "full": "false", "paginate": "false"}
    rows = dashboard.http.get(dashboard.url + "/api/conversations/", params=asked, headers=headers).json()
    return [row["id"] for row in rows]


def exported(dashboard: Dashboard, kind: str, params: dict[str, Any]) -> list[int]:
    """Return the keys of an export in order."""
    text = dashboard.http.get(f"{dashboard.pages}export.{kind}", params=params).text
    if kind == "csv":
        return [int(row["id"]) for row in csv.DictReader(io.StringIO(text))]
    return [json.loads(line)["id"] for line in text.splitlines()]


def test_list_export_and_api_agree(listed: Dashboard) -> None:
    """For each filter alone and for 200 sets of them, the same conversations in the same order."""
    source = random.Random(11)  # noqa: S311 - made-up data
    cases: list[dict[str, str]] = [{name: value} for name, values in FILTERS.items() for value in values]
    cases.append(PAIR)
    for _ in range(200):
        names = source.sample(sorted(FILTERS), source.randint(2, 4))
        cases.append({name: source.choice(FILTERS[name]) for name in names})
    sizes = []
    for number, case in enumerate(cases):
        expected = from_api(listed, case)
        assert shown(listed, case) == expected, case
        assert exported(listed, "csv" if number % 4 else "jsonl", case) == expected, case
        sizes.append(len(expected))
    assert sum(map(bool, sizes)) > 80
    assert max(sizes) > 100


@pytest.mark.parametrize("order", sorted(orders()))
def test_pages_cover_everything_exactly_once(listed: Dashboard, order: str) -> None:
    """Whatever the order and however many share a value, every conversation is on one page."""
    found = shown(listed, {"ordering": order, "include_deleted": "true"})
    expected = from_api(listed, {"include_deleted": "true"})
    assert len(expected) > 100
    assert len(found) == len(set(found))
    assert set(found) == set(expected)


def test_every_filter_of_the_api_is_one_of_the_list() -> None:
    """What the interface documents, but for what only says how the answer is written."""
    written = {*openapi.PAGES, *openapi.BARE, "full", "ordering", "environment"}  # the last is another env
    assert openapi.CONVERSATIONS.keys() - written == FILTERS.keys() | PAIR.keys()


def test_every_filter_has_a_chip_that_removes_it(listed: Dashboard) -> None:
    """Following a chip gives the same list without that one filter; a period and a pair go together."""
    asked = {name: values[0] for name, values in FILTERS.items() if name != "env"}
    asked |= {**PAIR, "from": "2026-10-20", "to": "2026-10-22"}
    text = listed.http.get(listed.pages + "conversations", params=asked).text
    chips = re.findall(r'<a href="([^"]+)" aria-label="Remove [^"]+"', text)
    removed = []
    for address in chips:
        left = dict(httpx.URL(listed.url + address.replace("&amp;", "&")).params)
        removed.append(frozenset(asked.keys() - left.keys()))
        assert left == {name: asked[name] for name in asked.keys() - removed[-1]}
    together = {frozenset(PAIR), frozenset({"from", "to"})}
    alone = {frozenset({name}) for name in asked} - {frozenset({name}) for pair in together for name in pair}
    assert len(removed) == len(set(removed))
    assert set(removed) == together | alone


def test_hits_are_marked_and_lead_to_their_message(listed: Dashboard) -> None:
    """A search shows the hit in the list; its link opens the conversation at that message."""
    text = listed.http.get(
        listed.pages + "conversations", params={"search": "NEEDLE", "has_messages": "true"}
    ).text
    hit = re.search(r'class="hit-line"><a href="([^"]+)#(m\d+)">[^<]*<mark>needle</mark>', text)
    assert hit is not None
    page = listed.http.get(listed.url + hit.group(1).replace("&amp;", "&")).text
    assert f'id="{hit.group(2)}"' in page
    assert "<mark>needle</mark>" in page


def test_older_and_newer_walk_through_the_filtered_list(listed: Dashboard) -> None:
    """Following "older" from the first conversation visits the whole list in its order."""
    params = {"customer_id": "ann"}
    expected = shown(listed, params)
    visited = [expected[0]]
    for _ in expected[1:]:
        page = listed.http.get(f"{listed.pages}conversations/{visited[-1]}", params=params).text
        link = re.search(r'data-key="older"[^>]*href="[^"]*/conversations/(\d+)', page)
        assert link is not None
        visited.append(int(link.group(1)))
    assert visited == expected


def test_export_is_what_the_list_shows(listed: Dashboard) -> None:
    """CSV and JSON Lines have the same conversations in the same order as the list."""
    for params in ({}, {"search": "needle"}, {"has_feedback": "true", "ordering": "-messages"}):
        expected = shown(listed, params)
        table = listed.http.get(listed.pages + "export.csv", params=params)
        rows = list(csv.DictReader(io.StringIO(table.text)))
        lines = [
            json.loads(line)
            for line in listed.http.get(listed.pages + "export.jsonl", params=params).text.splitlines()
        ]
        assert [int(row["id"]) for row in rows] == [line["id"] for line in lines] == expected
        assert table.headers["content-disposition"].startswith("attachment")
        assert all(len(line["messages"]) == line["message_count"] for line in lines)


def test_a_spreadsheet_sees_no_formula_and_json_lines_the_truth(listed: Dashboard) -> None:
    """The dangerous name is defused in CSV and unchanged in JSON Lines; numbers stay numbers."""
    table = listed.http.get(listed.pages + "export.csv").text
    names = {row["name"] for row in csv.DictReader(io.StringIO(table))}
    assert "'=HYPERLINK(1)" in names
    assert "=HYPERLINK(1)" not in names
    assert '"=HYPERLINK(1)"' in listed.http.get(listed.pages + "export.jsonl").text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        '"=1',
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "a;=1",
        "a\n=1",
        "a\t@x",
        "a|+1",
        "' =1",
        "=cmd|'/C calc'!A0",
    ],
)
def test_dangerous_cells_are_defused(text: str) -> None:
    """However a spreadsheet splits the line, no cell begins with a sign that begins a formula."""
    for cell in re.split(r"[;|\t\r\n]", safe_cell(text)):
        assert not re.match(r"[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)
    assert safe_cell(text).replace("'", "") == text.replace("'", "")


@given(st.text(alphabet="abc DEF,.!?0123456789äöß"))
def test_ordinary_text_is_left_alone(text: str) -> None:
    """What cannot be a formula is exported as it is."""
    assert safe_cell(text) == text


@given(st.text(max_size=60), st.text(min_size=1, max_size=5))
def test_marking_changes_nothing_but_the_marks(text: str, part: str) -> None:
    """Without its marks the text is the text; every mark surrounds the part, ignoring case."""
    marked = str(marking.marked(text, part))
    assert re.sub("</?mark>", "", marked) == str(marking.escape(text))
    plain = [re.sub("&[^;]+;", "?", hit) for hit in re.findall("<mark>(.*?)</mark>", marked, re.DOTALL)]
    assert all(len(hit) == len(part) for hit in plain)


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_finds_no_formula(tmp_path: Path) -> None:
    """A real spreadsheet opens the export: no cell is a formula, numbers are numbers."""
    running = Dashboard(needs_login=False)
    signs = (
        "=",
        "+",
        "-",
        "@",
        "\t=",
        "\r=",
        "\n=",
        "  =",
        '"=',
        "\uff1d",
        "\uff0b",
        "\uff0d",
        "\uff20",
        ";=",
        "'=",
    )
    names = [f"{sign}1+1" for sign in signs] + ['=HYPERLINK("http://evil.example")', "=cmd|'/C calc'!A0"]
    talks = [
        Talk(n, START, fields={"name": name, "device": name, "customer_id": name, "metadata": {name: name}})
        for n, name in enumerate(names)
    ]
    write(running.store, running.agent, talks)
    (tmp_path / "export.csv").write_bytes(running.http.get(running.pages + "export.csv").content)
    running.close()
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "fods", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(tmp_path / "export.csv")], check=True, timeout=240, capture_output=True)
    sheet = (tmp_path / "export.fods").read_text()
    assert sheet.count("<table:table-row") > len(names)
    assert "table:formula" not in sheet
    assert sheet.count('office:value-type="float"') >= 3 * len(names)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see [docs](https://a.example/b) now", "https://a.example/b"),
        ("**https://a.example/b**, (or not)", "https://a.example/b"),
        ("(https://a.example/b_(c)).", "https://a.example/b_(c)"),
        ("Write to mailto:ann@a.example!", "mailto:ann@a.example"),
        ("HTTPS://a.example/?q=1&r=<b>", "HTTPS://a.example/?q=1&r="),
        ("mailto:! http://... javascript:alert(1) [x](docs/a.md)", None),
    ],
)
def test_addresses_in_texts_are_links(text: str, address: str | None) -> None:
    """Web and mail addresses only, without what ends the sentence; the text itself stays the same."""
    shown = str(marking.linked(text))
    found = re.findall('<a href="([^"]*)" target="_blank" rel="noopener noreferrer nofollow">', shown)
    assert [html.unescape(one) for one in found] == ([address] if address else [])
    assert html.unescape(re.sub("</?a[^>]*>", "", shown)) == text
