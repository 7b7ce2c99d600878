"""What tests in a real Chromium share."""

from __future__ import annotations

import shutil
from importlib import resources
from typing import Any

import pytest
from dashboard_running import Dashboard

CHROMIUM = shutil.which("chromium") or ""
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
    "?from=2020-01-01&to=2020-01-31",
    "conversations",
    "conversations?search=refund",
    "conversations?search=nothing-has-this",
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

needs_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed"),
]


class Watch:
    """What a page did that it must not: requests elsewhere, dialogs, errors, policy reports."""

    def __init__(self, page: Any, url: str, *, accept: bool = False) -> None:
        self.accept = accept
        self.foreign: list[str] = []
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda r: None if r.url.startswith((url, "data:")) else self.foreign.append(r.url))
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)

    def _dialog(self, dialog: Any) -> None:
        if self.accept:  # a question of ours
            dialog.accept()
            return
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def check(self) -> None:
        """Fail if anything was seen."""
        assert (self.foreign, self.dialogs, self.errors) == ([], [], [])


def follow(page: Any, selector: str) -> None:
    """Click what leads to another page, and wait until that is loaded."""
    with page.expect_navigation():
        page.click(selector)


def violations(page: Any) -> list[tuple[str, str]]:
    """Return what axe finds against WCAG 2.1 A and AA or its best practices: the rule and where it begins."""
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
    page.add_script_tag(content=axe)
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})")
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]


def busiest(dashboard: Dashboard) -> int:
    """Return the key of a conversation that has actions, of any if none has."""
    with dashboard.store.read() as connection:
        return connection.exec_driver_sql(
            "SELECT id FROM conversations ORDER BY action_count > 1 DESC, id DESC LIMIT 1"
        ).scalar_one()


def with_key(dashboard: Dashboard, page: str) -> str:
    """Put the key of a conversation that has actions into a path."""
    return dashboard.pages + (page.replace("KEY", str(busiest(dashboard))) if "KEY" in page else page)
