# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Image networks
#
# Eight numbers describe a silhouette, but they leave most of it unsaid. A network can look at the picture itself. This notebook
# asks how much more it reads there, and then what a careful user asks next: how far can each prediction be trusted?
#
# In this notebook we
#
# 1. train networks on pictures that never repeat,
# 2. set them beside learners of the eight descriptors, on crystals that none has seen,
# 3. give each prediction an interval that holds what it promises, and
# 4. let the network say when a picture shows something that it was not made for.
#
# The methods are explained on the page [](../book/part-1-networks.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need pictures to learn from, networks, learners of tables to compare with, and the tools of uncertainty.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from IPython.display import display

from lib.core.seeds import child_seed
from lib.datasets import fresh_rosettes
from lib.datasets.rosettes import Views, rosette_views, rows, truth
from lib.evaluation import conformal
from lib.evaluation.scores import scores_with_errors
from lib.figures import predictions
from lib.figures.confusion import confusion
from lib.figures.gallery import gallery
from lib.imaging.read import cpi
from lib.models import networks, tables
from lib.models.networks.polar import Polar, polar_grid
from lib.models.shape_model import features, network_recipes, predict, shape_model, shares
from lib.notebook import literature
from lib.notebook.run import start
from lib.studies.real_rosettes import circle_share, outlines

# %% [markdown]
# A network trains for so many epochs of `steps` batches; one with no epochs is left out.

# %% tags=["parameters"]
n_crystals: int = 6000  # crystals to learn from
n_held: int = 500  # crystals for validation; calibration has twice as many
n_test: int = 1400  # crystals for the test
angles: list = [0, 90, 120, 30, 60, 150]  # views in the data sets, here the first is used [deg]
size: int = 128  # side of the square pictures [pixels]
epochs: dict = {"cnn": 2, "resnet18": 0, "polar": 12}  # epochs of each network
steps: int = 200  # batches in an epoch
batch: int = 64  # crystals in a batch
pooled: int = 4  # side of the blocks of pixels that cnn and resnet18 see as one [pixels]
width: int = 64  # channels of the polar network's first layer
n_trees: int = 100  # trees of the forest, and steps of boosting
cpi_dir: str = ""  # folder of CPI tiles of bullets, or empty
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("13-image-networks", globals())
run.at_least(n_crystals=70, n_held=35, n_test=35, size=32)
run.at_least(steps=2, batch=8, pooled=1, width=4, n_trees=8)
block = 8 * pooled
run.require(size % block == 0, f"size must be a multiple of 8 x pooled = {block}, got {size}.")
run.epochs("epochs", of=networks.NETWORKS)
run.require(epochs.get("polar"), "epochs must give polar at least one: later sections use it.")
apart = len(set(angles)) == len(angles)
fault = f"angles must begin with 0 and differ from each other, got {angles}."
run.require(angles[:1] == [0] and apart, fault)
run.folders("cpi_dir")
run

# %% [markdown]
# ## Four sets of crystals
#
# Crystals to learn from, others that decide which epoch of a training was best, others again that calibrate the
# intervals, and the test. Each set is drawn from a seed of its own, so no crystal is in two of them.

# %%
sets = fresh_rosettes.sets(n_crystals, n_held, n_test, tuple(map(float, angles)), size, seed)
held = {name: rosette_views(views, scheduler) for name, views in sets._asdict().items()}
sizes = pd.DataFrame({name: dict(data.sizes) for name, data in held.items()})
sizes.loc[["crystal", "orientation", "view", "y", "x"]].fillna(0).astype(int)

# %% [markdown]
# Of the first set only the crystals are kept. Their pictures are drawn while a network trains, in an orientation that no other
# batch has, so there is no picture to remember. A crystal is met about as often as an epoch has
# pictures, divided by the number of crystals.

# %%
fresh = fresh_rosettes.FreshPictures(
    sets.crystals, (0.0,), batch=batch, steps=steps, seed=seed, scheduler=scheduler
)
first = next(iter(fresh))
first.pictures.shape, first.values.shape, first.labels.shape

# %% [markdown]
# ## A network that knows about turning
#
# Rosettes grow from a centre, and a rosette turned in the picture plane is the same rosette. The *polar network* samples the picture
# on rings about its middle. Turning the crystal now shifts the picture along the angle, and convolutions
# that run round the circle shift with it. What is averaged over the angle in the end does not change.

