"""In a real Chromium: nothing leaves the machine, and everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_browser import PAGES, Watch, follow, needs_chromium, violations, with_key
from dashboard_running import Dashboard

from agentsight_otel.server.demo_data import fill

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def demo() -> Iterator[Dashboard]:
    """A dashboard with made-up data."""
    running = Dashboard(needs_login=False)
    fill(running.store, running.agent, days=20, conversations=150)
    yield running
    running.close()


def test_nobody_else_is_asked(browser: Any, demo: Dashboard) -> None:
    """On no page does a request leave, or a dialog open; on a tablet none scrolls sideways."""
    context = browser.new_context(viewport={"width": 768, "height": 900}, timezone_id="Europe/Berlin")
    page = context.new_page()
    watch = Watch(page, demo.url)
    page.goto(demo.pages)
    page.wait_for_function("document.body.dataset.zone === 'Europe/Berlin'")  # it is loaded once more
    page.wait_for_load_state()
    for path in (*PAGES, "../../login"):
        page.goto(with_key(demo, path))
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
        watch.check()
    context.close()


@pytest.mark.parametrize("path", [*PAGES, "../../login"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_an_accessibility_violation(
    browser: Any, demo: Dashboard, scheme: str, path: str
) -> None:
    """Axe finds nothing against WCAG 2.1 A and AA or its best practices, contrast included."""
    context = browser.new_context(
        color_scheme=scheme, bypass_csp=True
    )  # the check itself is an inline script
    page = context.new_page()
    page.goto(with_key(demo, path))
    assert violations(page) == []
    context.close()


def test_every_number_has_its_definition(browser: Any, demo: Dashboard) -> None:
    """The card of every number has a button that opens a text; lists and transcripts have one beside."""
    page = browser.new_page()
    for path in PAGES:
        page.goto(with_key(demo, path))
        assert page.evaluate(UNDEFINED) == [], path
        for button in page.locator("main .info:visible").all():
            button.click()
            shown = page.locator(".pop:popover-open")
            assert len(shown.inner_text()) > 50, path
            page.keyboard.press("Escape")
    for path in ("customers", "customers/cust_1000"):
        page.goto(demo.pages + path)
        for label in ("First seen", "Last seen"):
            assert page.locator("th, dt", has_text=label).locator(".info").count() == 1
    page.close()


UNDEFINED = """() => [...document.querySelectorAll(
    'main .value, main dd, main .num, main .meterrow, main .chart, main .ready'
)].filter(e => {
    const place = e.closest('.list, .chat, .waterfall') ? document.querySelector('main') : e.closest('.card');
    return /[0-9]/.test(e.textContent) && !e.closest('.pop, .event') && !place.querySelector('.info');
}).map(e => e.outerHTML.slice(0, 120))"""
"""Returns what shows a number without a definition in its card."""


def test_every_page_works_without_script(browser: Any, demo: Dashboard) -> None:
    """With scripts off: filter, open, switch to the trace, come back, change theme, read a definition."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for path in PAGES:
        assert page.goto(with_key(demo, path)).status == 200
    page.goto(demo.pages + "conversations")
    page.fill("input[name=search]", "refund")
    follow(page, "button:has-text('Search')")
    assert "search=refund" in page.url
    follow(page, ".list .title >> nth=0")
    follow(page, "text=Trace")
    assert "view=trace" in page.url
    follow(page, "text=Chat")
    follow(page, "a:has-text('Dark')")
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
    with page.expect_navigation():  # the page's keys work once it is loaded
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
