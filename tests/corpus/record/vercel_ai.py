"""What the drivers of the Vercel AI SDK share: running its application under Node."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from harness import CORE, Context
from shop import BILLING, SHOP, TOOLS

SCENARIOS = (*CORE, "content_off")


def instrument(_context: Context) -> None:
    """Nothing: that happens under Node."""


def play_under_node(context: Context, style: str) -> list[dict[str, Any]]:
    """Run the scenario in the directory ``CORPUS_NODE_DIR``, which holds ``node_modules``."""
    directory = Path(os.environ["CORPUS_NODE_DIR"])
    shutil.copy(Path(__file__).with_suffix(".mjs"), directory / "vercel_ai.mjs")
    turns = []
    for turn in context.scenario.turns:
        conversation = context.scenario.conversation(turn.conversation)
        named = dataclasses.asdict(conversation) | {"conversation": turn.conversation}
        turns.append(named | {"text": turn.text, "stream": turn.stream, "fails": turn.fails})
    given = {
        "url": context.url,
        "style": style,
        "contentOff": context.scenario.name == "content_off",
        "shop": SHOP,
        "billing": BILLING,
        "tools": [
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in TOOLS.values()
        ],
        "turns": turns,
    }
    done = subprocess.run(
        ["node", "vercel_ai.mjs"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=directory,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    spans: list[dict[str, Any]] = json.loads(done.stdout)
    return spans
