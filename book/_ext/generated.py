"""Sphinx extension: the tables that are made from the notebooks, their runs and the kept records.

Directives: ``parameters-table``, ``provenance-table`` and ``records-table``, none with content or options.
"""

import json
from pathlib import Path

import nbformat
import papermill
import yaml
from sphinx.util.docutils import SphinxDirective

PROFILES = ("smoke", "paper")


def setup(app):
    """Register the directives."""
    app.add_directive("parameters-table", ParametersTable)
    app.add_directive("provenance-table", ProvenanceTable)
    app.add_directive("records-table", RecordsTable)
    return {"parallel_read_safe": True}


class Table(SphinxDirective):
    """A directive whose content is MyST text made from files, on which the page then depends."""

    def run(self):
        """The nodes of the text."""
        return self.parse_text_to_nodes(self.text())

    def text(self):
        """The MyST text in place of the directive."""
        raise NotImplementedError

    @property
    def root(self):
        """The folder of the project."""
        return Path(self.env.srcdir)

    @property
    def notebooks(self):
        """The notebooks of the book, in order."""
        return sorted(Path(self.env.doc2path(name)) for name in self.env.found_docs if name.startswith("notebooks/"))

    def read(self, file):
        """Text of `file`, remembered as a dependency; empty where there is none."""
        self.env.note_dependency(str(file))
        return file.read_text() if file.exists() else ""


class ParametersTable(Table):
    """One table a notebook: each parameter, its type, its default and what the other profiles make of it."""

    def text(self):
        """Headings and tables."""
        return "\n\n".join(f"**{link(notebook)}**\n\n{self.table(notebook)}" for notebook in self.notebooks)

    def table(self, notebook):
        """The parameters of one `notebook`."""
        self.env.note_dependency(str(notebook))
        files = [self.root / "notebooks" / "params" / profile / f"{notebook.stem}.yml" for profile in PROFILES]
        profiles = [yaml.safe_load(self.read(file)) or {} for file in files]
        rows = [
            [code(name), code(entry["inferred_type_name"]), code(entry["default"])]
            + [code(repr(profile[name])) if name in profile else "" for profile in profiles]
            + [entry["help"]]
            for name, entry in papermill.inspect_notebook(notebook).items()
        ]
        return table(["parameter", "type", "default", *PROFILES, "meaning"], rows)


class ProvenanceTable(Table):
    """The runs shown in this book, and the software they ran on."""

    def text(self):
        """A table of runs and a table of packages for each set of versions."""
        runs = [run for run in map(self.run_of, self.notebooks) if run]
        rows = [
            [
                run["link"],
                run["profile"],
                str(run["seed"]),
                f"{run['device']} ({run['device_name']})",
                f"{run['seconds']:.0f} s",
                run["started"],
                code((run["commit"] or "none")[:10]) + (" and local changes" if run["dirty"] else ""),
            ]
            for run in runs
        ]
        head = ["notebook", "profile", "seed", "device", "run time", "started (UTC)", "commit"]
        return "\n\n".join([table(head, rows), *dict.fromkeys(software(run) for run in runs)])

    def run_of(self, notebook):
        """Provenance of one run and its duration, None where it was not executed."""
        runs = Path(self.config.executed_runs)
        origin, executed = self.read(runs / notebook.stem / "provenance.json"), self.read(runs / notebook.name)
        if not (origin and executed):
            return None
        seconds = nbformat.reads(executed, as_version=4).metadata.papermill["duration"]
        return json.loads(origin) | {"seconds": seconds, "link": link(notebook)}


class RecordsTable(Table):
    """Numbers kept from runs on images that are not part of this project."""

    def text(self):
        """A caption and a table for each record."""
        folder = self.root / "book" / "records"
        self.env.note_reread()
        return "\n\n".join(map(self.record, sorted(folder.glob("*.json")))) or "No such run has been recorded yet."

    def record(self, file):
        """One record: where its numbers come from, and the numbers."""
        kept = json.loads(self.read(file))
        notebook = self.root / "notebooks" / f"{kept['notebook']}.ipynb"
        origin = f"{kept['date']}, {kept['profile']} profile on {kept['device']}, commit {code((kept['commit'] or 'none')[:10])}"
        rows = [[code(name), f"{number:.4g}"] for name, number in kept["metrics"].items()]
        return f"**{link(notebook)}**, {kept['inputs']} ({origin})\n\n{table(['metric', 'value'], rows)}"


def software(run):
    """Platform and package versions of one run."""
    packages = table(
        ["package", "version"], [[code("python"), run["python"]], *([code(k), v] for k, v in run["packages"].items())]
    )
    return f"Platform: {run['platform']}, {run['cpu_count']} CPU cores.\n\n{packages}"


def link(notebook):
    """Link to the page of `notebook`, with its title."""
    return f"[](/notebooks/{notebook.name})"


def code(text):
    """`text` set as code."""
    return f"`{text}`" if text else ""


def table(head, rows):
    """A MyST table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)
