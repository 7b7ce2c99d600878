"""A local AgentSight, a scripted model, and programs that meet both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from model_server import ModelServer, Rule
from model_wire import Reply, ToolUse, Usage

from agentsight_otel import AgentSightAPI
from agentsight_otel.config import Config
from agentsight_otel.exporters import spool
from agentsight_otel.testing import LocalServer

APPS = Path(__file__).parent / "apps"
RULES = (
    Rule(("Hello!",), Reply("Good day.", usage=Usage(11, 3))),
    Rule(("sky in Oslo?",), Reply(tools=(ToolUse("weather", {"city": "Oslo"}),), usage=Usage(20, 5))),
    Rule(('"sky": "clear"',), Reply("Clear over Oslo.", usage=Usage(30, 6))),
)

WHOLE = [
    ("end_user", "Hello!"),
    ("agent", "Good day."),
    ("end_user", "How is the sky in Oslo?"),
    ("action", "weather"),
    ("agent", "Clear over Oslo."),
]
"""What the scripted conversation reads like."""

TOKENS = (61, 14)
"""What its three model calls are billed."""


class World:
    """A local AgentSight and a scripted model, and programs that meet both.

    Attributes:
        server: The local AgentSight.
        models: The model server.
        folder: Where programs run.
    """

    def __init__(self, server: LocalServer, models: ModelServer, folder: Path) -> None:
        self.server = server
        self.models = models
        self.folder = folder
        self.api = AgentSightAPI(api_key=server.read_key, endpoint=server.url)
        self.env = {**os.environ, **server.env(), "MODEL_URL": models.url, "PYTHONPATH": str(APPS)}

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the virtual environment to its end, which must be a good one."""
        result = subprocess.run(
            [Path(sys.executable).with_name(command[0]), *command[1:]],
            env=self.env | env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    def run_code(self, code: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run Python source in a new process; `agent` can be imported there."""
        return self.run("python", "-W", "error", "-c", code, **env)

    def _deliver_rest(self) -> None:
        """Deliver what programs left on disk because answers were slow, as the next one would."""
        config = Config.resolve(api_key=self.server.api_key, endpoint=self.server.url)
        if spool.status(config).waiting:
            assert spool.drain(config, 60)

    def transcript(self, conversation_id: str) -> list[tuple[str, str]]:
        """Read a conversation: who said what, and actions by their name."""
        self._deliver_rest()
        messages = self.api.fetch_conversation(conversation_id)["messages"]
        return [
            ("action", message["action_name"])
            if message["action_name"]
            else (message["sender"], message["content"])
            for message in messages
        ]

    def conversations(self) -> list[str]:
        """List the ids of all conversations."""
        self._deliver_rest()
        return sorted(row["conversation_id"] for row in self.api.iter_conversations())

    def tokens(self) -> tuple[int, int]:
        """Sum up what the models were billed: prompt and completion tokens."""
        self._deliver_rest()
        rows = list(self.api.iter_token_usage())
        return sum(row["prompt_tokens"] for row in rows), sum(row["completion_tokens"] for row in rows)

    def spans(self) -> list[Any]:
        """List the spans of every accepted request."""
        self._deliver_rest()
        return [
            span
            for payload in self.server.payloads()
            for block in payload["conversations"]
            for span in block["spans"]
        ]
