"""The picture of an item: a small SVG in its own colour on the colour of its category."""

from __future__ import annotations

import colorsys
from functools import cache
from xml.sax.saxutils import escape, quoteattr

from whyrec.data.shop.goods import Good
from whyrec.data.shop.words import table

INK = "#3a3a40"
ACCENT = "#e3b25c"
LEAF = "#7c9f68"


def draw(good: Good) -> str:
    """The item's picture as SVG text, about 1 kB, without scripts, links or fonts.

    The drawn parts take the item's colour; a title element names it for screen readers.
    """
    ground = table("attributes")["category"][good.category][2]
    colours = _palette(good.hex, ground)
    body = "".join(part.format(**colours) for part in _parts(good.drawing))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" role="img" '
        f"aria-label={quoteattr(good.title)}><title>{escape(good.title)}</title>"
        f'<rect width="120" height="120" fill="{ground}"/>'
        f'<circle cx="60" cy="56" r="46" fill="{_shade(ground, 0.045)}"/>'
        f'<ellipse cx="60" cy="97" rx="38" ry="4.5" fill="{_shade(ground, -0.14)}"/>'
        f'<g transform="translate(10 12)" stroke-linecap="round" stroke-linejoin="round">{body}</g></svg>\n'
    )


@cache
def _parts(name: str) -> tuple[str, ...]:
    """The elements of a drawing, with `{A}` to `{F}` for the colours."""
    parts = []
    for line in table("drawings")["drawing"][name].splitlines():
        colour, shape = line.split(" ", 1)
        if shape.startswith("p "):
            parts.append(f'<path d="{shape[2:]}" fill="{{{colour}}}"/>')
        elif shape.startswith("r "):
            x, y, w, h, *r = shape[2:].split()
            radius = f' rx="{r[0]}"' if r else ""
            parts.append(
                f'<rect x="{x}" y="{y}" width="{w}" height="{h}"{radius} fill="{{{colour}}}"/>'
            )
        elif shape.startswith("o "):
            cx, cy, rx, ry = shape[2:].split()
            parts.append(f'<ellipse cx="{cx}" cy="{cy}" rx="{rx}" ry="{ry}" fill="{{{colour}}}"/>')
        else:
            width, path = shape[1:].split(" ", 1)
            parts.append(
                f'<path d="{path}" fill="none" stroke="{{{colour}}}" stroke-width="{width}"/>'
            )
    return tuple(parts)


@cache
def _palette(main: str, ground: str) -> dict[str, str]:
    _, light, _ = _hls(main)
    dark = -0.13 if light > 0.3 else 0.16  # on black goods the shade is lighter, or it would vanish
    # Pale goods on a pale ground get a body one step darker, so that they stay visible.
    body = _shade(main, -0.035) if light > 0.86 else main
    return {
        "A": body,
        "B": _shade(body, dark),
        "C": _shade(body, 0.13 if light < 0.8 else 0.06),
        "D": INK if light > 0.3 else "#6a6a70",
        "E": ACCENT if _far(main, ACCENT) else "#7fa3a8",
        "F": LEAF,
    }


def _hls(colour: str) -> tuple[float, float, float]:
    r, g, b = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return colorsys.rgb_to_hls(r, g, b)


def _shade(colour: str, by: float) -> str:
    hue, light, saturation = _hls(colour)
    rgb = colorsys.hls_to_rgb(hue, min(max(light + by, 0.0), 1.0), saturation)
    return "#" + "".join(f"{round(255 * c):02x}" for c in rgb)


def _far(a: str, b: str) -> bool:
    return sum(abs(int(a[k : k + 2], 16) - int(b[k : k + 2], 16)) for k in (1, 3, 5)) > 150
