"""A conversation of ten thousand messages in a browser: how soon it can be used, how much memory it takes.

The owner and the readers of a share link see it in parts; the page that can be saved has all of it.
Needs Debian's chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

import agentsight_otel
from agentsight_otel import conversation_tracker
from agentsight_otel.server.dashboard.transcript import PART
from agentsight_otel.testing import LocalServer
from benchmarks.peers import table

MESSAGES = 10_000
PATIENCE = 120_000


def record(server: LocalServer, messages: int) -> None:
    """Track and send the conversation."""
    agentsight_otel.configure(api_key=server.api_key, endpoint=server.url)
    conversation_tracker.get_or_create_conversation("long")
    for number in range(messages // 2):
        conversation_tracker.track_human_message(f"Where is order {number}? It should have come on Monday.")
        conversation_tracker.track_agent_message(
            f"Order {number} is on its way. " + "It is at the carrier. " * 8
        )
    assert conversation_tracker.send_tracked_data()["delivered"]


def memory(browser: Browser) -> float:
    """Return the memory in MB that only the browser's pages have: objects, elements, layout."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    total = 0
    for process in found:
        if process["type"] == "renderer":
            status = Path(f"/proc/{process['id']}/status").read_text()
            total += sum(int(kilobytes) for kilobytes in re.findall(r"RssAnon:\s+(\d+)", status))
    return total / 1024


def look(page: Page, address: str, use: Callable[[Page], None]) -> tuple[str, str, str]:
    """Open a page and use it; return the milliseconds that took, its elements and the MB it added."""
    browser = page.context.browser
    assert browser is not None
    before = memory(browser)
    began = time.perf_counter()
    page.goto(address, wait_until="domcontentloaded", timeout=PATIENCE)
    use(page)
    took = (time.perf_counter() - began) * 1000
    page.wait_for_load_state("load")
    elements = page.evaluate("document.getElementsByTagName('*').length")
    return f"{took:.0f}", f"{elements:,}", f"{memory(browser) - before:.0f}"


def open_menu(page: Page) -> None:
    """Open the conversation's menu."""
    page.locator("summary[aria-label=More]").click(timeout=PATIENCE)
    page.get_by_text("Save as JSON").wait_for(timeout=PATIENCE)


def read_last(page: Page) -> None:
    """Go to the last message."""
    page.locator(".msg").last.scroll_into_view_if_needed(timeout=PATIENCE)


def sign_in(playwright: Playwright, server: LocalServer) -> Page:
    """Open the dashboard in a new browser."""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-features=SpareRendererForSitePerProcess"]
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
    page = browser.new_context().new_page()
    page.goto(server.dashboard_url())
    page.wait_for_url("**/agents/**")
    return page


def share(page: Page) -> tuple[str, str]:
    """Return the address of the conversation and a link that shares it."""
    page.goto(page.url + "conversations")
    page.locator(".list .title").first.click()
    page.locator("#share summary").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Share link").input_value()
    return page.url.partition("?")[0], link


def save(page: Page, address: str, folder: str) -> str:
    """Save the conversation as a page and return the address of the file."""
    file = Path(folder, "transcript.html")
    file.write_bytes(page.request.get(f"{address}/transcript.html", timeout=PATIENCE).body())
    return file.as_uri()


def measure(server: LocalServer, messages: int, folder: str) -> None:
    """Print a line for each page."""
    rows = [("until it could be used", "ms", "elements", "MB")]
    last = -(-messages // PART)
    with sync_playwright() as playwright:
        page = sign_in(playwright, server)
        address, link = share(page)
        for name, where, use in (
            ("conversation, first part", address, open_menu),
            ("conversation, last part", f"{address}?part={last}", open_menu),
            ("shared transcript, first part", link, read_last),
            ("shared transcript, last part", f"{link}?part={last}", read_last),
            ("saved transcript, all of it", save(page, address, folder), read_last),
        ):
            page = sign_in(playwright, server)
            blank = page.context.new_page()  # in a process of its own, where nothing else is kept
            page.close()
            rows.append((name, *look(blank, where, use)))
    table(rows)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument(
        "--messages", type=int, default=MESSAGES, help="of the conversation (default: %(default)s)"
    )
    asked = given.parse_args()
    if shutil.which("chromium") is None:
        print("Debian's chromium is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AGENTSIGHT_SPOOL_DIR"] = str(Path(folder, "spool"))
        with LocalServer() as server:
            record(server, asked.messages)
            measure(server, asked.messages, folder)


if __name__ == "__main__":
    main()
