"""Bars as SVG, for the documentation: no more than that takes."""

import math
from html import escape

WIDTH, BAR, GAP, LEFT, RIGHT, TOP = 760, 20, 8, 150, 90, 56
INK, FAINT = "#24292f", "#d8dee4"


def bars(title, subtitle, rows, logarithmic=False):
    """A picture of `rows`: name, value, text at its end, colour."""
    most = max(value for _, value, _, _ in rows)
    room = WIDTH - LEFT - RIGHT
    height = TOP + len(rows) * (BAR + GAP) + 12
    # A decade below the least, so that it is a bar as well.
    floor = 10 ** math.floor(math.log10(min(value for _, value, _, _ in rows))) if logarithmic else 0

    def length(value):
        if logarithmic:
            return room * math.log10(value / floor) / math.log10(most / floor) if most > floor else room
        return room * value / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="13" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="16" font-weight="bold">{escape(title)}</text>',
        f'<text x="12" y="41" fill="#57606a">{escape(subtitle)}</text>',
    ]
    if logarithmic:
        for power in range(round(math.log10(floor)), math.floor(math.log10(most)) + 1):
            x = LEFT + length(10**power)
            parts.append(f'<path d="M{x:.1f} {TOP - 4}V{height - 8}" stroke="{FAINT}"/>')
    for number, (name, value, text, colour) in enumerate(rows):
        y = TOP + number * (BAR + GAP)
        wide = max(1.0, length(value))
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{wide:.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
            f'<text x="{LEFT + wide + 6:.1f}" y="{y + 15}">{escape(text)}</text>',
        ]
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
