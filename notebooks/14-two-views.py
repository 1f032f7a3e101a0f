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
# # Two views
#
# What hides behind a bullet from one side may show from another. Two instruments look twice: the 2D-S along two lines at right
# angles, PHIPS along two lines 120° apart. How much does the second view add, does the angle matter, and how many cameras
# should a probe have?
#
# In this notebook we
#
# 1. set single against two views for every learner of notebooks 12 and 13,
# 2. compare the two instruments, and
# 3. measure what each further view adds, up to six.
#
# The methods are explained on the page [](../book/part-1-networks.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need the data sets, the learners of tables, the networks and the figures of the last notebooks.

# %%
import dataclasses

import pandas as pd

from lib.datasets import fresh_rosettes
from lib.datasets.rosettes import rosette_views, rows, truth
from lib.evaluation.scores import scores_with_errors
from lib.figures import predictions
from lib.figures.confusion import confusion
from lib.figures.gallery import gallery
from lib.imaging.draw.silhouette import VIEW_ANGLES
from lib.models import networks, tables
from lib.models.shape_model import (
    Recipe,
    network_recipes,
    predict,
    predict_by_views,
    shape_model,
)
from lib.notebook import literature
from lib.notebook.run import start

# %% [markdown]
# With the same values as in [](13-image-networks.ipynb) its data sets and networks are found rather than made again.

# %% tags=["parameters"]
n_crystals: int = 6000  # crystals to learn from
n_held: int = 500  # crystals for validation; calibration has twice as many
n_test: int = 1400  # crystals for the test
angles: list = [0, 90, 120, 30, 60, 150]  # views in order of adding, with 0, 90 and 120 [deg]
size: int = 128  # side of the square pictures [pixels]
epochs: dict = {"cnn": 2, "resnet18": 0, "polar": 12}  # epochs of each network with one view
pair_epochs: dict = {"cnn": 1, "resnet18": 0, "polar": 6}  # epochs of each network with two views
head_epochs: int = 1  # epochs of the heads for up to six views
steps: int = 200  # batches in an epoch
batch: int = 64  # crystals in a batch
pooled: int = 4  # side of the blocks of pixels that cnn and resnet18 see as one [pixels]
width: int = 64  # channels of the polar network's first layer
n_trees: int = 100  # trees of the forest, and steps of boosting
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("14-two-views", globals())
run.at_least(n_crystals=70, n_held=35, n_test=35, size=32)
run.at_least(head_epochs=1, steps=2, batch=8, pooled=1, width=4, n_trees=8)
block = 8 * pooled
run.require(size % block == 0, f"size must be a multiple of 8 x pooled = {block}, got {size}.")
run.epochs("epochs", "pair_epochs", of=networks.NETWORKS)
run.require(epochs.get("polar"), "epochs must give the polar network at least one.")
run.require(pair_epochs.get("polar"), "pair_epochs must give the polar network at least one.")
fault = f"angles must begin with 0 and have 90 and 120 among them, got {angles}."
run.require(angles[:1] == [0] and set(VIEW_ANGLES.values()) <= set(angles), fault)
run

# %% [markdown]
# ## Pairs
#
# The second view is the crystal turned about an axis at right angles to the line of sight. Both pictures have the
# same scale, and along the axis, a bullet's tip lies at the same height in both.

# %%
angles = tuple(map(float, angles))
sets = fresh_rosettes.sets(n_crystals, n_held, n_test, angles, size, seed)
held = {name: rosette_views(views, scheduler) for name, views in sets._asdict().items()}
VIEWS = {"single": (0.0,), "2ds": (0.0, 90.0), "phips": (0.0, 120.0)}
VIEW_TITLES = {"single": "one view", "2ds": "2D-S pair", "phips": "PHIPS pair"}
positions = {views: tuple(angles.index(angle) for angle in turns) for views, turns in VIEWS.items()}

# %% [markdown]
# {numref}`fig-views` shows what such views look like.

# %% mystnb={"figure": {"caption": "One crystal a row, seen along the six directions of this notebook. The first two columns are a 2D-S pair, the first and third a PHIPS pair.", "name": "fig-views"}, "image": {"alt": "Three rows of six white silhouettes on black: the same crystal turned by 0, 90, 120, 30, 60 and 150 degrees."}}
examples = held["test"].silhouette.isel(orientation=0, crystal=slice(0, 3)).to_numpy()
labels = [f"{angle:.0f}°" for angle in angles] * 3
gallery(4 - examples.reshape(-1, size, size), labels, columns=len(angles))

# %% [markdown]
# ## Sixteen descriptors
#
# For learners of tables a pair is a row with sixteen columns, the eight descriptors of each picture. Single view and pair are
# learned from the same crystals, with the same settings.

# %%
true = truth(held["test"])
predicted = {}
for views, columns in positions.items():
    known, asked = (rows(held[name], columns) for name in ("crystals", "test"))
    for name in tables.LEARNERS:
        predicted[name, views] = tables.predictions(known, asked, name, seed, n_trees)
