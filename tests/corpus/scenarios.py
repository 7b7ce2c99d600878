"""The conversations the corpus is made of, as data.

A `Scenario` is a list of turns; a turn is what the user says, the model calls that answer it, and the tools
those calls ask for. What follows from it, the script of the model server and the truth, is in `script`.
"""

from __future__ import annotations

from model_wire import Reply
from shape import Conversation, Delegation, Scenario, Turn, say, use

LONG_TEXT = ("The lamp flickers and hums; I have written down when. " * 400)[:20_000]
ODD_TEXT = (
    "Grüße aus Zürich 👩‍👩‍👧 — مرحبا, 日本語, “quotes”, "
    '\\n is not a newline,\n<b>this</b> is. \t{"json": [1]}'
)


def _one(name: str, customer: str | None = "customer-41") -> tuple[Conversation, ...]:
    return (Conversation("a", f"conv-{name}-1", customer),)


def _basic() -> Scenario:
    return Scenario(
        "basic",
        "several turns, cached and reasoning tokens",
        _one("basic"),
        (
            Turn(
                "a",
                "Hello, I ordered a lamp last week.",
                (say("Good day! What is its number?", used=(141, 11)),),
            ),
            Turn("a", "It is ORD-1001.", (say("Thank you, it left yesterday.", used=(183, 27, 64, 5)),)),
            Turn("a", "Great, goodbye.", (say("Goodbye!", used=(227, 13)),)),
        ),
    )


def _tools() -> Scenario:
    status = use("order_status", order_id="ORD-1001")
    return Scenario(
        "tools",
        "tools one after the other, two at once, and one that fails",
        _one("tools"),
        (
            Turn(
                "a",
                "Where is ORD-1001, and is SKU-77 in stock?",
                (
                    say("Let me look up the order.", used=(311, 31), tools=[status]),
                    say("", used=(352, 32), tools=[use("stock_level", sku="SKU-77")]),
                    say("It has shipped, and SKU-77 is in stock.", used=(393, 33, 256)),
                ),
            ),
            Turn(
                "a",
                "Compare the stock of SKU-1 and SKU-234.",
                (
                    say(
                        "",
                        used=(434, 34),
                        tools=[use("stock_level", sku="SKU-1"), use("stock_level", sku="SKU-234")],
                    ),
                    say("There is more of SKU-234.", used=(475, 35)),
                ),
            ),
            Turn(
                "a",
                "Reserve 3 of SKU-9 for me.",
                (
                    say("", used=(516, 36), tools=[use("reserve_item", sku="SKU-9", quantity=3)]),
                    say("I am sorry, the warehouse does not answer.", used=(557, 37)),
                ),
            ),
        ),
    )


def _same_text() -> Scenario:
    noted = [say("Noted.", used=used) for used in ((111, 7), (122, 8), (133, 9))]
    texts = ("Yes, please.", "Yes, please.", "No, thanks.")
    turns = tuple(Turn("a", text, (reply,)) for text, reply in zip(texts, noted, strict=True))
    return Scenario("same_text", "the same text twice, the same answer three times", _one("same_text"), turns)


def _delegate() -> Scenario:
    delegation = Delegation(
        agent="billing",
        tool=use("ask_billing", question="Was ORD-1001 charged twice?"),
        calls=(
            say("", used=(622, 42), tools=[use("order_status", order_id="ORD-1001")]),
            say("Charged twice, one charge is refunded.", used=(663, 43)),
        ),
        returns=True,
    )
    first = Turn(
        "a",
        "I was charged twice for my order.",
        (
            say("", used=(611, 41), tools=[delegation.tool]),
            say("Billing has refunded the second charge.", used=(674, 44)),
        ),
        delegation,
    )
    second = Turn("a", "That was quick!", (say("You are welcome.", used=(685, 45)),))
    return Scenario(
        "delegate", "an agent asks a sub-agent, which uses a tool", _one("delegate"), (first, second)
    )


def _transfer() -> Scenario:
    delegation = Delegation(
        agent="billing",
        tool=use("transfer_to_billing"),
        calls=(
            say("", used=(722, 52), tools=[use("order_status", order_id="ORD-1001")]),
            say("I have refunded the second charge.", used=(763, 53)),
        ),
        returns=False,
        marker="billing",
    )
    first = Turn(
        "a",
        "I was charged twice for my order.",
        (say("", used=(711, 51), tools=[delegation.tool]),),
        delegation,
    )
    second = Turn("a", "That was quick!", (say("You are welcome.", used=(785, 55)),))
    return Scenario(
        "transfer", "hand-off: another agent takes the turn over", _one("transfer"), (first, second)
    )


def _streaming() -> Scenario:
    return Scenario(
        "streaming",
        "streamed answers, one with a tool",
        _one("streaming"),
        (
            Turn(
                "a",
                "Do you sell desk lamps?",
                (say("We do, in three colours.", used=(161, 21)),),
                stream=True,
            ),
            Turn(
                "a",
                "Is SKU-5 in stock?",
                (
                    say("", used=(192, 22), tools=[use("stock_level", sku="SKU-5")]),
                    say("SKU-5 is in stock.", used=(223, 23, 128)),
                ),
                stream=True,
            ),
        ),
    )


