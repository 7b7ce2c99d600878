"""Share links: what they open and what not, how long, and that nobody finds one."""

from __future__ import annotations

import base64
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from dashboard_data import Talk, write
from dashboard_running import Dashboard, fetch, form_of, log_in, shared, talk
from sqlalchemy import insert, select
from starlette.exceptions import HTTPException

from agentsight_otel.server.dashboard import login_link
from agentsight_otel.server.dashboard.access import digest, new_token
from agentsight_otel.server.dashboard.pages.entry import open_share
from agentsight_otel.server.dashboard.tables import shares
from agentsight_otel.server.store.tables import metadata

START = datetime.now(UTC) - timedelta(hours=2)


def test_a_share_link_shows_the_texts_and_nothing_else(guarded_dashboard: Dashboard) -> None:
    """A stranger reads the transcript; customer, ids and metadata are not in it, nor may robots keep it."""
    key = talk(guarded_dashboard)
    owner = log_in(guarded_dashboard)
    link = shared(owner, f"/agents/{guarded_dashboard.agent}/conversations/{key}")
    answer = fetch(link)
    assert answer.status_code == 200
    assert "secret words 1" in answer.text
    assert not re.search(r"\bann\b|talk-1", answer.text)
    assert "noindex" in answer.headers["x-robots-tag"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert len(link.rpartition("/")[2]) >= 22


def test_a_share_link_tells_nothing_of_what_went_on_inside(guarded_dashboard: Dashboard) -> None:
    """That a tool failed shows; with what, what it was asked, what it gave back, and ratings do not."""
    one = Talk(1, START, said=[(START, "end_user")], ran=[(START, "lookup", 5.0, "password of db7 is wrong")])
    one.spent = [(START, "secret-model-9", 1234, 5)]
    one.rated = [(START, "negative", "customer", "a private word")]
    key = write(guarded_dashboard.store, guarded_dashboard.agent, [one])["talk-1"]
    owner = log_in(guarded_dashboard)
    text = fetch(shared(owner, f"/agents/{guarded_dashboard.agent}/conversations/{key}")).text
    assert "lookup</bdi></b> failed" in text
    assert not re.search("password|secret-model|1.2k|private|Arguments|Result|Metadata", text)


def test_a_share_link_opens_its_own_conversation_in_parts(guarded_dashboard: Dashboard) -> None:
    """The parts together are the transcript; no part or message that is asked for opens anything else."""
    said = [(START + timedelta(seconds=n), "end_user") for n in range(1000)]
    talks = [Talk(1, START, said=said), Talk(2, START, said=said[:1], text="another")]
    keys = write(guarded_dashboard.store, guarded_dashboard.agent, talks)
    owner = log_in(guarded_dashboard)
    other = owner.get(f"/agents/{guarded_dashboard.agent}/conversations/{keys['talk-2']}").text
    link = shared(owner, f"/agents/{guarded_dashboard.agent}/conversations/{keys['talk-1']}")

    def lines(**query: str) -> list[str]:
        answer = fetch(link, params=query)
        assert answer.status_code == 200
        assert not re.search("another|oddwords|<script", answer.text)
        return re.findall(r'class="bubble" dir="auto">text (\d+)<', answer.text)

    parts = [lines(part=str(part)) for part in (1, 2, 3)]
    assert [text for part in parts for text in part] == [str(n) for n in range(1, 1001)]
    elsewhere = re.findall(r'id="m(\d+)"', other)[0]
    for odd in ("0", "-1", "", "x", "²", "1.5", "oddwords", "<script>", "9" * 17, "9" * 400):
        assert lines(part=odd) == (parts[2] if odd == "9" * 17 else parts[0]), odd
        assert lines(part="2", at=odd) == parts[1], odd
    assert lines(part="2", at=elsewhere) == parts[1]
    assert lines(oddwords="<script>") == parts[0]


@pytest.mark.parametrize("page", ["shared", "analytics"])
def test_readers_do_not_take_every_thread(dashboard: Dashboard, page: str) -> None:
    """While twenty wait for the database, what needs none is answered; then all of them are."""
    start = [(START, "end_user")]
    key = write(dashboard.store, dashboard.agent, [Talk(1, START, said=start)])["talk-1"]
    address = {"shared": dashboard.share(key), "analytics": dashboard.pages}[page]
    with ThreadPoolExecutor(20) as readers:
        with dashboard.store.write():  # in memory, a reader waits for the writer
            asked = [readers.submit(httpx.get, address, timeout=60) for _ in range(20)]
            while any(not one.running() for one in asked):
                time.sleep(0.01)
            time.sleep(0.3)
            assert httpx.get(f"{dashboard.url}/static/favicon.svg", timeout=30).status_code == 200
            assert not any(one.done() for one in asked)
        assert {one.result().status_code for one in asked} == {200}


def test_share_links_cannot_be_guessed(guarded_dashboard: Dashboard) -> None:
    """192 random bits: neither neighbours of a link nor random ones open anything; nor do parts of it."""
    key = talk(guarded_dashboard)
    owner = log_in(guarded_dashboard)
    link = shared(owner, f"/agents/{guarded_dashboard.agent}/conversations/{key}")
    token = link.rpartition("/")[2]
    assert len(base64.urlsafe_b64decode(token)) == 24
    near = {token[:place] + other + token[place + 1 :] for place in range(len(token)) for other in "Aa0_"} - {
        token
    }
    parts = {
        token[:-1],
        token[1:],
        token + "A",
        token.lower(),
        token.swapcase(),
        "%00",
        "*",
        "_",
        token + "%00",
    }
    client = guarded_dashboard.client()
    for guess in (*near, *parts, *(secrets.token_urlsafe(24) for _ in range(300))):
        assert client.get(f"/s/{guess}").status_code == 404
    assert client.get(link).status_code == 200


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_million_guesses_open_nothing(guarded_dashboard: Dashboard) -> None:
    """Random tokens, and those that begin like a real one, among 1,000 live links."""
    store = guarded_dashboard.store
    key = talk(guarded_dashboard)
    tokens = [new_token() for _ in range(1000)]
    mine = {"agent_id": guarded_dashboard.agent, "conversation": key, "created_at": 1, "expires_at": 2**60}
    with store.write() as connection:
        connection.execute(insert(shares), [{"token_hash": digest(token), **mine} for token in tokens])
    for number in range(1_000_000):
        guess = new_token()
        if number % 2:
            kept = number // 2 % (len(guess) - 8)  # 48 bits are left to guess
            guess = tokens[number % len(tokens)][:kept] + guess[kept:]
        with pytest.raises(HTTPException) as refused:
            open_share(store, guess)
        assert refused.value.status_code == 404
    assert open_share(store, tokens[-1]).agent_id == guarded_dashboard.agent


def test_a_share_link_ends(guarded_dashboard: Dashboard) -> None:
    """Revoked, expired and deleted answer 410, made-up ones 404."""
    key = talk(guarded_dashboard)
    owner = log_in(guarded_dashboard)
    path = f"/agents/{guarded_dashboard.agent}/conversations/{key}"
    revoked, expired, gone = (shared(owner, path) for _ in range(3))
    owner.post(path, data=form_of(owner, path, do="unshare", share="1"))
    assert fetch(revoked).status_code == 410
    with guarded_dashboard.store.write() as connection:
        connection.exec_driver_sql("UPDATE dashboard_shares SET expires_at = 1 WHERE id = 2")
    assert fetch(expired).status_code == 410
    assert fetch(gone).status_code == 200
    owner.post(path, data=form_of(owner, path, do="delete"))
    assert fetch(gone).status_code == 410
    assert fetch(guarded_dashboard.url + "/s/" + "A" * 32).status_code == 404


def test_no_secret_is_stored_in_clear(guarded_dashboard: Dashboard) -> None:
    """Login links, client logins and share links are in the database as hashes only."""
    key = talk(guarded_dashboard)
    link = login_link(guarded_dashboard.store, guarded_dashboard.url)
    owner = log_in(guarded_dashboard)
    share = shared(owner, f"/agents/{guarded_dashboard.agent}/conversations/{key}")
    with guarded_dashboard.store.read() as connection:
        dump = "\n".join(str(connection.execute(select(table)).all()) for table in metadata.sorted_tables)
    assert "secret words 1" in dump
    assert link.rpartition("=")[2] not in dump
    assert share.rpartition("/")[2] not in dump
