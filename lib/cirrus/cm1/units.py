"""Units as files spell them: `kg/kg`, `g kg-1`, `#/L`, `cm s**-1`, `Kilometers`, `minutes since 2000-07-03`.

A unit is a product of powers, as in UDUNITS; words are understood in any case, in singular and plural.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

#: Symbol or name -> factor to SI, and exponents of mass, length and time.
_SYMBOLS = {
    **dict.fromkeys(("kg", "kilogram"), (1.0, (1, 0, 0))),
    **dict.fromkeys(("g", "gram"), (1e-3, (1, 0, 0))),
    **dict.fromkeys(("mg", "milligram"), (1e-6, (1, 0, 0))),
    **dict.fromkeys(("ug", "μg", "microgram"), (1e-9, (1, 0, 0))),
    **dict.fromkeys(("km", "kilometer", "kilometre"), (1e3, (0, 1, 0))),
    **dict.fromkeys(("m", "meter", "metre"), (1.0, (0, 1, 0))),
    **dict.fromkeys(("dm", "decimeter", "decimetre"), (0.1, (0, 1, 0))),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), (1e-2, (0, 1, 0))),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), (1e-3, (0, 1, 0))),
    **dict.fromkeys(("um", "μm", "micron", "micrometer", "micrometre"), (1e-6, (0, 1, 0))),
    **dict.fromkeys(("l", "liter", "litre"), (1e-3, (0, 3, 0))),
    **dict.fromkeys(("ml", "milliliter", "millilitre"), (1e-6, (0, 3, 0))),
    **dict.fromkeys(("ns", "nanosecond"), (1e-9, (0, 0, 1))),
    **dict.fromkeys(("us", "μs", "microsecond"), (1e-6, (0, 0, 1))),
    **dict.fromkeys(("ms", "millisecond"), (1e-3, (0, 0, 1))),
    **dict.fromkeys(("s", "sec", "second"), (1.0, (0, 0, 1))),
    **dict.fromkeys(("min", "minute"), (60.0, (0, 0, 1))),
    **dict.fromkeys(("h", "hr", "hour"), (3600.0, (0, 0, 1))),
    **dict.fromkeys(("d", "day"), (86400.0, (0, 0, 1))),
    **dict.fromkeys(("#", "no", "number", "count", "particle", "crystal"), (1.0, (0, 0, 0))),
}
_FACTOR = re.compile(r"[\s*.·⋅×]*(/?)\s*(?:(\d+\.?\d*(?:e[-+]?\d+)?)|(#|[a-zμ]+))(?:\^?([-+]?\d+))?")
_NONE = ("", "-", "none", "unknown", "unk", "nondimensional", "dimensionless")


class Unit(NamedTuple):
    """A factor to SI units, and the exponents of mass, length and time."""

    factor: float
    dimension: tuple[int, ...]


def parsed(text: str) -> Unit | None:
    """The unit that a text says, without a date that it counts from; None if it says none that is known here."""
    text = unicodedata.normalize("NFKC", text).lower().replace("−", "-").replace("**", "^").partition(" since ")[0]
    text = re.sub(r"\bper\b", "/", re.sub(r"[()\[\]{}]", "", text)).strip()
    factor, dimension, at = 1.0, (0, 0, 0), 0
    while at < len(text):
        found = _FACTOR.match(text, at)
        symbol = found and (Unit(float(found[2]), (0, 0, 0)) if found[2] else _symbol(found[3]))
        if not found or symbol is None:
            return None
        power = int(found[4] or 1) * (-1 if found[1] else 1)
        if abs(power) > 9:
            return None
        factor *= symbol[0] ** power if symbol[0] else 0.0
        dimension = tuple(sum_ + power * one for sum_, one in zip(dimension, symbol[1], strict=True))
        at = found.end()
    return Unit(factor, dimension) if factor > 0 else None


def _symbol(word: str) -> tuple[float, tuple[int, ...]] | None:
    return _SYMBOLS.get(word) or _SYMBOLS.get(word.removesuffix("s"))


def is_missing(text: str) -> bool:
    """Whether a text says that there is no unit."""
    return text.strip().lower() in _NONE


def factor_to(text: str, unit: str) -> float | None:
    """What values in the unit `text` are multiplied by to be in `unit`, or None if they are of another kind."""
    one, other = parsed(text), parsed(unit)
    return one.factor / other.factor if one and other and one.dimension == other.dimension else None
