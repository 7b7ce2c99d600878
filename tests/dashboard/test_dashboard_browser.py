"""In a real Chromium: nothing runs that should not, nothing leaves the machine, nothing is cut off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from dashboard_data import Talk, write
from dashboard_payloads import PAYLOADS
from dashboard_running import Dashboard
from sqlalchemy import insert, update

from agentsight_otel.server.dashboard.brand import Brand, save_brand
from agentsight_otel.server.dashboard.tables import notes, views
from agentsight_otel.server.demo_data import fill
from agentsight_otel.server.store.tables import agents, messages

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or ""
PICTURES = os.environ.get("AGENTSIGHT_SCREENSHOTS")  # read now: tests run without such settings
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = (
    "",
    "?env=development",
    "conversations",
    "conversations?search=refund",
    "conversations/KEY",
    "conversations/KEY?view=trace",
    "customers",
    "customers/cust_1000",
    "tools",
    "feedback",
    "tokens",
    "reports",
    "health",
    "settings",
)
START = datetime.now(UTC) - timedelta(hours=5)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests here."""
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def demo() -> Iterator[Dashboard]:
    """A dashboard with made-up data."""
    running = Dashboard(needs_login=False)
    fill(running.store, running.agent, days=20, conversations=150)
    yield running
    running.close()


class Watch:
    """What a page did that it must not: requests elsewhere, dialogs, errors, policy reports."""

    def __init__(self, page: Any, url: str) -> None:
        self.foreign: list[str] = []
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda r: None if r.url.startswith((url, "data:")) else self.foreign.append(r.url))
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def check(self) -> None:
        """Fail if anything was seen."""
        assert (self.foreign, self.dialogs, self.errors) == ([], [], [])


def with_key(dashboard: Dashboard, page: str) -> str:
    """Put the key of a conversation that has actions into a path."""
    if "KEY" in page:
        with dashboard.store.read() as connection:
            key = connection.exec_driver_sql(
                "SELECT max(id) FROM conversations WHERE action_count > 1"
            ).scalar()
        page = page.replace("KEY", str(key))
    return dashboard.pages + page


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_nothing_is_cut_off_and_nobody_else_is_asked(browser: Any, demo: Dashboard, width: int) -> None:
    """No page scrolls sideways, no text sticks out, no error is logged, no request leaves."""
    context = browser.new_context(viewport={"width": width, "height": 900}, timezone_id="Europe/Berlin")
    page = context.new_page()
    watch = Watch(page, demo.url)
    for path in PAGES:
        page.goto(with_key(demo, path))
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
        outside = page.evaluate(
            """() => [...document.querySelectorAll('main *')].filter(e => {
                if (e.closest('.scroll, [popover], svg, .sr, thead')) return false;
                if (e.closest('details:not([open]) > :not(summary)')) return false;
                const box = e.getBoundingClientRect();
                return box.width && (box.right > innerWidth + 1 || box.left < -1);
            }).map(e => e.outerHTML.slice(0, 120))"""
        )
        assert outside == [], path
        watch.check()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_an_accessibility_violation(browser: Any, demo: Dashboard, scheme: str) -> None:
    """Axe finds nothing against WCAG 2.1 A and AA or its best practices, contrast included."""
    context = browser.new_context(
        color_scheme=scheme, bypass_csp=True
    )  # the check itself is an inline script
    page = context.new_page()
    for path in (*PAGES, "../../login"):
        page.goto(with_key(demo, path))
        page.add_script_tag(content=AXE)
        found = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})"
        )
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found["violations"]] == [], path
    context.close()


def test_every_page_works_without_script(browser: Any, demo: Dashboard) -> None:
    """With scripts off: filter, open, switch to the trace, come back, change theme, read a definition."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in PAGES:
        assert page.goto(with_key(demo, path)).status == 200
    page.goto(demo.pages + "conversations")
    page.fill("input[name=search]", "refund")
    page.click("button:has-text('Search')")
    assert "search=refund" in page.url
    page.locator(".list .title").first.click()
    page.click("text=Trace")
    assert "view=trace" in page.url
    page.click("text=Chat")
    page.click("a:has-text('Dark')")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.goto(demo.pages)
    page.click("[popovertarget=def-messages]")
    assert page.is_visible("#def-messages")
    context.close()


def test_journeys_by_keyboard(browser: Any, demo: Dashboard) -> None:
    """j, k and o walk the list, arrows the conversations, t the trace, m marks, / searches, u goes up."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.pages + "conversations")
    titles = page.locator(".list .title")
    second = titles.nth(1).get_attribute("href")
    for key in "jjjk":
        page.keyboard.press(key)
    assert page.locator(".list .item.at .title").get_attribute("href") == second
    page.keyboard.press("o")
    page.wait_for_selector(".chat")
    first_url = page.url
    for key, part in (
        ("ArrowRight", "/conversations/"),
        ("ArrowLeft", "/conversations/"),
        ("t", "view=trace"),
        ("t", "/conversations/"),
    ):
        with page.expect_navigation():
            page.keyboard.press(key)
        assert part in page.url
    assert page.url.split("?")[0] == first_url.split("?")[0]
    with page.expect_navigation():
        page.keyboard.press("m")
    assert page.get_attribute("#mark", "aria-pressed") == "true"
    with page.expect_navigation():
        page.keyboard.press("u")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "search"
    context.close()


