"""Instructor over OpenAI's client, instrumented by OpenInference: the model answers in JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import instructor
from harness import MODEL, Context, Driver, run
from openai import OpenAI
from openinference.instrumentation.instructor import InstructorInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference_scope import scope
from pydantic import BaseModel
from shape import Conversation, Scenario, Turn
from shop import SHOP


class Answer(BaseModel):
    """What the model has to fill in."""

    text: str


def instrument(context: Context) -> None:
    """Switch the instrumentations on."""
    InstructorInstrumentor().instrument(tracer_provider=context.provider)
    OpenAIInstrumentor().instrument(tracer_provider=context.provider)


def answers_in_json(scenario: Scenario) -> Scenario:
    """The scenario in which the model says JSON; that is the truth, whatever the application shows."""
    turns = []
    for turn in scenario.turns:
        calls = (replace(call, text=json.dumps({"text": call.text})) for call in turn.calls)
        turns.append(replace(turn, calls=tuple(calls)))
    return replace(scenario, turns=tuple(turns))


class App:
    """The client and the history of each conversation."""

    def __init__(self, context: Context) -> None:
        openai = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
        self._client = instructor.from_openai(openai, mode=instructor.Mode.JSON)
        self._histories: dict[str, list[dict[str, str]]] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        history = self._histories.setdefault(conversation.key, [{"role": "system", "content": SHOP}])
        history.append({"role": "user", "content": turn.text})
        with scope(conversation):
            answer = self._client.chat.completions.create(
                model=MODEL, messages=list(history), response_model=Answer, max_retries=0
            )
        history.append({"role": "assistant", "content": json.dumps({"text": answer.text})})


if __name__ == "__main__":
    run(
        Driver(
            name="instructor_openinference",
            instrument=instrument,
            app=App,
            scenarios=("basic", "same_text", "odd_texts", "no_id"),
            reshape=answers_in_json,
            per_turn=True,
        )
    )
