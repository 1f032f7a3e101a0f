"""Write each notebook anew from its ``.py`` twin, with cell ids that change only where a cell does."""

import hashlib
from pathlib import Path

import jupytext
import nbformat

from lib import paths


def notebook_of(script: Path) -> nbformat.NotebookNode:
    """The notebook that a percent `script` describes, without outputs."""
    notebook = jupytext.read(script)
    seen = {}
    for cell in notebook.cells:
        seen[cell.source] = seen.get(cell.source, 0) + 1
        cell["id"] = hashlib.sha256(f"{cell.source}{seen[cell.source]}".encode()).hexdigest()[:8]
    notebook.nbformat_minor = 5
    return notebook


def main() -> None:
    """Write every notebook that differs from its twin."""
    for script in sorted(paths.NOTEBOOKS.glob("*.py")):
        target, text = script.with_suffix(".ipynb"), nbformat.writes(notebook_of(script)) + "\n"
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
            print(target.relative_to(paths.ROOT))


if __name__ == "__main__":
    main()
