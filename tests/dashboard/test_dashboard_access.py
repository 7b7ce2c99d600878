"""Who may look and who may change: logins, sessions, client logins, share links, forms."""

from __future__ import annotations

import base64
import re
import secrets
import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from dashboard_data import Talk, write
from dashboard_running import Dashboard, form_of
from sqlalchemy import insert, select
from starlette.exceptions import HTTPException

from agentsight_otel.server.dashboard import login_link
from agentsight_otel.server.dashboard.access import COOKIE, digest, form_token, new_token, session_of
from agentsight_otel.server.dashboard.pages.entry import open_share
from agentsight_otel.server.dashboard.tables import shares
from agentsight_otel.server.store.keys import create_agent
from agentsight_otel.server.store.tables import metadata

START = datetime.now(UTC) - timedelta(hours=2)
PAGES = (
    "",
    "conversations",
    "conversations/{key}",
    "conversations/{key}?view=trace",
    "conversations/{key}/transcript.json",
    "conversations/{key}/transcript.html",
    "customers",
    "customers/ann",
    "tools",
    "feedback",
    "tokens",
    "reports",
    "export.csv",
    "export.jsonl",
    "brand.css",
)
OWNED = ("health", "settings")


def log_in(dashboard: Dashboard, link: str | None = None) -> httpx.Client:
    """Open a session with a login link and return its client."""
    client = dashboard.client()
    assert client.get(link or login_link(dashboard.store, dashboard.url)).status_code == 200
    return client


def client_login(dashboard: Dashboard, owner: httpx.Client, agent: int) -> httpx.Client:
    """Make a client login for an agent and open it."""
    path = f"/agents/{dashboard.agent}/settings"
    page = owner.post(
        path, data=form_of(owner, path, do="invite", name="Acme", days="30", agent=str(agent))
    ).text
    link = re.search(r'value="(http[^"]+token=[^"]+)"', page)
    assert link is not None
    return log_in(dashboard, link.group(1))


def talk(dashboard: Dashboard, agent: int | None = None) -> int:
    """Write one conversation and return its key."""
    said = [(START, "end_user"), (START + timedelta(seconds=2), "agent")]
    one = Talk(1, START, said=said, fields={"customer_id": "ann"}, text="secret words")
    return write(dashboard.store, agent or dashboard.agent, [one])["talk-1"]


def test_without_login_every_page_leads_to_the_login(guarded_dashboard: Dashboard) -> None:
    """No page, download or form answers a stranger."""
    key = talk(guarded_dashboard)
    for page in (*PAGES, *OWNED):
        answer = httpx.get(guarded_dashboard.pages + page.format(key=key))
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    posted = httpx.post(f"{guarded_dashboard.pages}conversations/{key}", data={"do": "delete"})
    assert posted.headers["location"] == "/login"
    assert "secret" not in httpx.get(guarded_dashboard.url + "/login").text


def test_a_login_link_works_once(guarded_dashboard: Dashboard) -> None:
    """The first opening makes a session, the second is refused."""
    link = login_link(guarded_dashboard.store, guarded_dashboard.url)
    client = log_in(guarded_dashboard, link)
    assert client.get(f"/agents/{guarded_dashboard.agent}/").status_code == 200
    assert httpx.get(link).status_code == 403


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(guarded_dashboard: Dashboard) -> None:
    """HttpOnly and SameSite=Strict."""
    answer = httpx.get(login_link(guarded_dashboard.store, guarded_dashboard.url))
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_changed_cookie_opens_nothing(guarded_dashboard: Dashboard) -> None:
    """Every single changed character makes it worthless."""
    value = log_in(guarded_dashboard).cookies[COOKIE]
    for place in range(0, len(value), 3):
        forged = value[:place] + ("0" if value[place] != "0" else "1") + value[place + 1 :]
        answer = httpx.get(guarded_dashboard.pages, cookies={COOKIE: forged})
        assert answer.status_code == 303
    for junk in ("", ".", "owner.1.2", "a.b.c.d", "owner.x." + "0" * 64, "é"):
        assert (
            httpx.get(guarded_dashboard.pages, headers={"cookie": f"{COOKIE}={junk}".encode()}).status_code
            == 303
        )


