// The Vercel AI SDK under Node: runs one scenario and writes its spans in the fields of SpanData.
//
// Standard input: {url, style, contentOff, shop, billing, tools, turns}; standard output: the spans, one JSON
// list. `style` is "v7", "v7-legacy" (its OpenTelemetry classes) or "v5" (telemetry built in). The file runs in
// a directory with the node_modules of that version, where its Python driver copies it.
import { readFileSync } from "node:fs";
import { createOpenAI } from "@ai-sdk/openai";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { resourceFromAttributes } from "@opentelemetry/resources";
import * as ai from "ai";

const given = JSON.parse(readFileSync(0, "utf8"));
const isV5 = given.style === "v5";

// --- spans ---

const KINDS = ["internal", "server", "client", "producer", "consumer"];
const STATUSES = ["unset", "ok", "error"];
const ns = ([seconds, nanos]) => `@${BigInt(seconds) * 1000000000n + BigInt(nanos)}@`;
const filled = (fields) =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => {
      if (value === null || value === undefined || value === "" || value === 0 || value === false) return false;
      return typeof value !== "object" || Object.keys(value).length > 0;
    }),
  );

class Collector {
  spans = [];
  export(spans, done) {
    for (const span of spans) {
      const { traceId, spanId, traceState } = span.spanContext();
      const scope = span.instrumentationScope;
      this.spans.push({
        trace_id: traceId,
        span_id: spanId,
        name: span.name,
        start_ns: ns(span.startTime),
        end_ns: ns(span.endTime),
        ...filled({
          parent_span_id: span.parentSpanContext?.spanId,
          kind: KINDS[span.kind],
          status: STATUSES[span.status.code],
          status_description: span.status.message,
          attributes: span.attributes,
          events: span.events.map((event) => ({
            name: event.name,
            time_ns: ns(event.time),
            ...filled({ attributes: event.attributes }),
          })),
          links: span.links.map((link) => ({
            trace_id: link.context.traceId,
            span_id: link.context.spanId,
            ...filled({ attributes: link.attributes }),
          })),
          resource: span.resource.attributes,
          scope: filled({ name: scope.name, version: scope.version, schema_url: scope.schemaUrl }),
          trace_state: traceState?.serialize(),
          dropped_attributes: span.droppedAttributesCount,
          dropped_events: span.droppedEventsCount,
          dropped_links: span.droppedLinksCount,
        }),
      });
    }
    done({ code: 0 });
  }
  async forceFlush() {}
  async shutdown() {}
}

const collector = new Collector();
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "lamp-shop" }),
  spanProcessors: [new SimpleSpanProcessor(collector)],
});
provider.register();
if (!isV5) {
  const { LegacyOpenTelemetry, OpenTelemetry } = await import("@ai-sdk/otel");
  const made = given.style === "v7" ? new OpenTelemetry({ runtimeContext: true }) : new LegacyOpenTelemetry();
  ai.registerTelemetry(made);
}

// --- the application ---

const openai = createOpenAI({ baseURL: `${given.url}/v1`, apiKey: "test" });
const model = isV5 ? openai.chat("gpt-4o-mini") : openai("gpt-4o-mini");

const run = {
  order_status: ({ order_id }) => ({ order_id, status: "in transit", items: 2 }),
  stock_level: ({ sku }) => `${sku}: ${10 + sku.length} in stock`,
  reserve_item: ({ sku, quantity }) => {
    throw new Error(`warehouse 7 is offline, ${quantity} of ${sku} not reserved`);
  },
};

function tools(turn, more = {}) {
  const made = given.tools.map(({ name, description, parameters }) => [
    name,
    ai.tool({ description, inputSchema: ai.jsonSchema(parameters), execute: async (input) => run[name](input) }),
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
process.stdout.write(JSON.stringify(collector.spans).replaceAll(/"@(\d+)@"/g, "$1"));
