// The Vercel AI SDK under Node.
//
// `style` is "v7", "v7-legacy" (its OpenTelemetry classes), "v6" or "v5" (telemetry built in).
import { createOpenAI } from "@ai-sdk/openai";
import * as ai from "ai";
import { runTool } from "./node_shop.mjs";
import { finish, given, makeProvider } from "./node_spans.mjs";

const isV5 = given.style === "v5" || given.style === "v6";
const provider = makeProvider();
provider.register();
if (!isV5) {
  const { LegacyOpenTelemetry, OpenTelemetry } = await import("@ai-sdk/otel");
  const made = given.style === "v7" ? new OpenTelemetry({ runtimeContext: true }) : new LegacyOpenTelemetry();
  ai.registerTelemetry(made);
}

// --- the application ---

const openai = createOpenAI({ baseURL: `${given.url}/v1`, apiKey: "test" });
const model = isV5 ? openai.chat("gpt-4o-mini") : openai("gpt-4o-mini");

function tools(turn, more = {}) {
  const made = given.tools.map(({ name, description, parameters }) => [
    name,
    ai.tool({ description, inputSchema: ai.jsonSchema(parameters), execute: async (input) => runTool(name, input) }),
  ]);
  return { ...Object.fromEntries(made), ...more };
}

function telemetry(turn, functionId) {
  const recorded = { recordInputs: !given.contentOff, recordOutputs: !given.contentOff, functionId };
  const about = turn.id ? { sessionId: turn.id, userId: turn.customer } : {};
  if (isV5) return { experimental_telemetry: { isEnabled: true, metadata: about, ...recorded } };
  const included = Object.fromEntries(Object.keys(about).map((key) => [key, true]));
  return { runtimeContext: about, telemetry: { isEnabled: true, includeRuntimeContext: included, ...recorded } };
}

const prompt = (text) => (isV5 ? { system: text } : { instructions: text });
const stop = () => (ai.stepCountIs ?? ai.isStepCount)(10);

function askBilling(turn) {
  const parameters = { type: "object", properties: { question: { type: "string" } }, required: ["question"] };
  return ai.tool({
    description: "Ask the billing agent.",
    inputSchema: ai.jsonSchema(parameters),
    execute: async ({ question }) => {
      const options = { ...prompt(given.billing), prompt: question, tools: tools(turn), stopWhen: stop(), maxRetries: 0 };
      return (await ai.generateText({ model, ...options, ...telemetry(turn, "billing") })).text;
    },
  });
}

const histories = {};
for (const turn of given.turns) {
  const history = (histories[turn.conversation] ??= []);
  history.push({ role: "user", content: turn.text });
  const options = {
    model,
    ...prompt(given.shop),
    messages: history,
    tools: tools(turn, { ask_billing: askBilling(turn) }),
    stopWhen: stop(),
    maxRetries: 0,
    ...telemetry(turn, "shop"),
  };
  try {
    if (turn.stream) {
      const result = ai.streamText(options);
      for await (const _part of result.textStream);
      history.push(...(await result.response).messages);
    } else {
      const result = await ai.generateText(options);
      history.push(...(result.responseMessages ?? result.response.messages));
    }
  } catch (error) {
    if (!turn.fails) throw error;
  }
}
await provider.forceFlush();
finish();
