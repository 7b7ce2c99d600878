"""Every page: it answers, needs no script, obeys the policy, is small, and asks nobody else for anything."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from dashboard_running import PATIENCE, Dashboard, fetch, form_of
from sqlalchemy import select

from agentsight_otel.server.dashboard.brand import CONTRAST, Brand, brand_css, contrast, logo_type, save_brand
from agentsight_otel.server.dashboard.render import HTMX, HTMX_SHA256, static_file
from agentsight_otel.server.dashboard.tables import clients
from agentsight_otel.server.demo_data import fill
from agentsight_otel.server.store.keys import create_key

PAGES = (
    "",
    "?peak=conversations",
    "?env=development",
    "?range=1d",
    "?from=2020-01-01&to=2020-01-31",
    "conversations",
    "conversations?search=refund",
    "conversations?after=junk&ordering=nonsense&has_feedback=maybe&metadata=broken",
    "conversations/1",
    "conversations/1?view=trace",
    "customers",
    "customers?contains=%25",
    "tools",
    "feedback",
    "feedback?all=1&sentiment=negative",
    "tokens",
    "reports",
    "health",
    "settings",
)


class Reader(HTMLParser):
    """Collects a page's tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))


def tags_of(text: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the tags of a page."""
    reader = Reader()
    reader.feed(text)
    return reader.tags


@pytest.fixture(scope="module")
def demo() -> Iterator[Dashboard]:
    """A dashboard with a few days of made-up data."""
    running = Dashboard(needs_login=False)
    fill(running.store, running.agent, days=9, conversations=160)
    yield running
    running.close()


@pytest.mark.parametrize("page", PAGES)
def test_page_answers_under_the_policy(demo: Dashboard, page: str) -> None:
    """200, a strict policy without unsafe-*, no inline script or style, within 80 kB on the wire."""
    answer = fetch(demo.pages + page)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(gzip.compress(answer.content)) <= 80_000
    for tag, attributes in tags_of(answer.text):
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "style"
        assert tag != "script" or attributes.get("src")


@pytest.mark.parametrize("page", PAGES)
def test_every_address_on_a_page_is_here_and_answers(demo: Dashboard, page: str) -> None:
    """No address leads off this server, and every link on a page leads somewhere."""
    answer = fetch(demo.pages + page)
    seen = set()
    for _, attributes in tags_of(answer.text):
        for name in ("href", "src", "action", "hx-get", "hx-post"):
            if attributes.get(name):
                seen.add(urljoin(str(answer.url), attributes[name]))
    posted = {
        urljoin(str(answer.url), a["action"]) for _, a in tags_of(answer.text) if a.get("method") == "post"
    }
    assert seen
    assert {urlsplit(address).netloc for address in seen} == {urlsplit(demo.url).netloc}
    unique = {re.sub(r"\d+", "0", address): address for address in seen - posted if "#" not in address}
    with httpx.Client(follow_redirects=True, timeout=PATIENCE) as client:
        broken = [a for a in unique.values() if client.get(a).status_code != 200]
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_every_control_has_a_name_and_every_id_is_unique(demo: Dashboard, page: str) -> None:
    """What a screen reader needs: labels, unique ids, definitions that exist, a language, one heading."""
    text = fetch(demo.pages + page).text
    tags = tags_of(text)
    ids = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in tags:
        for name in ("popovertarget", "aria-labelledby"):
            for target in (attributes.get(name) or "").split():
                assert target in ids
    assert (tags[0][0], tags[0][1].get("lang")) == ("html", "en")
    assert sum(tag == "h1" for tag, _ in tags) == 1
    for number, attributes in enumerate(tags):
        if attributes[0] in {"input", "select", "textarea"} and attributes[1].get("type") not in {
            "hidden",
            "checkbox",
        }:
            inside_label = any(tag == "label" for tag, _ in tags[max(0, number - 1) : number])
            assert attributes[1].get("aria-label") or inside_label, attributes


def test_an_empty_dashboard_says_how_to_begin(dashboard: Dashboard) -> None:
    """Without any data every page answers, and the list shows the two lines to type."""
    for page in PAGES:
        if "conversations/1" not in page:
            assert fetch(dashboard.pages + page).status_code == 200
    text = fetch(dashboard.pages + "conversations").text
    assert f"AGENTSIGHT_API_ENDPOINT={dashboard.url}" in text


def test_errors_are_pages_under_the_policy(demo: Dashboard) -> None:
    """What is not there is a 404 with the same headers, for any number and any agent."""
    for path in (
        "agents/99/",
        "agents/1/conversations/999999",
        "agents/1/files/7",
        "static/app.py",
        "agents/1/logo",
        "agents/1/nowhere",
        "agents/1/conversations/x",
        "agents/",
    ):
        answer = fetch(f"{demo.url}/{path}")
        assert answer.status_code == 404
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "To the start page" in answer.text


@pytest.mark.parametrize(
    "odd", ["-1", "0", "9" * 17, "9" * 30, pytest.param("9" * 4400, id="long"), "1e999", "nan", "²", "1.5"]
)
def test_an_odd_number_in_an_address_is_no_error(demo: Dashboard, odd: str) -> None:
    """As a page, part, message or place in the list, of either sign: the page shows what makes sense."""
    for query in (
        f"conversations?after={odd}_1",
        f"conversations?after=1_{odd}",
        f"conversations?after=-{odd}_-{odd}&ordering=-response",
        f"conversations/1?part={odd}&at={odd}",
        f"customers?page={odd}",
        f"customers/cust_1000?after={odd}_{odd}",
    ):
        assert fetch(demo.pages + query).status_code == 200, query[:80]


def test_a_client_login_for_agents_that_are_none(dashboard: Dashboard) -> None:
    """Whatever a form names beside the agents there are is left out."""
    client = dashboard.client()
    path = f"/agents/{dashboard.agent}/settings"
    form = form_of(client, path, do="invite", name="Acme", days="7", agent=["9" * 5000, "²", "-1", "77"])
    assert client.post(path, data=form).status_code == 200
    with dashboard.store.read() as connection:
        assert connection.scalars(select(clients.c.agents)).all() == [[dashboard.agent]]


def test_what_is_vendored_is_what_was_published() -> None:
    """The vendored script is the published file, with its licence beside it."""
    assert hashlib.sha256(static_file(HTMX)).hexdigest() == HTMX_SHA256
    assert b"Zero-Clause BSD" in static_file("htmx-LICENSE.txt")


def test_weight_budgets() -> None:
    """Scripts at most 40 kB, the style sheet at most 12 kB on the wire; our script at most 300 lines."""
    own = static_file("app.js")
    assert len(gzip.compress(static_file(HTMX))) + len(gzip.compress(own)) <= 40_000
    assert own.count(b"\n") <= 300
    assert len(gzip.compress(static_file("app.css"))) <= 12_000


def test_nothing_in_the_style_sheet_or_script_names_another_host() -> None:
    """No web address at all, but for the name of the SVG language."""
    for name in ("app.css", "app.js", "favicon.svg"):
        addresses = re.findall(rb"https?://[^\s\"')]+", static_file(name))
        assert [a for a in addresses if a != b"http://www.w3.org/2000/svg"] == []


@pytest.mark.parametrize(
    "accent", ["#000000", "#ffffff", "#ffff00", "#3b4fd8", "#808080", "#ff0000", "#00ff88"]
)
def test_any_accent_stays_readable(accent: str) -> None:
    """Text in the accent colour has the contrast of WCAG AA on both grounds."""
    light, dark = re.findall(r"#[0-9a-f]{6}", brand_css(accent))
    rgb = [tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (light, dark)]
    assert contrast(rgb[0], (255, 255, 255)) >= CONTRAST  # type: ignore[arg-type]
    assert contrast(rgb[1], (26, 28, 32)) >= CONTRAST  # type: ignore[arg-type]


def test_white_label_replaces_every_name_of_ours(dashboard: Dashboard) -> None:
    """A branded agent's pages show its name and footer, and our name nowhere."""
    with dashboard.store.write() as connection:
        save_brand(
            connection, dashboard.agent, Brand(name="Acme <b>", accent="#ff8800", footer="by Acme & sons")
        )
    for page in ("", "conversations", "tools", "reports"):
        text = fetch(dashboard.pages + page).text
        shown = re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
        assert "AgentSight" not in shown
        assert "Acme &lt;b&gt;" in text
        assert "by Acme &amp; sons" in text
    assert "accent-light: #ff8800" not in fetch(dashboard.pages + "brand.css").text


@pytest.mark.parametrize("data", [b"<svg onload=alert(1)>", b"GIF", b"", b"\x89PNG" + b"x" * 300_000])
def test_a_logo_is_a_small_picture_or_refused(data: bytes) -> None:
    """SVG, what is no picture, and what is too large is not stored."""
    with pytest.raises(ValueError, match="logo"):
        logo_type(data)


def test_charts_name_themselves_once(demo: Dashboard) -> None:
    """A drawing's title and description are on the page as often as the drawing."""
    text = fetch(demo.pages).text
    drawings = text.count('role="img"')
    assert drawings >= 5
    assert text.count("<desc ") == drawings


def test_health_counts_what_each_key_sent(dashboard: Dashboard) -> None:
    """Of each key: spans that were new, spans sent again, requests that were refused."""
    with dashboard.store.write() as connection:
        create_key(connection, dashboard.agent, "write", name="idle")
    span = {"trace_id": "7" * 32, "started_at": "2026-03-04T00:00:00Z", "ended_at": "2026-03-04T00:00:01Z"}
    spans = [{**span, "span_id": f"{number:016x}"} for number in range(1, 4)]
    client = dashboard.client(headers={"Authorization": f"Api-Key {dashboard.key}"})
    for sent, status in ((spans, 201), (spans[:1], 201), ([{}], 400), ([{}], 400)):
        payload = {"conversations": [{"conversation_id": "c1", "spans": sent}]}
        assert client.post("/api/ingest/", json=payload).status_code == status
    rows = re.findall(
        r'<tr><th scope="row" class="mono">.*?</tr>',
        client.get(dashboard.pages + "health").text.partition("Clocks and age at arrival")[0],
    )
    counts = [re.findall(r'class="num[^"]*">(\d+)<', row) for row in rows]
    assert counts == [["3", "1", "2"], ["0", "0", "0"]]
