"""Things that can stand for each other, each in a module of its own: a further one is a file and its name in a list."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any


def members(package: str, names: Iterable[str], what: str) -> dict[str, Any]:
    """Name -> `what` (the same name in every module) of each module of `package` that is listed.

    Raises
    ------
    ImportError
        If there is no such module, or nothing of that name in it.
    """
    found = {}
    for name in names:
        module = import_module(f"{package}.{name}")
        if not hasattr(module, what):
            raise ImportError(f"{package}.{name} is listed in {package}, so it must define {what}, which it does not.")
        found[name] = getattr(module, what)
    return found
