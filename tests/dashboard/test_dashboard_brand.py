"""White label: two clients with a brand each see nothing of the other's and nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import httpx
import pytest
from dashboard_data import Talk, write
from dashboard_running import Dashboard, form_of
from hypothesis import given
from hypothesis import strategies as st

from agentsight_otel.server.dashboard import login_link
from agentsight_otel.server.dashboard.brand import Brand, brand_css, contrast, save_brand
from agentsight_otel.server.store.keys import create_agent

START = datetime.now(UTC) - timedelta(hours=2)
PIXEL = b"\x89PNG\r\n\x1a\n"
PAGES = (
    "",
    "?env=development",
    "?from=2020-01-01&to=2020-01-02",
    "conversations",
    "conversations?search=words",
    "conversations?from=2020-01-01&to=2020-01-02",
    "conversations/KEY",
    "conversations/KEY/transcript.html",
    "conversations/KEY/transcript.json",
    "conversations/999999",
    "customers",
    "customers?from=2020-01-01&to=2020-01-02",
    "customers/CUSTOMER",
    "customers/nobody",
    "tools",
    "tools?from=2020-01-01&to=2020-01-02",
    "feedback",
    "tokens",
    "tokens?from=2020-01-01&to=2020-01-02",
    "reports",
    "export.csv",
    "export.jsonl",
    "brand.css",
    "logo",
    "health",
    "settings",
)
OURS = re.compile("agentsight|opentelemetry", re.IGNORECASE)
KINDS = re.compile(r"agentsight\.[a-z_.]+")
"""Names of attributes: data that the agent recorded, not a brand."""


class Client(NamedTuple):
    """A client login: its brand's word, its agent, its conversation's key, its session and a share link."""

    word: str
    agent: int
    key: int
    session: httpx.Client
    share: str


@pytest.fixture(scope="module")
def two() -> Iterator[list[Client]]:
    """Two agents, a brand and a client login for each."""
    running = Dashboard(needs_login=True)
    owner = running.client(follow_redirects=True)
    owner.get(login_link(running.store, running.url))
    made = []
    for word, accent in (("Zephyr", "#ff8800"), ("Quarry", "#00aa55")):
        with running.store.write() as connection:
            agent = create_agent(connection, f"{word} desk")
            brand = Brand(name=f"{word} care", accent=accent, footer=f"by {word}", logo=PIXEL + word.encode())
            save_brand(connection, agent, brand)
        said = [(START, "end_user"), (START + timedelta(seconds=2), "agent")]
        talk = Talk(1, START, said=said, ran=[(START, f"{word.lower()}_lookup", 5.0, f"{word} broke")])
        talk.spent = [(START, f"{word.lower()}-1", 5, 5)]
        talk.rated = [(START, "negative", "customer", f"{word} is slow")]
        talk.fields = {"customer_id": f"{word}-ann", "name": f"{word} order", "device": f"{word} phone"}
        talk.text = f"{word} words"
        key = write(running.store, agent, [talk])[talk.id]
        home = f"/agents/{agent}/"
        fields = form_of(owner, home, name=f"{word} view", page="conversations", query=f"search={word}")
        owner.post(home + "views", data=fields)
        path = f"{home}conversations/{key}"
        share = re.search(
            r'value="http[^"]+(/s/[^"]+)"', owner.post(path, data=form_of(owner, path, do="share")).text
        )
        invite = form_of(
            owner, home + "settings", do="invite", name=f"{word} login", days="30", agent=str(agent)
        )
        link = re.search(r'value="(http[^"]+token=[^"]+)"', owner.post(home + "settings", data=invite).text)
        assert share is not None
        assert link is not None
        session = running.client()
        assert "Signed in" in session.get(link.group(1)).text
        made.append(Client(word, agent, key, session, share.group(1)))
    yield made
    running.close()


def paths(client: Client) -> list[str]:
    """Return everything a client can ask for."""
    mine = [page.replace("KEY", str(client.key)).replace("CUSTOMER", f"{client.word}-ann") for page in PAGES]
    shared = [client.share, f"{client.share}/brand.css"]
    return [
        *(f"/agents/{client.agent}/{page}" for page in mine),
        *shared,
        "/login",
        "/s/nothing",
        "/",
        "/nowhere",
    ]


def test_no_client_sees_another_or_us(two: list[Client]) -> None:
    """0 strings of the other brand, its agent, customers, tools, colours; 0 of ours; on every page."""
    colours = [brand_css(accent) for accent in ("#ff8800", "#00aa55")]
    own = 0
    for client, other, foreign in ((*two, colours[1]), (*two[::-1], colours[0])):
        for path in paths(client):
            answer = client.session.get(path)
            text = f"{answer.headers}\n{answer.text}" if path.endswith("logo") else answer.text
            assert other.word.lower() not in text.lower(), path
            assert not OURS.search(KINDS.sub("", text)), path
            assert foreign not in text, path
            own += client.word in text
    assert own > 2 * 18


def test_no_client_reaches_the_other_s_pages(two: list[Client]) -> None:
    """The other agent's pages, with either key, and its logo are not found."""
    for client, other in (two, two[::-1]):
        for page in PAGES:
            for key in (client.key, other.key):
                path = page.replace("KEY", str(key)).replace("CUSTOMER", f"{other.word}-ann")
                assert client.session.get(f"/agents/{other.agent}/{path}").status_code == 404
        assert client.session.get(f"/agents/{client.agent}/conversations/{other.key}").status_code == 404


def test_a_client_changes_nothing(two: list[Client]) -> None:
    """It has no form to press, and none that it makes up is taken."""
    client = two[0]
    path = f"/agents/{client.agent}/conversations/{client.key}"
    pages = "".join(client.session.get(p).text for p in paths(client) if "/transcript" not in p)
    assert set(re.findall(r'<form method="post" action="([^"]+)"', pages)) == {"/logout", "/login"}
    for target, do in (
        (path, "delete"),
        (path, "note"),
        (path, "share"),
        (f"/agents/{client.agent}/settings", "brand"),
    ):
        assert client.session.post(target, data={"do": do, "body": "x", "name": "x"}).status_code == 403


@given(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
def test_every_accent_is_readable(colour: tuple[int, int, int]) -> None:
    """Whatever is chosen: as text on cards and under the text of buttons, 4.5 to 1 in both themes."""
    css = brand_css("#{:02x}{:02x}{:02x}".format(*colour))
    light, dark = (tuple(bytes.fromhex(found)) for found in re.findall("#([0-9a-f]{6})", css))
    for accent, card, label in (
        (light, (255, 255, 255), (255, 255, 255)),
        (dark, (26, 28, 32), (16, 17, 21)),
    ):
        assert contrast(accent, card) >= 4.5  # type: ignore[arg-type]
        assert contrast(accent, label) >= 4.5  # type: ignore[arg-type]
