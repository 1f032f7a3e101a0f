"""The tables of the results page: rows of runs, see `lib.notebook.rows`, beside those of the talk and the paper.

Each maker takes the rows of all runs and returns a MyST table.
"""

import pandas as pd

from lib.notebook import literature, titles
from lib.notebook.rows import select, table, text

#: Argument of ``results-table`` -> scores, each with the quantity that it is of.
SCORES = {
    "rho_e": [("r2", "rho_e"), ("rmse", "rho_e"), ("mae", "rho_e")],
    "a_e": [("r2", "a_e"), ("rmse", "a_e"), ("mae", "a_e")],
    "n_bullets": [("balanced_accuracy", ""), ("top3", ""), ("mae_bullets", "")],
    "labels": [("precision", ""), ("recall", ""), ("f1", "")],
}
#: The scores by which models are compared.
MAIN = [("r2", "rho_e"), ("r2", "a_e"), ("balanced_accuracy", "")]
VIEWS = ("single", "2ds", "phips")
REPRESENTATIONS = ("descriptors", "conv2", "conv128_umap", "resnet128_umap", "ssl_live", "ssl")
NOT_YET, NOTHING = "not run", "–"


def row_of(rows, score, quantity="", *, model="", views="", data="", split=""):
    """The last row with exactly these fields, or None."""
    found = select(rows, score=score, quantity=quantity, model=model, views=views, data=data, split=split)
    return None if found.empty else found.iloc[-1]


def results_table(rows, scores):
    """A line for each model and views that we or others have, and for each of `scores` ours, the talk's, the paper's."""
    lines = []
    for model, views in learners(rows, scores):
        line = [titles.title("model", model), titles.title("views", views)]
        for score, quantity in scores:
            ours = row_of(rows, score, quantity, model=model, views=views)
            line += [NOT_YET if ours is None else text(ours)]
            line += reported(score, quantity, model, views) if score == "r2" else reported(score, quantity, model, views)[1:]
        lines.append(line)
    head = ["model", "views"]
    for score, _ in scores:
        head += [f"{titles.title('score', score)}, ours", *(["talk"] if score == "r2" else []), "paper"]
    return markdown(head, lines)


def learners(rows, scores):
    """(model, views) of every row of ours or of others with one of `scores`, in the order of `titles`."""
    both = pd.concat([rows, literature.ROWS])
    found = select(both, score=[score for score, _ in scores], views=VIEWS, split="", data="")
    found = found[found.model != ""]
    return [*ordered(found)[["model", "views"]].drop_duplicates().itertuples(index=False, name=None)]


def reported(score, quantity, model, views):
    """The talk's and the paper's number as text."""
    texts = []
    for source in ("talk", "paper"):
        row = row_of(literature.ROWS[literature.ROWS.source == source], score, quantity, model=model, views=views)
        texts.append(NOTHING if row is None else row.text or text(row))
    return texts


def ordered(rows, by=("model", "views")):
    """`rows` sorted by some columns in the order in which `titles` has their codes; codes without a title come last."""
    known = {"score": [*titles.SCORES]} | {field: ["", *codes] for field, codes in titles.TITLES.items()}
    rank = {field: {code: place for place, code in enumerate(codes)} for field, codes in known.items()}
    return rows.sort_values(
        list(by), key=lambda column: column.map(rank[column.name]).fillna(len(rank[column.name])), kind="stable"
    )


def pivot(rows, index, columns, missing="No run has recorded these scores yet.", **fields):
    """Rows with these `fields` as a table by `index` and `columns`."""
    chosen = select(rows, **fields).drop_duplicates(["score", *titles.FIELDS], keep="last")
    if chosen.empty:
        return missing
    index, columns = ([part] if isinstance(part, str) else part for part in (index, columns))
    shown = table(ordered(chosen, index), index, columns)
    shown = shown[table(ordered(chosen, columns), index, columns).columns]
    heads = [", ".join(filter(None, head)) if isinstance(head, tuple) else head for head in shown]
    labels = [label if isinstance(label, tuple) else (label,) for label in shown.index]
    lines = [[*label, *(cell or NOTHING for cell in line)] for label, line in zip(labels, shown.to_numpy(), strict=True)]
    return markdown([*index, *heads], lines)


