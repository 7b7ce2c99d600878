"""Files: uploading both ways, listing, downloading."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from server_api import Api, at, block, shown, turn

from agentsight_otel.testing import LocalServer

PNG = b"\x89PNG\r\n\x1a\n rest"
HTML = b"<script>alert(1)</script>"


def upload(*files: tuple[str, str, bytes], **more: Any) -> dict[str, Any]:
    """Return the body of a base64 upload."""
    attachments = [
        {"filename": name, "mime_type": mime, "data": base64.b64encode(data).decode()}
        for name, mime, data in files
    ]
    body = {"timestamp": at(1), "mode": "base64", "sender": "end_user", "metadata": {"k": 1}}
    return {**body, "conversation_id": "c1", "attachments": attachments, **more}


def test_standalone_upload_makes_a_message(api: Api) -> None:
    """Files without a message get one of their own, at their time, and come back whole."""
    made = api.post(
        "/api/attachments/", upload(("a.png", "image/png", PNG), ("b.pdf", "application/pdf", b""))
    )
    assert [(a["filename"], a["type"], a["size_bytes"]) for a in made["attachments"]] == [
        ("a.png", "image", len(PNG)),
        ("b.pdf", "document", 0),
    ]
    detail = api.conversation()
    message = detail["messages"][0]
    assert (message["content"], message["timestamp"], message["metadata"]) == (
        "[Attachments]",
        shown(1),
        {"k": 1},
    )
    assert [a["id"] for a in message["attachments"]] == [a["id"] for a in made["attachments"]]
    assert api.session.get(message["attachments"][0]["file_url"], timeout=30).content == PNG
    assert api.session.get(message["attachments"][1]["file_url"], timeout=30).content == b""


def test_upload_onto_a_message(api: Api) -> None:
    """Files may join a message, whose time stays; a message of another conversation is not found."""
    api.ingest(block(turn(1, 5, (5, "agent", "see file"))), block(conversation_id="c2"))
    detail = api.conversation()
    message = detail["messages"][0]["id"]
    body = upload(("a.txt", "text/plain", b"x"), conversation=str(detail["id"]), message=str(message))
    api.post("/api/attachments/", body | {"conversation_id": "None"})
    messages = api.conversation()["messages"]
    assert len(messages) == 1
    assert messages[0]["timestamp"] == shown(5)
    assert messages[0]["attachments"][0]["type"] == "text"
    wrong = body | {"conversation": api.conversation("c2")["id"]}
    assert api.post("/api/attachments/", wrong, 404) == {"detail": f"Message {message} not found"}


def test_missing_ids_come_as_text(api: Api) -> None:
    """0.0.44 sends the text None for ids it does not have; the message says which conversation it is."""
    made = api.post(
        "/api/track/", {"timestamp": at(1), "content": "x", "sender": "agent", "conversation_id": "c1"}
    )
    body = upload(("a", "a/b", b"x"), conversation="None", conversation_id="None", message=made["id"])
    assert api.post("/api/attachments/", body)["message"] == made["id"]
    assert list(api.post("/api/attachments/", body | {"message": None}, 400)) == ["conversation_id"]


def test_multipart_upload(api: Api) -> None:
    """A form with files does the same as base64; metadata is JSON text."""
    api.ingest(block())
    form = {"timestamp": at(2), "conversation": str(api.conversation()["id"]), "mode": "form_data"}
    files = {
        "attachment_0": ("données.csv", b"a,b", "text/csv"),
        "attachment_1": ("x.bin", b"\x00\xff\r\n--", "application/octet-stream"),
    }
    answer = api.call("POST", "/api/attachments/", data=form | {"metadata": '{"m": 1}'}, files=files)
    assert answer.status_code == 201
    message = api.conversation()["messages"][0]
    assert message["metadata"] == {"m": 1}
    assert [a["filename"] for a in message["attachments"]] == ["données.csv", "x.bin"]
    data = [api.session.get(a["file_url"], timeout=30).content for a in message["attachments"]]
    assert data == [b"a,b", b"\x00\xff\r\n--"]
    broken = api.call("POST", "/api/attachments/", data=form | {"metadata": "{"}, files=files)
    assert (broken.status_code, list(broken.json())) == (400, ["metadata"])
    headers = {"Content-Type": "multipart/form-data"}
    assert api.call("POST", "/api/attachments/", data=b"x", headers=headers).status_code == 400


def test_list_has_the_keys_of_both_generations(api: Api) -> None:
    """The list of a conversation's files has the union of the current and the 0.0.44 keys."""
    api.post("/api/attachments/", upload(("a.png", "image/png", PNG)))
    key = api.conversation()["id"]
    listed = api.get(f"/api/conversations/{key}/attachments/")
    assert (listed["conversation_id"], listed["conversation"]) == ("c1", key)
    assert listed["attachment_count"] == listed["total_attachments"] == len(listed["attachments"]) == 1
    assert listed["messages"][0]["attachments"][0]["id"] == listed["attachments"][0]["id"]
    assert listed["messages"][0]["sender"] == "end_user"


def test_idempotency_key(api: Api) -> None:
    """The same key is the same upload, whatever is sent with it again; another key is another."""
    body = upload(("a.png", "image/png", PNG))
    first = api.post("/api/attachments/", body, headers={"Idempotency-Key": "k1"})
    again = api.post("/api/attachments/", upload(("b", "a/b", b"y")), 200, headers={"Idempotency-Key": "k1"})
    assert [a["id"] for a in again["attachments"]] == [a["id"] for a in first["attachments"]]
    api.post("/api/attachments/", body, headers={"Idempotency-Key": "k2"})
    assert len(api.conversation()["messages"]) == 2


