// The lamp shop's tools for applications under Node.
import { given } from "./node_spans.mjs";

const run = {
  order_status: ({ order_id }) => ({ order_id, status: "in transit", items: 2 }),
  stock_level: ({ sku }) => `${sku}: ${10 + sku.length} in stock`,
  reserve_item: ({ sku, quantity }) => {
    throw new Error(`warehouse 7 is offline, ${quantity} of ${sku} not reserved`);
  },
};
const question = { type: "object", properties: { question: { type: "string" } }, required: ["question"] };

export const ASK = { name: "ask_billing", description: "Ask the billing agent.", parameters: question };
export const SCHEMAS = [...given.tools, ASK].map((one) => ({ type: "function", function: one }));

/** Run a tool; a failure is thrown. */
export const runTool = (name, input) => run[name](input);

/** Run a tool and return what the model is told. */
export function tellTool(name, input) {
  try {
    const result = run[name](input);
    return typeof result === "string" ? result : JSON.stringify(result);
  } catch (error) {
    return `Error: ${error.message}`;
  }
}
