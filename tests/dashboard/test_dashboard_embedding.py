"""The dashboard in a frame of the owner's site: only where it is allowed, and what works there."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from dashboard_browser import needs_chromium
from dashboard_running import Dashboard, fetch, log_in, shared, talk

from agentsight_otel.exceptions import ConfigurationException
from agentsight_otel.server.dashboard import login_link
from agentsight_otel.server.run import serve


class Site(BaseHTTPRequestHandler):
    """The owner's site: a page with a frame of the address that its query names."""

    def do_GET(self) -> None:
        """Answer."""
        address = parse_qs(urlsplit(self.path).query).get("show", [""])[0]
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(f'<iframe src="{html.escape(address)}"></iframe>'.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Run the owner's site; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(scope="module")
def embedded(port: int) -> Iterator[Dashboard]:
    """A dashboard that asks for a login and may be framed by that site, under either of its names."""
    origins = (f"http://localhost:{port}", f"http://127.0.0.1:{port}")
    running = Dashboard(needs_login=True, embed_origins=origins)
    yield running
    running.close()


@pytest.fixture(scope="module")
def share(embedded: Dashboard) -> str:
    """Link of a shared transcript."""
    key = talk(embedded)
    return shared(log_in(embedded), f"/agents/{embedded.agent}/conversations/{key}")


def test_only_the_named_sites_may_frame_a_page(embedded: Dashboard, share: str, port: int) -> None:
    """Every page names them and no others; the rest of the policy stays."""
    owner = log_in(embedded)
    for address in (embedded.pages, embedded.pages + "settings", share, embedded.url + "/login"):
        policy = owner.get(address).headers["content-security-policy"]
        assert policy.endswith(f"; frame-ancestors http://localhost:{port} http://127.0.0.1:{port}")
        assert policy.startswith("default-src 'none'; script-src 'self';")


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "*",
        "app.example.com",
        "https://*.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://user@app.example.com",
        "https://app.example.com; script-src *",
        "https://app.example.com https://other.example",
        "https://app.example.com\r\nx: y",
        "javascript:alert(1)",
        "'self'",
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    """Before a database or a port is opened."""
    with pytest.raises(ConfigurationException) as caught:
        serve(port=0, db="/nowhere/at/all.db", embed_origins=["https://app.example.com", origin])
    assert caught.value.field == "embed_origin"


def test_serve_hands_the_sites_on() -> None:
    """`serve` with a site: its pages may be framed there."""
    service = serve(port=0, embed_origins=["https://App.example.com:8443"])
    service.start()
    try:
        policy = fetch(service.url + "/login").headers["content-security-policy"]
    finally:
        service.stop()
    assert policy.endswith("frame-ancestors https://app.example.com:8443")


def framed(page: Any, site: str, address: str) -> Any:
    """Open the site's page with the address in its frame; return that frame."""
    page.goto(str(httpx.URL(site, params={"show": address})), wait_until="load")
    return page.frames[1]


@pytest.mark.browser
@needs_chromium[1]
def test_a_browser_shows_it_where_it_is_allowed(browser: Any, share: str, port: int) -> None:
    """A shared transcript: on the named site, and not on another one."""
    page = browser.new_page()
    found = framed(page, f"http://localhost:{port}", share)
    assert "secret words 1" in found.locator("main").inner_text()
    other = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    try:
        found = framed(page, f"http://localhost:{other.server_port}", share)
        assert "secret words 1" not in found.content()
    finally:
        page.close()
        other.shutdown()
        thread.join(10)
        other.server_close()


@pytest.mark.browser
@needs_chromium[1]
def test_a_login_counts_on_the_same_site_only(browser: Any, embedded: Dashboard, port: int) -> None:
    """The session reaches a frame on the same site, with forms; on another site there is the login page."""
    page = browser.new_page()
    page.goto(login_link(embedded.store, embedded.url))
    page.wait_for_url("**/agents/**")
    found = framed(page, f"http://127.0.0.1:{port}", embedded.pages + "reports")
    assert found.locator("h1").inner_text() == "Reports"
    found.goto(embedded.pages + "settings")
    found.locator("input[name=footer]").fill("Framed")
    with found.expect_navigation():
        found.locator("form:has(input[name=footer]) button[type=submit]").first.click()
    assert found.locator("input[name=footer]").input_value() == "Framed"
    found = framed(page, f"http://localhost:{port}", embedded.pages + "reports")
    assert found.url == embedded.url + "/login"
    page.close()
