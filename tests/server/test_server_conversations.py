"""Reading and managing conversations over REST."""

from __future__ import annotations

from typing import Any

import pytest
from server_api import Api, at, block, said, shown, span, turn

LEAN = {
    "id",
    "agent",
    "conversation_id",
    "name",
    "customer_id",
    "customer_ip_address",
    "device",
    "language",
    "source",
    "environment",
    "environment_id",
    "metadata",
    "started_at",
    "ended_at",
    "message_count",
    "feedback_count",
    "is_marked",
    "is_used",
    "is_deleted",
    "deleted_at",
    "geo_location",
}


def ids(api: Api, **query: Any) -> list[str]:
    """Return the string ids that a list finds."""
    return [row["conversation_id"] for row in api.get("/api/conversations/", params=query)["results"]]


@pytest.fixture
def filled(api: Api) -> Api:
    """Return an agent with three conversations that differ in everything."""
    api.ingest(
        block(
            turn(1, 10, (10, "end_user", "Where is my PÄCKCHEN?"), (11, "agent", "100% on its way_")),
            span(2, "tool", 10.5, tool__name="track_parcel"),
            conversation_id="a",
            customer_id="Bob-1",
            customer_ip_address="10.0.0.1",
            device="mobile",
            language="de",
            name="Late parcel",
            source="web",
            metadata={"plan": "pro", "n": 1, "deep": {"er": True, "none": None}, "x.y": "flat", "t": "a:b,c"},
        ),
        block(
            turn(3, 20, (20, "end_user", "hello")),
            conversation_id="b",
            customer_id="alice",
            customer_ip_address="2001:db8::1",
            environment="development",
            metadata={"n": 1.0, "plan": "1"},
        ),
        block(span(9, "conversation", 5), conversation_id="c"),
    )
    api.post("/api/conversation-feedbacks/", {"conversation_id": "a", "sentiment": "positive"})
    return api


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["b", "a", "c"]),
        ({"conversation_id": "a"}, ["a"]),
        ({"customer_id": "bob-1"}, []),
        ({"customer_id": "Bob-1"}, ["a"]),
        ({"customer_id__icontains": "BOB"}, ["a"]),
        ({"customer_ip_address": "10.0.0.1"}, ["a"]),
        ({"customer_ip_address": "2001:0DB8:0::0001"}, ["b"]),
        ({"customer_ip_address": "10.0.0"}, []),
        ({"name": "PARCEL"}, ["a"]),
        ({"device": "mobile"}, ["a"]),
        ({"language": "de"}, ["a"]),
        ({"source": "web"}, ["a"]),
        ({"env": "dev"}, ["b"]),
        ({"environment": "Production "}, ["a", "c"]),
        ({"is_marked": "true"}, []),
        ({"has_messages": "false"}, ["c"]),
        ({"has_action": "true"}, ["a"]),
        ({"has_feedback": "true"}, ["a"]),
        ({"has_feedback": "false"}, ["b", "c"]),
        ({"include_tickets": "yes"}, []),
        ({"action_name": "PARCEL"}, ["a"]),
        ({"feedback_sentiment": "positive"}, ["a"]),
        ({"feedback_sentiment": "negative"}, []),
        ({"feedback_source": "customer"}, ["a"]),
        ({"feedback_source": "platform"}, []),
        ({"message_contains": "päckchen"}, ["a"]),
        ({"message_contains": "100% ON"}, ["a"]),
        ({"message_contains": "%"}, ["a"]),
        ({"message_contains": "way_"}, ["a"]),
        ({"message_contains": "wayx"}, []),
        ({"search": "LATE"}, ["a"]),
        ({"search": "alice"}, ["b"]),
        ({"search": "hello"}, ["b"]),
        ({"metadata": "plan:pro"}, ["a"]),
        ({"metadata": "n:1"}, ["b", "a"]),
        ({"metadata": "plan:1"}, []),
        ({"metadata": 'plan:"1"'}, ["b"]),
        ({"metadata": "deep.er:true"}, ["a"]),
        ({"metadata": "deep.none:null"}, ["a"]),
        ({"metadata": "deep.er:true,plan:free"}, []),
        ({"metadata": "x.y:flat"}, ["a"]),
        ({"metadata_key": "t", "metadata_value": "a:b,c"}, ["a"]),
        ({"started_at_after": at(15)}, ["b"]),
        ({"started_at_after": at(10), "started_at_before": at(20)}, ["b", "a"]),
        ({"colour": "red", "ordering": "colour"}, ["b", "a", "c"]),
        ({"ordering": "id"}, ["a", "b", "c"]),
        ({"ordering": "-customer_id"}, ["b", "a", "c"]),
    ],
)
def test_filters(filled: Api, query: dict[str, str], found: list[str]) -> None:
    """Every filter of the contract finds exactly what it says; unknown parameters change nothing."""
    assert ids(filled, **query) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"env": "staging"}, "env"),
        ({"include_tickets": ""}, "include_tickets"),
        ({"include_tickets": "maybe"}, "include_tickets"),
        ({"feedback_sentiment": "great"}, "feedback_sentiment"),
        ({"is_marked": "perhaps"}, "is_marked"),
        ({"started_at_after": "noon"}, "started_at_after"),
        ({"metadata": "nocolon"}, "metadata"),
    ],
)
def test_bad_filter_values_are_refused(api: Api, query: dict[str, str], field: str) -> None:
    """A value a known filter cannot have is a 400 that names the filter."""
    answer = api.call("GET", "/api/conversations/", params=query)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_envelope_and_pages(api: Api) -> None:
    """The envelope has seven keys, absolute links, a default of 15 and a cap of 100; out of range is 404."""
    api.ingest(*(block(conversation_id=f"c{i:03}") for i in range(101)))
    first = api.get("/api/conversations/", params={"full": "false", "ordering": "id"})
    assert (first["count"], first["page_size"], first["total_pages"], first["current_page"]) == (
        101,
        15,
        7,
        1,
    )
    assert first["previous"] is None
    seen, page = [row["conversation_id"] for row in first["results"]], first
    while page["next"]:
        page = api.get(page["next"])
        seen += [row["conversation_id"] for row in page["results"]]
    assert seen == [f"c{i:03}" for i in range(101)]
    assert "page=6" in page["previous"]
    assert len(api.get("/api/conversations/", params={"page_size": 5000})["results"]) == 100
    assert len(api.get("/api/conversations/", params={"page_size": "x"})["results"]) == 15
    assert len(api.get("/api/conversations/", params={"paginate": "false", "full": "false"})) == 101
    for bad in ("8", "0", "-1", "x"):
        answer = api.call("GET", "/api/conversations/", params={"page": bad})
        assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


