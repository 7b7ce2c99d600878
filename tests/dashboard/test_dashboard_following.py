"""An open page in a real Chromium while things are recorded: news shows soon, and nothing moves."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dashboard_browser import Watch, needs_chromium
from dashboard_data import Talk, write
from dashboard_running import Dashboard

from agentsight_otel.server.demo_data import fill

START = datetime.now(UTC) - timedelta(hours=5)
ROUNDS = 20

logger = logging.getLogger(__name__)  # seen with --log-cli-level=INFO

pytestmark = needs_chromium


@pytest.fixture
def talk(dashboard: Dashboard) -> Talk:
    """A conversation that fills more than a screen."""
    said = [(START + timedelta(seconds=n), "end_user" if n % 2 else "agent") for n in range(60)]
    one = Talk(1, START, said=said)
    write(dashboard.store, dashboard.agent, [one])
    return one


@pytest.fixture
def page(browser: Any, dashboard: Dashboard) -> Iterator[Any]:
    """A page, watched."""
    opened = browser.new_page(viewport={"width": 1000, "height": 700})
    watch = Watch(opened, dashboard.url)
    yield opened
    opened.close()
    assert (watch.foreign, watch.dialogs) == ([], [])


def say(dashboard: Dashboard, talk: Talk) -> None:
    """Add a line to a conversation."""
    talk.said.append((datetime.now(UTC), "agent"))
    write(dashboard.store, dashboard.agent, [talk])


def test_new_conversations_are_announced_and_nothing_moves(page: Any, dashboard: Dashboard) -> None:
    """The bar says how many are new; scroll position and rows stay until the reader asks."""
    fill(dashboard.store, dashboard.agent, days=3, conversations=80)
    page.goto(dashboard.pages + "conversations")
    page.evaluate("scrollTo(0, 900)")
    top = page.locator(".list .title").first.get_attribute("href")
    for number in (1, 2):
        now = datetime.now(UTC)
        write(dashboard.store, dashboard.agent, [Talk(number, now, said=[(now, "end_user")])])
        noun = "conversation" if number == 1 else "conversations"
        page.wait_for_selector(f"#live a:text-is('{number} new {noun} – show')")
    assert page.evaluate("scrollY") == 900
    assert page.locator(".list .title").first.get_attribute("href") == top
    with page.expect_navigation():
        page.click("#live a")
    assert page.locator(".list .title").first.get_attribute("href") != top
    assert page.locator("#live a").count() == 0


def test_new_lines_show_and_scroll_and_selection_stay(page: Any, dashboard: Dashboard, talk: Talk) -> None:
    """Each line is on the page soon after it was written; what the reader looks at and has selected stays."""
    page.goto(dashboard.pages + "conversations/1")
    page.evaluate("scrollTo(0, 500)")
    page.evaluate("getSelection().selectAllChildren(document.querySelectorAll('.bubble')[9])")
    took = []
    for number in range(ROUNDS):
        say(dashboard, talk)
        began = time.perf_counter()
        page.locator(".bubble").nth(60 + number).wait_for()
        took.append(time.perf_counter() - began)
        assert page.evaluate("[scrollY, String(getSelection())]") == [500, "text 10"]
    took.sort()
    logger.info(
        "a new line shows after p50 %.3f s, p95 %.3f s", took[ROUNDS // 2], took[ROUNDS * 95 // 100 - 1]
    )
    texts = page.locator(".bubble").all_inner_texts()
    assert texts == [f"text {n}" for n in range(1, 61 + ROUNDS)]
    assert page.locator("#live a").inner_text() == f"{ROUNDS} new lines ↓"


def test_the_reader_who_goes_to_the_new_lines_is_told_no_more(
    page: Any, dashboard: Dashboard, talk: Talk
) -> None:
    """The bar leads to the first new line and is gone; it counts again from there."""
    page.goto(dashboard.pages + "conversations/1")
    for _ in range(2):
        say(dashboard, talk)
    page.wait_for_selector("#live a:text-is('2 new lines ↓')")
    page.click("#live a")
    page.wait_for_selector("#live a", state="detached")
    assert page.locator("#live").inner_text() == "2 new lines"
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    say(dashboard, talk)
    page.wait_for_selector("#live a:text-is('1 new line ↓')")


def test_a_restarted_server_loses_nothing(page: Any, dashboard: Dashboard, talk: Talk) -> None:
    """What was written while the server was away comes when it is back, each line once, in order."""
    page.goto(dashboard.pages + "conversations/1")
    page.locator(".bubble").nth(59).wait_for()
    for round_ in range(3):
        dashboard.listener.stop()
        for _ in range(3):
            say(dashboard, talk)
        dashboard.start()
        say(dashboard, talk)
        page.locator(".bubble").nth(63 + 4 * round_).wait_for()
    assert page.locator(".bubble").all_inner_texts() == [f"text {n}" for n in range(1, 73)]


def test_a_page_nobody_looks_at_gives_its_connection_back(
    page: Any, dashboard: Dashboard, talk: Talk
) -> None:
    """While it is hidden it hears nothing; shown again, it goes on where it was."""
    page.goto(dashboard.pages + "conversations/1")
    say(dashboard, talk)
    page.locator(".bubble").nth(60).wait_for()
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});"
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(f"() => {{ {hide % 'true'} {tell} }}")
    for _ in range(2):
        say(dashboard, talk)
    page.wait_for_timeout(600)
    assert page.locator(".bubble").count() == 61
    page.evaluate(f"() => {{ {hide % 'false'} {tell} }}")
    page.locator(".bubble").nth(62).wait_for()
    assert page.locator(".bubble").all_inner_texts() == [f"text {n}" for n in range(1, 64)]


def test_without_script_the_page_is_whole_and_asks_for_no_stream(
    browser: Any, dashboard: Dashboard, talk: Talk
) -> None:
    """The announcement is only a convenience."""
    del talk
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(dashboard.pages + "conversations/1")
    assert page.locator(".bubble").count() == 60
    assert not [address for address in asked if "/live" in address]
    context.close()
