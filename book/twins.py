"""Write each notebook anew from its ``.py`` twin, with cell ids that change only where a cell does.

The twin is then written as JupyterLab would write it from the notebook, so that both open there whichever file is newer.
"""

import hashlib
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config

from lib.core import paths


def notebook_of(script: Path) -> nbformat.NotebookNode:
    """The notebook that a percent `script` describes, without outputs."""
    notebook = jupytext.read(script)
    seen = {}
    for cell in notebook.cells:
        seen[cell.source] = seen.get(cell.source, 0) + 1
        cell["id"] = hashlib.sha256(f"{cell.source}{seen[cell.source]}".encode()).hexdigest()[:8]
    notebook.nbformat_minor = 5
    return notebook


def script_of(notebook: Path) -> str:
    """The percent script that JupyterLab writes beside a `notebook`."""
    return jupytext.writes(jupytext.read(notebook), config=load_jupytext_config(str(notebook)), fmt="py:percent")


def update(file: Path, text: str) -> None:
    """Write `text` where it differs."""
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
        print(file.relative_to(paths.ROOT))


def main() -> None:
    """Write every notebook and every twin that differs."""
    for script in sorted(paths.NOTEBOOKS.glob("*.py")):
        notebook = script.with_suffix(".ipynb")
        update(notebook, nbformat.writes(notebook_of(script)) + "\n")
        update(script, script_of(notebook))


if __name__ == "__main__":
    main()
