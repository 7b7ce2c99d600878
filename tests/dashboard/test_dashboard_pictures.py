"""Pictures of every page, light and dark, narrow and wide; AGENTSIGHT_SCREENSHOTS says where to keep them."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dashboard_browser import PAGES, busiest, needs_chromium, with_key
from dashboard_data import Talk, write
from dashboard_running import Dashboard
from sqlalchemy import insert

from agentsight_otel.server.dashboard.tables import views
from agentsight_otel.server.demo_data import fill

WANTED = os.environ.get("AGENTSIGHT_SCREENSHOTS")  # read now: tests run without such settings
WIDTHS = {360: 740, 1280: 860, 1920: 1080}
NAMES = {
    "": "analytics",
    "conversations": "conversations",
    "conversations/KEY": "conversation",
    "conversations/KEY?view=trace": "trace",
    "customers": "customers",
    "tools": "tools",
    "feedback": "feedback",
    "tokens": "tokens",
    "reports": "reports",
    "health": "health",
    "settings": "settings",
}
ODD = "مرحبا، أين طلبي رقم ٤٢؟"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def busy() -> Iterator[Dashboard]:
    """Two months of made-up data, and some saved reports."""
    running = Dashboard(needs_login=False)
    fill(running.store, running.agent, days=61, conversations=600)
    saved = (("Phones this month", "conversations", "device=mobile"), ("October", "", "from=2026-10-01"))
    with running.store.write() as connection:
        for name, page, query in saved:
            row = {"name": name, "page": page, "query": query, "created_at": 1_760_000_000_000_000}
            connection.execute(insert(views).values(agent_id=running.agent, **row))
    yield running
    running.close()


@pytest.fixture(scope="module")
def odd() -> Iterator[Dashboard]:
    """Few conversations with long words, long names, other scripts and right-to-left text."""
    running = Dashboard(needs_login=False)
    start = datetime.now(UTC) - timedelta(hours=3)
    for number, text in enumerate((ODD, LONG, "短い質問 👩‍💻" * 12, "a b " * 900)):
        moments = [start + timedelta(seconds=40 * n + 9 * number) for n in range(4)]
        talk = Talk(
            number, start, said=[(m, "end_user" if n % 2 == 0 else "agent") for n, m in enumerate(moments)]
        )
        talk.text = text
        talk.fields = {
            "name": text[:200],
            "customer_id": text[:90],
            "device": text[:60],
            "metadata": {LONG: text},
        }
        talk.ran = [(moments[1], text[:200], 1234.5, text * 2)]
        talk.spent = [(moments[1], text[:200], 1_234_567, 89_012)]
        talk.rated = [(moments[3], "negative", "customer", text)]
        write(running.store, running.agent, [talk])
    yield running
    running.close()


@pytest.fixture(scope="module")
def bare() -> Iterator[Dashboard]:
    """Nothing recorded yet."""
    running = Dashboard(needs_login=False)
    yield running
    running.close()


DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""The browser has nothing to capture before its first frame, which comes late on a busy machine."""


def picture(page: Any, *, whole: bool = False) -> bytes:
    """Return what the page looks like as a small WebP file."""
    page.evaluate(DRAWN)
    session = page.context.new_cdp_session(page)
    options = {"format": "webp", "quality": 82, "captureBeyondViewport": whole}
    data: str = session.send("Page.captureScreenshot", options)["data"]
    session.detach()
    return base64.b64decode(data)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_for_the_documentation(browser: Any, busy: Dashboard, tmp_path: Path, scheme: str) -> None:
    """Every page at the width of a laptop: a picture of some size, and small enough to be kept."""
    folder = Path(WANTED or tmp_path)
    page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme=scheme)
    addresses = {name: with_key(busy, path) for path, name in NAMES.items()}
    addresses["shared"] = busy.share(busiest(busy))
    for name, address in addresses.items():
        page.goto(address)
        data = picture(page)
        assert 8_000 < len(data) < 120_000, name
        (folder / f"{name}-{scheme}.webp").write_bytes(data)
    page.close()


@pytest.mark.parametrize("which", ["busy", "odd", "bare"])
def test_nothing_is_cut_off(browser: Any, which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """With much data, odd data and none: no page scrolls sideways at any width, nothing sticks out."""
    running: Dashboard = request.getfixturevalue(which)
    folder = Path(WANTED or tmp_path) / "all"
    folder.mkdir(exist_ok=True)
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    absent = {"busy": (), "odd": ("cust_",), "bare": ("cust_", "KEY")}[which]
    paths = [path for path in PAGES if not any(part in path for part in absent)]
    addresses = [with_key(running, path) for path in paths] + [running.url + "/login"]
    if which != "bare":
        addresses.append(running.share(busiest(running)))
    for number, path in enumerate(addresses):
        page.goto(path)
        page.evaluate("document.querySelectorAll('.event, .waterfall details').forEach(d => d.open = true)")
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate(SIDEWAYS) <= 0, (path, width)
            assert page.evaluate(OUTSIDE) == [], (path, width)
            for scheme in ("light", "dark") if WANTED else ():
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=folder / f"{which}-{number:02}-{width}-{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 794, "height": 1123})
        page.emulate_media(media="print")
        assert page.evaluate(SIDEWAYS) <= 0, (path, "print")
        assert page.locator("main .info:visible, main form:visible").count() == 0, (path, "print")
        page.emulate_media(media="screen")
    context.close()


SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


OUTSIDE = """() => [...document.querySelectorAll('main *')].filter(e => {
    if (e.closest('.scroll, [popover], svg, .sr, thead, pre')) return false;
    if (e.closest('details:not([open]) > :not(summary)')) return false;
    for (let a = e; a; a = a.parentElement) if (getComputedStyle(a).textOverflow === 'ellipsis') return false;
    const box = e.getBoundingClientRect();
    return box.width && (box.right > innerWidth + 1 || box.left < -1);
}).map(e => e.outerHTML.slice(0, 120))"""
"""Returns the elements that stick out of the window, but for what scrolls or ends in an ellipsis."""
