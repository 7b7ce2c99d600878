"""What the people of the demo say: the support agent of a made-up shop for garden furniture."""

from __future__ import annotations

from typing import Final, NamedTuple


class Step(NamedTuple):
    """One turn: what the user may say, what runs, what the agent may answer, what can be clicked then."""

    user: tuple[str, ...]
    agent: tuple[str, ...]
    tools: tuple[str, ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()


class Topic(NamedTuple):
    """What a conversation is about: its name, how common it is, how it is rated, and its turns."""

    name: str
    weight: int
    moods: tuple[int, int, int]
    steps: tuple[Step, ...]


PRODUCTS: Final = (
    "Fjord lounge chair",
    "Alder bench",
    "Tern folding table",
    "Moss parasol",
    "Heron dining set",
    "Skerry sofa",
    "Birch planter",
    "Lantern Nº 3",
)
CITIES: Final = ("Utrecht", "Leipzig", "Lyon", "Porto", "Aarhus", "Gent", "Graz", "Malmö")
DEVICES: Final = (("mobile", "desktop", "tablet", None), (56, 34, 7, 3))
SOURCES: Final = (("website", "whatsapp", "ios-app", "email", None), (58, 22, 12, 5, 3))
LANGUAGES: Final = (("en", "de", "fr", "nl", "es"), (61, 17, 9, 8, 5))
NETWORKS: Final = {
    "en": ("131.111.0.0", "130.209.0.0", "18.0.0.0", "128.112.0.0"),
    "de": ("141.20.0.0", "160.45.0.0", "131.130.0.0", "130.60.0.0"),
    "fr": ("129.104.0.0", "134.58.0.0"),
    "nl": ("145.97.0.0",),
    "es": ("147.96.0.0",),
}
"""Networks of universities by language: their first address belongs to no machine, and to one country."""
MODELS: Final = (
    ("gpt-4.1-mini", "openai"),
    ("claude-sonnet-4-5", "anthropic"),
    ("harbor-support-7b", "self-hosted"),
)

ERRORS: Final = {
    "carrier_tracking": "The carrier's service did not answer within 5 s",
    "search_catalogue": "Search index is being rebuilt",
    "contact_human": "Nobody is on duty",
}

PRAISE: Final = {
    "positive": (
        "Fast and friendly, thank you!",
        "Sorted in two minutes. I had expected a phone queue.",
        "Finally a chat that knows my order.",
        "Clear answer, exactly what I needed.",
    ),
    "neutral": ("It worked, but I had to ask twice.", "Fine.", "Answer was right, a little long."),
    "negative": (
        "It kept asking for my order number although I had written it.",
        "I only wanted to talk to a person.",
        "The tracking information was out of date.",
        "Did not understand my question about the cushion covers.",
    ),
}

_THANKS: Final = Step(
    ("Great, thanks!", "Perfect, thank you.", "That's all, thanks.", "Thanks for the quick help"),
    (
        "You're welcome! Enjoy your garden.",
        "Happy to help. Have a good day!",
        "Any time. I'm here if anything else comes up.",
    ),
)

TOPICS: Final = (
    Topic(
        "Where is order {order}?",
        34,
        (62, 20, 18),
        (
            Step(
                (
                    "Hi, where is my order {order}?",
                    "When does {order} arrive? It was supposed to be here yesterday.",
                    "Hello! I ordered a {product} last week and haven't heard anything. Order {order}.",
                ),
                (
                    (
                        "Your order {order} with the {product} left our warehouse and is on its way to "
                        "{city}. The carrier expects to deliver it tomorrow between 9:00 and 13:00."
                    ),
                    (
                        "I found it: the {product} was handed to the carrier this morning. Delivery to "
                        "{city} usually takes two working days.\n\nShall I send you the tracking link?"
                    ),
                ),
                ("lookup_order", "carrier_tracking"),
                (("Send tracking link", "tracking"), ("Change delivery day", "reschedule")),
            ),
            Step(
                (
                    "Can you have it delivered on Saturday instead?",
                    "I'm not at home tomorrow. Can a neighbour take it?",
                    "Yes please, send me the link.",
                ),
                (
                    "Done. I've asked the carrier for that and you'll get a confirmation by e-mail.",
                    "I've noted it on the shipment. The driver will see it on the handheld.",
                ),
                ("update_delivery",),
            ),
            _THANKS,
        ),
    ),
    Topic(
        "Return of the {product}",
        20,
        (50, 24, 26),
        (
            Step(
                (
                    "I'd like to return the {product}.",
                    "The {product} doesn't match our terrace. How do returns work?",
                    "One leg of the {product} is scratched, I want to send it back. Order {order}",
                ),
                (
                    (
                        "I'm sorry it isn't right. You can return it within 30 days, free of "
                        "charge.\n\n1. Pack it in the original box\n2. Print the label I'm sending "
                        "you\n3. We collect it at your door in {city}"
                    ),
                    (
                        "Of course. I've opened a return for order {order}. Would you like a refund or "
                        "an exchange?"
                    ),
                ),
                ("lookup_order", "create_return"),
                (("Refund", "refund"), ("Exchange", "exchange")),
            ),
            Step(
                (
                    "A refund please.",
                    "How long does the refund take?",
                    "Exchange for a new one would be best",
                ),
                (
                    "Noted. Once the parcel is back with us it takes three to five working days.",
                    "I've booked it. You'll receive the confirmation in a few minutes.",
                ),
                ("refund_status",),
            ),
            _THANKS,
        ),
    ),
    Topic(
        "Question about the {product}",
        22,
        (70, 22, 8),
        (
            Step(
                (
                    "Is the {product} weatherproof? It would stand outside all year.",
                    "What are the dimensions of the {product}?",
                    "Do you have the {product} in dark green?",
                ),
                (
                    (
                        "Yes. The {product} is made of oiled larch with stainless fittings and can stay"
                        " outside. We recommend a cover from November to March."
                    ),
                    (
                        "The {product} is 182 × 74 × 72 cm and weighs 21 kg. Two people can put it "
                        "together in about 20 minutes."
                    ),
                    (
                        "It comes in sand, slate and dark green. Dark green is in stock and could be in"
                        " {city} by Thursday."
                    ),
                ),
                ("search_catalogue",),
                (("Show in shop", "open_product"), ("Compare", "compare")),
            ),
            Step(
                (
                    "And how do I care for the wood?",
                    "Is there a matching cover?",
                    "Does the price include delivery?",
                ),
                (
                    (
                        "Wash it with warm water and a soft brush in spring, then one thin coat of oil."
                        " That's all."
                    ),
                    "There is: cover M fits and costs €39. Delivery is free above €150.",
                ),
                ("search_catalogue",),
            ),
            _THANKS,
        ),
    ),
    Topic(
        "Speak to a person about {order}",
        9,
        (22, 24, 54),
        (
            Step(
                (
                    "This is the third time I'm writing about {order}. I want to talk to someone.",
                    "Can I speak to a human please?",
                    "Your driver left the {product} in the rain and it's ruined. I need a person.",
                ),
                (
                    (
                        "I understand, and I'm sorry. I'm passing you on to a colleague now with "
                        "everything you've told me."
                    ),
                    "I've asked a colleague to take over. They'll answer here within 15 minutes.",
                ),
                ("lookup_order", "contact_human"),
            ),
            Step(
                ("OK, I'll wait.", "How long?", "Fine"),
                (
                    (
                        "Thank you for your patience. Marieke from our team has read your case and is "
                        "writing to you."
                    ),
                ),
            ),
        ),
    ),
    Topic(
        "Invoice for {order}",
        9,
        (66, 26, 8),
        (
            Step(
                (
                    "I need an invoice with our VAT number for {order}.",
                    "Could you send me the invoice for {order} again?",
                ),
                (
                    "I've sent the invoice for {order} to the address on your account.",
                    "Here it is again; I've also added your VAT number to the account for next time.",
                ),
                ("lookup_order", "send_invoice"),
            ),
            _THANKS,
        ),
    ),
    Topic(
        "Opening hours in {city}",
        6,
        (74, 22, 4),
        (
            Step(
                ("Are you open on Sunday in {city}?", "When does the shop in {city} open?"),
                ("Our shop in {city} is open Monday to Saturday, 10:00 to 18:00, and closed on Sunday.",),
                (),
                (("Show on a map", "map"),),
            ),
        ),
    ),
)
