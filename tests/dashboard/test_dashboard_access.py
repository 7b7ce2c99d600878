"""Who may look and who may change: logins, sessions, client logins, forms."""

from __future__ import annotations

import re
import socket

import httpx
import pytest
from dashboard_running import PATIENCE, Dashboard, fetch, form_of, log_in, talk

from agentsight_otel.server.dashboard import login_link
from agentsight_otel.server.dashboard.access import COOKIE, form_token, session_of
from agentsight_otel.server.run import serve
from agentsight_otel.server.store.keys import create_agent

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


def client_login(dashboard: Dashboard, owner: httpx.Client, agent: int) -> httpx.Client:
    """Make a client login for an agent and open it."""
    path = f"/agents/{dashboard.agent}/settings"
    page = owner.post(
        path, data=form_of(owner, path, do="invite", name="Acme", days="30", agent=str(agent))
    ).text
    link = re.search(r'value="(http[^"]+token=[^"]+)"', page)
    assert link is not None
    return log_in(dashboard, link.group(1))


def test_without_login_every_page_leads_to_the_login(guarded_dashboard: Dashboard) -> None:
    """No page, download or form answers a stranger."""
    key = talk(guarded_dashboard)
    for page in (*PAGES, *OWNED):
        answer = fetch(guarded_dashboard.pages + page.format(key=key))
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    posted = fetch(f"{guarded_dashboard.pages}conversations/{key}", "POST", data={"do": "delete"})
    assert posted.headers["location"] == "/login"
    assert "secret" not in fetch(guarded_dashboard.url + "/login").text


def test_serve_prints_the_link_of_the_first_login() -> None:
    """What stands in the terminal signs in, once; without it every page leads to the login."""
    service = serve(port=0)
    service.start()
    try:
        link = next(part for line in service.lines() for part in line.split() if "/login?token=" in part)
        for status in (200, 403):
            with httpx.Client(base_url=service.url, follow_redirects=True, timeout=PATIENCE) as client:
                assert "Analytics" not in client.get("/").text
                assert client.get(link).status_code == status
                assert ("Analytics" in client.get("/").text) == (status == 200)
    finally:
        service.stop()


def test_a_login_link_works_once(guarded_dashboard: Dashboard) -> None:
    """The first opening makes a session, the second is refused."""
    link = login_link(guarded_dashboard.store, guarded_dashboard.url)
    client = log_in(guarded_dashboard, link)
    assert client.get(f"/agents/{guarded_dashboard.agent}/").status_code == 200
    assert fetch(link).status_code == 403


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(guarded_dashboard: Dashboard) -> None:
    """HttpOnly and SameSite=Strict."""
    answer = fetch(login_link(guarded_dashboard.store, guarded_dashboard.url))
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_changed_cookie_opens_nothing(guarded_dashboard: Dashboard) -> None:
    """Every single changed character makes it worthless."""
    value = log_in(guarded_dashboard).cookies[COOKIE]
    for place in range(0, len(value), 3):
        forged = value[:place] + ("0" if value[place] != "0" else "1") + value[place + 1 :]
        answer = fetch(guarded_dashboard.pages, cookies={COOKIE: forged})
        assert answer.status_code == 303
    for junk in ("", ".", "owner.1.2", "a.b.c.d", "owner.x." + "0" * 64, "é"):
        assert (
            fetch(guarded_dashboard.pages, headers={"cookie": f"{COOKIE}={junk}".encode()}).status_code == 303
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
        assert fetch(dashboard.pages + path, headers={"host": host}).status_code == 421


def test_no_other_site_may_read_or_frame_a_page(dashboard: Dashboard) -> None:
    """No answer to another site, or to its preflight, opens itself; framing is forbidden."""
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    key = talk(dashboard)
    for path in ("", "conversations", f"conversations/{key}", "export.csv", "settings"):
        for method in ("GET", "OPTIONS", "POST"):
            answer = fetch(dashboard.pages + path, method, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert (answer.status_code == 200) == (method == "GET")
        assert "frame-ancestors 'none'" in fetch(dashboard.pages + path).headers["content-security-policy"]


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nx: y", "javascript:alert(1)"],
)
def test_forms_and_links_never_lead_elsewhere(dashboard: Dashboard, target: str) -> None:
    """Where to go next is a path of this server, whatever a link says."""
    answer = fetch(dashboard.url + "/theme", params={"to": "dark", "next": target})
    assert answer.headers["location"] == "/"


def test_theme_is_kept_in_a_cookie(dashboard: Dashboard) -> None:
    """Light and dark without a script; choosing the same again follows the system."""
    client = dashboard.client()
    client.get("/theme", params={"to": "dark", "next": "/"})
    assert 'data-theme="dark"' in client.get(dashboard.pages).text
    client.get("/theme", params={"to": "dark", "next": "/"})
    assert "data-theme" not in client.get(dashboard.pages).text
