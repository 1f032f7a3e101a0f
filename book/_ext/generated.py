"""Sphinx extension: the tables that are made from the notebooks, their runs and the kept records.

Directives: ``parameters-table``, ``provenance-table``, ``networks-table``, ``records-table``, ``claims-table`` and
``claims-figure``, none with content or options, and ``results-table`` with one argument: what to show. Role: ``kept``, a number
of a kept record.
"""

import json
import os
import re
from functools import partial
from pathlib import Path

import claims
import claims_figure
import nbformat
import pandas as pd
import papermill
import score_tables
import yaml
from docutils import nodes
from missed_tables import missed_table, scale_table, second_view_table
from score_tables import code, markdown
from sphinx.util.docutils import SphinxDirective, SphinxRole

from lib.notebook import literature, rows, titles

PROFILES = ("smoke", "paper")

#: Argument of ``results-table`` -> the table it makes of the rows of all runs.
TABLES = {
    **{what: partial(score_tables.results_table, scores=scores) for what, scores in score_tables.SCORES.items()},
    "views": score_tables.views_table,
    "trust": score_tables.trust_table,
    "pixels": score_tables.pixels_table,
    "shapes": score_tables.shapes_table,
    "latent": score_tables.latent_table,
    "fields": score_tables.fields_table,
    "distances": score_tables.distances_table,
    "structure": score_tables.structure_table,
    "leak": score_tables.leak_table,
    "second-view": second_view_table,
    "missed": missed_table,
}


def setup(app):
    """Register the directives."""
    app.add_directive("parameters-table", ParametersTable)
    app.add_directive("provenance-table", ProvenanceTable)
    app.add_directive("networks-table", NetworksTable)
    app.add_directive("records-table", RecordsTable)
    app.add_directive("results-table", ResultsTable)
    app.add_directive("claims-table", ClaimsTable)
    app.add_directive("claims-figure", ClaimsFigure)
    app.add_role("kept", Kept())
    app.add_role("reported", Reported())
    app.connect("source-read", depend_on_glued_notebooks)
    return {"parallel_read_safe": True}


def depend_on_glued_notebooks(app, docname, source):
    """Let a page be made anew when a notebook whose numbers it shows (``path.ipynb::name``) was executed again."""
    for name in set(re.findall(r"notebooks/([\w-]+)\.ipynb::", source[0])):
        app.env.note_dependency(str(Path(app.config.executed_runs) / f"{name}.ipynb"))


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
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def json_in(self, file, *needed):
        """Content of a JSON `file`, in which the names `needed` must be; empty where there is none. A damaged one is an error."""
        try:
            content = json.loads(self.read(file) or "{}")
            whole = isinstance(content, dict) and (set(needed) <= set(content) or not file.exists())
        except (OSError, ValueError):
            whole = False
        if not whole:
            raise self.error(f"{file} is damaged: make it again")
        return content

    def run_rows(self):
        """Rows of all runs, in the order of the notebooks, with the notebook as ``run``."""
        return pd.concat([self.rows_in(self.run_file(book, "metrics.csv")).assign(run=book.stem) for book in self.notebooks])

    def rows_in(self, file):
        """Rows in a ``metrics.csv``, none where there is no file. A damaged one is an error."""
        self.env.note_dependency(str(file))
        try:
            return rows.read(file) if file.exists() else rows.frame([])
        except ValueError as error:
            raise self.error(f"{file} is damaged: make it again") from error

    def record_of(self, file):
        """A kept record; its rows as a table with the columns of ``metrics.csv``."""
        kept = self.json_in(file, "notebook", "profile", "device", "date", "commit", "inputs", "rows")
        try:
            return kept | {"rows": rows.frame(kept.get("rows", []))}
        except (TypeError, ValueError) as error:
            raise self.error(f"{file} is damaged: make it again") from error

    @property
    def records(self):
        """Files of the kept records, in the order of the notebooks."""
        self.env.note_reread()
        return sorted((self.root / "book" / "records").glob("*.json"))

    def run_file(self, notebook, name):
        """A file in the run folder of `notebook`."""
        return Path(self.config.executed_runs) / notebook.stem / name


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
        lines = [
            [code(name), code(entry["inferred_type_name"]), code(entry["default"])]
            + [code(repr(profile[name])) if name in profile else "" for profile in profiles]
            + [entry["help"]]
            for name, entry in papermill.inspect_notebook(notebook).items()
        ]
        return markdown(["parameter", "type", "default", *PROFILES, "meaning"], lines)