known.shape

# %% [markdown]
# ## Pictures with two channels
#
# The CNN and ResNet-18 take a pair as a picture with two channels. The polar network reads each picture with the same
# encoder and keeps, beside what does not change when the crystal turns, how the picture is oriented to the axis that both
# views share. For each kind of pair it starts from what it learned from single views.

# %%
settings = {"cnn": {"pooled": pooled}, "resnet18": {"pooled": pooled}, "polar": {"width": width}}
common = {"steps": steps, "batch": batch}
singles = network_recipes(epochs, settings, **common)
recipes = {(name, "single"): recipe for name, recipe in singles.items()}

# %% [markdown]
# With two views the bullets are easily counted, so their number gets less weight in the loss than with one.

# %%
for views in ("2ds", "phips"):
    pair = {"angles_deg": VIEWS[views], "label_weight": 0.25}
    pairs = network_recipes(pair_epochs, settings, **common, **pair)
    pairs["polar"] = dataclasses.replace(pairs["polar"], start=singles["polar"])
    recipes |= {(name, views): recipe for name, recipe in pairs.items()}

# %% [markdown]
# Now they train, or are found.

# %%
trained = {
    key: shape_model(recipe, sets.crystals, sets.validation, seed, device, scheduler)
    for key, recipe in recipes.items()
}

# %% [markdown]
# ## One view against two
#
# All learners are scored on the same test crystals and orientations. As before the *best* network is the one with the smallest loss on
# the validation crystals.

# %%
for (name, views), found in trained.items():
    shown = fresh_rosettes.pictures_of(held["test"], positions[views])
    predicted[name, views] = predict(found.model, shown).table
scores = {key: scores_with_errors(true, values) for key, values in predicted.items()}
for (name, views), score in scores.items():
    run.record_each(score, f"{name}_{views}")

# %% [markdown]
# The best of each kind of views, and the table of all.

# %%
best = {}
for views in VIEWS:
    losses = {key: trained[key].history.val_loss.min() for key in trained if key[1] == views}
    best[views] = min(losses, key=losses.get)
    run.record_each(scores[best[views]], f"best_{views}")
names = tables.LEARNERS | networks.NETWORKS
table = pd.DataFrame(scores).T.rename_axis(["model", "views"]).rename(index=names, level="model")
run.keep(scores=table)
table[list(predictions.SCORE_AXES)].unstack("views").swaplevel(axis=1).sort_index(axis=1).round(3)

# %% [markdown]
# {numref}`fig-one-two` shows the same at a glance, with standard errors.

# %% mystnb={"figure": {"caption": "Scores of every learner on unseen crystals with one view, with a 2D-S pair (90\u00b0) and with a PHIPS pair (120\u00b0); bars are standard errors. The learners of tables and the polar network gain from the second view. The CNN sees too few pictures in the laptop profile to say.", "name": "fig-one-two"}, "image": {"alt": "Three dot plots of scores, a row for each learner, with dots for one view, for a 2D-S pair and for a PHIPS pair."}}
predictions.scores_by_learner(table.reset_index().replace({"views": VIEW_TITLES}))

# %% [markdown]
# With pairs the cloud about the diagonal tightens ({numref}`fig-pairs-predicted-true`).

# %% mystnb={"figure": {"caption": "Predicted over true values of unseen crystals: the best network with one view and with pairs, and the forest with a 2D-S pair.", "name": "fig-pairs-predicted-true"}, "image": {"alt": "Eight density plots of predicted over true values; those of pairs are narrower than those of one view."}}
chosen = {"random forest, 2D-S": predicted["rf", "2ds"]}
for model, views in best.values():
    chosen[f"{names[model]}, {VIEW_TITLES[views]}"] = predicted[model, views]
predictions.predicted_against_true(true, chosen)

# %% [markdown]
# The number of bullets gains most ({numref}`fig-pairs-confusion`).

# %% mystnb={"figure": {"caption": "Number of bullets, predicted (columns) against true (rows), in per cent of each row, for the same learners. Two views separate most neighbours.", "name": "fig-pairs-confusion"}, "image": {"alt": "Four confusion matrices of the number of bullets; those of pairs are dark on the diagonal and nearly empty off it."}}
labels = {name: values.n_bullets for name, values in chosen.items()}
confusion(true.n_bullets, labels, ("predicted number of bullets", "true number"))

# %% [markdown]
# In the published study a second view cut the RMSE of the best network by 39 to 40 % with 2D-S pairs and by 32 to 33 % with PHIPS
# pairs. Here it falls by the following share. The network sees a pair only after it has learned from single views, so part of the
# gain is a longer training.

# %%
for views in ("2ds", "phips"):
    one, two = scores[best["single"]], scores[best[views]]
    cut = {target: 1 - two[f"rmse_{target}"] / one[f"rmse_{target}"] for target in ("rho_e", "a_e")}
    run.record_each(cut, "rmse_cut", views)
pd.Series(run.metrics).filter(like="rmse_cut_").to_frame("share").round(3)

