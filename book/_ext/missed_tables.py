"""Tables of how far this book's runs go: how large they are, and which reported scores they do not reach."""

from score_tables import NOT_YET, NOTHING, SCORES, VIEWS, learners, markdown, named, row_of

from lib.crystals.habits import HABITS
from lib.notebook import literature, titles
from lib.notebook.rows import select, text

REACHED = "reached"
#: Scores that are compared, each with the quantity that it is of.
COMPARED = [*SCORES["rho_e"], *SCORES["a_e"], ("balanced_accuracy", "")]
#: Scores that are better when smaller.
ERRORS = ("rmse", "mae")
#: Setting of the literature -> what it is, the notebook that has ours, and ours of that notebook's parameters.
SCALES = {
    "crystals": ("rosettes to learn from", "13-image-networks", lambda its: its["n_crystals"]),
    "pictures": ("pictures of them to learn from, for each network", "13-image-networks", lambda its: shown(**its)),
    "side": ("side of these [pixels]", "13-image-networks", lambda its: its["size"]),
    "epochs": ("epochs", "13-image-networks", lambda its: its["epochs"]),
    "two_kinds": ("spheres, and as many rosettes", "21-spheres-and-rosettes", lambda its: its["n_train"]),
    "habits": ("pictures of nine habits", "22-nine-habits", lambda its: len(HABITS) * its["n_train"] * its["photographs"]),
    "habit_side": ("side of these [pixels]", "22-nine-habits", lambda its: its["size"]),
    "latents": ("latents of these", "22-nine-habits", lambda its: its["latents"]),
    "each_origin": ("real pictures, and as many synthetic ones", "23-synthetic-vs-real", lambda its: its["n_each"]),
    "members": ("simulations of one cirrus", "32-latent-fields", lambda its: its["n_members"]),
}


def missed_table(rows):
    """By how much ours falls short of what was reported, for every learner that was, and for the best network of each kind."""
    pairs = learners(rows.iloc[:0], [("balanced_accuracy", "")])
    lines = [line(rows, titles.title("model", model), model, model, views, "paper") for model, views in pairs]
    lines += [line(rows, "best of each", "best", "resnet18", views, "paper") for views in VIEWS]
    lines += [line(rows, titles.title("model", model), model, model, "single", "talk") for model in ("rf", "cnn")]
    return markdown(["model", "views", "beside", *(named(score, quantity) for score, quantity in COMPARED)], lines)


def line(rows, label, ours, theirs, views, source):
    """A cell for each of `COMPARED`: what the model `ours` lacks to the model `theirs` of a source, or that it was reached."""
    cells = []
    for score, quantity in COMPARED:
        own = row_of(rows, score, quantity, model=ours, views=views)
        reported = select(
            literature.ROWS[literature.ROWS.source == source], score=score, quantity=quantity, model=theirs, views=views
        )
        cells.append(NOTHING if reported.empty else NOT_YET if own is None else shortfall(own, reported.value))
    return [label, titles.title("views", views), source, *cells]


def shortfall(own, reported):
    """Ours minus each `reported` number that is better by more than our standard error, else that it was reached."""
    score = titles.score(own.score)
    sign = -1 if own.score in ERRORS else 1
    error = own.se if own.se == own.se else 0  # NaN where there is none
    better = [value for value in reported if sign * (value - own.value) > error]
    texts = [f"{score.factor * (own.value - value):+{score.form}}".replace("-", "−") for value in better]
    if len(reported) == 1:
        return "".join(texts) or REACHED
    return ", ".join(f"{text} ({value})" for text, value in zip(texts, better, strict=True)) or REACHED


def scale_table(parameters):
    """Sizes of data, pictures and trainings of this run beside the talk's and the paper's; `parameters`: notebook -> its own."""
    lines = []
    for name, (label, notebook, number) in SCALES.items():
        talk, paper = literature.SETTINGS[name]
        ours = spelled(number(parameters[notebook])) if parameters.get(notebook) else NOT_YET
        lines.append([label, ours, talk or NOTHING, NOTHING if paper is None else spelled(paper)])
    return markdown(["size", "ours", "talk", "paper"], lines)


def shown(epochs, steps, batch, **_):
    """How many pictures each network is shown in its training; none comes twice."""
    return {network: number * steps * batch for network, number in epochs.items()}


def spelled(value):
    """A size as read in a table: thousands apart, the entries of a dictionary after their names, those that are 0 left out."""
    if isinstance(value, dict):
        return ", ".join(f"{titles.title('model', key)} {spelled(number)}" for key, number in value.items() if number)
    return f"{value:,}"


def second_view_table(rows):
    """By which share a second view cuts the RMSE of the best network, ours and the paper's."""
    lines = []
    for views in ("2ds", "phips"):
        for quantity in ("rho_e", "a_e"):
            own = row_of(rows, "rmse_cut", quantity, views=views)
            paper = row_of(literature.ROWS, "rmse_cut", quantity, views=views)
            names = [titles.title("views", views), titles.title("quantity", quantity)]
            lines.append([*names, *(NOT_YET if row is None else text(row) for row in (own, paper))])
    return markdown(["views", "quantity", "RMSE saved, ours [%]", "paper"], lines)
