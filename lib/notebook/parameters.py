"""Parameters of a notebook: what its cell declares, and how a value that was typed, read or injected becomes what is declared.

A value comes by one of four ways: as text from a command line (`read`), from a file of parameters (`read_file`), from papermill,
which guesses a type of its own (`as_declared`), or from the notebook itself. The declared type decides in all of them.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from lib.core.sentence import Sentence

#: A parameter as a notebook declares it.
PARAMETER = re.compile(r"(?P<name>\w+): (?P<type>[^=]+?) = .*?# (?P<help>.*)")
KINDS = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "tuple": tuple, "dict": dict}
#: How the names of parameters end that name a folder.
FOLDER = "_dir"
#: Numbers that YAML 1.2 knows and YAML 1.1, which papermill reads, takes for text: ``3e4``, ``1.5e3``.
EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
UNREADABLE = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


class RunError(Sentence, ValueError):
    """A run that cannot go on."""


class Loader(yaml.SafeLoader):
    """Reads YAML with the numbers of `EXPONENT`."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"^(?:{EXPONENT.pattern})$"), list("-+.0123456789"))


def declared_parameters(notebook: Path) -> dict[str, dict[str, str]]:
    """What the cell tagged ``parameters`` of a `notebook` declares: name -> inferred_type_name and help.

    papermill's inspection finds the same, but takes a second or two to import.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    (cell,) = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    lines = "".join(cell["source"]).splitlines()
    found = [match for line in lines if (match := PARAMETER.match(line))]
    return {match["name"]: {"inferred_type_name": match["type"], "help": match["help"]} for match in found}


def injected_names(cells: list) -> list:
    """Names assigned by the cell that papermill injected, the last of `cells` that begins with ``# Parameters``."""
    injected = [cell for cell in cells if cell.startswith("# Parameters\n")]
    body = ast.parse(injected[-1]).body if injected else []
    return [node.targets[0].id for node in body if isinstance(node, ast.Assign)]


def refuse_unknown(names: list, declared: dict, notebook: str) -> None:
    """Raise `RunError` for the first of `names` that is not `declared`, suggesting the nearest name."""
    for name in names:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            hint = f"did you mean {near[0]}" if near else f"it has {', '.join(declared)}"
            raise RunError(f"{notebook} has no parameter {name}; {hint}.")


def read(text: str, annotation: str):
    """The value that a person typed for a parameter that is declared so: `text` itself for a str, else what it spells in Python.

    A text that spells nothing is returned as it is, and `refuse_misfit` tells of it.
    """
    if annotation == "str":
        return text
    for reading in (ast.literal_eval, int, float):
        with contextlib.suppress(*UNREADABLE):
            return reading(text)
    return text


def read_file(text: str, declared: dict) -> dict:
    """Parameters in the YAML `text`: name -> value, where a parameter that is `declared` a str keeps the text that is written.

    Raises
    ------
    RunError
        If they are no lines of the form name: value.
    yaml.YAMLError
        If it is no YAML.
    """
    loader = Loader(text)
    node = loader.get_single_node()
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode) or not all(key.tag == "tag:yaml.org,2002:str" for key, _ in node.value):
        raise RunError("holds no parameters, which are lines of the form name: value")
    found = loader.construct_document(node)
    texts = {key.value: value.value for key, value in node.value if isinstance(value, yaml.ScalarNode)}
    return found | {name: text for name, text in texts.items() if declared.get(name, {}).get("inferred_type_name") == "str"}


def as_declared(name: str, value, annotation: str):
    """`value` as papermill should have read it, which knows no declared types.

    Where declared so, text becomes the list, tuple, dict, bool or number with an exponent that it spells, and a number the text
    that was typed; parts of a list, tuple or dict likewise. ``~`` in the name of a folder is the home of the user.

    Raises
    ------
    RunError
        If a text spells no Python value where a list, tuple or dict is declared, or a value stands for several folders.
    """
    kind, parts = kind_and_parts(annotation)
    if kind == "str":
        return folder_text(name, value) if name.endswith(FOLDER) else plain_text(value)
    if isinstance(value, str) and kind in ("list", "tuple", "dict"):
        try:
            value = ast.literal_eval(value)
        except UNREADABLE:
            raise RunError(f"{name} must be {annotation} as Python writes it, got {value!r}.") from None
    if isinstance(value, str) and kind == "bool" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, str) and kind == "float" and EXPONENT.fullmatch(value):
        return float(value)
    if kind in ("list", "tuple") and isinstance(value, KINDS[kind]):
        return type(value)(as_declared(name, part, parts[0]) for part in value)
    if kind == "dict" and isinstance(value, dict):
        return {key: as_declared(name, part, parts[-1]) for key, part in value.items()}
    return value


def kind_and_parts(annotation: str) -> tuple[str, list[str]]:
    """``dict[str, int]`` as ``dict`` and the declared types of its parts; where these are not declared, they are objects."""
    tree = ast.parse(annotation, mode="eval").body
    if not isinstance(tree, ast.Subscript):
        return annotation, ["object", "object"]
    inner = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    return ast.unparse(tree.value), [ast.unparse(part) for part in inner]


def plain_text(value):
    """A number as text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def folder_text(name: str, value):
    """The folder that parameter `name` names, where papermill or YAML may have taken its name for a number, None or a bool.

    What was typed is lost then: it is the one folder here whose name they read so.
    """
    if isinstance(value, str):
        return os.path.expanduser(value)
    here = sorted(entry.name for entry in Path().iterdir() if entry.is_dir())
    found = [text for text in here if repr(value) in readings(text)]
    if len(found) > 1:
        which = f"{value!r} may be each of the folders {', '.join(found)}"
        raise RunError(f"{name}: {which}; papermill keeps the text with -r {name} {found[0]}.")
    return found[0] if found else plain_text(value)


def readings(text: str) -> Iterator[str]:
    """What papermill's ``-p`` and YAML may read in `text`, as Python writes it."""
    for reading in (ast.literal_eval, int, float, yaml.safe_load):
        with contextlib.suppress(*UNREADABLE, yaml.YAMLError):
            yield repr(reading(text))


def refuse_misfit(name: str, value, annotation: str) -> None:
    """Raise `RunError` if `value`, or a part of it, is not of the type that the notebook declares, or is no finite number.

    An int passes for a float.
    """
    kind, parts = kind_and_parts(annotation)
    if not isinstance(value, KINDS.get(kind, object)) or (isinstance(value, bool) and kind in ("int", "float")):
        raise RunError(f"{name} must be {annotation}, got {value!r} ({type(value).__name__}).")
    if isinstance(value, float) and not math.isfinite(value):
        raise RunError(f"{name} must be finite, got {value}.")
    if isinstance(value, list | tuple):
        for number, part in enumerate(value):
            refuse_misfit(f"{name}[{number}]", part, parts[0])
    if isinstance(value, dict):
        for key, part in value.items():
            refuse_misfit(f"each name in {name}", key, parts[0])
            refuse_misfit(f"{name}[{key!r}]", part, parts[-1])
