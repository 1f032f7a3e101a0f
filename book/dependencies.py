"""What decides a run of a notebook: its cells, parameters and inputs, the code of ``lib`` that it imports, and the packages."""

import ast
import functools
import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from lib.core import paths
from lib.notebook.provenance import package_versions

#: A line of a cell that is for IPython or the shell, such as ``!pip install``.
MAGIC = re.compile(r"^(\s*)[!%].*$", re.MULTILINE)
#: A module that imports this one loads modules of its own folder by their names.
REGISTRY = "lib.core.registry"


def digest(name: str, parameters: dict) -> str:
    """Fingerprint of all that decides a run of notebook `name`."""
    cells = nbformat.read(paths.NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    parts = {
        "cells": [[cell.cell_type, cell.source, cell.metadata] for cell in cells],
        "parameters": parameters,
        "inputs": {key: listing(paths.ROOT / value) for key, value in parameters.items() if isinstance(value, str) and value},
        "data": [os.environ.get("SHIPPED"), shipped()],
        "packages": [platform.python_version(), package_versions()],
        "lib": {str(file.relative_to(paths.ROOT)): file.read_text(encoding="utf-8") for file in modules_behind(code)},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def listing(place: Path) -> list:
    """Name, size and times of change of each file in the folder `place`, or of the file; nothing where there is neither.

    Links are followed, to folders once. Who copies an older file with its time over another changes the time of its entry.
    """
    files = [place] if place.is_file() else sorted(filter(Path.is_file, files_below(place)))
    kept = [(file.relative_to(place), file.stat()) for file in files]
    return [[str(name), about.st_size, about.st_mtime_ns, about.st_ctime_ns] for name, about in kept]


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, and below those that links lead to."""
    seen = {os.path.realpath(folder)}
    for place, folders, names in os.walk(folder, followlinks=True):
        real = {name: os.path.realpath(os.path.join(place, name)) for name in sorted(folders)}
        folders[:] = [name for name in real if real[name] not in seen]
        seen.update(real.values())
        yield from (Path(place, name) for name in names)


@functools.cache
def shipped() -> dict[str, str]:
    """Fingerprint of each file of the folder ``data``."""
    files = sorted(file for file in (paths.ROOT / "data").rglob("*") if file.is_file())
    return {str(file.relative_to(paths.ROOT)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def modules_behind(code: list[str]) -> list[Path]:
    """Files of all modules of ``lib`` that the cells of `code` import, and of those that these import, and so on."""
    found, left = set(), [file for cell in code for file in imports(MAGIC.sub(r"\1pass", cell))]
    while left:
        file = left.pop()
        if file not in found:
            found.add(file)
            left += imports(file.read_text(encoding="utf-8"))
            if REGISTRY in file.read_text(encoding="utf-8"):
                left += file.parent.glob("*.py")
    return sorted(found)


def imports(source: str) -> Iterator[Path]:
    """Files of the modules of ``lib``, and of the packages around them, that Python `source` imports by name."""
    for node in ast.walk(ast.parse(source)):
        names = [name.name for name in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{name}" for name in names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "lib":
                for i in range(1, len(parts) + 1):
                    place = paths.ROOT.joinpath(*parts[:i])
                    yield from filter(Path.is_file, (place.with_suffix(".py"), place / "__init__.py"))
