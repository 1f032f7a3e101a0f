"""Sphinx extension: the tables that are made from the notebooks, their runs and the kept records.

Directives: ``parameters-table``, ``provenance-table`` and ``records-table``, none with content or options, and
``results-table`` with one argument: what to show beside the talk and the paper.
"""

import json
import re
from pathlib import Path

import nbformat
import papermill
import yaml
from sphinx.util.docutils import SphinxDirective

from lib import literature

PROFILES = ("smoke", "paper")

#: Learner in a metric's name -> name on the page, in the order of the page; others follow under their own names.
MODELS = {
    "linear": "linear",
    "rf": "random forest",
    "gb": "boosting",
    "gb_extended": "boosting, extended",
    "cnn": "CNN",
    "resnet18": "ResNet-18",
    "polar": "polar network",
    "best": "best network",
    "parametric": "fitted rosette",
}
VIEWS = {"single": "1", "2ds": "2\N{NO-BREAK SPACE}(90°)", "phips": "2\N{NO-BREAK SPACE}(120°)"}
#: Head of a column -> score in a metric's name, factor and digits, for each argument of ``results-table``.
SCORES = {
    target: {
        "R²": (f"r2_{target}", 1, 3),
        "RMSE": (f"rmse_{target}", 1000, 2),
        "MAE": (f"mae_{target}", 1000, 2),
    }
    for target in ("rho_e", "a_e")
} | {"n_bullets": {"balanced accuracy": ("balanced_accuracy", 1, 3)}}
SPLIT_SCORES = {"R² of ρₑ": "r2_rho_e", "R² of Aₑ": "r2_a_e", "balanced accuracy": "balanced_accuracy"}
#: Ways to a shape in the names of recorded numbers -> name on the page.
SHAPES = {
    "mean_shape": "mean shape",
    "clustering": "clustering",
    "retrieval": "retrieval",
    "r2n2": "3D-R2N2",
    "parametric": "fitted rosette",
    "oracle": "oracle neighbour",
}
#: Rungs of the ladder of representations in the names of recorded numbers -> name on the page.
RUNGS = {
    "descriptors": "hand-made descriptors, UMAP",
    "conv2": "VAE, 2 latents",
    "conv128_umap": "VAE, 128 latents, UMAP",
    "resnet128_umap": "ResNet-VAE, masked, UMAP",
    "ssl": "self-supervised, UMAP",
}
RUNG_SCORES = {
    "adjusted Rand index": "ari",
    "mutual information": "nmi",
    "10-NN accuracy": "knn10_accuracy",
    "linear probe": "linear_probe",
}
#: Ways to describe cloud fields in the names of recorded numbers -> name on the page.
WAYS = {
    "vae16": "16 latents",
    "vae16_moved": "16 latents, over moves",
    "pca16": "16 EOFs",
    "vae2": "2 latents",
    "pca2": "2 EOFs",
    "profiles": "profiles",
    "fields": "fields",
}
FIELD_SCORES = {"$q_i$": "r2_{}_q_i", "$m_i$": "r2_{}_m_i", r"$\rho_i$": "r2_{}_rho_i"}
DISTANCE_SCORES = {
    "rank correlation": "spearman_{}",
    "$R^2$ of the parameters": "r2_parameters_{}",
    "bulk to bins": "structure_bins_{}",
    "bulk to Lagrangian": "structure_lagrangian_{}",
    "two seeds": "seeds_bulk_{}",
}
SHAPE_SCORES = {"IoU": "iou", "IoU, better of both depths": "iou_mirrored", "F-score": "fscore"}
NOT_YET, NOTHING = "not run", "–"


def setup(app):
    """Register the directives."""
    app.add_directive("parameters-table", ParametersTable)
    app.add_directive("provenance-table", ProvenanceTable)
    app.add_directive("records-table", RecordsTable)
    app.add_directive("results-table", ResultsTable)
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


