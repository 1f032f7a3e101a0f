"""Make each notebook and its ``.py`` twin equal again, with cell ids that change only where a cell does.

The id of a cell is made of its source, so ids tell which of the two was edited since they were equal: a notebook whose ids
fit its cells was not, and a script all of whose cells have their ids in the notebook was not. Where both were edited, both
stay as they are and are named. The twin is written as JupyterLab would write it from the notebook, so that both open there
whichever file is newer.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config

from lib.core import paths


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


def git(*arguments: str) -> str:
    """What git says of the project, "" where there is no git."""
    done = subprocess.run(["git", *arguments], cwd=paths.ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def ids(notebook: nbformat.NotebookNode) -> list[str]:
    """The ids that the cells of a notebook get by their sources."""
    counts: dict[str, int] = {}
    found = []
    for cell in notebook.cells:
        counts[cell.source] = counts.get(cell.source, 0) + 1
        found.append(hashlib.sha256(f"{cell.source}{counts[cell.source]}".encode()).hexdigest()[:8])
    return found


def edited(script: Path, notebook: Path) -> Path | None:
    """Which of two twins was edited since they were equal; None where both were."""
    if not notebook.exists() or not script.exists():
        return script if script.exists() else notebook
    described, found = notebook_of(script), nbformat.read(notebook, as_version=4)
    own = [cell.get("id") for cell in found.cells]
    if gist(described) == gist(found):
        return script
    if ids(described) == ids(found):  # only tags or captions differ
        changed = {file for file in (script, notebook) if git("status", "--porcelain", "--", str(file))}
        if len(changed) < 2:
            return notebook if notebook in changed else script
        print(f"{notebook.name}: its tags and captions become those of {script.name}")
        return script
    if own == ids(found):
        return script
    return notebook if set(ids(described)) <= set(own) else None


def update(file: Path, text: str) -> None:
    """Write `text` where it differs."""
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
        print(file.relative_to(paths.ROOT))


def main() -> None:
    """Write every notebook and every twin that differs; end with those pairs of which both were edited."""
    unclear = []
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
    if unclear:
        names = "\n".join(f"  {stem.name}.py and {stem.name}.ipynb" for stem in unclear)
        sys.exit(f"Both were edited. Compare them, and delete the one that is not wanted:\n{names}")


if __name__ == "__main__":
    main()
