"""The tables of the results page: numbers of runs, by the names under which notebooks record them, beside those of others.

Each maker takes the metrics of all runs, name -> number, and returns a MyST table.
"""

import re

from lib.notebook import literature

#: Learner in a metric's name -> name on the page, in the order of the page; others follow under their own names.
MODELS = {
    "linear": "linear",
    "rf": "random forest",
    "gb": "boosting",
    "gb_extended": "boosting, extended",
    "mlp": "MLP",
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
} | {
    "n_bullets": {"balanced accuracy": ("balanced_accuracy", 1, 3), "top 3": ("top3", 1, 3)},
    "labels": {"precision": ("precision", 1, 3), "recall": ("recall", 1, 3), "F1": ("f1", 1, 3)},
}
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
    "two flows": "flows_bulk_{}",
}
SHAPE_SCORES = {"IoU": "iou", "IoU, better of both depths": "iou_mirrored", "F-score": "fscore"}
NOT_YET, NOTHING = "not run", "–"


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
            error = metrics.get(f"coverage_{percent}_{target}_se")
            if None not in found:
                kept = f"{100 * found[0]:.1f}" + (f" ± {100 * error:.1f}" if error is not None else "")
                rows.append([label, f"{percent} %", f"{kept} %", f"{found[1]:.2f}"])
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


def code(text):
    """`text` set as code."""
    return f"`{text}`" if text else ""


def table(head, rows):
    """A MyST table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)
