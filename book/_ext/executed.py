"""Sphinx extension: show each notebook as it was executed, with its scenes and downloads.

The pages stay the notebooks in git, so that edit and launch links are right; their text is swapped for the executed
copy while it is read. The runs are those of the profile in the environment variable ``PROFILE``, or the folder in ``ICE_RUNS``.
"""

import os
import shutil
from pathlib import Path
from urllib.parse import quote

import nbformat
from sphinx.util import logging

logger = logging.getLogger(__name__)

DOWNLOADS = """---
Download this notebook {{download}}`as in the repository <{clean}>`,
{{download}}`as executed for this page <{executed}>`, or {{download}}`the numbers it recorded <{metrics}>`.
"""


def setup(app):
    """Register the extension."""
    profile = os.environ.get("PROFILE") or "laptop"
    runs = os.environ.get("ICE_RUNS") or Path(app.srcdir) / "runs" / profile
    app.add_config_value("executed_runs", str(Path(runs).absolute()), "env")
    app.connect("source-read", swap_in_executed)
    app.connect("build-finished", publish_scenes)
    return {"parallel_read_safe": True}


def swap_in_executed(app, docname, source):
    """Replace the text of a notebook page by its executed copy; warn where there is none."""
    if not docname.startswith("notebooks/"):
        return
    name = docname.removeprefix("notebooks/")
    runs, folder = Path(app.config.executed_runs), Path(app.srcdir) / "notebooks"
    executed = runs / f"{name}.ipynb"
    app.env.note_dependency(str(executed))
    if not executed.exists():
        logger.warning("there is no executed %s: run `make book`", executed, location=docname)
        return
    as_run = quote(relative(runs / name, folder))
    text = executed.read_text().replace(f"{as_run}/", f"../scenes/{name}/")
    notebook = nbformat.reads(text, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell(downloads(name, runs, folder)))
    source[0] = nbformat.writes(notebook)


def downloads(name, runs, folder):
    """Markdown with the downloads of a notebook page."""
    files = {"clean": folder / f"{name}.ipynb", "executed": runs / f"{name}.ipynb", "metrics": runs / name / "metrics.json"}
    return DOWNLOADS.format(**{key: relative(file, folder) for key, file in files.items()})


def relative(path, folder):
    """`path` as seen from `folder`, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


def publish_scenes(app, exception):
    """Copy the interactive scenes of every run to ``scenes/<notebook>/`` in the built book."""
    if exception or app.builder.format != "html":
        return
    for scene in Path(app.config.executed_runs).glob("*/*.html"):
        target = Path(app.outdir) / "scenes" / scene.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(scene, target)
