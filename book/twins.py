"""Make each notebook and its ``.py`` twin equal again, with cell ids that change only where a cell does.

Which of the two was edited is told by what they were when they were equal last: as noted here, else as committed to git. A twin
that still is what it was then was not edited, and the other one wins. Without such a past, ids of cells tell, which are made of
their sources. Where that is not certain or both were edited, both stay as they are and are named. Times of files tell nothing: a
clone, a copy or a download has others. The twin is written as JupyterLab would write it from the notebook, so that both open
there whichever file is newer.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config

from lib.core import paths
from lib.core.cache import written
from lib.core.repository import git

#: File beside the notebooks, of this checkout alone, in which is noted what they were when they and their twins were equal.
NOTE = ".twins.json"
#: How many commits that changed one of two twins are looked through for one in which they were equal.
COMMITS = 20

#: How git begins what it could not merge.
CONFLICT = "\n<<<<<<< "


def notebook_of(script: Path) -> nbformat.NotebookNode:
    """The notebook that a percent `script` describes, without outputs."""
    notebook = jupytext.read(script)
    for cell, identity in zip(notebook.cells, ids(notebook), strict=True):
        cell["id"] = identity
    notebook.nbformat_minor = 5
    return notebook


def script_of(notebook: Path) -> str:
    """The percent script that JupyterLab writes beside a `notebook`."""
    return jupytext.writes(jupytext.read(notebook), config=load_jupytext_config(str(notebook)), fmt="py:percent")


def gist(notebook: nbformat.NotebookNode) -> list:
    """What the twins have in common: kind, text, tags and words of each cell."""
    return [
        (cell.cell_type, cell.source, cell.metadata.get("tags", []), cell.metadata.get("mystnb", {})) for cell in notebook.cells
    ]


def ids(notebook: nbformat.NotebookNode) -> list[str]:
    """The ids that the cells of a notebook get by their sources."""
    counts: dict[str, int] = {}
    found = []
    for cell in notebook.cells:
        counts[cell.source] = counts.get(cell.source, 0) + 1
        found.append(hashlib.sha256(f"{cell.source}{counts[cell.source]}".encode()).hexdigest()[:8])
    return found


def edited(script: Path, notebook: Path) -> Path | None:
    """Which of two twins was edited since they were equal; None where both were, or that is not certain."""
    if not notebook.exists() or not script.exists():
        return script if script.exists() else notebook
    if any(CONFLICT in file.read_text(encoding="utf-8") for file in (script, notebook)):
        return None
    described, found = notebook_of(script), nbformat.read(notebook, as_version=4)
    states = {script: digest(described), notebook: digest(found)}
    if states[script] == states[notebook]:
        return script
    for equal in [noted().get(script.stem), *committed(script, notebook)]:
        others = [file for file, state in states.items() if state != equal]
        if len(others) == 1:
            return others[0]
    return edited_by_ids(script, described, notebook, found)


def digest(notebook: nbformat.NotebookNode) -> str:
    """Fingerprint of what the twins have in common."""
    return hashlib.sha256(json.dumps(gist(notebook), sort_keys=True).encode()).hexdigest()


def noted() -> dict[str, str]:
    """Name of a notebook -> its fingerprint when this program made it and its twin equal last."""
    file = paths.NOTEBOOKS / NOTE
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def committed(script: Path, notebook: Path) -> Iterator[str]:
    """Fingerprint of the twins in the last commit in which they were equal, if there is one."""
    places = [file.relative_to(paths.ROOT).as_posix() for file in (script, notebook)]
    for commit in (git("log", "--format=%H", f"-{COMMITS}", "--", *places) or "").split():
        texts = [git("show", f"{commit}:{place}") for place in places]
        if all(texts):
            states = {digest(jupytext.reads(text, fmt)) for text, fmt in zip(texts, ("py:percent", "ipynb"), strict=True)}
            if len(states) == 1:
                yield states.pop()
                return


def edited_by_ids(script: Path, described, notebook: Path, found) -> Path | None:
    """Which of two twins was edited, by the ids that the cells of the notebook had when they were equal; None if not certain.

    A cell that has gone may have been deleted in one twin or added to the other: that is not certain.
    """
    before, now, wanted = [cell.get("id") for cell in found.cells], ids(found), ids(described)
    kept = [old for old, new in zip(before, now, strict=True) if old == new]
    in_place = len(wanted) == len(now) and all(
        a == b or not {a, b} & set(now) & set(wanted) for a, b in zip(wanted, now, strict=True)
    )
    if before == now and in_place:
        return script
    if before != now and [old for old in before if old in wanted] == wanted and set(kept) <= set(wanted):
        return notebook
    return None


def update(file: Path, text: str) -> None:
    """Write `text` where it differs."""
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        written(file, lambda part: part.write_text(text, encoding="utf-8"))
        print(file.relative_to(paths.ROOT))


def main() -> None:
    """Write every notebook and every twin that differs; end with those pairs of which both were edited."""
    unclear, equal = [], noted()
    for stem in sorted({file.with_suffix("") for pattern in ("*.py", "*.ipynb") for file in paths.NOTEBOOKS.glob(pattern)}):
        script, notebook = stem.with_suffix(".py"), stem.with_suffix(".ipynb")
        source = edited(script, notebook)
        if source is None:
            unclear.append(stem)
            continue
        if source == notebook:
            update(script, script_of(notebook))
        update(notebook, nbformat.writes(notebook_of(script)) + "\n")
        update(script, script_of(notebook))
        equal[stem.name] = digest(notebook_of(script))
    written(paths.NOTEBOOKS / NOTE, lambda part: part.write_text(json.dumps(equal, indent=1) + "\n", encoding="utf-8"))
    if unclear:
        names = "\n".join(f"  {stem.name}.py and {stem.name}.ipynb" for stem in unclear)
        sys.exit(f"Both were edited, or it is not certain which. Compare them, and delete the one that is not wanted:\n{names}")


if __name__ == "__main__":
    main()
