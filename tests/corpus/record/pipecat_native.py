"""A Pipecat pipeline fed with text, with its own tracing; one trace is a whole conversation."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from harness import MODEL, Context, Driver, core_without, run
from openai import AsyncOpenAI
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesAppendFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.workers.runner import WorkerRunner
from sessions import SessionApp
from shape import Conversation, Turn
from shop import SHOP, TOOLS, run_tool_safely


def instrument(_context: Context) -> None:
    """Nothing: it finds the global provider."""


class Model(OpenAILLMService):
    """The service, but a call that fails is not tried again."""

    def create_client(self, *args: Any, **kwargs: Any) -> AsyncOpenAI:
        """The client it uses."""
        return super().create_client(*args, **kwargs).with_options(max_retries=0)


class Screen(FrameProcessor):
    """Where answers appear: as a transport would, it says when the agent begins and ends to speak."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: asyncio.Queue[bool] = asyncio.Queue()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, LLMFullResponseStartFrame):
            await self.broadcast_frame(BotStartedSpeakingFrame)
        elif isinstance(frame, LLMFullResponseEndFrame):
            await self.broadcast_frame(BotStoppedSpeakingFrame)
            await self.answers.put(True)


class Call:
    """One conversation: a pipeline that runs until it is ended."""

    def __init__(self, context: Context, conversation: Conversation) -> None:
        settings = Model.Settings(model=MODEL, system_instruction=SHOP)
        llm = Model(api_key="test", base_url=context.openai_url, settings=settings)
        for name in TOOLS:
            llm.register_function(name, self._tool)
        self._history = LLMContext(tools=ToolsSchema(standard_tools=_schemas()))
        aggregators = LLMContextAggregatorPair(self._history)
        self._screen = Screen()
        self._worker = PipelineWorker(
            Pipeline([aggregators.user(), llm, self._screen, aggregators.assistant()]),
            params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
            enable_tracing=True,
            enable_rtvi=False,
            conversation_id=conversation.id,
            additional_span_attributes={"user.id": conversation.customer} if conversation.customer else None,
        )

        @self._worker.event_handler("on_pipeline_error")
        async def failed(_worker: PipelineWorker, _frame: ErrorFrame) -> None:
            await self._screen.answers.put(False)

        self._running: asyncio.Task[None] | None = None

    @staticmethod
    async def _tool(params: FunctionCallParams) -> None:
        await params.result_callback(run_tool_safely(params.function_name, dict(params.arguments)))

    async def start(self) -> None:
        """Start the pipeline."""
        started = asyncio.Event()

        @self._worker.event_handler("on_pipeline_started")
        async def ready(_worker: PipelineWorker, _frame: Frame) -> None:
            started.set()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        self._running = asyncio.create_task(runner.run())
        await asyncio.wait_for(started.wait(), 10)

    async def say(self, turn: Turn) -> None:
        """Run one turn: wait for as many answers of the model as it has calls."""
        await self._worker.queue_frames([UserStartedSpeakingFrame(), UserStoppedSpeakingFrame()])
        message: Any = {"role": "user", "content": turn.text}
        await self._worker.queue_frame(LLMMessagesAppendFrame([message], run_llm=True))
        for _ in turn.calls:
            if not await asyncio.wait_for(self._screen.answers.get(), 20):
                return
        for _ in range(500):  # the answer is written down by another task
            if dict(self._history.messages[-1]).get("role") == "assistant":
                return
            await asyncio.sleep(0.01)
        raise TimeoutError("the answer was not written down")

    async def end(self) -> None:
        """End the pipeline."""
        assert self._running
        await self._worker.queue_frame(EndFrame())
        await asyncio.wait_for(self._running, 10)


def _schemas() -> list[Any]:
    return [
        FunctionSchema(
            tool.name, tool.description, tool.parameters["properties"], tool.parameters["required"]
        )
        for tool in TOOLS.values()
    ]


def app(context: Context) -> SessionApp:
    """A call for each conversation."""
    return SessionApp(functools.partial(Call, context))


if __name__ == "__main__":
    run(
        Driver(
            name="pipecat_native",
            instrument=instrument,
            app=app,
            scenarios=(*core_without("delegate"), "concurrent"),
        )
    )
