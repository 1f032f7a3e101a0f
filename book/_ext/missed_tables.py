"""Tables of how far this book's runs go: how large they are, and which reported scores they do not reach."""

import re

from score_tables import MODELS, NOT_YET, NOTHING, VIEWS, learners, table

from lib.crystals.habits import HABITS
from lib.notebook import literature

REACHED = "reached"
#: Head of a column -> score in a metric's name, factor and digits.
ALL_SCORES = {
    "R² ρₑ": ("r2_rho_e", 1, 3),
    "R² Aₑ": ("r2_a_e", 1, 3),
    "accuracy": ("balanced_accuracy", 1, 3),
    "RMSE ρₑ": ("rmse_rho_e", 1000, 2),
    "RMSE Aₑ": ("rmse_a_e", 1000, 2),
    "MAE ρₑ": ("mae_rho_e", 1000, 2),
    "MAE Aₑ": ("mae_a_e", 1000, 2),
}
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


def missed_table(metrics):
    """By how much ours falls short of what was reported, for every learner that was, and for the best network of each kind."""
    rows = [[MODELS[model], VIEWS[views], "paper", *shortfalls(metrics, model, model, views)] for model, views in reported()]
    rows += [
        ["best of each", VIEWS[views], "paper", *shortfalls(metrics, chosen(metrics, views), "resnet18", views)]
        for views in VIEWS
    ]
    rows += [[MODELS[model], VIEWS["single"], "talk", *talk_shortfalls(metrics, model)] for model in ("rf", "cnn")]
    return table(["model", "views", "beside", *ALL_SCORES], rows)


def reported():
    """(model, views) of everything that the paper reports."""
    return learners(literature.REPORTED, ["balanced_accuracy"])


def chosen(metrics, views):
    """The model that was recorded as the best network, told by its scores."""
    twins = (model for model in MODELS if f"{model}_{views}_r2_a_e" in metrics)
    return next((model for model in twins if model != "best" and same(metrics, model, views)), "best")


def same(metrics, model, views):
    """Whether a model's scores are those of the best network."""
    scores = ("r2_rho_e", "r2_a_e", "balanced_accuracy")
    return all(metrics.get(f"{model}_{views}_{score}") == metrics.get(f"best_{views}_{score}") for score in scores)


def shortfalls(metrics, ours, theirs, views):
    """A cell for each of `ALL_SCORES`: what the model `ours` lacks to the paper's model `theirs`, or that it was reached."""
    known = [metrics.get(f"{ours}_{views}_{score}") for score, _, _ in ALL_SCORES.values()]
    if set(known) == {None}:
        return [NOT_YET] * len(known)
    cells = []
    for number, (score, factor, digits) in zip(known, ALL_SCORES.values(), strict=True):
        paper = literature.REPORTED[f"{theirs}_{views}_{score}"].paper
        error = metrics.get(f"{ours}_{views}_{score}_se", 0)
        cells.append(NOTHING if number is None else shortfall(number, paper, error, score, factor, digits))
    return cells


def talk_shortfalls(metrics, model):
    """The same beside the talk, which prints two R2 and does not say which is of which target."""
    cells = []
    for score, factor, digits in ALL_SCORES.values():
        name = f"{model}_single_{score}"
        talk = re.findall(r"[\d.]+", literature.REPORTED[name].talk)
        number, error = metrics.get(name), metrics.get(f"{name}_se", 0)
        if not talk or number is None:
            cells.append(NOTHING if not talk else NOT_YET)
        else:
            found = {value: shortfall(number, float(value), error, score, factor, digits) for value in talk}
            short = [f"{cell} ({value})" for value, cell in found.items() if cell != REACHED]
            cells.append(", ".join(short) or REACHED)
    return cells


def shortfall(ours, theirs, error, score, factor, digits):
    """Ours minus theirs where it is worse by more than its standard `error`, else that it was reached."""
    sign = -1 if score.startswith(("rmse", "mae")) else 1
    if sign * (theirs - ours) <= error:
        return REACHED
    return f"{factor * (ours - theirs):+.{digits}f}".replace("-", "−")


def scale_table(parameters):
    """Sizes of data, pictures and trainings of this run beside the talk's and the paper's; `parameters`: notebook -> its own."""
    rows = []
    for name, (label, notebook, number) in SCALES.items():
        talk, paper = literature.SETTINGS[name]
        ours = spelled(number(parameters[notebook])) if parameters.get(notebook) else NOT_YET
        rows.append([label, ours, talk or NOTHING, NOTHING if paper is None else spelled(paper)])
    return table(["size", "ours", "talk", "paper"], rows)


def shown(epochs, steps, batch, **_):
    """How many pictures each network is shown in its training; none comes twice."""
    return {network: number * steps * batch for network, number in epochs.items()}


def spelled(value):
    """A size as read in a table: thousands apart, the entries of a dictionary after their names, those that are 0 left out."""
    if isinstance(value, dict):
        return ", ".join(f"{MODELS[key]} {spelled(number)}" for key, number in value.items() if number)
    return f"{value:,}"


def second_view_table(metrics):
    """By which share a second view cuts the RMSE of the best network, ours and the paper's."""
    rows = []
    for views in ("2ds", "phips"):
        for label, target in {"ρₑ": "rho_e", "Aₑ": "a_e"}.items():
            name = f"rmse_cut_{target}_{views}"
            ours = f"{100 * metrics[name]:.0f} %" if name in metrics else NOT_YET
            rows.append([VIEWS[views], label, ours, f"{100 * literature.REPORTED[name].paper:.0f} %"])
    return table(["views", "target", "ours", "paper"], rows)