# %% [markdown]
# ## How many cameras?
#
# We go on adding views, all turned about the same axis, in the order given by `angles`. The encoder of the 2D-S network reads each
# picture and stays as it is; for each number of views a head of its own learns to combine what it says. The networks that were trained
# as a whole, for one view and for two, stand beside the heads and tell what the fixed encoder costs.

# %%
by_views, encoder = settings["polar"] | {"by_views": True}, recipes["polar", "2ds"]
recipe = Recipe(
    "polar", angles, head_epochs, steps, batch, settings=by_views, start=encoder, only_head=True
)
heads = shape_model(recipe, sets.crystals, sets.validation, seed, device, scheduler).model
everything = fresh_rosettes.pictures_of(held["test"], tuple(range(len(angles))))
combined = [answer.table for answer in predict_by_views(heads, everything)]

# %% [markdown]
# The linear model gets the descriptors of as many pictures.

# %%
gain = {}
for k, values in enumerate(combined, start=1):
    known, asked = (rows(held[name], tuple(range(k))) for name in ("crystals", "test"))
    linear = tables.predictions(known, asked, "linear", seed)
    gain["linear", k] = scores_with_errors(true, linear)
    gain["polar", k] = scores_with_errors(true, values)
for (name, k), score in gain.items():
    run.record_each({key: score[key] for key in predictions.SCORE_AXES}, f"{name}_{k}_views")

# %% [markdown]
# The networks trained as a whole are those of the table above.

# %%
gain |= {("whole", 1): scores["polar", "single"], ("whole", 2): scores["polar", "2ds"]}
gain = pd.DataFrame(gain).T.rename_axis(["model", "views"])
polar = gain.loc["polar"]
run.record_each(polar[list(predictions.SCORE_AXES)].iloc[-1], "polar_all_views")

# %% [markdown]
# {numref}`fig-gain` shows how much each further view is worth to a linear model and to the heads.

# %% mystnb={"figure": {"caption": "Scores on unseen crystals by the number of views (in the order of the parameter angles), for the linear model on descriptors, for heads on the polar network's fixed encoder, and for polar networks trained as a whole; bars are standard errors. The second view brings the largest step. How far further views could lead is not answered: an encoder that learns with its head can make more of them.", "name": "fig-gain"}, "image": {"alt": "Three line plots of scores over one to six views, rising steeply at first and then less; the heads lie above the linear model, and the networks trained as a whole above both."}}
titles = names | {"polar": "polar network, heads", "whole": "polar network, as a whole"}
predictions.scores_by_views(gain.rename(index=titles, level="model").reset_index())

# %% [markdown]
# With all views the heads reach $R^2$ = {glue:text}`polar_all_views_r2_rho_e:.3f` of effective density, and the network that was trained
# as a whole on 2D-S pairs {glue:text}`polar_2ds_r2_rho_e:.3f`. So where the heads level off, this is a limit of the heads, and a lower bound of
# what the views hold.
#
# The marginal gain: by how much each further view lowers the error of the heads, and raises their accuracy.

# %%
marginal = pd.DataFrame(
    {
        "RMSE of effective density": polar.rmse_rho_e.pct_change(),
        "RMSE of effective surface area": polar.rmse_a_e.pct_change(),
        "balanced accuracy": polar.balanced_accuracy.diff(),
    }
).iloc[1:]
marginal.style.format("{:+.1%}")

# %% [markdown]
# ## Beside the paper
#
# The published ResNet-18 {cite}`ko2025` learned from 489,999 pairs in 50 epochs, and its test is split by picture.

# %%
literature.beside(run.rows)

# %% [markdown]
# ## What was shown
#
# - With a 2D-S pair the best network reaches $R^2$ = {glue:text}`best_2ds_r2_rho_e:.3f` for effective density,
#   {glue:text}`best_2ds_r2_a_e:.3f` for effective surface area, and a balanced accuracy of
#   {glue:text}`best_2ds_balanced_accuracy:.2f`, against {glue:text}`best_single_r2_rho_e:.3f`,
#   {glue:text}`best_single_r2_a_e:.3f` and {glue:text}`best_single_balanced_accuracy:.2f` with one view.
# - With a PHIPS pair it reaches {glue:text}`best_phips_r2_rho_e:.3f`, {glue:text}`best_phips_r2_a_e:.3f` and
#   {glue:text}`best_phips_balanced_accuracy:.2f`.
# - At which angle the pair is taken matters less than that there is one: the linear model, which treats both alike, has
#   {glue:text}`linear_2ds_r2_rho_e:.3f` with 2D-S pairs and {glue:text}`linear_phips_r2_rho_e:.3f` with PHIPS pairs, each
#   ± {glue:text}`linear_2ds_r2_rho_e_se:.3f`, against {glue:text}`linear_single_r2_rho_e:.3f` with one view.
# - What a third and further views add to a fixed encoder is shown in {numref}`fig-gain`; the number of bullets gains most.
#
# The next notebook, [](15-reconstruction.ipynb), asks a picture for the whole crystal.
