// What the applications under Node share: their spans and log records in the fields of SpanData and LogData.
//
// Standard input: what the Python driver gives; standard output: {spans, logs}.
import { readFileSync } from "node:fs";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { resourceFromAttributes } from "@opentelemetry/resources";

export const given = JSON.parse(readFileSync(0, "utf8"));

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

export const collector = new Collector();
export const resource = resourceFromAttributes({ "service.name": "lamp-shop" });
export const makeProvider = (before = []) =>
  new NodeTracerProvider({ resource, spanProcessors: [...before, new SimpleSpanProcessor(collector)] });

export const logs = [];
export const logProcessor = {
  onEmit(record) {
    if (!record.spanContext) return;
    const { name, version } = record.instrumentationScope;
    logs.push({
      trace_id: record.spanContext.traceId,
      span_id: record.spanContext.spanId,
      event: {
        name: record.eventName ?? record.attributes["event.name"] ?? "",
        time_ns: ns(record.hrTime),
        ...filled({ attributes: record.attributes, body: record.body }),
      },
      resource: resource.attributes,
      scope: filled({ name, version }),
    });
  },
  async forceFlush() {},
  async shutdown() {},
};

export function finish(done) {
  process.stdout.write(JSON.stringify({ spans: collector.spans, logs }).replaceAll(/"@(\d+)@"/g, "$1"), done);
}