def test_a_client_sees_only_its_agents(guarded_dashboard: Dashboard) -> None:
    """Another agent's pages are not found; its names and texts appear nowhere."""
    with guarded_dashboard.store.write() as connection:
        other = create_agent(connection, "Rival")
    key = talk(guarded_dashboard)
    theirs = talk(guarded_dashboard, other)
    owner = log_in(guarded_dashboard)
    client = client_login(guarded_dashboard, owner, guarded_dashboard.agent)
    for page in PAGES:
        mine = client.get(f"/agents/{guarded_dashboard.agent}/{page.format(key=key)}")
        assert mine.status_code in {200, 204}
        assert "Rival" not in mine.text
        assert client.get(f"/agents/{other}/{page.format(key=theirs)}").status_code == 404
        wrong = client.get(f"/agents/{guarded_dashboard.agent}/{page.format(key=theirs)}")
        assert "{key}" not in page or wrong.status_code == 404
    assert all(client.get(f"/agents/{guarded_dashboard.agent}/{page}").status_code == 404 for page in OWNED)


def test_a_client_cannot_change_anything(guarded_dashboard: Dashboard) -> None:
    """Every form is refused, even with a valid token of the client's own session."""
    key, store = talk(guarded_dashboard), guarded_dashboard.store
    client = client_login(guarded_dashboard, log_in(guarded_dashboard), guarded_dashboard.agent)
    session = session_of(store, client.cookies[COOKIE])
    assert session is not None
    fields = {"csrf": form_token(store, session)}
    for path in (f"conversations/{key}", "settings", "views"):
        assert (
            client.post(
                f"/agents/{guarded_dashboard.agent}/{path}", data=fields | {"do": "delete"}
            ).status_code
            == 403
        )


def test_a_client_is_refused_before_its_form_is_read(guarded_dashboard: Dashboard) -> None:
    """The answer comes while a large file that was announced has not been sent: nothing of it is kept."""
    client = client_login(guarded_dashboard, log_in(guarded_dashboard), guarded_dashboard.agent)
    head = (
        f"POST /agents/{guarded_dashboard.agent}/settings HTTP/1.1\r\n"
        f"host: 127.0.0.1:{guarded_dashboard.port}\r\ncookie: {COOKIE}={client.cookies[COOKIE]}\r\n"
        "content-type: multipart/form-data; boundary=x\r\ncontent-length: 60000000\r\n\r\n"
        '--x\r\ncontent-disposition: form-data; name="logo"; filename="a"\r\n\r\nbytes'
    )
    with socket.create_connection(("127.0.0.1", guarded_dashboard.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


def test_a_revoked_client_is_out_at_once(guarded_dashboard: Dashboard) -> None:
    """The next request after the revocation leads to the login."""
    owner = log_in(guarded_dashboard)
    client = client_login(guarded_dashboard, owner, guarded_dashboard.agent)
    home = f"/agents/{guarded_dashboard.agent}/"
    assert client.get(home).status_code == 200
    owner.post(home + "settings", data=form_of(owner, home + "settings", do="revoke", client="1"))
    assert client.get(home).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ],
)
def test_a_form_of_another_site_is_refused(guarded_dashboard: Dashboard, headers: dict[str, str]) -> None:
    """Even with the right cookie and the right token."""
    key = talk(guarded_dashboard)
    owner = log_in(guarded_dashboard)
    path = f"/agents/{guarded_dashboard.agent}/conversations/{key}"
    answer = owner.post(path, data=form_of(owner, path, do="delete"), headers=headers)
    assert answer.status_code == 403


