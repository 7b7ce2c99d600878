"""A scripted model server: the APIs of many providers over HTTP on the loopback interface.

The script is data, a list of `Rule`. A request is answered by the first rule not yet used whose text occurs
in what is new in the request: everything after the model's last own message. So the same text asked twice
finds its second rule, and frameworks that wrap a prompt around the user's text find theirs too. Nothing is
made up: a request no rule fits is answered with 400 and kept in ``misses``.

Only the standard library is used: the server runs inside the environments of the frameworks under test.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from model_wire import (
    Call,
    Event,
    Json,
    Reply,
    anthropic_answer,
    anthropic_stream,
    chat_answer,
    chat_stream,
    gemini_answer,
    gemini_stream,
    response_answer,
    response_stream,
)
from model_wire_more import (
    bedrock_answer,
    bedrock_frame,
    bedrock_stream,
    cohere_answer,
    cohere_stream,
    ollama_answer,
    ollama_stream,
)


@dataclass(frozen=True)
class Rule:
    """When one of the texts *when* occurs in what is new, answer with *reply*.

    Attributes:
        when: Texts, any of which will do.
        reply: The answer.
        tag: Whose call it is; kept with what was served.
    """

    when: tuple[str, ...]
    reply: Reply
    tag: str = ""


class Script:
    """The rules, and what became of them. Safe to use from several threads.

    Attributes:
        served: The rules used, in the order of the requests.
        misses: What was new in requests that no rule fits.
        delay: Seconds every answer takes, so that concurrent requests overlap.
    """

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._waiting: list[Rule] = []
        self.served: list[Rule] = []
        self.misses: list[str] = []
        self.delay = 0.0
        self.load(rules)

    def load(self, rules: Sequence[Rule]) -> None:
        """Start over with other rules; call ids go on counting."""
        with self._lock:
            self._waiting = list(rules)
            self.served = []
            self.misses = []

    @property
    def unused(self) -> list[Rule]:
        """The rules nobody asked for yet."""
        with self._lock:
            return list(self._waiting)

    def answer(self, model: str, new_text: str) -> Call | None:
        """Use up the first rule that fits *new_text*; None when none does."""
        with self._lock:
            for rule in self._waiting:
                if any(text in new_text for text in rule.when):
                    self._waiting.remove(rule)
                    self.served.append(rule)
                    self._calls += 1
                    return Call(self._calls, model, rule.reply)
            self.misses.append(new_text)
            return None


TEXT_KEYS = ("text", "content", "output", "parts", "toolResult")
"""Where the texts of a message are, whichever API it is of."""


def texts_of(value: object) -> str:
    """Every text inside a message's content, however it is nested."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(texts_of(item) for item in value)
    if isinstance(value, dict) and "functionResponse" in value:
        return json.dumps(value["functionResponse"]["response"], ensure_ascii=False)
    if isinstance(value, dict):
        if "json" in value:
            return json.dumps(value["json"], ensure_ascii=False)
        return "\n".join(texts_of(value[key]) for key in TEXT_KEYS if key in value)
    return ""


def new_text(messages: object) -> str:
    """What the caller says after the model's last own message: the user's text or the tools' results."""
    if not isinstance(messages, list):
        return texts_of(messages)
    new: list[str] = []
    for message in reversed(messages):
        own = message.get("role") in {"assistant", "model"} or message.get("type") in {
            "function_call",
            "reasoning",
        }
        if own and new:
            break
        if not own and message.get("role") not in {"system", "developer"}:
            new.append(texts_of(message))
    return "\n".join(reversed(new))


def sse_frame(event: Event) -> bytes:
    """A server-sent event."""
    name, data = event
    line = b"" if name is None else b"event: %s\n" % name.encode()
    return line + b"data: %s\n\n" % json.dumps(data, ensure_ascii=False).encode()


def line_frame(event: Event) -> bytes:
    """A line of JSON."""
    return json.dumps(event[1], ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True)