def leak_table(rows):
    """Scores after a split by crystal and by image, for every model that recorded both."""
    lines = []
    rows = rows[rows.run.isin(rows[rows.split == "image_split"].run)]  # models of one run have the same pictures
    for score, quantity in MAIN:
        for model, views in learners(rows, [(score, quantity)]):
            ours, split = (row_of(rows, score, quantity, model=model, views=views, split=split) for split in ("", "image_split"))
            if ours is not None and split is not None:
                gain = f"{split.value - ours.value:+.3f}".replace("-", "−")
                paper = reported(score, quantity, model, views)[1]
                names = [titles.title("model", model), titles.title("views", views), named(score, quantity)]
                lines.append([*names, text(ours), text(split), gain, paper])
    head = ["model", "views", "score", "by crystal", "by image", "gain", "paper (by image)"]
    return markdown(head, lines) if lines else "No run has recorded both splits yet."


def views_table(rows):
    """Scores by the number of views about one axis, a line for each learner and number."""
    counts = [code for code in titles.VIEWS if code.endswith("_views")]
    return pivot(rows, ["model", "views"], ["score", "quantity"], score=["r2", "balanced_accuracy"], views=counts)


def trust_table(rows):
    """What conformal intervals and sets hold, and how wide they are."""
    scores = [f"{what}_{percent}" for percent in (80, 95) for what in ("coverage", "width", "size")]
    return pivot(rows, "quantity", "score", "No run has recorded intervals yet.", score=scores)


def shapes_table(rows):
    """Reconstruction and recognition: IoU and F-score with one view and with two."""
    return pivot(rows, ["model", "views"], "score", "No run has recorded shapes yet.", score=["iou", "iou_mirrored", "fscore"])


def pixels_table(rows):
    """Rankings of pixels: how much better than edges they are in deletion and insertion, by what is answered."""
    scores = ["deletion_gain", "insertion_gain"]
    return pivot(rows, "model", ["score", "quantity"], "No run has recorded rankings of pixels yet.", score=scores)


def latent_table(rows):
    """Representations of nine habits, of synthetic ones and, where there were any, of real silhouettes."""
    scores = ["ari", "nmi", "knn10_accuracy", "linear_probe"]
    missing = "No run has recorded representations yet."
    rows = rows.assign(data=rows.data.replace("", "habits"))
    data = ["habits", "2ds"]
    return pivot(rows, ["data", "model"], "score", missing, score=scores, model=REPRESENTATIONS, split="", data=data)


def fields_table(rows):
    """R2 of the three channels of cloud fields."""
    missing = "No run has recorded cloud fields yet."
    return pivot(rows, "model", "quantity", missing, score="r2", quantity=["q_i", "m_i", "rho_i"], data="", split="")


def distances_table(rows):
    """What distances between simulations tell of the parameters, for each way to measure them."""
    missing = "No run has recorded distances yet."
    return pivot(rows[rows.model != ""], "model", "score", missing, score=["spearman", "r2_parameters"])


def structure_table(rows):
    """Distances of schemes beside those of chance, over the median distance within the bulk ensemble, for each way to measure."""
    missing = "No run has recorded distances of schemes yet."
    return pivot(rows, ["score", "data"], "model", missing, score=["seeds", "flows", "structure"])


def named(score, quantity):
    """A score and what it is of, in words, with the unit."""
    its = titles.score(score)
    words = " of ".join(filter(None, [its.title, titles.title("quantity", quantity)]))
    return f"{words} [{its.unit}]" if its.unit else words


def code(text):
    """`text` set as code."""
    return f"`{text}`" if text else ""


def markdown(head, lines):
    """A MyST table, in which a number is not parted from its error."""
    rows = [head, ["---"] * len(head), *lines]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in rows]
    nbsp = "\N{NO-BREAK SPACE}"
    return "\n".join(f"| {' | '.join(line)} |" for line in cells).replace(" ± ", f"{nbsp}±{nbsp}").replace("or 0", f"or{nbsp}0")