class ProvenanceTable(Table):
    """The runs shown in this book, and the software they ran on."""

    def text(self):
        """A table of runs and a table of packages for each set of versions."""
        runs = [run for run in map(self.run_of, self.notebooks) if run]
        lines = [
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
        return "\n\n".join([markdown(head, lines), *dict.fromkeys(software(run) for run in runs)])

    def run_of(self, notebook):
        """Provenance of one run and its duration, None where it was not executed."""
        runs = Path(self.config.executed_runs)
        origin, executed = self.read(runs / notebook.stem / "provenance.json"), self.read(runs / notebook.name)
        if not (origin and executed):
            return None
        seconds = nbformat.reads(executed, as_version=4).metadata.papermill["duration"]
        return self.json_in(runs / notebook.stem / "provenance.json") | {"seconds": seconds, "link": link(notebook)}


class NetworksTable(Table):
    """The networks that are shipped with the project, and where they come from."""

    def text(self):
        """A table of networks."""
        folders = sorted(file.parent for file in self.root.glob("data/networks/*/provenance.json"))
        lines = []
        for folder in folders:
            origin = self.json_in(folder / "provenance.json", "commit", "machine", "hours", "epochs", "pictures")
            hours, pictures = f"{origin['hours']:.2f}", f"{origin['pictures']:,}"
            lines.append(
                [code(folder.name), hours, str(origin["epochs"]), pictures, origin["machine"], code(origin["commit"][:10])]
            )
        head = ["network", "hours of training", "epochs", "pictures seen", "machine", "commit"]
        return markdown(head, lines) if lines else "No network is shipped."


class RecordsTable(Table):
    """Numbers kept from runs on images that are not part of this project."""

    def text(self):
        """A caption and tables for each record."""
        return "\n\n".join(map(self.record, self.records)) or "No such run has been recorded yet."

    def record(self, file):
        """One record: where its numbers come from, and a table for each set of fields that its rows have."""
        kept = self.record_of(file)
        notebook = self.root / "notebooks" / f"{kept['notebook']}.ipynb"
        origin = f"{kept['date']}, {kept['profile']} profile on {kept['device']}, commit {code((kept['commit'] or 'none')[:10])}"
        given = kept["rows"][list(titles.FIELDS)].ne("").apply(tuple, axis=1)
        tables = [self.table(rows, fields) for fields, rows in kept["rows"].groupby(given, sort=False)]
        return "\n\n".join([f"**{link(notebook)}**, {kept['inputs']} ({origin})", *tables])

    def table(self, found, given):
        """Rows that have the same fields, by these fields and by score; a number a line where there are none."""
        fields = [field for field, has in zip(titles.FIELDS, given, strict=True) if has]
        if fields:
            return score_tables.pivot(found, fields, "score")
        return markdown(["number", "value"], [[titles.title("score", row.score), rows.text(row)] for row in found.itertuples()])


class ResultsTable(Table):
    """Numbers of the runs shown in this book beside those of the talk and the paper.

    The argument chooses what: one of `TABLES`, or ``scale`` for the sizes of runs.
    """

    required_arguments = 1

    def run(self):
        """The nodes of the table, with a class of its own for the style sheet."""
        content = super().run()
        for node in content:
            node["classes"].append("results")
        return content

    def text(self):
        """One table."""
        for module in (literature, titles):
            self.env.note_dependency(module.__file__)
        (what,) = self.arguments
        if what == "scale":
            origins = {book.stem: self.json_in(self.run_file(book, "provenance.json")) for book in self.notebooks}
            return scale_table({name: origin.get("parameters", {}) for name, origin in origins.items()})
        if what not in TABLES:
            raise self.error(f"results-table: expected one of {', '.join(['scale', *TABLES])}, got {what!r}")
        return TABLES[what](self.run_rows())


class ClaimsTable(ResultsTable):
    """What the talk said, a line each, beside what the runs of this book find."""

    required_arguments = 0

    def text(self):
        """One table, in which every claim leads to the notebook whose numbers decide it."""
        notebooks = {book.stem: link(book) for book in self.notebooks}
        kept = {file.stem: self.record_of(file)["rows"] for file in self.records}
        self.env.note_dependency(claims.__file__)
        return markdown(["the talk", "what we find", "verdict", "chapter"], claims.table(self.run_rows(), kept, notebooks))


class ClaimsFigure(Table):
    """The numbers behind the claims as a figure: ours, the talk's and the paper's."""

    def text(self):
        """The figure, drawn anew, with caption and name."""
        self.env.note_dependency(claims.__file__)
        kept = {file.stem: self.record_of(file)["rows"] for file in self.records}
        file = Path(self.env.doctreedir) / "claims.svg"
        claims_figure.draw(self.run_rows(), kept, file)
        page = Path(self.env.doc2path(self.env.docname)).parent
        options = f":name: fig-claims\n:alt: {claims_figure.ALT}"
        return f"```{{figure}} {os.path.relpath(file, page)}\n{options}\n\n{claims_figure.CAPTION}\n```"


class Kept(SphinxRole):
    """A number of a kept record in running text, by the record's name, the metric's and a format, as in ``a-cpi::rho_e:.2f``."""

    def run(self):
        """The number as text, or a warning where there is no such record or number."""
        record, _, rest = self.text.partition("::")
        name, _, form = rest.partition(":")
        file = Path(self.env.srcdir) / "book" / "records" / f"{record}.json"
        self.env.note_dependency(str(file))
        try:
            found = dict(
                number for row in json.loads(file.read_text(encoding="utf-8"))["rows"] for number in rows.flat(row).items()
            )
            return [nodes.strong(text=format(found[name], form))], []
        except (OSError, ValueError, TypeError, KeyError) as error:
            message = self.inliner.reporter.warning(f"kept: there is no {self.text} ({error})", line=self.lineno)
            return [], [message]


class Reported(SphinxRole):
    """A number of the paper in running text: its name in `literature.numbers` and a format, ``resnet18_single_r2_rho_e:.3f``."""

    def run(self):
        """The number as text, or a warning where nothing of the kind was reported."""
        name, _, form = self.text.partition(":")
        try:
            return [nodes.Text(format(literature.numbers()[name], form))], []
        except (ValueError, KeyError) as error:
            message = self.inliner.reporter.warning(f"reported: there is no {self.text} ({error})", line=self.lineno)
            return [], [message]


def software(run):
    """Platform and package versions of one run."""
    packages = markdown(
        ["package", "version"], [[code("python"), run["python"]], *([code(k), v] for k, v in run["packages"].items())]
    )
    return f"Platform: {run['platform']}, {run['cpu_count']} CPU cores.\n\n{packages}"


def link(notebook):
    """Link to the page of `notebook`, with its title."""
    return f"[](/notebooks/{notebook.name})"
