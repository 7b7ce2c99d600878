// An agent of Mastra with a memory, whose spans its own OpenTelemetry exporter makes.
import { createOpenAI } from "@ai-sdk/openai";
import { Agent } from "@mastra/core/agent";
import { Mastra } from "@mastra/core/mastra";
import { InMemoryStore } from "@mastra/core/storage";
import { createTool } from "@mastra/core/tools";
import { Memory } from "@mastra/memory";
import { Observability } from "@mastra/observability";
import { OtelExporter } from "@mastra/otel-exporter";
import { z } from "zod";
import { collector, finish, given } from "./node_spans.mjs";
import { ASK, runTool } from "./node_shop.mjs";

const model = createOpenAI({ baseURL: `${given.url}/v1`, apiKey: "test" }).chat("gpt-4o-mini");
const types = { string: z.string(), integer: z.number().int() };
const schema = ({ properties }) =>
  z.object(Object.fromEntries(Object.entries(properties).map(([name, { type }]) => [name, types[type]])));
const made = given.tools.map(({ name, description, parameters }) => {
  const execute = async (input) => runTool(name, input);
  return [name, createTool({ id: name, description, inputSchema: schema(parameters), execute })];
});
const tools = Object.fromEntries(made);
const billing = new Agent({ id: "billing", name: "billing", instructions: given.billing, model, tools, maxRetries: 0 });
const ask = createTool({
  id: ASK.name,
  description: ASK.description,
  inputSchema: schema(ASK.parameters),
  execute: async ({ question }, { tracingContext }) =>
    (await billing.generate(question, { maxSteps: 10, tracingContext })).text,
});
const storage = new InMemoryStore();
const shop = new Agent({
  id: "shop",
  name: "shop",
  instructions: given.shop,
  model,
  tools: { ...tools, ask_billing: ask },
  memory: new Memory({ storage, options: { lastMessages: 40 } }),
  maxRetries: 0,
});
const mastra = new Mastra({
  agents: { shop, billing },
  storage,
  logger: false,
  observability: new Observability({
    configs: {
      otel: {
        serviceName: "lamp-shop",
        exporters: [
          new OtelExporter({
            provider: { custom: { endpoint: "http://127.0.0.1:9", protocol: "http/json" } },
            exporter: collector,
            signals: { logs: false },
          }),
        ],
      },
    },
  }),
});

const agent = mastra.getAgent("shop");
let history = [];
for (const turn of given.turns) {
  const options = { maxSteps: 10, modelSettings: { maxRetries: 0 } };
  if (turn.id) options.memory = { thread: turn.id, resource: turn.customer ?? "nobody" };
  const said = turn.id ? turn.text : [...history, { role: "user", content: turn.text }];
  try {
    if (turn.stream) {
      const result = await agent.stream(said, options);
      for await (const _part of result.textStream);
    } else {
      const result = await agent.generate(said, options);
      if (result.error) throw result.error;
      history = [...history, { role: "user", content: turn.text }, { role: "assistant", content: result.text }];
    }
  } catch (error) {
    if (!turn.fails) throw error;
  }
}
await mastra.shutdown();
finish(() => process.exit(0));
