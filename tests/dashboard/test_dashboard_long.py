"""Long transcripts in a real Chromium: ten thousand messages are read in parts that open at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dashboard_browser import Watch, needs_chromium, violations
from dashboard_data import Talk, write
from dashboard_running import Dashboard

START = datetime.now(UTC) - timedelta(days=2)
MESSAGES = 10_000
WEIGHT = """() => ({
    nodes: document.getElementsByTagName('*').length,
    heap: performance.memory ? performance.memory.usedJSHeapSize : 0,
})"""

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def long() -> Iterator[Dashboard]:
    """A conversation of ten thousand messages of some length, and one of two parts."""
    running = Dashboard(needs_login=False)
    text = "A line of an everyday length." * 8
    for number, length in ((1, MESSAGES), (2, 410)):
        said = [
            (START + timedelta(seconds=n * 9), "end_user" if n % 2 == 0 else "agent") for n in range(length)
        ]
        write(running.store, running.agent, [Talk(number, START, said=said, text=text)])
    yield running
    running.close()


def check_part(page: Any, part: int) -> None:
    """A part of the ten thousand is light, has its own lines, and leads on unless it is the last."""
    weight = page.evaluate(WEIGHT)
    assert weight["nodes"] < 10_000
    assert weight["heap"] <= 60_000_000
    assert lines(page) == list(range(400 * (part - 1) + 1, 400 * part + 1))
    assert page.get_by_role("link", name="Later", exact=True).count() == (0 if part == 25 else 2)


def test_ten_thousand_messages_stay_light(browser: Any, long: Dashboard) -> None:
    """The first part, the last and one between: few nodes, little memory, its lines in order, ways on."""
    page = browser.new_page()
    for part in (1, 12, 25):
        page.goto(f"{long.pages}conversations/1?part={part}")
        check_part(page, part)
    page.close()


def test_a_part_works_like_a_short_transcript(browser: Any, long: Dashboard) -> None:
    """A search hit opens the part it is in; a message's metadata and the trace can be opened there."""
    page = browser.new_page()
    page.goto(long.pages + "conversations?message_contains=length.%207777")
    with page.expect_navigation():
        page.locator(".hit-line a").click()
    hit = page.locator("article:target")
    assert hit.locator("mark").first.inner_text() == "length. 7777"
    assert hit.evaluate("e => e.getBoundingClientRect().top < innerHeight")
    page.close()


def test_a_saved_long_transcript_is_whole(browser: Any, long: Dashboard) -> None:
    """The page that is saved holds all of it, without links to parts, and a browser opens it."""
    page = browser.new_page()
    text = long.client(timeout=60).get(long.pages + "conversations/1/transcript.html").text
    assert text.count('class="bubble"') == MESSAGES
    page.set_content(text)
    assert page.locator(".bubble").count() == MESSAGES
    assert page.locator("a").count() == 0
    page.close()


@pytest.fixture(scope="module")
def link(long: Dashboard) -> str:
    """A link that shares the ten thousand messages."""
    return long.share(1)


def test_a_shared_long_transcript_stays_light(browser: Any, long: Dashboard, link: str) -> None:
    """Without scripts: each part is as light as the owner's, and links lead on and back."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    watch = Watch(page, long.url)
    page.goto(link)
    for part, way in ((1, "Later"), (2, "Later"), (3, "Earlier"), (25, "Earlier")):
        if part == 25:
            page.goto(f"{link}?part=25")
        check_part(page, part)
        with page.expect_navigation():
            page.get_by_role("link", name=way, exact=True).nth(part % 2).click()
    assert lines(page)[-1] == 9600
    watch.check()
    context.close()


def test_a_link_to_a_shared_message_opens_its_part(browser: Any, link: str) -> None:
    """The message is on the page, marked and in sight."""
    page = browser.new_page()
    page.goto(link + "?part=20")
    name = page.locator("article", has_text="length. 7777").get_attribute("id")
    page.goto(f"{link}?at={name[1:]}#{name}")
    found = page.locator("article:target")
    assert found.locator(".bubble").inner_text().endswith(" 7777")
    assert found.evaluate("e => e.getBoundingClientRect().top < innerHeight")
    page.close()


def test_a_printed_part_says_which_it_is(browser: Any, link: str) -> None:
    """On paper there is no way on, but it says that this is not all."""
    page = browser.new_page()
    page.goto(link + "?part=2")
    page.emulate_media(media="print")
    assert page.get_by_text("Part 2 of 25").first.is_visible()
    assert page.locator("main a:visible").count() == 0
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_part_has_no_accessibility_violation(browser: Any, long: Dashboard, scheme: str) -> None:
    """Axe finds nothing on a part that has another before it, the owner's and the reader's."""
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    for address in (f"{long.pages}conversations/2", long.share(2)):
        page.goto(address + "?part=2")
        assert lines(page) == list(range(401, 411))
        assert violations(page) == [], address
    context.close()


def lines(page: Any) -> list[int]:
    """Return the numbers at the end of the messages that a page shows."""
    return [int(text.rsplit(" ", 1)[1]) for text in page.locator(".bubble").all_inner_texts()]