def test_a_key_of_another_agent_is_another_upload(api: Api, other: Api) -> None:
    """Two agents may use the same idempotency key."""
    for agent in (api, other):
        agent.post("/api/attachments/", upload(("a", "a/b", b"x")), headers={"Idempotency-Key": "same"})
    assert len(other.conversation()["messages"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (upload(), 400, "No attachment files found."),
        (upload() | {"attachments": "x"}, 400, "No attachment files found."),
        (upload() | {"attachments": [{"filename": "a"}]}, 400, "no base64 data"),
        (upload() | {"attachments": [{"data": "%%%"}]}, 400, "not valid base64"),
        (upload(*[("a", "a/b", b"")] * 11), 413, "10 files"),
        (upload(("a", "a/b", b"0" * (25 * 1024 * 1024 + 1))), 413, "25 MB"),
    ],
)
def test_bad_uploads(api: Api, body: dict[str, Any], status: int, words: str) -> None:
    """No files, broken base64 and what is over a limit are refused with the reason, and write nothing."""
    assert words in next(iter(api.post("/api/attachments/", body, status).values()))
    assert api.get("/api/conversations/")["count"] == 0


def test_a_request_over_40_mb_is_refused_before_it_is_read(api: Api) -> None:
    """The stated length alone is enough for a 413 that names the limit."""
    answer = api.call("POST", "/api/attachments/", data=b"0" * (40 * 1024 * 1024 + 1))
    assert (answer.status_code, "40 MB" in answer.text) == (413, True)


@pytest.mark.parametrize(
    ("name", "mime", "kept_name", "kept_mime"),
    [
        ("../../etc/passwd", "text/plain", "passwd", "text/plain"),
        ("..\\..\\win.ini", "text/plain", "win.ini", "text/plain"),
        ("a\x00b\r\nc.png", "image/png", "abc.png", "image/png"),
        ("..", "image/png", "attachment_0.png", "image/png"),
        ("n" * 300 + ".txt", "text/plain", "n" * 251 + ".txt", "text/plain"),
        ("a.html", "text/html\r\nX: y", "a.html", "application/octet-stream"),
        ("", "", "attachment_0.bin", "application/octet-stream"),
    ],
)
def test_names_and_types_are_made_safe(
    api: Api, name: str, mime: str, kept_name: str, kept_mime: str
) -> None:
    """A name is only a name: no folders, no control characters, at most 255 characters."""
    made = api.post("/api/attachments/", upload((name, mime, b"x")))["attachments"][0]
    assert (made["filename"], made["mime_type"]) == (kept_name, kept_mime)


def test_downloads_run_nothing(api: Api) -> None:
    """HTML that claims to be an image is an attachment; a real image may be shown; both are sandboxed."""
    made = api.post("/api/attachments/", upload(("x.png", "image/png", HTML), ("y.html", "text/html", PNG)))
    html, image = (api.session.get(a["file_url"], timeout=30) for a in made["attachments"])
    assert html.headers["Content-Disposition"].startswith("attachment;")
    assert image.headers["Content-Disposition"].startswith("inline;")
    assert image.headers["Content-Type"] == "image/png"
    for answer in (html, image):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_links_cannot_be_made_up(api: Api) -> None:
    """A link works only as it was signed: not for another file, not longer, not without a signature."""
    made = api.post("/api/attachments/", upload(("a", "a/b", b"x"), ("b", "a/b", b"y")))["attachments"]
    url, path = made[0]["file_url"], f"/api/files/{made[0]['id']}/"
    expires = url.partition("expires=")[2].partition("&")[0]
    for wrong in (
        url.replace(path, f"/api/files/{made[1]['id']}/"),
        url.replace(expires, str(int(expires) + 1)),
        url.replace(expires, "x"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.partition("?")[0],
        url + "é",
    ):
        assert api.session.get(wrong, timeout=30).status_code == 403


def test_purge_removes_the_bytes(api: Api) -> None:
    """The bytes of a purged conversation are gone, unless another attachment has the same."""
    shared, own = api.agent_id.to_bytes(8), b"only here" + api.agent_id.to_bytes(8)
    body = upload(("a", "a/b", shared), ("b", "a/b", own))
    files = api.post("/api/attachments/", body)["attachments"]
    kept = api.post("/api/attachments/", upload(("a", "a/b", shared), conversation_id="c2"))["attachments"]
    api.call("DELETE", f"/api/conversations/{api.conversation()['id']}/purge/")
    assert [api.session.get(a["file_url"], timeout=30).status_code for a in files] == [404, 404]
    assert api.session.get(kept[0]["file_url"], timeout=30).content == shared
    store = api.server.store
    with store.read() as connection:
        assert store.files.get(connection, hashlib.sha256(own).hexdigest()) is None


def test_in_memory_server_keeps_files_too() -> None:
    """Files work without a folder."""
    with LocalServer() as server:
        api = Api(server)
        made = api.post("/api/attachments/", upload(("a.png", "image/png", PNG)))
        assert api.session.get(made["attachments"][0]["file_url"], timeout=30).content == PNG
        api.close()
