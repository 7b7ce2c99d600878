"""What tests in a real Chromium share."""

from __future__ import annotations

import shutil
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


def with_key(dashboard: Dashboard, page: str) -> str:
    """Put the key of a conversation that has actions into a path."""
    if "KEY" in page:
        with dashboard.store.read() as connection:
            key = connection.exec_driver_sql(
                "SELECT id FROM conversations ORDER BY action_count > 1 DESC, id DESC LIMIT 1"
            ).scalar()
        page = page.replace("KEY", str(key))
    return dashboard.pages + page
