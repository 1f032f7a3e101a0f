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
# What a bullet hides in one view may show in another. Two instruments take two views: the 2D-S along two lines at right
# angles, PHIPS along two lines 120° apart. How much does the second view add, does the angle matter, and how many views
# would be worth having?
#
# In this notebook we
#
# 1. compare one view with two for every learner of notebooks 12 and 13,
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
from lib.evaluation.scores import scores, standard_errors
from lib.figures import predictions
from lib.figures.confusion import confusion
from lib.figures.gallery import gallery
from lib.imaging.draw.silhouette import VIEW_ANGLES
from lib.models import networks, tables
from lib.models.shape_model import (
    Recipe,
    network_recipes,
    predict,
    predict_each,
    shape_model,
)
from lib.notebook import literature, titles
from lib.notebook.run import start

# %% [markdown]
# With the same values as in [](13-image-networks.ipynb) its data sets and networks are found rather than made again.

# %% tags=["parameters"]
n_crystals: int = 6000  # training crystals
n_held: int = 500  # crystals for validation; calibration has twice as many
n_test: int = 1400  # test crystals
angles: list[float] = [0, 90, 120, 30, 60, 150]  # views in order of adding [deg]
size: int = 128  # side of the square pictures [pixels]
epochs: dict[str, int] = {"cnn": 2, "resnet18": 0, "polar": 12}  # epochs with one view
pair_epochs: dict[str, int] = {"cnn": 1, "resnet18": 0, "polar": 6}  # epochs with two views
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
run.counts("epochs", "pair_epochs", of=networks.NAMES)
run.require(epochs.get("polar"), "epochs must give the polar network at least one.")
run.require(pair_epochs.get("polar"), "pair_epochs must give the polar network at least one.")
run.angles("angles")
has_pairs = set(VIEW_ANGLES.values()) <= set(angles)
run.require(has_pairs, f"angles must have 90 and 120 among them, got {angles}.")
run

# %% [markdown]
# ## Pairs
#
# For the second view the crystal is turned about an axis in the picture plane. Both pictures have the
# same scale, and along the axis a bullet's tip has the same position in both.

# %%
turns = tuple(map(float, angles))
sets = fresh_rosettes.sets(n_crystals, n_held, n_test, turns, size, seed)
held = {name: rosette_views(views, scheduler) for name, views in sets._asdict().items()}
pairs = {"single": (0.0,), "2ds": (0.0, 90.0), "phips": (0.0, 120.0)}
positions = {code: tuple(map(turns.index, pair)) for code, pair in pairs.items()}

# %% [markdown]
# {numref}`fig-views` shows what such views look like.

# %% mystnb={"figure": {"caption": "One crystal a row, seen along the six directions of this notebook. The first two columns are a 2D-S pair, the first and third a PHIPS pair.", "name": "fig-views"}, "image": {"alt": "Three rows of six white silhouettes on black: the same crystal turned by 0, 90, 120, 30, 60 and 150 degrees."}}
examples = held["test"].silhouette.isel(orientation=0, crystal=slice(0, 3)).to_numpy()
labels = [f"{angle:.0f}°" for angle in turns] * 3
gallery(4 - examples.reshape(-1, size, size), labels, columns=len(turns))

# %% [markdown]
# ## Sixteen descriptors
#
# For learners of tables a pair is a row with sixteen columns, the eight descriptors of each picture. One view and pairs have
# the same training crystals and settings.


# %%
def table_prediction(name, columns):
    """What a learner of tables predicts for the test crystals from the views at `columns`."""
    learner = tables.learner(name, seed, n_trees).fit(rows(held["crystals"], columns))
    return learner.predict(rows(held["test"], columns))


predicted = {
    (name, views): table_prediction(name, columns)
    for views, columns in positions.items()
    for name in tables.LEARNERS
}

# %% [markdown]
# ## Pictures with two channels
#
# The CNN and ResNet-18 get a pair as a picture with two channels. The polar network encodes each picture with the same
# weights and keeps also how the picture is oriented relative to the common axis. For each kind of pair its training starts from the
# weights of the network for one view.

# %%
settings = {"cnn": {"pooled": pooled}, "resnet18": {"pooled": pooled}, "polar": {"width": width}}
common = {"steps": steps, "batch": batch}
singles = network_recipes(epochs, settings, **common)
recipes = {(name, "single"): recipe for name, recipe in singles.items()}

# %% [markdown]
# With two views the bullets are easily counted, so the number of bullets has less weight in the loss than with one.

# %%
for views in ("2ds", "phips"):
    pair = {"angles_deg": pairs[views], "label_weight": 0.25}
    doubles = network_recipes(pair_epochs, settings, **common, **pair)
    doubles["polar"] = dataclasses.replace(doubles["polar"], start=singles["polar"])
    recipes.update({(name, views): recipe for name, recipe in doubles.items()})

