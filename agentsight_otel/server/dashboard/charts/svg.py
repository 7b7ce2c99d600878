"""SVG and HTML elements as escaped markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape


def element(name: str, attributes: Mapping[str, object] | None = None, *children: object) -> Markup:
    """Return one element; attribute values and plain text children are escaped, None attributes left out."""
    given = "".join(
        [
            f' {key}="{escape(decimal(value) if isinstance(value, float) else value)}"'
            for key, value in (attributes or {}).items()
            if value is not None
        ]
    )
    inner = "".join([child if isinstance(child, Markup) else escape(child) for child in children])
    return Markup(f"<{name}{given}>{inner}</{name}>")  # noqa: S704 - every part of it was escaped above


def join(parts: Iterable[Markup]) -> Markup:
    """Return the parts one after another."""
    return Markup("").join(parts)


def decimal(value: float) -> str:
    """Return a coordinate with at most three decimals."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def percent(value: float) -> str:
    """Return a coordinate in percent of the drawing's width or height; *value* is a fraction."""
    return f"{decimal(value * 100)}%"


def root(attributes: Mapping[str, object], identity: str, title: str, desc: str, *children: Markup) -> Markup:
    """Return an ``svg`` that a screen reader names by *title* and describes by *desc*."""
    labelled = {"role": "img", "aria-labelledby": f"{identity}-t {identity}-d", **attributes}
    return element(
        "svg",
        labelled,
        element("title", {"id": f"{identity}-t"}, title),
        element("desc", {"id": f"{identity}-d"}, desc),
        *children,
    )


def data_table(
    title: str, headers: Iterable[str], rows: Iterable[Iterable[str]], hrefs: Sequence[str | None] = ()
) -> Markup:
    """Return the numbers behind a drawing, folded; a row with an address links its first cell there."""
    head = element("tr", None, *(element("th", {"scope": "col"}, text) for text in headers))
    body = join(
        element(
            "tr",
            None,
            *(
                element("td", {"class": "num"}, text)
                if place
                else _row_head(text, hrefs[number : number + 1])
                for place, text in enumerate(row)
            ),
        )
        for number, row in enumerate(rows)
    )
    table = element("table", None, element("thead", None, head), element("tbody", None, body))
    return element(
        "details",
        {"class": "data"},
        element("summary", None, "Show as a table"),
        element(
            "div",
            {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": f"{title}, as a table"},
            table,
        ),
    )


def _row_head(text: str, href: Sequence[str | None]) -> Markup:
    link = element("a", {"href": href[0]}, text) if href and href[0] else text
    return element("th", {"scope": "row"}, link)
