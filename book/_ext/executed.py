"""Sphinx extension: show each notebook as it was executed, with its scenes, its data and ways to open it.

The pages stay the notebooks in git, so that edit and launch links are right; their text is swapped for the executed
copy while it is read. The runs are those of the profile in the environment variable ``PROFILE``, or the folder in ``ICE_RUNS``.
The directive ``run-figure`` shows a figure of these runs on another page, by the name that its notebook gives it.
"""

import html
import os
import re
import shutil
from base64 import b64decode
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import quote

import nbformat
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.errors import ConfigError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from lib.core import paths

logger = logging.getLogger(__name__)

PROFILES = ("smoke", "laptop", "paper")

#: What a run folder may hold for readers; scenes and their still pictures are published beside the pages as well.
DATA = (".json", ".csv", ".nc", ".npz", ".html")
SCENES = (".html", ".png")

FOOTER = """---
:::{{admonition}} This page is a notebook
:class: notebook-footer

**Open it**: [view on GitHub]({github}), [run in Colab]({colab}) or [in Binder]({binder}); download it
{{download}}`as in the repository <{clean}>` or {{download}}`as executed for this page <{executed}>`.

**Its data**: {data}.
:::
"""


def setup(app):
    """Register the extension."""
    profile = os.environ.get("PROFILE") or "laptop"
    if profile not in PROFILES:
        raise ConfigError(f"There is no profile {profile}; there are {', '.join(PROFILES)}.")
    runs = os.environ.get("ICE_RUNS") or Path(app.srcdir) / "runs" / profile
    app.add_config_value("executed_runs", str(paths.absolute(runs)), "env")
    app.add_config_value("notebook_inputs", {}, "env")
    app.add_directive("run-figure", RunFigure)
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
    notebook = nbformat.reads(executed.read_text(encoding="utf-8").replace(f"{as_run}/", f"../scenes/{name}/"), as_version=4)
    describe_pictures(notebook)
    notebook.cells.append(nbformat.v4.new_markdown_cell(footer(app.config, name, runs, folder)))
    source[0] = nbformat.writes(notebook)


# Words for pictures


def describe_pictures(notebook):
    """Give every picture in `notebook` an alternative text, where its cell does not have one."""
    before = ""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            before = cell.source
            continue
        alt = alternative(cell, before)
        if alt:
            cell.metadata.setdefault("mystnb", {}).setdefault("image", {})["alt"] = alt
            words = f'<img alt="{html.escape(alt)}"'
            for data in (output.data for output in cell.outputs if "text/html" in output.get("data", {})):
                parts = re.split(r"<img\b(?![^>]*\balt=)", data["text/html"])
                data["text/html"] = words.join(parts)


def alternative(cell, before):
    """What a picture of a code `cell` shows: its own words, else its caption, else the end of the text `before`."""
    options = cell.metadata.get("mystnb", {})
    own = options.get("image", {}).get("alt") or options.get("figure", {}).get("caption")
    paragraphs = [text for text in before.split("\n\n") if text.strip()] or [""]
    return own or plain(paragraphs[-1]).rstrip(":")


def plain(markdown):
    """`markdown` without its marks, in one line."""
    text = re.sub(r"\{[\w:]+\}`[^`]*`|\[\]\([^)]*\)", "", markdown)
    return " ".join(re.sub(r"\[([^\]]*)\]\([^)]*\)|[*`$#]", r"\1", text).split())


# The foot of a notebook page


def footer(config, name, runs, folder):
    """Markdown with the ways to open a notebook page, its downloads and its data."""
    paths = {"clean": folder / f"{name}.ipynb", "executed": runs / f"{name}.ipynb"}
    inputs = [folder.parent / file for pattern, file in config.notebook_inputs.items() if fnmatch(name, pattern)]
    made = sorted(file for file in (runs / name).glob("*") if is_data(file))
    parts = [f"{download(file, folder)} (input)" for file in inputs] + [download(file, folder) for file in made]
    links = {key: relative(path, folder) for key, path in paths.items()} | launch_links(config.html_theme_options, name)
    return FOOTER.format(data=", ".join(parts), **links)


def is_data(file):
    """Whether a `file` of a run folder is whole data, not one that is being written."""
    return file.suffix in DATA and not file.name.startswith("part-")


def launch_links(theme, name):
    """Addresses of the notebook on GitHub, in Colab and in Binder, from the `theme` options of ``_config.yml``."""
    repository, branch = theme["repository_url"].rstrip("/"), theme["repository_branch"]
    project, file = repository.removeprefix("https://github.com/"), f"notebooks/{name}.ipynb"
    launch = theme["launch_buttons"]
    return {
        "github": f"{repository}/blob/{branch}/{file}",
        "colab": f"{launch['colab_url']}/github/{project}/blob/{branch}/{file}",
        "binder": f"{launch['binderhub_url']}/v2/gh/{project}/{branch}?urlpath=lab/tree/{file}",
    }


def download(file, folder):
    """A download of `file` on a page in `folder`, under its name."""
    return f"{{download}}`{file.name} <{relative(file, folder)}>`"


def relative(path, folder):
    """`path` as seen from `folder`, with forward slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()


# What other pages and scenes need


class RunFigure(SphinxDirective):
    """A picture from the runs of this book: the one that a notebook names so in ``mystnb.figure.name``, without its caption."""

    required_arguments = 1
    option_spec = {"class": directives.class_option}

    def run(self):
        """The image."""
        (name,) = self.arguments
        for executed in sorted(Path(self.config.executed_runs).glob("*.ipynb")):
            for cell in cells_that_draw(name, executed.read_text(encoding="utf-8")):
                self.env.note_dependency(str(executed))
                return [self.image(name, cell)]
        raise self.error(f"run-figure: no executed notebook draws {name}")

    def image(self, name, cell):
        """The first picture of `cell`, put where the pages' other pictures lie while the book is built."""
        file = Path(self.env.app.outdir).parent / "run-figures" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(next(b64decode(output.data["image/png"]) for output in cell.outputs if has_picture(output)))
        page = Path(self.env.doc2path(self.env.docname)).parent
        return nodes.image(uri=relative(file, page), alt=alternative(cell, ""), classes=self.options.get("class", []))


def cells_that_draw(name, executed):
    """The code cells of a notebook, given as the text of its `executed` copy, that draw the figure `name`."""
    if f'"{name}"' not in executed:
        return []
    code = (cell for cell in nbformat.reads(executed, as_version=4).cells if cell.cell_type == "code")
    named = [cell for cell in code if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name]
    return [cell for cell in named if any(map(has_picture, cell.outputs))]


def has_picture(output):
    """Whether an `output` of a cell holds a PNG."""
    return "image/png" in output.get("data", {})


def publish_scenes(app, exception):
    """Copy the interactive scenes of every run and their stills to ``scenes/<notebook>/`` in the built book."""
    if exception or app.builder.format != "html":
        return
    for file in Path(app.config.executed_runs).glob("*/*"):
        if file.suffix in SCENES:
            target = Path(app.outdir) / "scenes" / file.parent.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
