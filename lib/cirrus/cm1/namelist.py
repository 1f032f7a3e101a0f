"""Fortran namelists: looking up and changing single values, every other byte left as it is.

A key is addressed as "group:key", such as "param8:var1"; case does not matter. CM1 stops at a key that it does not know, so
none is ever added: this is where `f90nml.patch` does otherwise, which also drops commas and cuts lists.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_STRING = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
_GROUP = re.compile(r"^[ \t]*[&$](\w+)", re.MULTILINE)
#: What matters in the body of a group: strings and comments are passed over whole.
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<comment>![^\n]*)|(?P<end>/|[&$]end\b)|(?P<key>\b[A-Za-z]\w*(?:\s*\([^()\n]*\))?)\s*=", re.I
)


class _Assignment(NamedTuple):
    """A key, in lower case and without blanks, and where its value stands in the text."""

    group: str
    key: str
    start: int
    stop: int


def namelist_values(text: str) -> dict[str, str]:
    """All values of a namelist as they are written: "group:key" in lower case -> text. Of a repeated key, the last counts."""
    return {f"{found.group}:{found.key}": text[found.start : found.stop] for found in _assignments(text)}


def number(text: str, address: str, default: float | None = None) -> float:
    """A number of a namelist, `default` where the key is not there.

    Raises
    ------
    ValueError
        If the key is not there and has no default, or its value is no finite number.
    """
    values = namelist_values(text)
    if address.lower() not in values:
        if default is None:
            raise ValueError(f"The namelist has no {address}.")
        return default
    value = values[address.lower()]
    try:
        found = float(value.lower().replace("d", "e"))
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{address} is no number but {value[:40]!r}.")
    return found


def with_values(text: str, changes: Mapping[str, object]) -> str:
    """The namelist with some values changed, and nothing else.

    Parameters
    ----------
    changes : "group:key" -> bool, int, float or str

    Raises
    ------
    ValueError
        If a key is not there, is there twice, or holds more than one value.
    """
    edits = []
    for address, value in changes.items():
        group, _, key = address.lower().replace(" ", "").partition(":")
        places = [found for found in _assignments(text) if (found.group, found.key) == (group, key)]
        if len(places) != 1:
            raise ValueError(f"The namelist has {address} {len(places)} times." if places else f"The namelist has no {address}.")
        old = text[places[0].start : places[0].stop]
        if not re.fullmatch(rf"{_STRING}|[^\s,;!*]*", old):
            raise ValueError(f"{address} holds more than one value: {' '.join(old.split())}.")
        edits.append((places[0].start, places[0].stop, written(value, old)))
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[stop:]
    return text


def written(value, old: str = "") -> str:
    """A value as Fortran reads it; a whole number stays without a point where the `old` text has none."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool):
        return ".true." if value else ".false."
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    whole = re.fullmatch(r"[+-]?\d+", old)
    return str(int(value)) if isinstance(value, int) or (whole and float(value).is_integer()) else repr(float(value))


def _assignments(text: str) -> Iterator[_Assignment]:
    """Every assignment of a namelist, in order."""
    position = 0
    while group := _GROUP.search(text, position):
        key, start, position = None, 0, group.end()
        while token := _TOKEN.search(text, position):
            position = token.end()
            if token["string"]:
                continue
            if key:
                yield _Assignment(group[1].lower(), key, *_trimmed(text, start, token.start()))
                key = None
            if token["end"]:
                break
            if token["key"]:
                key, start = re.sub(r"\s", "", token["key"]).lower(), token.end()
        else:
            raise ValueError(f"Group {group[1]} of the namelist has no end.")


def _trimmed(text: str, start: int, stop: int) -> tuple[int, int]:
    """The part of text[start:stop] that is left without blanks and a last comma."""
    value = text[start:stop].rstrip()
    value = value.removesuffix(",").rstrip()
    stop = start + len(value)
    return stop - len(value.lstrip()), stop
