"""The same requests to SQLite and to PostgreSQL have the same answers, but for keys and links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from server_api import Api, at, block, span, turn, without_keys

from agentsight_otel.testing import LocalServer

pytestmark = pytest.mark.postgres

NAMES = (
    "zoë",
    "Zoe",
    "ZOE",
    "äpfel",
    "Ärger",
    "apple",
    "_under",
    "Ωmega",
    "ωmega",
    "10",
    "9",
    "İstanbul",
    "ß",
    "SS",
)
"""What databases like to sort and to compare in ways of their own."""
VALUES: tuple[Any, ...] = (
    1,
    1.0,
    -0.5,
    10**15,
    True,
    False,
    None,
    "1",
    "true",
    "null",
    "",
    [1, {"a": 2}],
    {"x": {"y": 1}},
)


@pytest.fixture(scope="module")
def both(postgresql_url: str) -> Iterator[list[Api]]:
    """Run a server on each engine and tell both the same story."""
    with LocalServer() as sqlite, LocalServer(postgresql_url) as postgresql:
        apis = [Api(sqlite), Api(postgresql)]
        for api in apis:
            tell(api)
        yield apis
        for api in apis:
            api.close()


def tell(api: Api) -> None:
    """Record conversations that differ in whatever engines treat differently."""
    for number, name in enumerate(NAMES):
        said = turn(
            number * 10 + 1,
            number,
            (number, "end_user", f"{name} \U0001f44d %_\\"),
            (number + 1, "agent", name),
        )
        tool = span(number * 10 + 2, "tool", number, number + 0.123456, tool__name=name, tool__response=name)
        llm = span(number * 10 + 3, "llm", number, gen_ai__request__model=f"model-{number % 3}")
        llm["attributes"]["gen_ai.usage.input_tokens"] = number
        fields = {
            "customer_id": name,
            "name": name,
            "language": name,
            "metadata": {"v": VALUES[number % 13], name: 1},
        }
        api.ingest(block(said, tool, llm, conversation_id=f"c-{number}", **fields))
    first = api.conversation("c-0")["messages"][0]["id"]
    vote = {"kind": "message", "message": first, "sentiment": "positive", "comment": "Straße", "topic": "t"}
    feedback = api.post("/api/feedbacks/", vote)["id"]
    api.post(
        "/api/tickets/", {"title": "Ärger", "feedback_id": feedback, "tags": ["ß", "a,b"], "priority": "high"}
    )
    api.post("/api/tickets/", {"title": "ärger"})
    for number in range(3):
        click = {"button_event": "e", "label": f"l{number % 2}", "value": "v"}
        api.post("/api/buttons/", {"conversation_id": "c-1", "timestamp": at(50 + number), **click})


QUERIES = [
    *(
        ("conversations", {"ordering": field})
        for field in ("customer_id", "-customer_id", "language", "-language,id")
    ),
    *(
        ("conversations", {"search": text})
        for text in ("zoe", "ZOË", "strasse", "ss", "%", "_", "\\", "ω", "i", "👍")
    ),
    *(("conversations", {"customer_id__icontains": text}) for text in ("Ä", "SS", "é", "o")),
    *(("conversations", {"name": text}) for text in ("ärger", "APPLE", "1")),
    *(("conversations", {"customer_id": text}) for text in ("zoe", "Zoe", "ß", "SS")),
    *(("conversations", {"action_name": text}) for text in ("ZO", "_", "ä")),
    *(("conversations", {"message_contains": text}) for text in ("%_\\", "ZOË", "\U0001f44d")),
    *(
        ("conversations", {"metadata_key": "v", "metadata_value": text})
        for text in ("1", "1.0", "true", "null", "", "-0.5", "1e15", '"1"')
    ),
    ("conversations", {"metadata": "v.x.y:1"}),
    ("conversations", {"metadata": "zoë:1"}),
    ("conversations", {"full": "false", "page_size": "5", "page": "2"}),
    ("conversations", {"started_at_after": at(3), "started_at_before": at(7)}),
    ("conversations", {"has_feedback": "true"}),
    ("conversations", {"include_tickets": "true"}),
    ("feedbacks", {"comment_contains": "STRASSE"}),
    ("feedbacks", {"comment_contains": "straße", "include_tickets": "true"}),
    ("tickets", {"ordering": "title"}),
    ("tickets", {"search": "ÄRGER"}),
    ("tickets", {"tags": "ß"}),
    ("tickets", {"tags": "a"}),
    ("actions", {"ordering": "name"}),
    ("actions", {"ordering": "-display_name"}),
    ("actions", {"name__icontains": "É"}),
    ("token-usage", {"ordering": "-total_tokens"}),
    ("token-usage/summary", {}),
    ("token-usage/summary", {"group_by": "day"}),
    ("spans", {"ordering": "-duration_ms,id", "page_size": "100"}),
    ("spans", {"kind": "tool", "status": "ok"}),
    ("buttons", {}),
    ("buttons/stats", {}),
    ("conversations/metadata-keys", {}),
    ("conversations/metadata-values", {"key": "v"}),
    ("conversations/message-metadata-keys", {}),
    ("traces/" + f"{7:032x}", {}),
    ("environments", {}),
    ("conversations", {"ordering": "nonsense", "page": "99"}),
    ("conversations", {"env": "nowhere"}),
    ("spans", {"started_at_after": "soon"}),
]


def comparable(answer: Any) -> Any:
    """Return an answer without what cannot be the same: keys, links to another port, times of writing."""
    shape = without_keys(answer)
    if isinstance(shape, dict):
        for name in ("next", "previous"):
            if shape.get(name):
                shape[name] = shape[name].partition("?")[2]
    return _without_times(shape)


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_times(item) for name, item in value.items() if name not in {"updated_at", "group"}
        }
    return [_without_times(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("path", "query"), QUERIES, ids=[f"query-{number}" for number in range(len(QUERIES))]
)
def test_both_engines_answer_alike(both: list[Api], path: str, query: dict[str, str]) -> None:
    """Status and body are the same: what is found, how it is ordered, how it is refused."""
    sqlite, postgresql = (api.call("GET", f"/api/{path}/", params=query) for api in both)
    assert sqlite.status_code == postgresql.status_code
    assert comparable(sqlite.json()) == comparable(postgresql.json())
