// An agent of LangChain for JavaScript on LangGraph, with a checkpointer that keeps the history by thread.
//
// `style` is the instrumentation: "openinference" or "langfuse".
import { context } from "@opentelemetry/api";
import * as callbacks from "@langchain/core/callbacks/manager";
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent } from "langchain";
import { finish, given, makeProvider } from "./node_spans.mjs";
import { ASK, tellTool } from "./node_shop.mjs";

const before = [];
if (given.style === "langfuse") {
  const { LangfuseSpanProcessor } = await import("@langfuse/otel");
  const nowhere = { export: (_spans, done) => done({ code: 0 }), async forceFlush() {}, async shutdown() {} };
  before.push(new LangfuseSpanProcessor({ exporter: nowhere, publicKey: "pk-test", secretKey: "sk-test" }));
}
const provider = makeProvider(before);
provider.register();

const styles = {
  async openinference() {
    const { LangChainInstrumentation } = await import("@arizeai/openinference-instrumentation-langchain");
    const { setSession, setUser } = await import("@arizeai/openinference-core");
    const made = new LangChainInstrumentation();
    made.setTracerProvider(provider);
    made.manuallyInstrument(callbacks);
    return (turn, answer) => {
      if (!turn.id) return answer({});
      const named = setUser(setSession(context.active(), { sessionId: turn.id }), { userId: turn.customer });
      return context.with(named, () => answer({}));
    };
  },
  async langfuse() {
    const { CallbackHandler } = await import("@langfuse/langchain");
    return (turn, answer) =>
      answer({ callbacks: [new CallbackHandler(turn.id ? { sessionId: turn.id, userId: turn.customer } : {})] });
  },
};
const scope = await styles[given.style]();

const model = new ChatOpenAI({
  model: "gpt-4o-mini",
  apiKey: "test",
  maxRetries: 0,
  useResponsesApi: false,
  configuration: { baseURL: `${given.url}/v1` },
});
const tools = given.tools.map(({ name, description, parameters }) =>
  tool((input) => tellTool(name, input), { name, description, schema: parameters }),
);
const billing = createAgent({ model, tools, systemPrompt: given.billing, name: "billing" });
const ask = tool(
  async ({ question }) => {
    const answer = await billing.invoke({ messages: [{ role: "user", content: question }] });
    return answer.messages.at(-1).content;
  },
  { name: ASK.name, description: ASK.description, schema: ASK.parameters },
);
const about = { model, tools: [...tools, ask], systemPrompt: given.shop, name: "shop" };
const shop = createAgent({ ...about, checkpointer: new MemorySaver() });
const forgetful = createAgent(about);
let history = [];

for (const turn of given.turns) {
  const said = { role: "user", content: turn.text };
  try {
    await scope(turn, async (more) => {
      if (!turn.id) {
        history = (await forgetful.invoke({ messages: [...history, said] }, more)).messages;
        return;
      }
      const config = { ...more, configurable: { thread_id: turn.id } };
      if (turn.stream) {
        for await (const _part of await shop.stream({ messages: [said] }, { ...config, streamMode: "messages" }));
      } else {
        await shop.invoke({ messages: [said] }, config);
      }
    });
  } catch (error) {
    if (!turn.fails) throw error;
  }
}
await provider.forceFlush();
finish();
