"""What each number means. The pages show these one click away from the number."""

from __future__ import annotations

from typing import Final, NamedTuple


class Definition(NamedTuple):
    """The name of a number and the rule that makes it."""

    name: str
    text: str


COMMON: Final = (
    "Numbers cover the selected days in the selected time zone and one environment. Deleted "
    "conversations are left out. A conversation counts on the day it started. The change is against the "
    "same number of days just before; it is not shown when that period has fewer than five cases."
)

DEFINITIONS: Final[dict[str, Definition]] = {
    "conversations": Definition(
        "Conversations",
        "Conversations that started in the period, whether or not the visitor wrote anything.",
    ),
    "used": Definition(
        "Used conversations",
        "Conversations in which somebody interacted: wrote, clicked a button or got an answer.",
    ),
    "messages": Definition(
        "Messages",
        "Messages of users and agents. Actions, buttons and files that stand alone are not messages.",
    ),
    "per_conversation": Definition(
        "Messages per conversation",
        "Messages of the conversations that started in the period, divided by how many of them were used.",
    ),
    "users": Definition(
        "Individual users",
        "Different customer ids. Conversations without a customer id are counted apart, as anonymous.",
    ),
    "response_mean": Definition(
        "Mean response time",
        "From a user's message to the agent's first message after it. Several user messages in a row are"
        " one question; the time counts from the last of them. A greeting has no question and does not "
        "count; neither does an answer after more than 24 hours. Clocks that run backwards count as 0.",
    ),
    "response_p50": Definition(
        "Median response time",
        "Half of the answers were at least this fast. The smallest measured value with half of all "
        "values at or below it.",
    ),
    "response_p95": Definition(
        "p95 response time",
        "95 of 100 answers were at least this fast. The smallest measured value with 95 % of all values "
        "at or below it.",
    ),
    "duration": Definition(
        "Conversation duration",
        "From the first to the last thing recorded in the conversation. Conversations with fewer than "
        "two messages are left out of the mean and counted apart.",
    ),
    "peak": Definition(
        "Peak hours",
        "Messages sent, or conversations started, by weekday and hour on the clock of the selected time "
        "zone, summer time included.",
    ),
    "interaction": Definition(
        "Interaction rate",
        "Used conversations divided by all conversations: how many of those who saw the agent used it.",
    ),
    "escalation": Definition(
        "Escalation rate",
        "Used conversations with an action that hands over to a person (fallback_to_human, open_ticket, "
        "ticket or contact_human, unless the settings name others), divided by used conversations.",
    ),
    "containment": Definition(
        "Containment rate",
        "Used conversations without a handover to a person, divided by used conversations. Contained "
        "does not mean solved.",
    ),
    "abandonment": Definition(
        "Abandonment rate",
        "Used conversations whose last message is the user's, unanswered for 30 minutes or more, divided"
        " by used conversations.",
    ),
    "bounce": Definition(
        "Bounce rate",
        "Used conversations with exactly one user message, divided by used conversations.",
    ),
    "satisfaction": Definition(
        "Satisfaction",
        "Conversations whose latest customer rating is positive, divided by all rated conversations. "
        "With fewer than 100 ratings the 95 % Wilson interval is shown. Ratings by your own team do not "
        "count.",
    ),
    "rated": Definition(
        "Rated",
        "Used conversations with at least one customer rating, divided by used conversations.",
    ),
    "rated_split": Definition(
        "Ratings by sentiment",
        "Conversations that started in the period, by the sentiment of their latest customer rating.",
    ),
    "rated_days": Definition(
        "Ratings over time",
        "Ratings that customers gave on a day or in an hour, of whole conversations and of single messages.",
    ),
    "tool_calls": Definition(
        "Action calls",
        "How often the action ran in the period, in any conversation of the environment.",
    ),
    "tool_errors": Definition(
        "Error rate",
        "Calls that report an error, divided by calls.",
    ),
    "tool_duration": Definition(
        "Action duration",
        "The stated duration, else end minus start. Calls with neither are left out. Besides the mean, the "
        "smallest measured value with half of all values, or 95% of them, at or below it.",
    ),
    "tool_conversations": Definition(
        "Conversations of an action",
        "Different conversations in which the action ran in the period, whenever they started.",
    ),
    "tokens": Definition(
        "Tokens",
        "Input, output, cache and embedding tokens of model calls, each call counted once: a wrapper "
        "that repeats the usage of the call inside it adds nothing. Reasoning and audio tokens are part "
        "of these and not added again.",
    ),
    "cost": Definition(
        "Cost",
        "Tokens times the model's price on the day of the call, fixed when the call arrived. A model "
        "without a known price is listed as unpriced and left out of the sum: its cost is unknown, not "
        "zero.",
    ),
    "model_calls": Definition(
        "Model calls",
        "Calls of a model that reported tokens. Below: tokens divided by calls.",
    ),
    "cached": Definition(
        "Cached",
        "Tokens read from or written to a provider's cache, divided by these and the input tokens together.",
    ),
    "spread": Definition(
        "Distribution of response times",
        "Every answer of the period in one bar: from the time under it up to the time under the next one.",
    ),
    "customer_conversations": Definition(
        "Conversations of a customer",
        "Conversations with this customer id that started in the period; on the customer's own page, ever.",
    ),
    "customer_messages": Definition(
        "Messages of a customer",
        "Messages of the user and of the agent in these conversations.",
    ),
    "customer_first": Definition(
        "First seen",
        "Start of the first conversation with this customer id in the period; on the customer's own page, "
        "ever.",
    ),
    "customer_last": Definition(
        "Last seen",
        "The latest entry of these conversations' transcripts; the start of a conversation without any.",
    ),
    "customer_tokens": Definition(
        "Tokens of a customer",
        "Tokens of the model calls in all conversations with this customer id, whenever they were.",
    ),
    "customer_cost": Definition(
        "Cost of a customer",
        "Tokens times the model's price on the day of the call, of all conversations with this customer id. "
        "Calls of a model without a known price are left out.",
    ),
    "row_numbers": Definition(
        "Numbers of a conversation",
        "Messages of the user and of the agent, actions that ran, the time from the first to the last thing "
        "recorded, and the cost of the model calls whose price is known. Of many matches only the first are "
        "counted.",
    ),
    "talk_messages": Definition(
        "Messages of a conversation",
        "Messages of the user and of the agent. Beside an answer stands its response time: from the user's "
        "last message before it to the answer.",
    ),
    "talk_actions": Definition(
        "Actions of a conversation",
        "How often an action ran. Beside each stands how long it took: its stated duration, else end minus "
        "start.",
    ),
    "talk_duration": Definition(
        "Duration of a conversation",
        "From the first to the last thing recorded. In the trace, from the beginning of a span to its end.",
    ),
    "talk_tokens": Definition(
        "Tokens of a conversation",
        "Tokens of its model calls, each call counted once. Beside an answer stand those of its turn.",
    ),
    "receiving": Definition(
        "What is received",
        "Records of the selected days from which the number of this name would be made. Nothing of them is "
        "part of the analytics.",
    ),
    "spans_day": Definition(
        "Spans",
        "Spans that began in the last 24 hours, whatever their kind.",
    ),
    "errors_day": Definition(
        "With an error",
        "Of these spans, those whose status is error.",
    ),
    "incomplete_day": Definition(
        "Incomplete turns",
        "Turns that were reported before they were over, and whose end has not arrived.",
    ),
    "skewed_day": Definition(
        "From the future",
        "Spans that ended more than five minutes after they arrived: the sender's clock is ahead.",
    ),
    "delay_day": Definition(
        "Mean delay",
        "From the end of a span to its arrival here, on average over the last 24 hours; never below 0.",
    ),
    "key_counts": Definition(
        "What a key sent",
        "New spans, spans that were here already and changed nothing, and requests that were refused. The "
        "last use is known to the minute.",
    ),
    "key_requests": Definition(
        "Requests",
        "Requests of this key with new spans. Each is in one column beside: ahead, or one of the ages.",
    ),
    "key_ahead": Definition(
        "Clock ahead",
        "Requests with new spans whose newest time was in the future of this machine's clock when they "
        "arrived: the sender's clock is ahead by at least so much. Largest and mean difference of these "
        "requests; one of more than a day counts as a day in the mean.",
    ),
    "key_age": Definition(
        "Age at arrival",
        "Requests with new spans by how long before their arrival the newest time in them was. Data that "
        "waited for a network or in a journal is late, and nothing is wrong with its clock.",
    ),
    "last_received": Definition(
        "Last received",
        "The latest time of a message, of the beginning of a span and of the start of a conversation, by the "
        "sender's clock. All environments count, and deleted conversations too.",
    ),
    "devices": Definition(
        "Devices",
        "Conversations by the device recorded with them; not recorded is its own row.",
    ),
    "sources": Definition(
        "Sources",
        "Conversations by the channel recorded with them; not recorded is its own row.",
    ),
    "languages": Definition(
        "Languages",
        "Conversations by the exact language text recorded with them.",
    ),
    "countries": Definition(
        "Countries",
        "Conversations by the country of the customer's IPv4 address, looked up on this machine in a table "
        "that is as old as the installed package. Without an address there is no country.",
    ),
    "reach": Definition(
        "Reach",
        "Used conversations that came at least to their first, second, third, fifth and tenth user message.",
    ),
}
