"""Sphinx extension: pages that can be read with no network.

They load the book's own copy of MathJax, and no thebe: its live cells need a CDN, and this book has launch buttons instead.
"""

import importlib.metadata
import shutil
from pathlib import Path

MATHJAX = "tex-svg.js"


def setup(app):
    """Register the extension."""
    app.connect("build-finished", copy_mathjax)
    app.connect("html-page-context", leave_out_thebe, priority=900)  # after the extensions that add scripts
    return {"parallel_read_safe": True}


def copy_mathjax(app, exception):
    """Put MathJax where ``mathjax_path`` points to."""
    if exception or app.builder.format != "html":
        return
    installed = importlib.metadata.files("sphinx-mathjax-offline")
    script = next(file for file in installed if file.name == MATHJAX)
    target = Path(app.outdir) / "_static" / app.config.mathjax_path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(script.locate(), target)


def leave_out_thebe(app, pagename, templatename, context, doctree):
    """Take thebe's scripts, and the second copy of any other, from the scripts of a page."""
    scripts = dict.fromkeys(context["script_files"])
    context["script_files"] = [script for script in scripts if "thebe" not in f"{script.filename} {script.attributes}"]