# %% [markdown]
# Now they are trained, or found in the cache.

# %%
trained = {
    key: shape_model(recipe, sets.crystals, sets.validation, seed, device, scheduler)
    for key, recipe in recipes.items()
}

# %% [markdown]
# ## One view and two
#
# All learners are scored on the same test crystals and orientations.

# %%
true = truth(held["test"])
for (name, views), found in trained.items():
    pictures = fresh_rosettes.pictures_of(held["test"], positions[views])
    predicted[name, views] = predict(found.model, pictures).table
values = {key: scores(true, answer) for key, answer in predicted.items()}
errors = {key: standard_errors(true, answer) for key, answer in predicted.items()}
for name, views in predicted:
    run.record_table(values[name, views], errors[name, views], model=name, views=views)
whole = pd.concat([pd.DataFrame(values).T, pd.DataFrame(errors).T.add_suffix("_se")], axis=1)
run.keep(scores=whole.rename_axis(["model", "views"]))

# %% [markdown]
# The network that comes with the project (see [](13-image-networks.ipynb)) has one encoder for all views, a head for one view, and a head
# for each kind of pair. All learned together.

# %%
from lib.models.shape_model import predict_turned
from lib.studies.rosette_network import ANGLES, rosette_training

shipped = rosette_training().result(device).model
trio = fresh_rosettes.pictures_of(held["test"], tuple(map(turns.index, ANGLES)))
*_, by_2ds, by_phips = predict_each(shipped, trio)
answers = {"single": predict_turned(shipped, trio[:, :1]), "2ds": by_2ds, "phips": by_phips}
for views, answer in answers.items():
    of_shipped = scores(true, answer.table), standard_errors(true, answer.table)
    run.record_table(*of_shipped, model="shipped", views=views)

# %% [markdown]
# As before the *best network* is the one with the smallest loss on the validation crystals.

# %%
best = {}
for views in pairs:
    losses = {key: trained[key].history.val_loss.min() for key in trained if key[1] == views}
    best[views] = min(losses, key=losses.get)
    run.record_table(values[best[views]], errors[best[views]], model="best", views=views)
compared = [*tables.LEARNERS, *networks.NAMES, "shipped"]
main = {"score": ["r2", "balanced_accuracy"], "model": compared}
run.table("model", ["score", "quantity", "views"], **main)

# %% [markdown]
# {numref}`fig-one-two` shows the same at a glance, with standard errors.

# %% mystnb={"figure": {"caption": "Scores of every learner on test crystals with one view, with a 2D-S pair (90\u00b0) and with a PHIPS pair (120\u00b0); bars are standard errors. The learners of tables and the polar network gain from the second view. The CNN sees too few pictures in the laptop profile to say.", "name": "fig-one-two"}, "image": {"alt": "Three dot plots of scores, a row for each learner, with dots for one view, for a 2D-S pair and for a PHIPS pair."}}
view_titles = {"single": "one view", "2ds": "2D-S pair", "phips": "PHIPS pair"}
learned = run.rows[run.rows.model != "best"]
predictions.scores_by_learner(learned.replace({"model": titles.MODELS, "views": view_titles}))

# %% [markdown]
# With pairs the predictions lie closer to the diagonal ({numref}`fig-pairs-predicted-true`).

# %% mystnb={"figure": {"caption": "Predicted over true values of test crystals: the best network with one view and with pairs, and the forest with a 2D-S pair.", "name": "fig-pairs-predicted-true"}, "image": {"alt": "Eight density plots of predicted over true values; those of pairs are narrower than those of one view."}}
keys = [("rf", "2ds"), *best.values()]
chosen = {f"{titles.MODELS[key[0]]}, {view_titles[key[1]]}": predicted[key] for key in keys}
predictions.predicted_against_true(true, chosen)

# %% [markdown]
# The number of bullets gains most ({numref}`fig-pairs-confusion`).

# %% mystnb={"figure": {"caption": "Number of bullets, predicted (columns) against true (rows), in per cent of each row, for the same learners. Two views separate most neighbours.", "name": "fig-pairs-confusion"}, "image": {"alt": "Four confusion matrices of the number of bullets; those of pairs are dark on the diagonal and nearly empty off it."}}
numbers = {title: answer.n_bullets for title, answer in chosen.items()}
confusion(true.n_bullets, numbers, ("predicted number of bullets", "true number"))

# %% [markdown]
# In the published study a second view lowers the RMSE of the best network by 39 to 40 % with 2D-S pairs and by 32 to 33 % with PHIPS
# pairs. Here it lowers it by the following share. The network for pairs has been trained on single views before, so part of the
# gain comes from a longer training.

# %%
for views in ("2ds", "phips"):
    one, two = values[best["single"]], values[best[views]]
    cut = {target: 1 - two[f"rmse_{target}"] / one[f"rmse_{target}"] for target in ("rho_e", "a_e")}
    run.record_table(cut, rows="quantity", score="rmse_cut", views=views)