def _interleaved() -> Scenario:
    def turn(key: str, text: str, reply: str, used: tuple[int, ...]) -> Turn:
        return Turn(key, text, (say(reply, used=used),))

    def stock(key: str, sku: str, base: int) -> Turn:
        calls = (
            say("", used=(base, base // 10), tools=[use("stock_level", sku=sku)]),
            say(f"Yes, {sku} is.", used=(base + 41, base // 10 + 1)),
        )
        return Turn(key, f"Is {sku} in stock?", calls)

    return Scenario(
        "interleaved",
        "two conversations, turn by turn alternately",
        (Conversation("a", "conv-inter-a", "customer-41"), Conversation("b", "conv-inter-b", "customer-52")),
        (
            turn("a", "Hello there.", "Hello! How can I help?", (91, 16)),
            turn("b", "Hello there.", "Hello! How can I help?", (92, 17)),
            stock("a", "SKU-31", 210),
            stock("b", "SKU-62", 340),
            turn("b", "Thanks from me.", "Gladly.", (403, 18)),
            turn("a", "Thanks from here.", "Any time.", (414, 19)),
        ),
    )


def _concurrent() -> Scenario:
    def turns(key: str, name: str, sku: str, base: int) -> tuple[Turn, ...]:
        stock = (
            say("", used=(base + 13, base // 10 + 1), tools=[use("stock_level", sku=sku)]),
            say(f"There is enough for {name}.", used=(base + 29, base // 10 + 2)),
        )
        return (
            Turn(key, f"Hello, this is {name}.", (say(f"Hello {name}!", used=(base, base // 10)),)),
            Turn(key, f"{name} needs {sku}.", stock),
        )

    return Scenario(
        "concurrent",
        "three conversations at the same time",
        tuple(Conversation(key, f"conv-conc-{key}", f"customer-6{n}") for n, key in enumerate("abc")),
        (
            *turns("a", "Ada", "SKU-41", 450),
            *turns("b", "Bob", "SKU-522", 580),
            *turns("c", "Cem", "SKU-6333", 790),
        ),
        concurrent=True,
    )


def _provider_error() -> Scenario:
    return Scenario(
        "provider_error",
        "the provider fails in the second turn",
        _one("provider_error"),
        (
            Turn("a", "Which lamps are on sale?", (say("The desk lamps.", used=(151, 14)),)),
            Turn("a", "And which bulbs?", (Reply(status=500),)),
            Turn("a", "Please try again.", (say("The warm white ones.", used=(208, 15)),)),
        ),
    )


def _odd_texts() -> Scenario:
    return Scenario(
        "odd_texts",
        "unicode, markup and quotes; 20,000 characters",
        _one("odd_texts"),
        (
            Turn("a", ODD_TEXT, (say("Grüezi! 🏮 “日本” \\ / \n• first\n• second", used=(171, 61)),)),
            Turn("a", LONG_TEXT, (say("That is a long letter. " + "Thank you. " * 300, used=(5012, 662)),)),
        ),
    )


def _no_id() -> Scenario:
    return Scenario(
        "no_id",
        "the application names neither conversation nor customer",
        (Conversation("a", None),),
        (
            Turn("a", "What are your opening hours?", (say("Nine to six.", used=(101, 24)),)),
            Turn("a", "On Saturdays too?", (say("On Saturdays until four.", used=(124, 26)),)),
        ),
    )


def _short(name: str, about: str) -> Scenario:
    """Two turns, one with a tool; for what changes the spans and not the conversation."""
    return Scenario(
        name,
        about,
        _one(name),
        (
            Turn("a", "Do you repair lamps?", (say("Yes, bring it to us.", used=(131, 28)),)),
            Turn(
                "a",
                "Is SKU-8 in stock?",
                (
                    say("", used=(162, 29), tools=[use("stock_level", sku="SKU-8")]),
                    say("It is.", used=(194, 30, 128)),
                ),
            ),
        ),
        variant=name,
    )


def _trimmed() -> Scenario:
    texts = ("How do I hang the lamp?", "And then?", "And then?", "Which screws?", "And then?", "Thank you.")
    replies = ("Drill two holes.", "Put the plugs in.", "Put the screws in.", "M4.", "Hang it up.", "Gladly.")
    turns = tuple(
        Turn("a", text, (say(reply, used=(231 + 10 * n, 71 + n)),), keep=3)
        for n, (text, reply) in enumerate(zip(texts, replies, strict=True))
    )
    return Scenario("trimmed", "the application forgets old messages; texts recur", _one("trimmed"), turns)


def _image() -> Scenario:
    return Scenario(
        "image",
        "the user sends a picture",
        _one("image"),
        (
            Turn("a", "What is this lamp called?", (say("That is the Aurora.", used=(871, 81)),), image=True),
            Turn("a", "How much is it?", (say("It is 49 francs.", used=(892, 82)),)),
        ),
    )


def _long_history() -> Scenario:
    turns = tuple(
        Turn(
            "a", f"Question number {n} of many?", (say(f"Answer number {n}.", used=(1000 + 7 * n, 100 + n)),)
        )
        for n in range(1, 37)
    )
    return Scenario(
        "long_history", "more history than a span has attributes for", _one("long_history"), turns
    )


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _basic(),
        _tools(),
        _same_text(),
        _delegate(),
        _transfer(),
        _streaming(),
        _interleaved(),
        _concurrent(),
        _provider_error(),
        _odd_texts(),
        _trimmed(),
        _image(),
        _no_id(),
        _short("fastapi", "the agent behind FastAPI: an HTTP span is the root"),
        _short("double", "two instrumentations of the same library at once"),
        _short("content_off", "the instrumentation does not record texts"),
        _long_history(),
    )
}
