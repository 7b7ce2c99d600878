"""The same application behind FastAPI, instrumented by OpenTelemetry, so that an HTTP span is the root."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import httpx
from fastapi import FastAPI
from harness import App, Context
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor


def play_over_http(app: App, context: Context) -> None:
    """Run the turns of a scenario as requests ``POST /chat/<conversation>/<number of the turn>``."""
    scenario = context.scenario
    api = FastAPI()

    async def chat(conversation: str, number: int) -> dict[str, Any]:
        await app.turn(scenario.conversation(conversation), scenario.turns[number])
        return {"done": True}

    def chat_in_thread(conversation: str, number: int) -> dict[str, Any]:
        app.turn(scenario.conversation(conversation), scenario.turns[number])
        return {"done": True}

    endpoint = chat if inspect.iscoroutinefunction(app.turn) else chat_in_thread
    api.post("/chat/{conversation}/{number}")(endpoint)
    FastAPIInstrumentor.instrument_app(api, tracer_provider=context.provider)
    asyncio.run(_requests(api, context))


async def _requests(api: FastAPI, context: Context) -> None:
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.local") as client:
        for number, turn in enumerate(context.scenario.turns):
            response = await client.post(f"/chat/{turn.conversation}/{number}")
            response.raise_for_status()