def test_a_form_without_its_token_is_refused(guarded_dashboard: Dashboard) -> None:
    """A wrong token, none, or another session's changes nothing."""
    key = talk(guarded_dashboard)
    owner, second = log_in(guarded_dashboard), log_in(guarded_dashboard)
    path = f"/agents/{guarded_dashboard.agent}/conversations/{key}"
    for fields in ({"do": "delete"}, {"do": "delete", "csrf": "0" * 64}, form_of(second, path, do="delete")):
        assert owner.post(path, data=fields).status_code == 403
    assert "Deleted" not in owner.get(path).text


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "169.254.169.254",
    ],
)
def test_foreign_host_names_are_refused(dashboard: Dashboard, host: str) -> None:
    """A page elsewhere cannot reach any page, file or stream under a name that resolves here."""
    for path in ("", "conversations", "live?after=0", "export.csv", "../../login", "../../static/app.js"):
        assert httpx.get(dashboard.pages + path, headers={"host": host}).status_code == 421


def test_no_other_site_may_read_or_frame_a_page(dashboard: Dashboard) -> None:
    """No answer to another site, or to its preflight, opens itself; framing is forbidden."""
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    key = talk(dashboard)
    for path in ("", "conversations", f"conversations/{key}", "export.csv", "settings"):
        for method in ("GET", "OPTIONS", "POST"):
            answer = httpx.request(method, dashboard.pages + path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert (answer.status_code == 200) == (method == "GET")
        assert (
            "frame-ancestors 'none'" in httpx.get(dashboard.pages + path).headers["content-security-policy"]
        )


def shared(owner: httpx.Client, path: str, days: int = 7) -> str:
    """Make a share link and return it."""
    page = owner.post(path, data=form_of(owner, path, do="share", days=str(days))).text
    found = re.search(r'value="(http[^"]+/s/[^"]+)"', page)
    assert found is not None
    return found.group(1)


def test_a_share_link_shows_the_texts_and_nothing_else(guarded_dashboard: Dashboard) -> None:
    """A stranger reads the transcript; customer, ids and metadata are not in it, nor may robots keep it."""
    key = talk(guarded_dashboard)
    owner = log_in(guarded_dashboard)
    link = shared(owner, f"/agents/{guarded_dashboard.agent}/conversations/{key}")
    answer = httpx.get(link)
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
    text = httpx.get(shared(owner, f"/agents/{guarded_dashboard.agent}/conversations/{key}")).text
    assert "lookup</bdi></b> failed" in text
    assert not re.search("password|secret-model|1.2k|private|Arguments|Result|Metadata", text)


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
    assert httpx.get(revoked).status_code == 410
    with guarded_dashboard.store.write() as connection:
        connection.exec_driver_sql("UPDATE dashboard_shares SET expires_at = 1 WHERE id = 2")
    assert httpx.get(expired).status_code == 410
    assert httpx.get(gone).status_code == 200
    owner.post(path, data=form_of(owner, path, do="delete"))
    assert httpx.get(gone).status_code == 410
    assert httpx.get(guarded_dashboard.url + "/s/" + "A" * 32).status_code == 404


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


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nx: y", "javascript:alert(1)"],
)
def test_forms_and_links_never_lead_elsewhere(dashboard: Dashboard, target: str) -> None:
    """Where to go next is a path of this server, whatever a link says."""
    answer = httpx.get(dashboard.url + "/theme", params={"to": "dark", "next": target})
    assert answer.headers["location"] == "/"


def test_theme_is_kept_in_a_cookie(dashboard: Dashboard) -> None:
    """Light and dark without a script; choosing the same again follows the system."""
    client = dashboard.client()
    client.get("/theme", params={"to": "dark", "next": "/"})
    assert 'data-theme="dark"' in client.get(dashboard.pages).text
    client.get("/theme", params={"to": "dark", "next": "/"})
    assert "data-theme" not in client.get(dashboard.pages).text
