"""DSPy instrumented by OpenInference: a predictor with the dialogue's history."""

from __future__ import annotations

from dataclasses import replace

import dspy
from harness import MODEL, Context, Driver, run
from model_server import Rule
from openinference.instrumentation.dspy import DSPyInstrumentor
from openinference_scope import scope
from shape import Conversation, Turn


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    DSPyInstrumentor().instrument(tracer_provider=context.provider)


def in_its_format(rules: list[Rule]) -> list[Rule]:
    """The script in which the model answers in the fields that DSPy asks for."""

    def adapt(rule: Rule) -> Rule:
        text = f"[[ ## answer ## ]]\n{rule.reply.text}\n\n[[ ## completed ## ]]"
        return replace(rule, reply=replace(rule.reply, text=text))

    return [adapt(rule) if rule.reply.status == 200 else rule for rule in rules]


class Shop(dspy.Signature):
    """Answer as the assistant of a lamp shop."""

    history: dspy.History = dspy.InputField()
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


class App:
    """The predictor and the history of each conversation."""

    def __init__(self, context: Context) -> None:
        self._model = dspy.LM(
            f"openai/{MODEL}", api_base=context.openai_url, api_key="test", num_retries=0, cache=False
        )
        self._predict = dspy.Predict(Shop)
        self._histories: dict[str, list[dict[str, str]]] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        history = self._histories.setdefault(conversation.key, [])
        with scope(conversation), dspy.context(lm=self._model):
            result = self._predict(question=turn.text, history=dspy.History(messages=list(history)))
        history.append({"question": turn.text, "answer": result.answer})


if __name__ == "__main__":
    run(
        Driver(
            name="dspy_openinference",
            instrument=instrument,
            app=App,
            scenarios=("basic", "same_text", "provider_error", "odd_texts", "no_id"),
            adapt=in_its_format,
            per_turn=True,
        )
    )
