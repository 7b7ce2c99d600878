"""Reading the numbers off a page by the words beside them."""

from __future__ import annotations

import html
import re

import httpx


class Page:
    """A page's numbers by the words beside them."""

    def __init__(self, client: httpx.Client, address: str, **params: str) -> None:
        answer = client.get(address, params=params)
        assert answer.status_code == 200
        self.text = re.sub(
            r"<button.*?</button>|<div class=\"pop\".*?</div>|<title.*?</title>",
            "",
            answer.text,
            flags=re.DOTALL,
        )

    def _shown(self, label: str) -> str:
        card = re.search(
            rf'<div class="label">{label} *</div>\s*<div class="value">(.*?)</div>', self.text, re.DOTALL
        )
        found = card or re.search(rf"<dt>{label} *</dt><dd[^>]*>(.*?)</dd>", self.text, re.DOTALL)
        assert found is not None, label
        return found.group(1)

    def fact(self, label: str) -> str:
        """Return the number of a card or of a list of facts."""
        return plain(self._shown(label).partition("<small")[0])

    def moved(self, label: str) -> str:
        """Return the change beside a number."""
        small = re.search(r'<small class="delta[^>]*>(.*?)<span', self._shown(label), re.DOTALL)
        return plain(small.group(1)) if small else ""

    def rows(self, label: str) -> list[list[str]]:
        """Return the cells of a table's body."""
        region = re.search(rf'aria-label="{label}(?:, as a table)?"><table.*?</table>', self.text, re.DOTALL)
        if region is None:
            return []
        body = region.group().partition("<tbody")[2]
        found = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
        return [
            [plain(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
            for row in found
        ]

    def meters(self, heading: str) -> dict[str, str]:
        """Return the rows with a bar below a heading: name → number."""
        section = re.search(rf'<h2 id="h-{heading}">.*?</section>', self.text, re.DOTALL)
        assert section is not None
        rows = re.findall(
            r'<div class="meterrow">(.*?)<span class="num">(.*?)</span>', section.group(), re.DOTALL
        )
        return {plain(name): plain(count) for name, count in rows}


def plain(markup: str) -> str:
    """Return a piece of markup as text."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).strip()
