"""Sphinx extension: the reference of the helper package, a heading and the docstrings for each module.

In ``book/api.md`` the comment ``% modules lib.crystals`` stands for all modules of that package, packages within it included, in
the order of their names; a package whose ``__init__`` says something comes before its modules.
"""

import re
from pathlib import Path

PLACE = re.compile(r"^% modules ([\w.]+)$", re.MULTILINE)
ENTRY = "### {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n"


def setup(app):
    """Register the extension."""
    app.connect("source-read", list_modules)
    return {"parallel_read_safe": True}


def list_modules(app, docname, source):
    """Put the modules in their places."""
    if PLACE.search(source[0]):
        app.env.note_reread()  # a new module is no change of the page
        source[0] = PLACE.sub(lambda place: reference(Path(app.srcdir), place[1]), source[0])


def reference(root, package):
    """Headings and directives for all modules of a `package`."""
    return "\n".join(ENTRY.format(name=name) for name in modules(root, package))


def modules(root, package):
    """Names of the modules of a `package`, of those right in ``lib`` for ``lib`` itself."""
    folder = root.joinpath(*package.split("."))
    files = folder.glob("*.py") if package == "lib" else folder.rglob("*.py")
    names = [name_of(file, root) for file in files if file.read_text(encoding="utf-8").strip()]
    return sorted(name for name in names if name != "lib")


def name_of(file, root):
    """Dotted name of a module."""
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