# %% mystnb={"figure": {"caption": "Silhouettes (top) and what the polar network sees of them (bottom): each row of a lower picture is a ring about the middle. Bullets become columns that rise from the base; those seen end on stay short.", "name": "fig-polar"}, "image": {"alt": "Four silhouettes of rosettes, and below each the same in polar coordinates, where bullets are upright columns."}}
example = shares(first.pictures[:4])
grid = polar_grid(48, 96, Polar.REACH).expand(4, -1, -1, -1)
polar = torch.nn.functional.grid_sample(example, grid, align_corners=False)
predictions.polar_pictures(example[:, 0].numpy(), polar[:, 0].numpy(), Polar.REACH)

# %% [markdown]
# Beside it stand the talk's simple CNN and, where the profile has time for it, ResNet-18. All have one head for the three tasks.

# %%
settings = {"cnn": {"pooled": pooled}, "resnet18": {"pooled": pooled}, "polar": {"width": width}}
recipes = network_recipes(epochs, settings, steps=steps, batch=batch)

# %% [markdown]
# Now they train. A training that is broken off goes on after its last whole epoch; one that was finished before is found.

# %%
trained = {
    name: shape_model(recipe, sets.crystals, sets.validation, seed, device, scheduler)
    for name, recipe in recipes.items()
}

# %% [markdown]
# What each needed: `pictures` are shown once each, and the speed includes drawing them. It is the speed of the machine that trained
# the network.

# %%
effort = {}
for name, (model, history, _) in trained.items():
    weights = sum(part.numel() for part in model.parameters())
    shown = len(history) * steps * batch
    speed = shown / history.seconds.sum()
    effort[name] = {"weights": weights, "pictures": shown, "pictures/s": speed}
    run.record_each({"pictures": shown, "pictures_per_second": speed}, name)
pd.DataFrame(effort).rename(columns=networks.NETWORKS).T.round(0).astype(int)

# %% [markdown]
# Whether they have learned all that they could is seen from the loss on the validation crystals ({numref}`fig-learning-curves`).

# %% mystnb={"figure": {"caption": "Loss on validation crystals by the number of crystals shown in training. A line that still falls at its end says that the network would gain from a longer training.", "name": "fig-learning-curves"}, "image": {"alt": "Line plot of the validation loss of each network over the crystals shown, falling."}}
histories = {networks.NETWORKS[name]: found.history for name, found in trained.items()}
predictions.learning_curves(histories, steps * batch)

# %% [markdown]
# ## The test
#
# Beside the networks stand the learners of notebook 12, which get the eight descriptors of one picture of each of the same
# crystals. A network has seen more pictures of each: part of what it is ahead may be that.

# %%
known, asked = rows(held["crystals"]), rows(held["test"])
predicted = {
    name: tables.predictions(known, asked, name, seed, n_trees) for name in tables.LEARNERS
}

# %% [markdown]
# The networks get the test pictures.

# %%
true = truth(held["test"])
shown = fresh_rosettes.pictures_of(held["test"])
answers = {name: predict(found.model, shown) for name, found in trained.items()}
predicted |= {name: answer.table for name, answer in answers.items()}

# %% [markdown]
# All are scored on the same crystals, with standard errors over crystals as before. The *best* network is the one with
# the smallest loss on the validation crystals: the test has no say in it.

# %%
best = min(trained, key=lambda name: trained[name].history.val_loss.min())
names = tables.LEARNERS | networks.NETWORKS
scores = pd.DataFrame({name: scores_with_errors(true, values) for name, values in predicted.items()})
for name in scores:
    run.record_each(scores[name], f"{name}_single")
run.record_each(scores[best], "best_single")
run.keep(scores=scores.T)
print("best on the validation crystals:", names[best])
scores[~scores.index.str.startswith("mae_")].rename(columns=names).round(4)

# %% [markdown]
# Crystal by crystal, {numref}`fig-network-predicted-true` shows whose errors are smaller, and where.

# %% mystnb={"figure": {"caption": "Predicted over true effective density (top) and effective surface area (bottom) of unseen crystals. The forest and boosting see eight descriptors, the networks the picture. With the polar network the cloud is narrower over the whole range; the CNN needs a longer training than it gets in the laptop profile.", "name": "fig-network-predicted-true"}, "image": {"alt": "Eight density plots of predicted over true values, in two rows, a column for each model; the polar network's are the narrowest."}}
compared = {names[name]: predicted[name] for name in ("rf", "gb", *trained)}
predictions.predicted_against_true(true, compared)

# %% [markdown]
# The number of bullets shows the difference most clearly ({numref}`fig-network-confusion`).