run.table("quantity", "views", score="rmse_cut")

# %% [markdown]
# ## How many views?
#
# Further views are added in the order of `angles`, all turned about the same axis. The encoder of the 2D-S network encodes each
# picture and is not trained further; for each number of views a head of its own is trained.

# %%
by_views, encoder = settings["polar"] | {"heads": "by_views"}, recipes["polar", "2ds"]
head_recipe = Recipe(
    "polar", turns, head_epochs, steps, batch, settings=by_views,
    start=encoder, frozen=("locator", "encoder", "mix"),
)
heads = shape_model(head_recipe, sets.crystals, sets.validation, seed, device, scheduler).model
all_pictures = fresh_rosettes.pictures_of(held["test"], tuple(range(len(turns))))
combined = [answer.table for answer in predict_each(heads, all_pictures)]

# %% [markdown]
# The linear model gets the descriptors of as many pictures.

# %%
reported = ["r2_rho_e", "r2_a_e", "balanced_accuracy"]
counts = {f"{k}_views": k for k in range(1, len(turns) + 1)}
by_heads = {}
for code, k in counts.items():
    linear = table_prediction("linear", tuple(range(k)))
    for name, answer in (("linear", linear), ("polar", combined[k - 1])):
        score, error = (pd.Series(of(true, answer)) for of in (scores, standard_errors))
        run.record_table(score[reported], error[reported], model=name, views=code)
    by_heads[k] = score
run.record_table(score[reported], error[reported], model="polar", views="all_views")

# %% [markdown]
# {numref}`fig-gain` shows what each further view adds. The networks that were trained as a whole, for one view and for two, show what
# is lost by not training the encoder.

# %% mystnb={"figure": {"caption": "Scores on test crystals by the number of views (in the order of the parameter angles), for the linear model on descriptors, for heads on the encoder of the polar network for 2D-S pairs, and for polar networks trained as a whole; bars are standard errors. The second view brings the largest step. How far further views could lead is not answered: an encoder that is trained with its head can use them better.", "name": "fig-gain"}, "image": {"alt": "Three line plots of scores over one to six views, rising steeply at first and then less; the heads lie above the linear model, and the networks trained as a whole above both."}}
by_count = run.rows[run.rows.views.isin(counts)]
together = run.rows[(run.rows.model == "polar") & run.rows.views.isin(["single", "2ds"])]
numbered = [
    by_count.replace({"views": counts, "model": {"polar": "polar network, heads"}}),
    together.assign(model="polar network, as a whole").replace({"views": {"single": 1, "2ds": 2}}),
]
predictions.scores_by_views(pd.concat(numbered))

# %% [markdown]
# With all views the heads reach $R^2$ = {glue:text}`polar_all_views_r2_rho_e:.3f` for effective density, and the network that was trained
# as a whole on 2D-S pairs {glue:text}`polar_2ds_r2_rho_e:.3f`. So the heads give a lower bound of what the views hold.
#
# By how much each further view lowers the RMSE of the heads, and raises their balanced accuracy:

# %%
polar = pd.DataFrame(by_heads).T
marginal = {
    "RMSE of effective density": polar.rmse_rho_e.pct_change(),
    "RMSE of effective surface area": polar.rmse_a_e.pct_change(),
    "balanced accuracy": polar.balanced_accuracy.diff(),
}
pd.DataFrame(marginal).iloc[1:].style.format("{:+.1%}")

# %% [markdown]
# ## Beside the paper
#
# The published ResNet-18 {cite}`ko2025` is trained on {reported}`pictures:,d` pairs in {reported}`epochs:d` epochs, and its test set is split by picture.

# %%
literature.beside(run.rows)

# %% [markdown]
# ## What was shown
#
# - With a 2D-S pair the best network reaches $R^2$ = {glue:text}`best_2ds_r2_rho_e:.3f` for effective density and a balanced accuracy of
#   {glue:text}`best_2ds_balanced_accuracy:.2f`, with one view {glue:text}`best_single_r2_rho_e:.3f` and
#   {glue:text}`best_single_balanced_accuracy:.2f`, with a PHIPS pair {glue:text}`best_phips_r2_rho_e:.3f` and
#   {glue:text}`best_phips_balanced_accuracy:.2f`.
# - The angle between the views matters less than the second view: the linear model has $R^2$ =
#   {glue:text}`linear_2ds_r2_rho_e:.3f` with 2D-S pairs and {glue:text}`linear_phips_r2_rho_e:.3f` with PHIPS pairs.
# - {numref}`fig-gain` shows what further views add to a fixed encoder; the number of bullets gains most.
#
# The next notebook, [](15-reconstruction.ipynb), reconstructs the whole crystal from its picture.