def test_lean_and_full_rows(filled: Api) -> None:
    """Rows are full by default; full=false has counts instead; tickets come only when asked for."""
    lean = filled.get("/api/conversations/", params={"full": "false", "conversation_id": "a"})["results"][0]
    assert set(lean) == LEAN
    assert (lean["message_count"], lean["feedback_count"]) == (3, 1)
    full = filled.get("/api/conversations/", params={"conversation_id": "a"})["results"][0]
    assert set(full) == LEAN - {"message_count", "feedback_count"} | {"messages", "feedbacks"}
    detail = filled.conversation("a")
    assert set(detail) == set(full) | {"tickets", "token_usage"}
    assert detail["messages"] == full["messages"]
    assert set(detail["messages"][0]) >= {
        "id",
        "conversation",
        "timestamp",
        "sender",
        "content",
        "action_name",
        "metadata",
        "attachments",
        "action_logs",
        "button",
    }


def test_management(api: Api) -> None:
    """Mark, rename, update and delete answer as the contract says and do what they say."""
    api.ingest(block(metadata={"old": 1}))
    key = api.conversation()["id"]
    base = f"/api/conversations/{key}/"
    assert api.post(base + "mark/", {"is_marked": True}, 200) == {
        "id": key,
        "conversation_id": "c1",
        "is_marked": True,
    }
    assert api.post(base + "mark/", {}, 400) == {"detail": "Missing field 'is_marked'."}
    renamed = api.call("PATCH", base + "rename/", json={"name": "  New  "})
    assert renamed.json() == {"id": key, "conversation_id": "c1", "name": "New"}
    for name in ("", "  ", None):
        refused = api.call("PATCH", base + "rename/", json={"name": name})
        assert (refused.status_code, refused.json()) == (400, {"detail": "Field 'name' cannot be empty."})
    assert api.call("PATCH", base + "rename/", json={"name": "n" * 256}).status_code == 400
    changes = {"customer_id": "x", "device": "tv", "language": "", "metadata": {"new": 2}}
    updated = api.call("PATCH", base + "update/", json=changes).json()
    assert updated == {"id": key, "conversation_id": "c1", "updated_fields": list(changes), **changes}
    assert api.call("PATCH", base + "update/", json={}).status_code == 400
    assert api.call("PATCH", base + "update/", json={"metadata": [1]}).status_code == 400
    deleted = api.call("DELETE", base + "delete/").json()
    assert (deleted["id"], deleted["conversation_id"], deleted["is_deleted"]) == (key, "c1", True)
    assert api.call("DELETE", base).json() == deleted
    assert ids(api) == []
    assert ids(api, include_deleted="true") == ["c1"]
    assert api.get(base)["metadata"] == {"new": 2}
    assert api.get(base)["is_deleted"] is True


def test_undelete_and_purge(api: Api) -> None:
    """A soft deletion can be taken back; a purge leaves nothing."""
    api.ingest(block(turn(1, 1, (1, "end_user", "a"))))
    base = f"/api/conversations/{api.conversation()['id']}/"
    api.call("DELETE", base)
    assert api.post(base + "undelete/", {}, 200)["is_deleted"] is False
    assert ids(api) == ["c1"]
    assert api.call("DELETE", base + "purge/").status_code == 204
    assert api.call("GET", base).status_code == 404
    assert api.get("/api/spans/")["count"] == 0
    assert api.ingest(block(turn(1, 1, (1, "end_user", "a")))) == {"accepted": 1, "duplicate": 0}
    assert api.conversation()["id"] > int(base.split("/")[3])