# %% mystnb={"figure": {"caption": "Number of bullets, predicted (columns) against true (rows), in per cent of each row. The polar network is seldom off by more than one.", "name": "fig-network-confusion"}, "image": {"alt": "Confusion matrices of the number of bullets, one for each model; the polar network's is the closest to its diagonal."}}
labels = {name: values.n_bullets for name, values in compared.items()}
confusion(true.n_bullets, labels, ("predicted number of bullets", "true number"))

# %% [markdown]
# On the same test crystals the best network explains {glue:text}`best_single_r2_rho_e:.3f` of the variance of effective density and
# {glue:text}`best_single_r2_a_e:.3f` of effective surface area, boosting on eight descriptors
# {glue:text}`gb_single_r2_rho_e:.3f` and {glue:text}`gb_single_r2_a_e:.3f`. The number of bullets is where pictures help most:
# {glue:text}`best_single_balanced_accuracy:.2f` against {glue:text}`gb_single_balanced_accuracy:.2f`.

# %% [markdown]
# ## How wrong may it be?
#
# A prediction without an error bar invites misuse. *Conformal prediction* makes error bars with a guarantee: on crystals
# like those of the calibration set, an interval at 95 % holds the true value in 95 % of cases, whatever the network. This holds on
# average over all sets that might have calibrated it; with one of them, the share that is kept scatters about the promise.

# %%
model = trained[best].model
truths = {name: truth(held[name]) for name in ("validation", "calibration")}
said = {name: predict(model, fresh_rosettes.pictures_of(held[name])) for name in truths}
validation, calibration = ((truths[name], said[name]) for name in truths)
conformal = conformal.Conformal(validation, calibration)

# %% [markdown]
# Whether it holds what it promises is measured on the test crystals, at several levels. For the number of bullets there is a *set* of
# numbers that cannot be ruled out. The width of an interval is its upper over its lower end.

# %%
levels = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
kept = pd.DataFrame({level: conformal.scores(true, answers[best], level) for level in levels})
for percent in (80, 95):
    with_percent = kept.index.str.replace("_", f"_{percent}_", n=1)
    run.record_each(kept[percent / 100].set_axis(with_percent))
kept.rename(columns="{:.0%}".format).round(3)

# %% [markdown]
# {numref}`fig-coverage` sets what was kept beside what was promised. At 95 % the standard error is
# {glue:text}`coverage_95_rho_e_se:.3f`, from the crystals that calibrate and from those of the test. All targets share these crystals, so they
# may all lie on the same side.

# %% mystnb={"figure": {"caption": "Share of true values of unseen crystals inside their conformal interval or set, by the share promised, with standard errors. On the dotted line the promise is kept exactly.", "name": "fig-coverage"}, "image": {"alt": "Line plot of the coverage kept over the coverage promised: three lines close to the dotted diagonal."}}
predictions.coverages(kept)

# %% [markdown]
# The intervals of single crystals are of very different widths ({numref}`fig-intervals`).

# %% mystnb={"figure": {"caption": "95 % intervals of effective density (left) and effective surface area (right) for test crystals in order of their predicted value, and the true values. Intervals are factors, and they are wider where similar crystals were predicted badly.", "name": "fig-intervals"}, "image": {"alt": "Two plots of vertical bars in rising order, most of which hold the dot of the true value."}}
intervals = conformal.intervals(answers[best], 0.95)
predictions.interval_examples(true, answers[best].table, intervals)

# %% [markdown]
# ## Is it a rosette at all?
#
# The guarantee is for crystals of the kind learned from. The polar network will also give numbers for a column, or for a smudge. A *novelty
# score* compares the features that the network finds in a picture with those of known pictures, and turns
# the distance into the share of known pictures that are as odd. Real silhouettes have no gaps and another scale, so
# all are drawn anew as filled outlines of one size.

# %%
fill = circle_share(known, size).median()
model = trained["polar"].model
drawn = {
    name: outlines(fresh_rosettes.pictures_of(held[name])[:, 0], size, fill)
    for name in ("validation", "calibration", "test")
}
found = {name: features(model, outline) for name, outline in drawn.items()}
novelty = conformal.Novelty(found["validation"], found["calibration"])

# %% [markdown]
# Crystals of the 2023 model are the touchstone: those with one to three bullets are none of ours, those with four to
# eight are rosettes of other proportions.

# %%
foreign = Views(n_held, 1, (0,), child_seed(seed, "2023 model"), size, model="2023")
foreign = rosette_views(foreign, scheduler)
few = (foreign.n_bullets < 4).to_numpy()
others = outlines(fresh_rosettes.pictures_of(foreign)[:, 0], size, fill)
odd = novelty(features(model, others))
p_values = {
    "test rosettes": novelty(found["test"]),
    "2023 model, 4 to 8 bullets": odd[~few],
    "2023 model, 1 to 3 bullets": odd[few],
}

