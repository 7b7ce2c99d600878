// OpenAI's client for Node in an agent loop of the application's own.
//
// `style` is the instrumentation: "otel", "openinference" or "langfuse".
import { createRequire } from "node:module";
import { context, metrics, trace } from "@opentelemetry/api";
import { finish, given, logProcessor, makeProvider, resource } from "./node_spans.mjs";
import { SCHEMAS, tellTool } from "./node_shop.mjs";

const require = createRequire(import.meta.url);
const before = [];
if (given.style === "langfuse") {
  const { LangfuseSpanProcessor } = await import("@langfuse/otel");
  const nowhere = { export: (_spans, done) => done({ code: 0 }), async forceFlush() {}, async shutdown() {} };
  before.push(new LangfuseSpanProcessor({ exporter: nowhere, publicKey: "pk-test", secretKey: "sk-test" }));
}
const provider = makeProvider(before);
provider.register();
const tracer = trace.getTracer("lamp-shop");
const own = (turn, answer) =>
  tracer.startActiveSpan("answer", async (span) => {
    if (turn.id) span.setAttributes({ "session.id": turn.id, "user.id": turn.customer });
    try {
      return await answer();
    } finally {
      span.end();
    }
  });

const styles = {
  async otel() {
    const { LoggerProvider } = await import("@opentelemetry/sdk-logs");
    const { OpenAIInstrumentation } = require("@opentelemetry/instrumentation-openai");
    const made = new OpenAIInstrumentation({ captureMessageContent: true });
    made.setTracerProvider(provider);
    made.setMeterProvider(metrics.getMeterProvider());
    made.setLoggerProvider(new LoggerProvider({ resource, processors: [logProcessor] }));
    return [(client) => client, own];
  },
  async openinference() {
    const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
    const { setSession, setUser } = require("@arizeai/openinference-core");
    const made = new OpenAIInstrumentation();
    made.setTracerProvider(provider);
    made.manuallyInstrument(require("openai").OpenAI);
    const scope = (turn, answer) => {
      if (!turn.id) return answer();
      const named = setUser(setSession(context.active(), { sessionId: turn.id }), { userId: turn.customer });
      return context.with(named, answer);
    };
    return [(client) => client, scope];
  },
  async langfuse() {
    const { observeOpenAI } = await import("@langfuse/openai");
    const { propagateAttributes, startActiveObservation } = await import("@langfuse/tracing");
    const scope = (turn, answer) => {
      const observed = () => startActiveObservation("answer", answer, { asType: "agent" });
      return turn.id ? propagateAttributes({ sessionId: turn.id, userId: turn.customer }, observed) : observed();
    };
    return [observeOpenAI, scope];
  },
};
const [wrap, scope] = await styles[given.style]();
const { OpenAI } = require("openai");
const client = wrap(new OpenAI({ baseURL: `${given.url}/v1`, apiKey: "test", maxRetries: 0 }));
const MODEL = "gpt-4o-mini";

async function ask(messages, stream) {
  const request = { model: MODEL, messages, tools: SCHEMAS };
  if (!stream) {
    const { role, content, tool_calls } = (await client.chat.completions.create(request)).choices[0].message;
    return tool_calls ? { role, content, tool_calls } : { role, content };
  }
  const chunks = await client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } });
  let content = "";
  const calls = [];
  for await (const chunk of chunks) {
    const delta = chunk.choices[0]?.delta;
    content += delta?.content ?? "";
    for (const { index, id, function: part } of delta?.tool_calls ?? []) {
      calls[index] ??= { id, type: "function", function: { name: part.name, arguments: "" } };
      calls[index].function.arguments += part.arguments ?? "";
    }
  }
  return calls.length ? { role: "assistant", content, tool_calls: calls } : { role: "assistant", content };
}

async function loop(messages, stream) {
  for (let step = 0; step < 10; step++) {
    const message = await ask(messages, stream);
    messages.push(message);
    if (!message.tool_calls) return message.content;
    for (const { id, function: call } of message.tool_calls) {
      const input = JSON.parse(call.arguments);
      const content = call.name === "ask_billing" ? await billing(input.question) : tellTool(call.name, input);
      messages.push({ role: "tool", tool_call_id: id, content });
    }
  }
  throw new Error("the model asks for tools without end");
}

const billing = (question) =>
  loop([{ role: "system", content: given.billing }, { role: "user", content: question }], false);

const histories = {};
for (const turn of given.turns) {
  const history = (histories[turn.conversation] ??= [{ role: "system", content: given.shop }]);
  history.push({ role: "user", content: turn.text });
  try {
    await scope(turn, () => loop(history, turn.stream));
  } catch (error) {
    if (!turn.fails) throw error;
  }
}
await provider.forceFlush();
finish();