class ResultsTable(Table):
    """Numbers of the runs shown in this book beside those of the talk and the paper.

    The argument chooses what: ``rho_e``, ``a_e`` or ``n_bullets``, ``views`` for up to six views, ``trust`` for intervals,
    ``shapes`` for reconstruction, ``latent`` for the ladder of representations, ``fields`` and ``distances`` for cloud fields
    and simulations, ``leak`` for the split by image, ``runs`` for where the numbers come from.
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
            return runs_table([self.run_of(notebook) for notebook in self.notebooks])
        runs = [self.json_of(notebook, "metrics.json") for notebook in self.notebooks]
        if what == "leak":
            return "\n\n".join(map(leak_table, filter(has_both_splits, runs))) or "No run has recorded both splits yet."
        metrics = {name: number for run in runs for name, number in run.items()}  # of the same name the last counts
        if what in SCORES:
            return results_table(metrics, SCORES[what])
        if what not in OTHER_TABLES:
            raise self.error(f"results-table: expected one of runs, leak, {', '.join([*OTHER_TABLES, *SCORES])}, got {what!r}")
        return OTHER_TABLES[what](metrics)

    def run_of(self, notebook):
        """Provenance of one run, with a link and how many of its numbers were also reported elsewhere."""
        compared = set(self.json_of(notebook, "metrics.json")) & set(literature.REPORTED)
        return self.json_of(notebook, "provenance.json") | {"link": link(notebook), "compared": len(compared)}

    def json_of(self, notebook, name):
        """Content of a file in the run folder of `notebook`; empty where there is none."""
        return json.loads(self.read(Path(self.config.executed_runs) / notebook.stem / name) or "{}")


def results_table(metrics, scores):
    """A row for each model and views in `metrics` or in the literature, for each of `scores` ours, the talk's, the paper's."""
    names = [score for score, _, _ in scores.values()]
    rows = []
    for model, views in learners([*metrics, *literature.REPORTED], names):
        row = [MODELS.get(model, code(model)), VIEWS[views]]
        for score, factor, digits in scores.values():
            row += compared(metrics, f"{model}_{views}_{score}", factor, digits, with_talk=score.startswith("r2_"))
        rows.append(row)
    head = ["model", "views"]
    for label, (score, _, _) in scores.items():
        head += [f"{label}, ours", *(["talk"] if score.startswith("r2_") else []), "paper"]
    return table(head, rows)


def learners(names, scores):
    """(model, views) of every metric in `names` whose score is one of `scores`: known models first, one view before two."""
    pattern = re.compile(rf"(\w+)_({'|'.join(VIEWS)})_(?:{'|'.join(scores)})")
    found = {match.groups() for match in map(pattern.fullmatch, names) if match}
    models = [*MODELS, *sorted({model for model, _ in found} - set(MODELS))]
    return sorted(found, key=lambda pair: (models.index(pair[0]), [*VIEWS].index(pair[1])))


def compared(metrics, name, factor, digits, with_talk):
    """Cells of one score: ours with its standard error, the talk's where asked for, the paper's."""
    reported = literature.REPORTED.get(name, literature.Reported("", None))
    ours, error = metrics.get(name), metrics.get(f"{name}_se")
    cell = NOT_YET if ours is None else f"{factor * ours:.{digits}f}"
    if ours is not None and error is not None:
        cell += f"\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{factor * error:.{digits}f}"
    paper = NOTHING if reported.paper is None else f"{factor * reported.paper:.{digits}f}"
    talk = reported.talk.replace("or ", "or\N{NO-BREAK SPACE}") or NOTHING
    return [cell, *([talk] if with_talk else []), paper]


def has_both_splits(metrics):
    """Whether a run has scores after both a split by crystal and one by image."""
    return any(name.removesuffix("_image_split") in metrics for name in metrics if name.endswith("_image_split"))


def leak_table(metrics):
    """Scores after a split by crystal and by image, for every model that recorded both."""
    rows = []
    for label, score in SPLIT_SCORES.items():
        for model, views in learners([name.removesuffix("_image_split") for name in metrics], [score]):
            name = f"{model}_{views}_{score}"
            split = metrics.get(f"{name}_image_split")
            if split is not None and name in metrics:
                ours, paper = compared(metrics, name, 1, 3, with_talk=False)
                gain = f"{split - metrics[name]:+.3f}".replace("-", "−")
                rows.append([MODELS.get(model, code(model)), VIEWS[views], label, ours, f"{split:.3f}", gain, paper])
    head = ["model", "views", "score", "by crystal", "by image", "gain", "paper (by image)"]
    return table(head, rows)


def views_table(metrics):
    """Scores by the number of views, a row for each learner and number."""
    rows = []
    pattern = re.compile(r"(\w+)_(\d)_views_r2_rho_e")
    for model, count in sorted(match.groups() for match in map(pattern.fullmatch, metrics) if match):
        numbers = [metrics[f"{model}_{count}_views_{score}"] for score in SPLIT_SCORES.values()]
        rows.append([MODELS.get(model, code(model)), count, *(f"{number:.3f}" for number in numbers)])
    return table(["model", "views", *SPLIT_SCORES], rows) if rows else "No run has recorded these scores yet."


def trust_table(metrics):
    """What conformal intervals and sets promised and kept, and how wide they are."""
    rows = []
    for target, (label, width) in {"rho_e": ("ρₑ", "width"), "a_e": ("Aₑ", "width"), "n_bullets": ("n", "size")}.items():
        for percent in (80, 95):
            found = [metrics.get(f"{kind}_{percent}_{target}") for kind in ("coverage", width)]
            if None not in found:
                rows.append([label, f"{percent} %", f"{100 * found[0]:.1f} %", f"{found[1]:.2f}"])
    head = ["target", "promised", "kept", "width (upper over lower end) or size of the set"]
    return table(head, rows) if rows else "No run has recorded intervals yet."


def shapes_table(metrics):
    """Reconstruction and recognition: IoU and F-score with one view and with two."""
    rows = []
    for method, label in SHAPES.items():
        for views, suffix in {"1": "", "2 (90°)": "_2ds"}.items():
            cells = []
            for score in SHAPE_SCORES.values():
                number, error = (metrics.get(f"{score}_{method}{suffix}{end}") for end in ("", "_se"))
                cells.append(NOTHING if number is None else f"{number:.3f}" + (f" ± {error:.3f}" if error is not None else ""))
            if set(cells) != {NOTHING}:
                rows.append([label, views, *cells])
    return table(["way", "views", *SHAPE_SCORES], rows) if rows else "No run has recorded shapes yet."


def latent_table(metrics):
    """Every rung of the ladder of representations, on synthetic habits and, where there were any, on real silhouettes."""
    rows = []
    for pictures, suffix in {"nine synthetic habits": "", "2D-S silhouettes": "_2ds"}.items():
        for rung, label in RUNGS.items():
            cells = []
            for score in RUNG_SCORES.values():
                number, spread = (metrics.get(f"{score}_{rung}{suffix}{end}") for end in ("", "_sd"))
                cells.append(NOTHING if number is None else f"{number:.3f}" + (f" ± {spread:.3f}" if spread is not None else ""))
            if set(cells) != {NOTHING}:
                rows.append([pictures, label, *cells])
    return table(["pictures", "representation", *RUNG_SCORES], rows) if rows else "No run has recorded representations yet."


def ways_table(scores):
    """A maker of tables of some `scores`, column -> name of a metric with a gap for the way, with a row for each of `WAYS`."""

    def made(metrics):
        rows = []
        for way, label in WAYS.items():
            found = [metrics.get(name.format(way)) for name in scores.values()]
            if set(found) != {None}:
                rows.append([label, *(NOTHING if number is None else f"{number:.3f}" for number in found)])
        return table(["way", *scores], rows) if rows else "No run has recorded cloud fields yet."

    return made


#: Argument of ``results-table`` -> the table it makes of all metrics.
OTHER_TABLES = {
    "views": views_table,
    "trust": trust_table,
    "shapes": shapes_table,
    "latent": latent_table,
    "fields": ways_table(FIELD_SCORES),
    "distances": ways_table(DISTANCE_SCORES),
}


def runs_table(runs):
    """Where the numbers come from: every run of `runs` with numbers to compare."""
    head = ["notebook", "profile", "device", "commit", "started (UTC)"]
    rows = []
    for run in runs:
        if run["compared"] and "profile" in run:
            device, commit = f"{run['device']} ({run['device_name']})", code((run["commit"] or "none")[:10])
            rows.append([run["link"], run["profile"], device, commit, run["started"]])
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


def code(text):
    """`text` set as code."""
    return f"`{text}`" if text else ""


def table(head, rows):
    """A MyST table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)
