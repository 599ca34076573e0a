"""Lines over time as SVG, one panel below the other: no more than that takes."""

from html import escape

WIDTH, PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM = 760, 130, 34, 70, 20, 64, 30
INK, FAINT, GREY, LINE = "#24292f", "#d8dee4", "#57606a", "#0969da"


def lines(title, subtitle, minutes, panels):
    """A picture of `panels`, each a name and its values at `minutes`; from zero, so that flat looks flat."""
    height = TOP + len(panels) * (PANEL + GAP) + BOTTOM
    room = WIDTH - LEFT - RIGHT
    last = minutes[-1]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="13" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="16" font-weight="bold">{escape(title)}</text>',
        f'<text x="12" y="41" fill="{GREY}">{escape(subtitle)}</text>',
    ]
    for number, (name, values) in enumerate(panels):
        top = TOP + number * (PANEL + GAP)
        most = max(values) * 1.1
        points = " ".join(
            f"{LEFT + room * minute / last:.1f},{top + PANEL * (1 - value / most):.1f}"
            for minute, value in zip(minutes, values, strict=True)
        )
        parts += [
            f'<text x="{LEFT}" y="{top - 6}">{escape(name)}</text>',
            f'<path d="M{LEFT} {top}V{top + PANEL}H{WIDTH - RIGHT}" fill="none" stroke="{FAINT}"/>',
            f'<text x="{LEFT - 6}" y="{top + PANEL}" text-anchor="end" fill="{GREY}">0</text>',
            f'<text x="{LEFT - 6}" y="{top + PANEL * (1 - 1 / 1.1) + 4:.1f}" text-anchor="end" fill="{GREY}">'
            f"{max(values):.3g}</text>",
            f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="1.2"/>',
        ]
    bottom = height - BOTTOM + 8
    for tenth in range(0, 11, 2):
        x = LEFT + room * tenth / 10
        parts.append(
            f'<text x="{x:.1f}" y="{bottom}" text-anchor="middle" fill="{GREY}">{last * tenth / 10:.3g}</text>'
        )
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{bottom + 16}" text-anchor="end" fill="{GREY}">minutes</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
