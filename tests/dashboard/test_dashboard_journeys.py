"""Whole journeys in a real Chromium: with the keyboard alone, and with scripts switched off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_browser import Watch, follow, needs_chromium
from dashboard_running import Dashboard
from sqlalchemy import func, select

from agentsight_otel.server.dashboard.tables import clients, notes, shares, views
from agentsight_otel.server.demo_data import fill
from agentsight_otel.server.store.tables import conversations

TABS = 90
"""More than any page has places to stop at before what is looked for."""
FOCUSED = """(selector) => {
    const e = document.activeElement;
    const box = e.getBoundingClientRect();
    return e.matches(selector) && box.width > 0 && getComputedStyle(e).outlineStyle !== 'none';
}"""
"""Whether the focus is there, on something that is seen and shows that it has the focus."""

pytestmark = needs_chromium


@pytest.fixture
def filled(dashboard: Dashboard) -> Dashboard:
    """Some days of made-up data."""
    fill(dashboard.store, dashboard.agent, days=5, conversations=40)
    return dashboard


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request: pytest.FixtureRequest, browser: Any, filled: Dashboard) -> Iterator[Any]:
    """A page with and without scripts, that asks nobody else and logs no error."""
    context = browser.new_context(java_script_enabled=request.param, accept_downloads=True)
    opened = context.new_page()
    watch = Watch(opened, filled.url, accept=True)
    yield opened
    context.close()
    watch.check()


def count(dashboard: Dashboard, table: Any) -> int:
    """Return how many rows a table has."""
    with dashboard.store.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until something has the focus, and can be seen to have it."""
    for _ in range(TABS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED, selector):
            return
    raise AssertionError(f"no way to {selector} by keyboard")


def press(page: Any, selector: str, key: str = "Enter") -> None:
    """Tab to something and press it; wait for the page it leads to."""
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press(key)


def test_everything_can_be_done_without_a_mouse(browser: Any, filled: Dashboard) -> None:
    """Search, open, mark, write a note, share, rename, delete, restore, save the view, choose a period."""
    page = browser.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(filled.pages + "conversations")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("/")
    page.keyboard.type("order")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    press(page, ".list .title")
    press(page, "#mark")
    assert page.get_attribute("#mark", "aria-pressed") == "true"
    tab_to(page, "textarea[name=body]")
    page.keyboard.type("looked at")
    press(page, "form.stack button")
    assert count(filled, notes) == 1
    tab_to(page, "#share summary")
    page.keyboard.press("Enter")
    press(page, "select[name=days] + button")
    assert count(filled, shares) == 1
    for button in (".menu button.danger", ".menu button"):
        tab_to(page, "summary[aria-label=More]")
        page.keyboard.press("Enter")
        press(page, button)
    assert page.locator(".note.bad").count() == 0
    tab_to(page, "summary[aria-label=More]")
    page.keyboard.press("Enter")
    assert page.is_visible(".panel.menu")
    page.keyboard.press("Escape")
    assert not page.is_visible(".panel.menu")
    page.goto(filled.pages)
    press(page, ".seg a:not([aria-current])")
    assert "range=" in page.url
    tab_to(page, ".info")
    page.keyboard.press("Enter")
    assert page.locator(":popover-open").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(":popover-open").count() == 0
    page.close()


def test_a_day_at_the_office(page: Any, filled: Dashboard) -> None:
    """Filter, save the view, open it, mark, annotate, rename, share, revoke, delete, restore."""
    page.goto(filled.pages + "conversations")
    page.click(".filterbox > summary")
    page.fill("input[name=device]", "mobile")
    page.select_option("select[name=has_action]", "true")
    follow(page, "text=Apply")
    assert page.locator(".chip").count() == 2
    follow(page, ".chip a >> nth=1")
    assert page.locator(".chip").count() == 1
    page.click("summary:text-is('Save')")
    page.fill("input[name=name]:visible", "Phones")
    follow(page, ".drop button:text-is('Save')")
    assert count(filled, views) == 1
    follow(page, "text=Phones")
    assert "device=mobile" in page.url
    follow(page, ".list .title >> nth=0")
    follow(page, "#mark")
    assert page.get_attribute("#mark", "aria-pressed") == "true"
    page.fill("textarea[name=body]", "looked at")
    follow(page, "text=Add note")
    assert page.inner_text(".notes bdi") == "looked at"
    page.click("summary:has-text('Rename')")
    page.fill("aside input[name=name]", "A better name")
    follow(page, "button:text-is('Rename')")
    assert page.inner_text("h1") == "A better name"
    page.click("summary:has-text('Share')")
    follow(page, "text=Make a link")
    link = page.input_value("input[aria-label='Share link']")
    page.goto(link)
    assert page.inner_text("h1") == "A better name"
    with filled.store.read() as connection:
        key = connection.scalar(select(conversations.c.id).where(conversations.c.name == "A better name"))
    page.goto(f"{filled.pages}conversations/{key}")
    follow(page, "button:text-is('Revoke')")
    page.click("summary[aria-label=More]")
    follow(page, "button:text-is('Delete')")
    assert "Deleted" in page.inner_text(".note.bad")
    page.click("summary[aria-label=More]")
    follow(page, "button:text-is('Restore')")
    assert page.locator(".note.bad").count() == 0


def test_settings_and_downloads(page: Any, filled: Dashboard) -> None:
    """A brand, a client login that opens, its end; both exports and both copies of a transcript."""
    page.goto(filled.pages + "settings")
    page.fill("input[name=name] >> nth=0", "Harbour care")
    page.fill("input[name=accent]", "#aa3300")
    follow(page, "button:text-is('Save')")
    assert page.inner_text(".side .brand") == "Harbour care"
    page.fill("input[name=name] >> nth=1", "Acme")
    follow(page, "text=Make a login")
    assert "/login?token=" in page.input_value("input[aria-label='Login link']")
    follow(page, "button:text-is('Revoke')")
    assert page.locator("button:text-is('Revoke')").count() == 0
    assert count(filled, clients) == 1
    page.goto(filled.pages + "conversations")
    for name in ("CSV", "JSON Lines"):
        if not page.is_visible(".panel.menu"):
            page.click("summary:has-text('Export')")
        with page.expect_download() as download:
            page.click(f"a:has-text('{name}')")
        assert download.value.suggested_filename.startswith("conversations-")
    follow(page, ".list .title >> nth=0")
    for name in ("a web page", "JSON"):
        if not page.is_visible(".panel.menu"):
            page.click("summary[aria-label=More]")
        with page.expect_download() as download:
            page.click(f"a:has-text('Save as {name}')")
        assert download.value.suggested_filename.startswith("conv_")