# %% [markdown]
# Real crystals join if a folder of CPI tiles is given.

# %%
masks, report = cpi.whole_particles(Path(cpi_dir)) if cpi_dir else ([], None)
if cpi_dir:
    display(report.reason.replace("", "used").value_counts().to_frame("files"))
if masks:
    real = outlines(masks, size, fill)
    p_values["CPI tiles"] = novelty(features(model, real))
elif not cpi_dir:
    print("No folder is given in cpi_dir, so no real crystals are shown.")

# %% mystnb={"figure": {"caption": "Share of pictures flagged as novel, by the share of known rosettes that one accepts to flag falsely. Unseen rosettes of the same model follow the dotted line: the score is calibrated. What lies far above it is told apart from them.", "name": "fig-novelty"}, "image": {"alt": "Line plot of pictures flagged over false alarms accepted: unseen rosettes follow the dotted line, other kinds lie far above."}}
accepted = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
shares = {name: conformal.flagged(p, accepted) for name, p in p_values.items()}
flagged = pd.DataFrame(shares, index=accepted)
predictions.novelty_curves(flagged)

# %% [markdown]
# At one false alarm in twenty:

# %%
flags = flagged.loc[0.05]
run.record(novelty_flagged_test=flags["test rosettes"])
run.record(novelty_flagged_2023=flags["2023 model, 4 to 8 bullets"])
run.record(novelty_flagged_few=flags["2023 model, 1 to 3 bullets"])
flags.to_frame("flagged at 5 %").round(3)

# %% [markdown]
# Does the score tell where predictions fail? The intervals for rosettes of the 2023 model say so: those that look novel
# are covered less often than the 95 % that were promised for known ones.

# %%
said = {name: predict(model, outline) for name, outline in drawn.items()}
validation, calibration = ((truths[name], said[name]) for name in truths)
outlined = conformal.Conformal(validation, calibration)
trust = {"test rosettes": outlined.scores(true, said["test"], 0.95)}
kinds = {"2023 model, not novel": odd >= 0.05, "2023 model, novel": odd < 0.05}
for label, kind in kinds.items():
    chosen = kind & ~few
    if chosen.any():
        answer = predict(model, others[chosen])
        trust[label] = outlined.scores(truth(foreign)[chosen], answer, 0.95)
pd.DataFrame(trust).round(3)

# %% [markdown]
# ## Real crystals
#
# For real crystals the network gives intervals too. They are worth something only for those that are not novel.

# %%
if masks:
    answer = predict(model, real)
    known_kind = p_values["CPI tiles"] >= 0.05
    run.record(cpi_n_used=len(masks), cpi_share_not_novel=known_kind.mean())
    if known_kind.any():
        intervals = outlined.intervals(answer, 0.95)
        usual = pd.concat([answer.table, intervals], axis=1)[known_kind]
        run.record_each(usual[["rho_e", "a_e"]].median(), "cpi", "p50")
        display(usual.describe().round(3))

# %% [markdown]
# The most and the least usual of them, by their p-value:

# %%
if masks:
    order = np.argsort(p_values["CPI tiles"])
    chosen = list(dict.fromkeys([*order[::-1][:7], *order[:7]]))
    labels = [f"p = {p_values['CPI tiles'][i]:.3f}" for i in chosen]
    display(gallery([masks[i] for i in chosen], labels, columns=7))

# %% [markdown]
# ## Beside the talk and the paper
#
# The published networks {cite}`ko2025` learned from 489,999 pictures in 50 epochs, and their test is split by picture.

# %%
literature.beside(run.rows)

# %% [markdown]
# ## What was shown
#
# - One picture tells the best network effective density with $R^2$ = {glue:text}`best_single_r2_rho_e:.3f`, effective surface area with
#   {glue:text}`best_single_r2_a_e:.3f`, and the number of bullets in {glue:text}`best_single_balanced_accuracy:.2f` of cases, on
#   crystals that it never met.
# - Conformal intervals at 95 % hold {glue:text}`coverage_95_rho_e:.3f` of the effective densities and
#   {glue:text}`coverage_95_a_e:.3f` of the effective surface areas of unseen crystals, each ± {glue:text}`coverage_95_rho_e_se:.3f`.
# - A novelty score with {glue:text}`novelty_flagged_test:.2f` false alarms flags {glue:text}`novelty_flagged_few:.2f` of crystals
#   with one to three bullets.
#
# The next notebook, [](14-two-views.ipynb), gives the same networks a second look.