class Api:
    """How one route reads a request and writes an answer.

    Attributes:
        messages: The field of the request that holds the messages.
        end: What follows the last event of a stream.
        streams: The route always streams; elsewhere the request says so.
        frame: One event of a stream as bytes.
        content_type: Of a stream.
    """

    messages: str
    answer: Callable[[Call, Json], Json]
    stream: Callable[[Call, Json], Iterator[Event]]
    end: bytes = b""
    streams: bool = False
    frame: Callable[[Event], bytes] = sse_frame
    content_type: str = "text/event-stream"


APIS = {
    "/chat/completions": Api("messages", chat_answer, chat_stream, b"data: [DONE]\n\n"),
    "/responses": Api("input", response_answer, response_stream),
    "/messages": Api("messages", anthropic_answer, anthropic_stream),
    ":generateContent": Api("contents", gemini_answer, gemini_stream),
    ":streamGenerateContent": Api("contents", gemini_answer, gemini_stream, streams=True),
    "/converse": Api("messages", bedrock_answer, bedrock_stream),
    "/converse-stream": Api(
        "messages",
        bedrock_answer,
        bedrock_stream,
        streams=True,
        frame=bedrock_frame,
        content_type="application/vnd.amazon.eventstream",
    ),
    "/api/chat": Api(
        "messages", ollama_answer, ollama_stream, frame=line_frame, content_type="application/x-ndjson"
    ),
    "/v2/chat": Api("messages", cohere_answer, cohere_stream),
}


def model_in(path: str) -> str:
    """The model where the address names it: ``…/models/<model>:generate``, ``/model/<model>/converse``."""
    if path.startswith("/model/"):
        return unquote(path.split("/")[2])
    return path.rsplit("/", 1)[1].split(":", maxsplit=1)[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.split("?")[0]
        if path.endswith("/embeddings"):
            self._json(200, embeddings(request))
            return
        api = next((api for suffix, api in APIS.items() if path.endswith(suffix)), None)
        if api is None:
            self._json(404, error_body(404, f"no such route: {path}"))
            return
        self._model_call(api, {"model": model_in(path)} | request)

    def _model_call(self, api: Api, request: Json) -> None:
        time.sleep(self.script.delay)
        call = self.script.answer(str(request.get("model")), new_text(request.get(api.messages)))
        if call is None:
            self._json(400, error_body(400, "no rule of the script fits this request"))
        elif call.reply.status != 200:
            self._json(call.reply.status, error_body(call.reply.status, "scripted failure"))
        elif request.get("stream") or api.streams:
            self._events(api, api.stream(call, request))
        else:
            self._json(200, api.answer(call, request))

    def _json(self, status: int, body: Json) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _events(self, api: Api, events: Iterator[Event]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", api.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            self._chunk(api.frame(event))
        if api.end:
            self._chunk(api.end)
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Stay silent."""


def error_body(status: int, message: str) -> Json:
    """An error as both APIs write it."""
    kind = "rate_limit_error" if status == 429 else "api_error"
    return {"type": "error", "error": {"type": kind, "message": message, "code": None, "param": None}}


def embeddings(request: Json) -> Json:
    """A small vector for each input, made from its length."""
    given = request.get("input")
    inputs = given if isinstance(given, list) else [given]
    data = [
        {"object": "embedding", "index": index, "embedding": [1.0, float(len(str(text)) % 7), 0.5]}
        for index, text in enumerate(inputs)
    ]
    usage = {"prompt_tokens": 5 * len(inputs), "total_tokens": 5 * len(inputs)}
    return {"object": "list", "data": data, "model": request.get("model"), "usage": usage}


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up early is its own business."""


class ModelServer:
    """The scripted server in a thread, on a free port of the loopback interface; a context manager.

    Attributes:
        script: The rules, what was served, and the misses.
        url: ``http://127.0.0.1:<port>``; OpenAI clients want ``url + "/v1"``, Anthropic's want ``url``.
    """

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.script = Script(rules)
        handler = type("Handler", (_Handler,), {"script": self.script})
        self._http = _Http(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, name="model-server", daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)
