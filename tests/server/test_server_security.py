"""Attacks on the REST routes: bodies, filters, file names, and what is left after a deletion."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server_api import Api, at, block, span, turn
from server_everything import ask, fill, name_of, path_of, request
from sqlalchemy import MetaData, column, func, select, table

from agentsight_otel.server.api.openapi.document import template
from agentsight_otel.server.api.openapi.operations import OPERATIONS
from agentsight_otel.server.api.routes import ROUTES
from agentsight_otel.server.api.routing import Route
from agentsight_otel.server.imports.limits import EXAMPLE
from agentsight_otel.server.store import managing
from agentsight_otel.server.store.imports import import_file, undo_import
from agentsight_otel.server.store.searching import catch_up
from agentsight_otel.testing import LocalServer

WRITES = [route for route in ROUTES if route.method in {"POST", "PATCH"}]
READS = [route for route in ROUTES if route.method == "GET" and route.role is not None]
DEEP = 10_000


@pytest.fixture(scope="module")
def attacked(engine_server: LocalServer) -> Iterator[tuple[Api, dict[str, int]]]:
    """Return an agent with one of everything."""
    api = Api(engine_server)
    yield api, fill(api)
    api.close()


FIELDS = sorted(
    {
        field
        for operation in OPERATIONS.values()
        if operation.body is not None
        for field in operation.body.__struct_fields__
    }
)


def everywhere(value: str) -> bytes:
    """Return a body in which every field has a value, given as JSON text."""
    return ("{" + ",".join(f'"{name}":{value}' for name in FIELDS) + "}").encode("utf-8", "surrogatepass")


BODIES = {
    "lists within lists": b"[" * DEEP + b"]" * DEEP,
    "objects within objects": b'{"metadata":' * DEEP + b"1" + b"}" * DEEP,
    "deep metadata": b'{"metadata":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "unclosed": b"[" * DEEP,
    "NaN": everywhere("NaN"),
    "infinity": everywhere("-Infinity"),
    "beyond a double": everywhere("1e400"),
    "beyond 64 bits": everywhere(str(2**63)),
    "a thousand digits": everywhere("9" * 1000),
    "below 64 bits": everywhere(str(-(2**64))),
    "lone surrogate, escaped": everywhere(r'"a\ud800b"'),
    "lone surrogate, raw": everywhere('"a\ud800b"'),
    "NUL, escaped": everywhere(r'"a\u0000b"'),
    "NUL, raw": everywhere('"a\x00b"'),
    "empty texts": everywhere('""'),
    "lists": everywhere("[[]]"),
    "objects": everywhere('{"":{"":null}}'),
    "nulls": everywhere("null"),
    "the same key twice": b'{"name":"a","name":"b","is_marked":true,"is_marked":false}',
    "many keys": b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(100_000)) + b"}",
    "not UTF-8": b'{"name":"\xff\xfe"}',
    "a byte order mark": b'\xef\xbb\xbf{"name":"x"}',
    "no JSON": b"<?xml version='1.0'?>",
}


@pytest.mark.parametrize("route", WRITES, ids=name_of)
def test_no_body_is_a_server_error(attacked: tuple[Api, dict[str, int]], route: Route) -> None:
    """Every malformed body is refused or taken, and the server goes on."""
    api, keys = attacked
    statuses = {
        name: api.call(route.method, path_of(route, keys), data=body).status_code
        for name, body in BODIES.items()
    }
    assert {name: status for name, status in statuses.items() if status >= 500} == {}
    assert api.call("GET", "/api/me/").status_code == 200


def test_a_hundred_thousand_attributes(attacked: tuple[Api, dict[str, int]]) -> None:
    """A span may be absurd, as long as it is within the limit of bytes."""
    api, _ = attacked
    made = span(77, "tool", 1)
    made["attributes"] = {f"key.{number}": number for number in range(100_000)}
    assert api.ingest(block(made, conversation_id="absurd"))["accepted"] == 1
    assert len(api.get("/api/spans/", params={"conversation_id": "absurd"})["results"]) == 1


SQL = ["' OR 1=1 --", '" OR ""="', "'; DROP TABLE messages; --", "1) OR (1=1", "x' UNION SELECT 1 --"]
JSON_PATHS = ["$.a", '$."a"', "$[*]", "a[0]", "a.*", '"a"', "a' || 'b", "{a,b}", "->>", "#>>'{a}'"]
LIKES = ["%", "_", "\\", "\\%", "%%", "[a-z]", "\\\\", "%' ESCAPE '/"]
TEMPLATES = ["{{7*7}}", "${7*7}", "#{7*7}", "%(x)s", "%s%s%n", "{0.__class__}", ":name", "$1", "?1", "@x"]
CALLS = ["SLEEP(9)", "pg_sleep(9)", "randomblob(1e9)", "load_extension('x')", "ATTACH 'x' AS y", "COPY x"]
WRAPS = ["{}", "'{}", "'||({})||'", "1; {}; --", "x) AND ({})--", "/*{}*/", "{}\0", "\ufeff{}", "{}\u2028"]
WRAPPED = [*CALLS, *SQL, *JSON_PATHS[:5], *TEMPLATES[:6]]
ATTACKS = list(
    dict.fromkeys(
        [*SQL, *JSON_PATHS, *LIKES, *TEMPLATES, *(wrap.format(part) for wrap in WRAPS for part in WRAPPED)]
    )
)
LIST = next(route for route in ROUTES if (route.method, route.path) == ("GET", "/api/conversations/"))
NARROWING = (
    *("conversation_id", "customer_id", "customer_ip_address", "device", "language", "source"),
    *("action_name", "button_event", "message_contains", "customer_id__icontains", "name", "search"),
)


def test_there_are_two_hundred_attacks() -> None:
    """As many as claimed."""
    assert len(ATTACKS) >= 200


@pytest.mark.parametrize("name", [*NARROWING, "metadata_key", "metadata_value", "metadata"])
def test_a_filter_is_a_value_and_never_code(api: Api, name: str) -> None:
    """Each of 200 attacks as the value of a filter is a text that no row has: nothing is found."""
    said = turn(1, 1, (1, "end_user", "innocent"))
    api.ingest(block(said, metadata={"plain": "value"}, conversation_id="one"))
    step = 1 if api.server.store.dialect == "sqlite" else 5
    for attack in ATTACKS[::step]:
        query = {"metadata_key": "plain", "metadata_value": "value", "full": "false", name: attack}
        status, body = ask(api, LIST, {}, query)
        assert status in {200, 400}, attack
        assert status == 400 or body["count"] == 0, attack


def test_an_attack_that_was_recorded_is_found_literally(api: Api) -> None:
    """What looks like code is a text like any other: it can be stored, filtered for and read."""
    texts = [
        attack for attack in ATTACKS[:40] if not attack.startswith('"')
    ]  # quotes around a value are read
    made = [
        block(
            turn(number + 1, 1, (1, "end_user", said)),
            conversation_id=f"c{number}",
            customer_id=said,
            metadata={"said": said},
        )
        for number, said in enumerate(texts)
    ]
    api.ingest(*made)
    for number, said in enumerate(texts):
        by_metadata = {"metadata_key": "said", "metadata_value": said}
        for query in ({"customer_id": said}, {"message_contains": said}, by_metadata):
            body = ask(api, LIST, {}, {**query, "full": "false", "conversation_id": f"c{number}"})[1]
            assert body["count"] == 1, (query, said)


@pytest.mark.parametrize("route", READS, ids=name_of)
def test_no_parameter_is_a_server_error(attacked: tuple[Api, dict[str, int]], route: Route) -> None:
    """Attacks in every parameter that a route is described with are answered below 500."""
    api, keys = attacked
    names = sorted(OPERATIONS[route.method, template(route.path)].query)
    for name in names:
        for attack in ATTACKS[:: 2 * len(names) + 1]:
            assert ask(api, route, keys, {"include_tickets": "true", name: attack})[0] < 500, (name, attack)


LINK = "http://outside.invalid/picture.png"


@pytest.fixture
def reached() -> Iterator[list[str]]:
    """Collect the hosts that this process looks up or connects to."""
    hosts: list[str] = []
    watching = True

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "socket.getaddrinfo":
            hosts.append(str(arguments[0]))
        elif watching and event == "socket.connect":
            hosts.append(str(arguments[1][0]))

    sys.addaudithook(note)  # cannot be taken away; afterwards it notes nothing
    yield hosts
    watching = False


def test_the_server_asks_nobody_else(server: LocalServer, reached: list[str]) -> None:
    """Addresses in every text are texts: whatever is recorded and read, no other machine is reached (S10)."""
    api = Api(server)
    keys = fill(api)
    said = turn(91, 1, (1, "end_user", f"![x]({LINK})"), (2, "agent", LINK))
    tool = span(92, "tool", 2, tool__name=LINK, tool__response=LINK)
    llm = span(93, "llm", 3, gen_ai__request__model=LINK, gen_ai__usage__input_tokens=5)
    fields: dict[str, Any] = dict.fromkeys(("customer_id", "name", "source", "device", "language"), LINK)
    fields |= {"metadata": {"webhook": LINK, LINK: LINK}, "customer_ip_address": "192.0.2.7"}
    api.ingest(block(said, tool, llm, conversation_id=LINK, **fields))
    files = [{"filename": LINK, "mime_type": "image/png", "url": LINK, "data": ""}]
    api.post("/api/attachments/", {"conversation_id": LINK, "attachments": files})
    api.post("/api/tickets/", {"title": LINK, "tags": [LINK]})
    for route in ROUTES:
        if route.method != "DELETE":
            assert request(api, route, keys, api.key).status_code < 500
    assert api.session.get(server.dashboard_url(), timeout=30).status_code == 200
    agent = f"{server.url}/agents/{api.agent_id}/"
    for page in ("", "conversations", "tokens", "tools", "feedback", "customers", "reports", "health"):
        assert api.session.get(agent + page, timeout=30).status_code == 200, page
    shown = api.session.get(f"{agent}conversations/{api.conversation(LINK)['id']}", timeout=30)
    assert LINK in shown.text
    assert set(reached) == {"127.0.0.1"}
    api.close()


NAMES = [
    ("../../etc/passwd", "passwd"),
    ("..\\..\\windows\\win.ini", "win.ini"),
    ("%2e%2e%2fetc%2fpasswd", "%2e%2e%2fetc%2fpasswd"),
    ("/etc/passwd", "passwd"),
    ("C:\\boot.ini", "boot.ini"),
    ("\\\\server\\share\\x.txt", "x.txt"),
    ("//server/share/x.txt", "x.txt"),
    ("a\x00.txt", "a.txt"),
    ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie: x=1.txt"),
    ('a"; filename="b.exe', 'a"; filename="b.exe'),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    ("zero\u200bwidth.txt", "zerowidth.txt"),
    ("CON", "CON"),
    ("nul.txt", "nul.txt"),
    (".htaccess", ".htaccess"),
    (". .", ". ."),
    ("...", "attachment_0.txt"),
    ("   ", "attachment_0.txt"),
    ("x" * 300 + ".txt", ("x" * 300 + ".txt")[-255:]),
    ("é" * 300, "é" * 255),
    ("~/.ssh/id_rsa", "id_rsa"),
    ("$(reboot).txt", "$(reboot).txt"),
]


@pytest.mark.parametrize(("given", "kept"), NAMES, ids=[f"name-{number}" for number in range(len(NAMES))])
def test_a_file_name_leads_nowhere(tmp_path: Path, given: str, kept: str) -> None:
    """Bytes are stored by their hash below the database's own folder; the name is only shown."""
    with LocalServer(str(tmp_path / "a.db")) as server:
        api = Api(server)
        data = base64.b64encode(b"<script>alert(1)</script>").decode()
        file = {"filename": given, "mime_type": "text/plain", "data": data}
        body = {"conversation_id": "c", "attachments": [file, file]}
        made = api.post("/api/attachments/", body)["attachments"]
        assert [row["filename"] for row in made] == [kept, kept.replace("attachment_0", "attachment_1")]
        answer = api.session.get(made[0]["file_url"], timeout=30)
        assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
        assert "\n" not in answer.headers["Content-Disposition"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        api.close()
    stored = [path for path in tmp_path.rglob("*") if path.is_file() and "a.db" not in path.name]
    assert len([path for path in stored if path.stat().st_size == 25]) == 1  # the same bytes once
    assert not any("passwd" in path.name or "script" in path.name for path in stored)


LEFT = "sentinelofacustomer"


def remember(api: Api) -> int:
    """Record a customer in every place a conversation has; return its key."""
    made = turn(1, 1, (1, "end_user", f"{LEFT} message"), (2, "agent", f"{LEFT} reply"))
    made["events"][0]["attributes"]["agentsight.message.metadata"] = json.dumps({"note": f"{LEFT} note"})
    tool = span(2, "tool", 2, tool__name="look_up", tool__response=f"{LEFT} response")
    tool["attributes"]["agentsight.tool.arguments"] = json.dumps({"who": f"{LEFT} argument"})
    button = span(4, "button", 4, button__event="e", button__label=f"{LEFT} label", button__value="v")
    llm = span(3, "llm", 3, gen_ai__request__model="gpt-4o", gen_ai__usage__input_tokens=5)
    fields = {"customer_id": f"{LEFT} id", "name": f"{LEFT} name", "metadata": {"who": f"{LEFT} metadata"}}
    api.ingest(block(made, tool, button, llm, conversation_id="gone", **fields))
    detail = api.conversation("gone")
    vote = {"kind": "message", "message": detail["messages"][0]["id"], "sentiment": "negative"}
    api.post("/api/feedbacks/", vote | {"comment": f"{LEFT} comment"})
    data = base64.b64encode(f"{LEFT} bytes".encode()).decode()
    files = {"conversation": detail["id"], "attachments": [{"filename": f"{LEFT}.txt", "data": data}]}
    api.post("/api/attachments/", {"timestamp": at(9), **files})
    api.post(
        "/api/buttons/", {"conversation": detail["id"], "button_event": "e", "label": LEFT, "value": LEFT}
    )
    key: int = detail["id"]
    return key


INDEXES = {"messages_search": "lof", "conversations_search": "lof"}
"""Full-text indexes of SQLite, and a piece of the sentinel of which they hold every place."""


def hits(api: Api) -> int:
    """Return how many entries of the full-text indexes lead to the sentinel; 0 where there are none."""
    if api.server.store.dialect != "sqlite":
        return 0
    with api.server.store.write() as connection:
        while catch_up(connection, 10_000):
            pass
    with api.server.store.read() as connection:
        counts = [
            connection.scalar(
                select(func.count()).select_from(table(name)).where(column(name).op("MATCH")(piece))
            )
            for name, piece in INDEXES.items()
        ]
    return sum(counts)


def tables_with(api: Api, text: str) -> set[str]:
    """Return the tables of which some value contains a text."""
    found = set()
    with api.server.store.read() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
        for name, found_table in metadata.tables.items():
            if name in INDEXES:
                continue  # cannot be read, only asked
            for row in connection.execute(select(found_table)):
                if any(text in _readable(value) for value in row):
                    found.add(name)
    return found


def _readable(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value, default=str)


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # indexes by expression are not reflected
def test_a_purge_leaves_nothing_in_any_table(api: Api) -> None:
    """After a purge no table of the database has a word of it: rows, archive, votes, index, files."""
    key = remember(api)
    assert {"conversations", "messages", "spans", "feedbacks", "attachments"} <= tables_with(api, LEFT)
    assert hits(api) > 0 or api.server.store.dialect != "sqlite"
    assert api.call("DELETE", f"/api/conversations/{key}/purge/").status_code == 204
    assert tables_with(api, LEFT) == set()
    assert hits(api) == 0
    assert api.get("/api/conversations/", params={"search": LEFT})["count"] == 0
    for path in ("spans", "feedbacks", "token-usage", "buttons"):
        assert api.get(f"/api/{path}/")["count"] == 0


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
@pytest.mark.parametrize("how", ["purge", "expire"])
def test_a_purge_leaves_nothing_on_disk(tmp_path: Path, how: str) -> None:
    """SQLite overwrites what it deletes: the file's bytes and the attachments' folder have no word of it."""
    path = tmp_path / "a.db"
    with LocalServer(str(path)) as server:
        api = Api(server)
        key = remember(api)
        if how == "purge":
            assert api.call("DELETE", f"/api/conversations/{key}/purge/").status_code == 204
        else:
            assert managing.expire(server.store, 2**62) == 1
        api.close()
    for left in tmp_path.rglob("*"):
        assert not left.is_file() or LEFT.encode() not in left.read_bytes(), left.name


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_an_import_that_was_taken_back_leaves_nothing(api: Api) -> None:
    """Also what was added to an imported conversation later goes with it."""
    document = json.loads(json.dumps(EXAMPLE).replace("parcel", LEFT))
    store = api.server.store
    done = import_file(store, api.agent_id, json.dumps(document).encode())
    assert done.import_id is not None
    data = base64.b64encode(f"{LEFT} bytes".encode()).decode()
    file = {"filename": "a.txt", "data": data}
    body = {"conversation_id": "support-2041", "attachments": [file]}
    link = api.post("/api/attachments/", body)["attachments"][0]["file_url"]
    assert undo_import(store, api.agent_id, done.import_id) == 1
    assert tables_with(api, LEFT) == set()
    assert api.session.get(link, timeout=30).status_code == 404
