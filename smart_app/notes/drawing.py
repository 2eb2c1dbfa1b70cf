"""A chart that leaves the app's pages takes its colours along: those of print, whatever the screen shows."""

from __future__ import annotations

_STYLE = (
    "text{font-family:'Libertinus Serif',serif;font-size:12px;fill:#000}"
    ".c-grid{stroke:#bbb}.c-tick,.c-note,.c-hr-t{fill:#333}"
    ".c-dose{fill:#06405f;fill-opacity:.1}"
    ".c-limit{stroke:#333;stroke-width:1.6;stroke-dasharray:7 5}"
    ".c-gate{stroke:#06405f;stroke-dasharray:2 5}.c-warn{stroke:#5c3800}.c-stop{stroke:#8a0f1a;stroke-dasharray:13 5}"
    ".c-name,.c-value{font-weight:700}.c-gate-t,.c-bp-t{fill:#06405f}.c-warn-t{fill:#5c3800}.c-stop-t{fill:#8a0f1a}"
    ".c-bp{fill:none;stroke:#06405f;stroke-width:2.3}.c-reached{stroke:#8a0f1a;stroke-width:3.4}"
    ".c-hr{fill:none;stroke:#333;stroke-width:1.7}.c-hr-dot{fill:#fff;stroke:#333;stroke-width:2}"
)


def standalone(svg: str) -> str:
    """The SVG with its namespace and its look; "" for none."""
    start, found, rest = svg.partition("<svg ")
    if not found:
        return ""
    head, closed, body = rest.partition(">")
    return f'{start}<svg xmlns="http://www.w3.org/2000/svg" {head}{closed}<style>{_STYLE}</style>{body}'
