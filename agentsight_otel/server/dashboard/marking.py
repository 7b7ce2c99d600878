"""Search hits, marked; web addresses, linked."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

AROUND = 90
"""Characters shown on either side of a hit."""


def marked(text: str, part: str) -> Markup:
    """Return the whole text with every hit in ``<mark>``."""
    return _join(text, part, _hits(text, part))


def snippet(text: str, part: str) -> Markup:
    """Return the surroundings of the first hit, with the hits in them marked."""
    hits = _hits(text, part)
    if not hits:
        return escape(text[: 2 * AROUND])
    start = max(0, hits[0] - AROUND)
    end = min(len(text), hits[0] + len(part) + AROUND)
    shown = text[start:end]
    joined = _join(shown, part, _hits(shown, part))
    return ("…" if start else "") + joined + ("…" if end < len(text) else "")


_NOT_IN_ONE = r"\s<>\"'`{}|\\^\u200b-\u200f\u202a-\u202e"
_ADDRESS = re.compile(
    rf"\b(?:https?://|mailto:)[^{_NOT_IN_ONE}]*[^{_NOT_IN_ONE}.,;:!?(\[)\]*_]", re.IGNORECASE
)
"""The mark that ends a sentence, a bracket or emphasis after an address is no part of it."""
_LINK = Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>')


def linked(text: str, part: str = "") -> Markup:
    """Return the text with its web and mail addresses as links, and every hit of *part* in ``<mark>``."""
    pieces = []
    last = 0
    for found in _ADDRESS.finditer(text):
        address = found.group()
        if address.count("(") > address.count(")") and text.startswith(")", found.end()):
            address += ")"
        end = found.start() + len(address)
        pieces += [
            marked(text[last : found.start()], part),
            _LINK.format(address, marked(address, part)),
        ]
        last = end
    pieces.append(marked(text[last:], part))
    return Markup("").join(pieces)


def _hits(text: str, part: str) -> list[int]:
    """Where the part begins in the text, without regard to case; hits do not overlap."""
    folded, wanted = _fold(text), _fold(part)
    found = []
    place = folded.find(wanted) if wanted else -1
    while place >= 0:
        found.append(place)
        place = folded.find(wanted, place + len(wanted))
    return found


def _fold(text: str) -> str:
    """Lower case that keeps every character in its place."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _join(text: str, part: str, hits: list[int]) -> Markup:
    pieces = []
    last = 0
    for place in hits:
        pieces += [
            escape(text[last:place]),
            Markup("<mark>{}</mark>").format(text[place : place + len(part)]),
        ]
        last = place + len(part)
    pieces.append(escape(text[last:]))
    return Markup("").join(pieces)
