"""How fast the dashboard comes from a big SQLite database, how soon after the start, in how much memory.

Cold is a period, a page or a word that nobody asked for before; warm is the same again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from benchmarks.serving import Server, big_db, options, quantile

AGENT = "/agents/1/"


def _days(turn: int) -> str:
    last = datetime.now(UTC).date() - timedelta(days=turn)
    return f"from={last - timedelta(days=29)}&to={last}"


def pages(sample: str, keys: list[str]) -> dict[str, Callable[[int], str]]:
    """Return the address of each page for each turn."""
    words = re.findall(r"[a-z]{5,}", sample)
    zones = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")
    return {
        "analytics": lambda turn: f"?{_days(turn)}",
        "analytics, zones": lambda turn: f"?{_days(turn)}&tz={zones[turn % 4]}",
        "analytics, 90 days": lambda turn: f"?range=90d&tz={zones[turn % 4]}",
        "tokens": lambda turn: f"tokens?{_days(turn)}",
        "tools": lambda turn: f"tools?{_days(turn)}",
        "feedback": lambda turn: f"feedback?{_days(turn)}",
        "customers": lambda turn: f"customers?{_days(turn)}",
        "health": lambda turn: f"health?turn={turn}",
        "reports": lambda turn: f"reports?turn={turn}",
        "conversation": lambda turn: f"conversations/{keys[turn % len(keys)]}",
        "list": lambda turn: f"conversations?turn={turn}",
        "list, filtered": lambda turn: f"conversations?device=mobile&source=email&{_days(turn)}",
        "search, common": lambda turn: f"conversations?search={('delivery', 'order', 'refund')[turn % 3]}",
        "search, a word": lambda turn: f"conversations?search={words[turn % len(words)]}",
        "search, rare": lambda turn: f"conversations?search=HP-{10_000 + 997 * turn}",
        "search, none": lambda turn: f"conversations?search=zebra-{turn}",
    }


def measure(server: Server, rounds: int) -> None:
    """Print a line for each page."""
    _, listed = server.get(AGENT + "conversations")
    keys = re.findall(r'href="/agents/1/conversations/(\d+)', listed)
    print("milliseconds to the first byte; CPU of the server by page, cold")
    print(f"{'page':20}{'cold p50':>10}{'p95':>8}{'warm p50':>10}{'p95':>8}{'CPU':>8}")
    for name, address in pages(re.sub(r"<[^>]*>", " ", listed), keys).items():
        began = server.cpu()
        cold = [server.get(AGENT + address(turn))[0] for turn in range(rounds)]
        cpu = (server.cpu() - began) * 1000 / rounds
        warm = [server.get(AGENT + address(turn))[0] for turn in range(rounds)]
        figures = [quantile(times, share) for times in (cold, warm) for share in (0.5, 0.95)]
        print(f"{name:20}" + "{:10.1f}{:8.1f}{:10.1f}{:8.1f}{:8.1f}".format(*figures, cpu), flush=True)


def main() -> None:
    given = options(__doc__)
    given.add_argument("--rounds", type=int, default=20, help="visits of each page (default: %(default)s)")
    asked = given.parse_args()
    with big_db(asked) as path, Server(str(path)) as server:
        print(f"first page after {server.first_page:.2f} s; {server.memory()}")
        measure(server, asked.rounds)
        print(f"afterwards {server.memory()}")


if __name__ == "__main__":
    main()