def test_metadata_discovery(filled: Api) -> None:
    """Keys come as dot paths, values as they are, without what other conversations have."""
    keys = filled.get("/api/conversations/metadata-keys/")["keys"]
    assert keys == ["deep.er", "deep.none", "n", "plan", "t", "x.y"]
    values = filled.get("/api/conversations/metadata-values/", params={"key": "plan"})
    assert (values["key"], sorted(values["values"])) == ("plan", ["1", "pro"])
    made = turn(9, 30, (30, "end_user", "m"))
    made["events"][0]["attributes"]["agentsight.message.metadata"] = '{"a": {"b": 1}}'
    filled.ingest(block(made, conversation_id="b"))
    assert filled.get("/api/conversations/message-metadata-keys/")["keys"] == ["a.b"]
    filled.ingest(block(metadata={f"key{number}": number for number in range(250)}))
    assert len(filled.get("/api/conversations/metadata-keys/")["keys"]) == 200


def test_metadata_is_merged(api: Api) -> None:
    """Keys are set and removed in one step, the rest stays; a key that is both is set."""
    api.ingest(block(turn(1, 1, (1, "end_user", "x"))))
    path = f"/api/conversations/{api.conversation()['id']}/metadata/"
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"remove": ["none"]}, {}),
        ({"metadata": {"a": 1, "b": {"c": None}}}, {"a": 1, "b": {"c": None}}),
        ({"metadata": {"a": 2, "d": "x"}, "remove": ["a", "b"]}, {"a": 2, "d": "x"}),
        ({"metadata": None, "remove": None}, {"a": 2, "d": "x"}),
    ]
    for body, after in steps:
        answer = api.call("PATCH", path, json=body)
        assert (answer.status_code, answer.json()["metadata"]) == (200, after)
        assert api.conversation()["metadata"] == after
    for wrong in ({"metadata": []}, {"remove": "a"}, {"remove": [1]}):
        assert api.call("PATCH", path, json=wrong).status_code == 400
    assert api.call("PATCH", "/api/conversations/999999999/metadata/", json={}).status_code == 404


def test_who_am_i(api: Api) -> None:
    """/api/me/ names the agent, the role, both seeded environments and the gzip capability."""
    me = api.get("/api/me/")
    assert (me["agent_id"], me["role"], me["capabilities"]) == (api.agent_id, "write", ["gzip-ingest"])
    assert [(e["slug"], e["is_production"]) for e in me["environments"]] == [
        ("production", True),
        ("development", False),
    ]
    assert api.get("/api/me/", key=api.read_key)["role"] == "read"
    assert api.get("/api/environments/") == me["environments"]


def test_error_bodies(api: Api) -> None:
    """A missing slash is an HTML 404, a wrong verb a 405 with its body, a missing row a JSON 404."""
    for path in ("/api/me", "/api/nothing/", "/api/conversations/x/"):
        answer = api.call("GET", path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
    wrong = api.call("PUT", "/api/conversations/")
    assert (wrong.status_code, wrong.json()) == (405, {"detail": 'Method "PUT" not allowed.'})
    assert api.call("DELETE", "/api/actions/1/").status_code == 405
    for key in ("999999999", "9" * 40):
        missing = api.call("GET", f"/api/conversations/{key}/")
        assert (missing.status_code, missing.json()) == (404, {"detail": "Not found."})
    assert api.call("GET", "/api/conversations/lookup/").status_code == 400
    broken = api.call("POST", "/api/conversations/", data=b'{"a": NaN}')
    assert (broken.status_code, list(broken.json())) == (400, ["detail"])


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        ("Basic abc", "Authentication credentials were not provided."),
        ("Api-Key ", "Authentication credentials were not provided."),
        ("Api-Key ags_nonsense", "Invalid API key."),
    ],
)
def test_bad_credentials(api: Api, header: str | None, detail: str) -> None:
    """A bad credential is a 401 with the contract's text, and the key is never repeated."""
    headers = {} if header is None else {"Authorization": header}
    answer = api.session.get(api.server.url + "/api/me/", headers=headers, timeout=30)
    assert (answer.status_code, answer.json()) == (401, {"detail": detail})


def test_keys_do_not_differ_by_case(api: Api) -> None:
    """The key pattern ignores case, so a key in capitals is the same key."""
    assert api.get("/api/me/", key=api.key.upper())["agent_id"] == api.agent_id


def test_transcripts_of_two_conversations_do_not_mix(api: Api) -> None:
    """Two conversations in one payload keep their own messages, and equal times keep the order of sending."""
    one = turn(1, 1, (1, "end_user", "first"), (1, "agent", "second"), (1, "end_user", "third"))
    api.ingest(
        block(one, conversation_id="a"), block(turn(1, 2, (2, "end_user", "other")), conversation_id="b")
    )
    assert [content for _, _, content in said(api.conversation("a"))] == ["first", "second", "third"]
    assert said(api.conversation("b")) == [(shown(2), "end_user", "other")]
