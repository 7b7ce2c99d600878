"""What the drivers of applications under Node share: running one of them."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from harness import Context
from shop import BILLING, SHOP, TOOLS

HERE = Path(__file__).parent
SHARED = ("node_spans.mjs", "node_shop.mjs")


def instrument(_context: Context) -> None:
    """Nothing: that happens under Node."""


def play_under_node(context: Context, script: str, style: str) -> list[dict[str, Any]]:
    """Run the scenario by *script* in the directory ``CORPUS_NODE_DIR``, which holds ``node_modules``."""
    directory = Path(os.environ["CORPUS_NODE_DIR"])
    for name in (script, *SHARED):
        shutil.copy(HERE / name, directory / name)
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
        ["node", script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=directory,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told = json.loads(done.stdout)
    context.log_collector.add(told["logs"])
    spans: list[dict[str, Any]] = told["spans"]
    return spans