def test_marking_in_the_list_changes_only_the_star(browser: Any, demo: Dashboard) -> None:
    """The page is not loaded again; the star is on, and stays on after a reload."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.pages + "conversations")
    page.evaluate("window.same = true")
    star = page.locator(".list .item").nth(3).locator("button.star")
    star.click()
    page.wait_for_selector(".list .item:nth-child(4) .star.on")
    assert page.evaluate("window.same") is True
    page.reload()
    assert page.locator(".list .item").nth(3).locator("button.star").get_attribute("aria-pressed") == "true"
    context.close()


def test_the_peak_switch_swaps_the_map_in_place(browser: Any, demo: Dashboard) -> None:
    """Choosing conversations draws the other map without a new page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.pages)
    page.evaluate("window.same = true")
    page.locator("#peak .seg a", has_text="Conversations").click()
    page.wait_for_selector("#peak .seg a[aria-current]:has-text('Conversations')")
    assert page.evaluate("window.same") is True
    context.close()


def test_new_conversations_are_announced_and_nothing_moves(browser: Any) -> None:
    """The bar says how many are new; scroll position and rows stay until the reader asks."""
    running = Dashboard(needs_login=False)
    try:
        fill(running.store, running.agent, days=3, conversations=80)
        page = browser.new_page()
        page.goto(running.pages + "conversations")
        page.evaluate("scrollTo(0, 900)")
        top = page.locator(".list .title").first.get_attribute("href")
        write(running.store, running.agent, [Talk(1, START, said=[(datetime.now(UTC), "end_user")])])
        page.wait_for_selector("#live a:has-text('1 new conversation')", timeout=10_000)
        assert page.evaluate("scrollY") == 900
        assert page.locator(".list .title").first.get_attribute("href") == top
        page.close()
    finally:
        running.close()


def test_hostile_text_in_every_field_stays_text(browser: Any) -> None:
    """Each payload in every text field of every page: no dialog, no request elsewhere, no script."""
    running = Dashboard(needs_login=False)
    try:
        for place, start in enumerate(range(0, len(PAYLOADS), 10)):
            _infect(running, PAYLOADS[start : start + 10], place * 100)
        with running.store.read() as connection:
            keys = [row[0] for row in connection.exec_driver_sql("SELECT id FROM conversations ORDER BY id")]
        assert len(keys) == len(PAYLOADS)
        page = browser.new_page()
        watch = Watch(page, running.url)
        paths = [path for path in PAGES if "KEY" not in path and "cust_" not in path]
        paths += [f"conversations/{key}" for key in keys] + [
            f"conversations/{key}?view=trace" for key in keys[::10]
        ]
        paths += [
            f"conversations?search={payload_query}" for payload_query in ("%3Cscript", "%22%3E", "javascript")
        ]
        for path in paths:
            page.goto(running.pages + path)
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert page.evaluate("window.pwned") is None, path
            assert (
                page.locator(
                    "main script, main img, main iframe, main object, main style, main svg script"
                ).count()
                == 0
            )
            watch.check()
        page.close()
    finally:
        running.close()


def _infect(running: Dashboard, payloads: list[str], first: int) -> None:
    many = []
    for number, payload in enumerate(payloads, first):
        short = payload[:250].replace("\0", "")
        talk = Talk(
            number,
            START + timedelta(minutes=number),
            said=[
                (START + timedelta(minutes=number), "end_user"),
                (START + timedelta(minutes=number, seconds=2), "agent"),
            ],
            ran=[(START + timedelta(minutes=number), short, 5.0, payload)],
            spent=[(START + timedelta(minutes=number), short, 10, 10)],
            rated=[(START + timedelta(minutes=number), "negative", "customer", payload)],
            fields=dict.fromkeys(("name", "customer_id", "device", "source", "language"), short)
            | {"metadata": {payload: payload}},
            text=payload,
        )
        many.append(talk)
    keys = write(running.store, running.agent, many)
    with running.store.write() as connection:
        connection.execute(update(messages).values(metadata={payloads[0]: payloads}))
        connection.execute(update(agents).values(name=payloads[0][:250]))
        for key in keys.values():
            connection.execute(
                insert(notes).values(
                    agent_id=running.agent, conversation=key, body=payloads[-1], created_at=1
                )
            )
        for payload in payloads:
            connection.execute(
                insert(views).values(
                    agent_id=running.agent, name=payload, page="conversations", query=payload, created_at=1
                )
            )
        save_brand(connection, running.agent, Brand(name=payloads[0], footer=payloads[-1]))


def test_pictures_for_the_documentation(browser: Any, tmp_path: Path) -> None:
    """The pages that docs/dashboard.md shows, light and dark; AGENTSIGHT_SCREENSHOTS says where to."""
    folder = Path(PICTURES or tmp_path)
    names = {
        "": "analytics",
        "conversations": "conversations",
        "conversations/KEY": "conversation",
        "tokens": "tokens",
        "feedback": "feedback",
    }
    busy = Dashboard(needs_login=False)
    fill(busy.store, busy.agent, days=61, conversations=600)
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 1280, "height": 860}, color_scheme=scheme)
        page = context.new_page()
        for path, name in names.items():
            page.goto(with_key(busy, path))
            assert page.screenshot(path=folder / f"{name}-{scheme}.png")
        context.close()
    busy.close()
