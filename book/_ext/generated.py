"""Sphinx extension: the tables that are made from the notebooks, their runs and the kept records.

Directives: ``parameters-table``, ``provenance-table`` and ``records-table``, none with content or options, and
``results-table`` with one argument: what to show beside the talk and the paper. Role: ``kept``, a number of a kept record.
"""

import json
import re
from pathlib import Path

import nbformat
import papermill
import score_tables
import yaml
from docutils import nodes
from missed_tables import missed_table, scale_table, second_view_table
from score_tables import code, table
from sphinx.util.docutils import SphinxDirective, SphinxRole

from lib.notebook import literature

PROFILES = ("smoke", "paper")

#: Argument of ``results-table`` -> the table it makes of all metrics.
OTHER_TABLES = {
    "views": score_tables.views_table,
    "trust": score_tables.trust_table,
    "shapes": score_tables.shapes_table,
    "latent": score_tables.latent_table,
    "fields": score_tables.ways_table(score_tables.FIELD_SCORES),
    "distances": score_tables.ways_table(score_tables.DISTANCE_SCORES),
    "second-view": second_view_table,
    "missed": missed_table,
}


def setup(app):
    """Register the directives."""
    app.add_directive("parameters-table", ParametersTable)
    app.add_directive("provenance-table", ProvenanceTable)
    app.add_directive("records-table", RecordsTable)
    app.add_directive("results-table", ResultsTable)
    app.add_role("kept", Kept())
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
        return file.read_text() if file.exists() else ""

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
        return self.json_in(runs / notebook.stem / "provenance.json") | {"seconds": seconds, "link": link(notebook)}


class RecordsTable(Table):
    """Numbers kept from runs on images that are not part of this project."""

    def text(self):
        """A caption and a table for each record."""
        folder = self.root / "book" / "records"
        self.env.note_reread()
        return "\n\n".join(map(self.record, sorted(folder.glob("*.json")))) or "No such run has been recorded yet."

    def record(self, file):
        """One record: where its numbers come from, and the numbers."""
        kept = self.json_in(file, "notebook", "profile", "device", "date", "commit", "inputs", "metrics")
        notebook = self.root / "notebooks" / f"{kept['notebook']}.ipynb"
        origin = f"{kept['date']}, {kept['profile']} profile on {kept['device']}, commit {code((kept['commit'] or 'none')[:10])}"
        rows = [[code(name), number] for name, number in with_errors(kept["metrics"]).items()]
        return f"**{link(notebook)}**, {kept['inputs']} ({origin})\n\n{table(['metric', 'value'], rows)}"


def with_errors(metrics):
    """Name -> number as text, with its standard deviation or error where there is one under its name with ``_sd`` or ``_se``."""
    errors = {name: metrics.get(f"{name}_sd", metrics.get(f"{name}_se")) for name in metrics}
    own = {name: number for name, number in metrics.items() if name[:-3] not in metrics or name[-3:] not in ("_sd", "_se")}
    texts = {name: f"{n:,.0f}" if float(n).is_integer() else f"{n:.4g}" for name, n in own.items()}
    return {name: text + (f" ± {errors[name]:.2g}" if errors[name] is not None else "") for name, text in texts.items()}


class ResultsTable(Table):
    """Numbers of the runs shown in this book beside those of the talk and the paper.

    The argument chooses what: ``rho_e``, ``a_e`` or ``n_bullets`` for the scores of one target, ``leak`` for the split by image,
    one of `OTHER_TABLES`, ``scale`` for the sizes of runs, or ``runs`` for where the numbers come from.
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
        self.env.note_dependency(literature.__file__)
        (what,) = self.arguments
        if what == "runs":
            return runs_table([self.json_of(book, "provenance.json") | {"link": link(book)} for book in self.notebooks])
        if what == "scale":
            return scale_table(
                {book.stem: self.json_of(book, "provenance.json").get("parameters", {}) for book in self.notebooks}
            )
        runs = [self.json_of(book, "metrics.json") for book in self.notebooks]
        if what == "leak":
            tables = map(score_tables.leak_table, filter(score_tables.has_both_splits, runs))
            return "\n\n".join(tables) or "No run has recorded both splits yet."
        metrics = {name: number for run in runs for name, number in run.items()}  # of the same name the last counts
        if what in score_tables.SCORES:
            return score_tables.results_table(metrics, score_tables.SCORES[what])
        if what not in OTHER_TABLES:
            choices = ", ".join(["runs", "scale", "leak", *OTHER_TABLES, *score_tables.SCORES])
            raise self.error(f"results-table: expected one of {choices}, got {what!r}")
        return OTHER_TABLES[what](metrics)

    def json_of(self, notebook, name):
        """Content of a file in the run folder of `notebook`; empty where there is none."""
        return self.json_in(Path(self.config.executed_runs) / notebook.stem / name)


class Kept(SphinxRole):
    """A number of a kept record in running text, by the record's name, the metric's and a format, as in ``a-cpi::rho_e:.2f``."""

    def run(self):
        """The number as text, or a warning where there is no such record or number."""
        record, _, rest = self.text.partition("::")
        name, _, form = rest.partition(":")
        file = Path(self.env.srcdir) / "book" / "records" / f"{record}.json"
        self.env.note_dependency(str(file))
        try:
            return [nodes.strong(text=format(json.loads(file.read_text())["metrics"][name], form))], []
        except (OSError, ValueError, TypeError, KeyError) as error:
            message = self.inliner.reporter.warning(f"kept: there is no {self.text} ({error})", line=self.lineno)
            return [], [message]


def runs_table(runs):
    """Where the numbers come from: a row for every one of `runs` that was executed."""
    rows = [
        [
            run["link"],
            run["profile"],
            f"{run['device']} ({run['device_name']})",
            code((run["commit"] or "none")[:10]),
            run["started"],
        ]
        for run in runs
        if "profile" in run
    ]
    head = ["notebook", "profile", "device", "commit", "started (UTC)"]
    return table(head, rows) if rows else "No notebook has been executed yet."


def software(run):
    """Platform and package versions of one run."""
    packages = table(
        ["package", "version"], [[code("python"), run["python"]], *([code(k), v] for k, v in run["packages"].items())]
    )
    return f"Platform: {run['platform']}, {run['cpu_count']} CPU cores.\n\n{packages}"


def link(notebook):
    """Link to the page of `notebook`, with its title."""
    return f"[](/notebooks/{notebook.name})"
