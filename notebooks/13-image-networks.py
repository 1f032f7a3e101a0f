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
# Eight numbers leave most of a silhouette undescribed. A network looks at the picture itself. How much more does it
# predict, and how far can each prediction be trusted?
#
# In this notebook we
#
# 1. train networks on pictures that never repeat,
# 2. compare them with learners of the eight descriptors on the same test crystals,
# 3. give each prediction a conformal interval, and
# 4. detect pictures that show something else than a rosette.
#
# The methods are explained on the page [](../book/part-1-networks.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need pictures for training, networks, learners of tables to compare with, scores and figures.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

from lib.core.seeds import child_seed
from lib.datasets import fresh_rosettes
from lib.datasets.rosettes import LABEL, TARGETS, Views, rosette_views, rows, truth
from lib.evaluation.conformal import Conformal, Novelty, flagged
from lib.evaluation.scores import scores, standard_errors
from lib.figures import predictions
from lib.figures.confusion import confusion
from lib.figures.gallery import gallery
from lib.imaging.read import cpi
from lib.imaging.sensor import PIXEL_UM
from lib.models import networks, tables
from lib.models.networks.polar import Polar, polar_grid
from lib.models.shape_model import features, network_recipes, origins, predict, shape_model, shares
from lib.notebook import literature, titles
from lib.notebook.run import start
from lib.studies.real_rosettes import circle_share, outlines

# %% [markdown]
# A network trains for so many epochs of `steps` batches; one with no epochs is left out.

# %% tags=["parameters"]
n_crystals: int = 6000  # training crystals
n_held: int = 500  # crystals for validation; calibration has twice as many
n_test: int = 1400  # test crystals
angles: list[float] = [0, 90, 120, 30, 60, 150]  # views, here the first is used [deg]
size: int = 128  # side of the square pictures [pixels]
epochs: dict[str, int] = {"cnn": 2, "resnet18": 0, "polar": 12}  # epochs of each network
steps: int = 200  # batches in an epoch
batch: int = 64  # crystals in a batch
pooled: int = 4  # side of the blocks of pixels that cnn and resnet18 see as one [pixels]
width: int = 64  # channels of the polar network's first layer
n_trees: int = 100  # trees of the forest, and steps of boosting
cpi_dir: str = ""  # folder of CPI tiles of bullets, or empty
cpi_probe: str = ""  # CPI, 2D-S, CIP-15 or CIP-25, or empty to assume one by grey levels
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
run.counts("epochs", of=networks.NAMES)
run.require(epochs.get("polar"), "epochs must give polar at least one: later sections use it.")
run.angles("angles")
run.folders("cpi_dir")
run.require(
    cpi_probe in ("", *PIXEL_UM),
    f"cpi_probe must be empty or one of {', '.join(PIXEL_UM)}, got {cpi_probe!r}.",
)
run

# %% [markdown]
# ## Four sets of crystals
#
# Training crystals; validation crystals, which decide which epoch of a training is kept; calibration crystals for the
# intervals; and test crystals. Each set has a seed of its own, so no crystal is in two of them.

# %%
sets = fresh_rosettes.sets(n_crystals, n_held, n_test, tuple(map(float, angles)), size, seed)
held = {name: rosette_views(views, scheduler) for name, views in sets._asdict().items()}
sizes = pd.DataFrame({name: dict(data.sizes) for name, data in held.items()})
sizes.loc[["crystal", "orientation", "view", "y", "x"]].fillna(0).astype(int)

# %% [markdown]
# Of the training crystals no pictures are stored. Each picture is drawn while a network trains, in a new random orientation, so
# there is no picture to remember.

# %%
fresh = fresh_rosettes.FreshPictures(
    sets.crystals, (0.0,), batch=batch, steps=steps, seed=seed, scheduler=scheduler
)
first = next(iter(fresh))
first.pictures.shape, first.values.shape, first.labels.shape

# %% [markdown]
# ## A network in polar coordinates
#
# Rosettes grow from a centre, and a rosette turned in the picture plane is the same rosette. The *polar network* samples the picture
# on rings about this centre ({numref}`fig-polar`). A turn of the crystal shifts the polar picture along the angle. We write the
# network with torch.

# %%
import torch
from torch import nn
from torch.nn import functional

rings, columns = 48, 96
grid = polar_grid(rings, columns, Polar.REACH)


def in_polar_coordinates(images, centre):
    """Pictures (B, 1, S, S) as rings (B, rings, columns) about `centre` (B, 2) [half sides]."""
    places = grid + centre[:, None, None]
    return functional.grid_sample(images, places, align_corners=False)[:, 0]


# %% [markdown]
# Four pictures, and what the network makes of them:

# %% mystnb={"figure": {"caption": "Silhouettes (top) and the same in polar coordinates (bottom): each row of a lower picture is a ring about the point from which the bullets grow (cross). Bullets become columns that rise from the base; those seen end on stay short.", "name": "fig-polar"}, "image": {"alt": "Four silhouettes of rosettes, and below each the same in polar coordinates, where bullets are upright columns."}}
examples = shares(first.pictures[:4])
centres = first.origins[:4, 0]
unrolled = in_polar_coordinates(examples, centres)
predictions.polar_pictures(*map(np.array, (examples[:, 0], unrolled, centres)), Polar.REACH)

# %% [markdown]
# In the figure we know the centre, since we drew the crystals. In a picture it has to be found. It is not the middle, where the middle
# of the crystal's box lies. A small convolutional network gives each of 16 x 16 fields of the picture a weight. The weighted mean
# of their places is the centre.


# %%
def plane(before, after, kernel, **more):
    """A convolution of the picture plane, batch normalisation and ReLU."""
    padding = more.get("dilation", 1) * (kernel // 2)
    convolution = nn.Conv2d(before, after, kernel, padding=padding, bias=False, **more)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


class Locator(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [plane(1, 12, 5, stride=2), plane(12, 24, 3, stride=2), plane(24, 24, 3)]
        layers += [plane(24, 24, 3, dilation=2), plane(24, 24, 3, dilation=4), nn.Conv2d(24, 1, 1)]
        self.layers = nn.Sequential(*layers)
        self.places = (torch.arange(16) + 0.5) / 8 - 1

    def forward(self, images):
        fields = self.layers(functional.adaptive_avg_pool2d(images, 64))
        weight = fields.flatten(1).softmax(1).unflatten(1, (16, 16))
        return torch.stack([weight.sum(1) @ self.places, weight.sum(2) @ self.places], 1)


# %% [markdown]
# The rings are the channels of convolutions along the angle, whose end joins their beginning. They shift with the picture.


# %%
def around(before, after, kernel, stride=2):
    """A convolution along the angle with circular padding, and batch normalisation."""
    circular = {"padding_mode": "circular", "bias": False}
    convolution = nn.Conv1d(before, after, kernel, stride, kernel // 2, **circular)
    return nn.Sequential(convolution, nn.BatchNorm1d(after))


# %% [markdown]
# Mean and maximum over the angle do not change with a shift. Three fully connected layers turn them into nine numbers: two
# for the values, and a logit for each of seven numbers of bullets. This is the whole network.


# %%
class PolarNetwork(nn.Module):
    def __init__(self, width, outputs=9):
        super().__init__()
        middle, last = 3 * width // 2, 2 * width
        self.locator = Locator()
        self.one, self.two = around(rings, width, 7), around(width, middle, 5)
        self.block = nn.Sequential(
            around(middle, middle, 3, 1), nn.ReLU(), around(middle, middle, 3, 1)
        )
        self.three = around(middle, last, 3)
        hidden = [nn.Linear(2 * last, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 256)]
        self.head = nn.Sequential(*hidden, nn.ReLU(), nn.Linear(256, outputs))

    def forward(self, images):
        polar = in_polar_coordinates(images, self.locator(images))
        x = self.two(self.one(polar).relu()).relu()
        x = self.three((x + self.block(x)).relu()).relu()
        return self.head(torch.cat([x.mean(2), x.amax(2)], 1))


# %% [markdown]
# The library's network has the same layers, arranged for speed. With the same weights it returns the same numbers.

# %%
plain = PolarNetwork(width).eval()
fast = networks.network("polar", 1, size, 9, width=width).eval()
pairs = zip(plain.state_dict().items(), fast.state_dict().values(), strict=True)
plain.load_state_dict({name: weight.reshape(own.shape) for (name, own), weight in pairs})
assert torch.allclose(plain(examples), fast(examples), atol=1e-4)

# %% [markdown]
# ## The loss
#
# The network returns estimates $\hat{u}$ of the standardised logarithms $u = (\ln y - \mu) / \sigma$ of both values $y$, and the
# probability $P_n$ of each number of bullets. The loss of a batch is
#
# $$
# L = \left\langle ( \hat{u} - u )^2 \right\rangle
#   + \left\langle \left( \frac{\hat{y} - y}{\mathrm{sd}} \right)^{\!2} \right\rangle
#   - \tfrac{1}{2} \left\langle \ln P_n \right\rangle .
# $$
#
# In code:


# %%
def loss(u, logits, values, labels, mean, deviation, scale):
    """Loss of a batch: `u`, `values` (B, 2), `logits` (B, 7), `labels` (B,) from 0 on."""
    relative = (u - (values.log() - mean) / deviation) ** 2
    absolute = (((u * deviation + mean).exp() - values) / scale) ** 2
    return (
        relative.mean() + absolute.mean() + 0.5 * functional.cross_entropy(logits, labels)
    )


# %% [markdown]
# ## Training
#
# Beside the polar network stand the talk's CNN and, where the profile has time for it, ResNet-18. All have the same head.

# %%
settings = {"cnn": {"pooled": pooled}, "resnet18": {"pooled": pooled}, "polar": {"width": width}}
recipes = network_recipes(epochs, settings, steps=steps, batch=batch)

# %% [markdown]
# Now they are trained, or found in the cache. A training that was interrupted continues after its last whole epoch.

# %%
trained = {
    name: shape_model(recipe, sets.crystals, sets.validation, seed, device, scheduler)
    for name, recipe in recipes.items()
}

# %% [markdown]
# The library's loss of a network's answers is the formula above. While the polar network trains, the distance of the centre that it
# finds from the true one is added. Answers and centre share no weights, so neither is learned at the other's cost.

# %%
shape = trained["polar"].model
on = first._replace(**{part: getattr(first, part).to(shape.device) for part in first._fields})
standard = (shape.mean, shape.deviation, shape.scale)
assert torch.isclose(
    loss(*shape(on.pictures), on.values, on.labels, *standard), shape.error(*shape(on.pictures), on)
)

# %% [markdown]
# What each training needed. `pictures` are shown once each; the speed includes drawing them and is that of the machine on which the
# network was trained.

# %%
for name, found in trained.items():
    count = len(found.history) * steps * batch
    speed = count / found.history.seconds.sum()
    run.record("pictures", count, model=name, views="single")
    run.record("pictures_per_second", speed, model=name, views="single")
run.table(score=["pictures", "pictures_per_second"])

# %% [markdown]
# {numref}`fig-learning-curves` shows whether a longer training would help.

# %% mystnb={"figure": {"caption": "Loss on validation crystals by the number of crystals shown in training. A line that still falls at its end says that the network would gain from a longer training.", "name": "fig-learning-curves"}, "image": {"alt": "Line plot of the validation loss of each network over the crystals shown, falling."}}
histories = {titles.MODELS[name]: found.history for name, found in trained.items()}
predictions.learning_curves(histories, steps * batch)

# %% [markdown]
# ## The test
#
# The learners of notebook 12 get the eight descriptors of one picture of each of the same training crystals. A network has seen more
# pictures of each, which may be part of its advantage. A perceptron with four of the descriptors only (`mlp_four`) is as others have tried it.

# %%
train, test = rows(held["crystals"]), rows(held["test"])
predicted = {
    name: tables.learner(name, seed, n_trees).fit(train).predict(test) for name in tables.LEARNERS
}
few = ["area_ratio", "contour_area", "contour_perimeter", "circularity", *TARGETS, LABEL]
predicted["mlp_four"] = tables.learner("mlp", seed).fit(train[few]).predict(test[few])

# %% [markdown]
# The networks get the test pictures.

# %%
true = truth(held["test"])
pictures = fresh_rosettes.pictures_of(held["test"])
answers = {name: predict(found.model, pictures) for name, found in trained.items()}
everything = predicted | {name: answer.table for name, answer in answers.items()}

# %% [markdown]
# How far from the true centre do the rings of the polar network lie, on average? And how far would they lie about the middle?

# %%
true_centre = fresh_rosettes.origins_of(held["test"])[:, 0].numpy()
centre = origins(trained["polar"].model, pictures)[:, 0]
for name, taken in {"polar": centre, "polar_middle": 0 * centre}.items():
    distance = np.hypot(*(taken - true_centre).T) * size / 2
    run.record("centre_error", distance.mean(), distance.std() / len(distance) ** 0.5, model=name)
run.table("model", score="centre_error")

# %% [markdown]
# All are scored on the same crystals, with standard errors over crystals. The *best network* is the one with the smallest loss on the
# validation crystals; the test crystals have no part in this choice.

# %%
best = min(trained, key=lambda name: trained[name].history.val_loss.min())
values = pd.DataFrame({name: scores(true, answer) for name, answer in everything.items()})
errors = pd.DataFrame({name: standard_errors(true, answer) for name, answer in everything.items()})
run.record_table(values, errors, columns="model", views="single")
run.record_table(values[best], errors[best], model="best", views="single")
run.keep(scores=values.T.join(errors.T.add_suffix("_se")))
print("best on the validation crystals:", titles.MODELS[best])
run.table("model", ["score", "quantity"], score=["r2", "rmse", "balanced_accuracy", "mae_bullets"])

# %% [markdown]
# {numref}`fig-network-predicted-true` shows whose errors are smaller, and where.

# %% mystnb={"figure": {"caption": "Predicted over true effective density (top) and effective surface area (bottom) of test crystals. The forest and boosting see eight descriptors, the networks the picture. With the polar network the cloud is narrower over the whole range; the CNN needs a longer training than it gets in the laptop profile.", "name": "fig-network-predicted-true"}, "image": {"alt": "Eight density plots of predicted over true values, in two rows, a column for each model; the polar network's are the narrowest."}}
compared = {titles.MODELS[name]: everything[name] for name in ("rf", "gb", *trained)}
predictions.predicted_against_true(true, compared)

# %% [markdown]
# The number of bullets shows the difference most clearly ({numref}`fig-network-confusion`).

# %% mystnb={"figure": {"caption": "Number of bullets, predicted (columns) against true (rows), in per cent of each row. The polar network is seldom off by more than one.", "name": "fig-network-confusion"}, "image": {"alt": "Confusion matrices of the number of bullets, one for each model; the polar network's is the closest to its diagonal."}}
numbers = {title: answer.n_bullets for title, answer in compared.items()}
confusion(true.n_bullets, numbers, ("predicted number of bullets", "true number"))

# %% [markdown]
# On the same test crystals the best network has $R^2$ = {glue:text}`best_single_r2_rho_e:.3f` for effective density and
# {glue:text}`best_single_r2_a_e:.3f` for effective surface area, boosting on eight descriptors
# {glue:text}`gb_single_r2_rho_e:.3f` and {glue:text}`gb_single_r2_a_e:.3f`. Pictures help most with the number of bullets: the balanced
# accuracy is {glue:text}`best_single_balanced_accuracy:.2f` against {glue:text}`gb_single_balanced_accuracy:.2f`.

# %% [markdown]
# ## A network that was trained for hours
#
# A wider polar network, with more rings and columns, **comes with the project** (`data/networks/rosettes`, made by `make train
# NAME=rosettes`). It learned from crystals of a seed of its own, so none of these test crystals was among them. A crystal that is
# turned in the picture by a right angle or mirrored has the same targets, so its answers are averaged over these eight copies of a
# picture. In recorded numbers it is called `shipped`, and `shipped_once` without the averaging.

# %%
from lib.models.shape_model import predict_turned
from lib.studies.rosette_network import RECIPE, pictures_seen, rosette_training

shipped = rosette_training().result(device)
averaged = predict_turned(shipped.model, pictures).table
errors_averaged = standard_errors(true, averaged)
run.record_table(scores(true, averaged), errors_averaged, model="shipped", views="single")

# %% [markdown]
# Beside it the answers to one copy, and the network that was trained here:

# %%
once = predict(shipped.model, pictures).table
errors_once = standard_errors(true, once)
run.record_table(scores(true, once), errors_once, model="shipped_once", views="single")
run.record("pictures", pictures_seen(RECIPE), model="shipped", views="single")
compared_models = ["polar", "shipped_once", "shipped"]
compared_scores = ["r2", "balanced_accuracy", "mae_bullets"]
run.table("model", ["score", "quantity"], score=compared_scores, model=compared_models)

# %% [markdown]
# It has seen {glue:text}`shipped_pictures:,d` pictures. The published ResNet-18 {cite}`ko2025` has $R^2$ =
# {reported}`resnet18_single_r2_rho_e:.3f` and {reported}`resnet18_single_r2_a_e:.3f` and a balanced accuracy of
# {reported}`resnet18_single_balanced_accuracy:.3f`, on a test set split by picture.

# %% [markdown]
# ## A network for real pictures
#
# In these pictures the frame tells how large the crystal is, since it was fitted to the whole of it. A real picture has no such
# frame, and often shows no gaps between bullets. A second shipped network (`data/networks/rosette-outlines`) sees filled outlines,
# and its rings reach as far as the crystal does, so that the scale does not matter. Here it gets the test crystals as a real picture
# is prepared: each outline drawn anew with its circle over eight tenths of the side. The other network gets them too.

# %%
from lib.studies.rosette_network import outline_training

test_outlines = outlines(pictures[:, 0] >= 2, size, 0.8)
by_frame = {"shipped_framed": shipped, "outlines": outline_training().result(device)}
for name, trained_network in by_frame.items():
    table = predict(trained_network.model, test_outlines).table
    run.record_table(scores(true, table), standard_errors(true, table), model=name, views="single")
run.table("model", ["score", "quantity"], score=compared_scores, model=list(by_frame))

# %% [markdown]
# Without the scale of its frame, the network that relies on it has a balanced accuracy of
# {glue:text}`shipped_framed_single_balanced_accuracy:.2f`; the one made for it has {glue:text}`outlines_single_balanced_accuracy:.2f`.

# %% [markdown]
# ## What more training buys
#
# How far do more pictures and wider networks lead? Twelve trainings for one view, which differ in these and in whether the network looks
# for the centre, come with the project as a table of their scores (`make train NAME=scaling`). They are scored on crystals that none
# learned from.

# %%
from lib.evaluation.power_law import power_law
from lib.figures import scaling
from lib.studies.scaling import kinds, scaling_scores

trials = scaling_scores(device=device)
error_scores = list(scaling.ERRORS)
trials.pivot_table(error_scores, ["width", "locate"], "pictures").round(3)

# %% [markdown]
# {numref}`fig-scaling` shows what is left of the error. A power law is fitted to each kind of network.

# %% mystnb={"figure": {"caption": "What scores lack to 1, over the pictures seen in training, with fitted power laws. The shipped network answers to one copy of a picture. Horizontal lines are published networks, whose test set was split by picture.", "name": "fig-scaling"}, "image": {"alt": "Three plots on logarithmic axes: errors fall along straight lines; those of networks that look for the centre fall more steeply than those about the middle of the picture."}}
known = literature.numbers()
published = {
    f"published {titles.MODELS[name]}": {
        score: known[f"{name}_single_{score}"] for score in error_scores
    }
    for name in ("cnn", "resnet18")
}
own = scores(true, once) | {"pictures": pictures_seen(RECIPE)}
scaling.scaling(kinds(trials), own, published)

# %% [markdown]
# What remains of the error when a network of width 64 sees twice as many pictures, with and without looking for the centre:

# %%
usual = trials[trials.width == 64]
for located, some in usual.groupby("locate"):
    for name in error_scores:
        law = power_law(some.pictures, 1 - some[name])
        run.record(f"doubling_{name}", law.doubling, model="polar" if located else "polar_middle")
run.table("model", "score", score=[f"doubling_{name}" for name in error_scores])

# %% [markdown]
# Twice the pictures leave {glue:text}`doubling_balanced_accuracy_polar:.2f` of the error of the number of bullets, and
# {glue:text}`doubling_balanced_accuracy_polar_middle:.2f` where the rings lie about the middle of the picture. These trainings are
# short, and their lines must not be trusted far beyond them: the shipped network, with fifty times the pictures, lies above where
# the lines for widths 64 and 128 lead. So errors fall more slowly in the end, and most of all those of both values.

# %% [markdown]
# ## Conformal intervals
#
# *Conformal prediction* gives intervals with a guarantee: for crystals like those of the calibration set, an interval at 95 % holds
# the true value in 95 % of cases, whatever the network. This holds on average over calibration sets; with one of them, the coverage
# scatters about the confidence level.

# %%
true_values = {name: truth(held[name]) for name in ("validation", "calibration")}


def calibrated(model, images):
    """Conformal prediction for a model, from its predictions for the pictures of both sets."""
    return Conformal(*((true_values[name], predict(model, images[name])) for name in true_values))


held_pictures = {name: fresh_rosettes.pictures_of(held[name]) for name in true_values}
intervals = calibrated(trained[best].model, held_pictures)

# %% [markdown]
# The coverage is measured on the test crystals, at several confidence levels. For the number of bullets there is a *set* of
# numbers that cannot be ruled out. The width of an interval is its upper over its lower end.

# %%
levels = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
coverage = {level: intervals.coverage(true, answers[best], level) for level in levels}
for percent in (80, 95):
    table = coverage[percent / 100]
    code = f"coverage_{percent}"
    run.record_table(table.coverage, table.se, rows="quantity", score=code)
    run.record_table(table["width"].dropna(), rows="quantity", score=f"width_{percent}")
    run.record(f"size_{percent}", table["size"].n_bullets, quantity="n_bullets")
    display(run.table("quantity", score=[code, f"width_{percent}", f"size_{percent}"]))

# %% [markdown]
# {numref}`fig-coverage` shows coverage over confidence level. The standard error at 95 % is
# {glue:text}`coverage_95_rho_e_se:.3f`, from the calibration crystals and from the test crystals. All targets share these crystals, so
# they may all lie on the same side of the line.

# %% mystnb={"figure": {"caption": "Share of true values of test crystals inside their conformal interval or set, by confidence level, with standard errors. Exactly calibrated intervals lie on the dotted line.", "name": "fig-coverage"}, "image": {"alt": "Line plot of coverage over confidence level: three lines close to the dotted diagonal."}}
predictions.coverages(coverage)

# %% [markdown]
# The intervals of single crystals have very different widths ({numref}`fig-intervals`).

# %% mystnb={"figure": {"caption": "95 % intervals of effective density (left) and effective surface area (right) for test crystals in order of their predicted value, and the true values. Intervals are factors, and they are wider where similar crystals were predicted badly.", "name": "fig-intervals"}, "image": {"alt": "Two plots of vertical bars in rising order, most of which hold the dot of the true value."}}
ends = intervals.intervals(answers[best], 0.95)
predictions.interval_examples(true, answers[best].table, ends)

# %% [markdown]
# ## Novelty
#
# The guarantee is for crystals like those of the training. The polar network also returns numbers for a column, or for a smudge. A
# *novelty score* compares the features that the network computes from a picture with those of known pictures. Its p-value is the share of
# known pictures that are as unusual. Real silhouettes have no gaps and another scale, so all pictures are drawn anew as filled outlines
# of one size.

# %%
fill = circle_share(train, size).median()
filled = {
    name: outlines(fresh_rosettes.pictures_of(held[name])[:, 0], size, fill)
    for name in ("validation", "calibration", "test")
}
known = {name: features(shape, outline) for name, outline in filled.items()}
novelty = Novelty(known["validation"], known["calibration"])

# %% [markdown]
# It is tested with crystals of the 2023 model: those with one to three bullets are unlike ours, those with four to
# eight are rosettes of other proportions.

# %%
other_seed = child_seed(seed, "2023 model")
foreign = rosette_views(Views(n_held, 1, (0,), other_seed, size, model="2023"), scheduler)
few = (foreign.n_bullets < 4).to_numpy()
others = outlines(fresh_rosettes.pictures_of(foreign)[:, 0], size, fill)
p_foreign = novelty(features(shape, others))
p_values = {"test": novelty(known["test"]), "2023": p_foreign[~few], "few": p_foreign[few]}

# %% mystnb={"figure": {"caption": "Share of pictures flagged as novel, by the accepted share of false alarms among known rosettes. Test rosettes of the same model follow the dotted line: the score is calibrated. Other kinds lie far above it.", "name": "fig-novelty"}, "image": {"alt": "Line plot of pictures flagged over false alarms accepted: test rosettes follow the dotted line, other kinds lie far above."}}
accepted = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
shares_flagged = {kind: flagged(p, accepted) for kind, p in p_values.items()}
curves = pd.DataFrame(shares_flagged, index=accepted)
predictions.novelty_curves(curves.rename(columns=titles.DATA))

# %% [markdown]
# At one false alarm in twenty:

# %%
run.record_table(curves.loc[0.05], rows="data", score="novelty_flagged")
run.table("data", score="novelty_flagged")

# %% [markdown]
# Does the score tell where predictions fail? Of the rosettes of the 2023 model, those that are novel are covered less often by their
# 95 % intervals than those that are not.

# %%
outlined = calibrated(shape, filled)
kinds = {
    "2023 model, not novel": (p_foreign >= 0.05) & ~few,
    "2023 model, novel": (p_foreign < 0.05) & ~few,
}
trust = {"test rosettes": outlined.coverage(true, predict(shape, filled["test"]), 0.95)}
for label, kind in kinds.items():
    if kind.any():
        answer = predict(shape, others[kind])
        trust[label] = outlined.coverage(truth(foreign)[kind], answer, 0.95)
pd.concat({label: table.coverage for label, table in trust.items()}, axis=1).round(3)

# %% [markdown]
# ## Real crystals
#
# With a folder of pictures of the Cloud Particle Imager in `cpi_dir`, this section tells which crystals are not novel, predicts
# these, and shows the most and the least usual crystals. In the run that was kept, {kept}`13-image-networks-cpi::cpi_share_not_novel:.0%` of
# {kept}`13-image-networks-cpi::cpi_n_used:d` crystals were not novel, with a median predicted effective density of
# {kept}`13-image-networks-cpi::cpi_rho_e_p50:.3f`.

# %%
masks, report = cpi.whole_particles(Path(cpi_dir), probe=cpi_probe) if cpi_dir else ([], None)
if masks:
    display(report.reason.replace("", "used").value_counts().to_frame("files"))
    real = outlines(masks, size, fill)
    p_real = novelty(features(shape, real))
    usual = p_real >= 0.05
    run.record("n_used", len(masks), data="cpi")
    run.record("share_not_novel", usual.mean(), data="cpi")

# %% [markdown]
# The predictions of those that are not novel, with their intervals:

# %%
if masks and usual.any():
    guess = predict(shape, real[usual])
    medians = guess.table[["rho_e", "a_e"]].median()
    run.record_table(medians, rows="quantity", score="p50", data="cpi")
    display(pd.concat([guess.table, outlined.intervals(guess, 0.95)], axis=1).describe().round(3))

# %% [markdown]
# The most and the least usual of them, by their p-value:

# %%
if masks:
    order = np.argsort(p_real)
    shown = list(dict.fromkeys([*order[::-1][:7], *order[:7]]))
    labels = [f"p = {p_real[i]:.3f}" for i in shown]
    display(gallery([masks[i] for i in shown], labels, columns=7))

# %% [markdown]
# ## Beside the talk and the paper
#
# The published networks {cite}`ko2025` are trained on {reported}`pictures:,d` pictures in {reported}`epochs:d` epochs, and their test set is split by picture.

# %%
literature.beside(run.rows)

# %% [markdown]
# ## What was shown
#
# - From one picture the best network predicts effective density with $R^2$ = {glue:text}`best_single_r2_rho_e:.3f`, effective surface area
#   with {glue:text}`best_single_r2_a_e:.3f`, and the number of bullets with a balanced accuracy of
#   {glue:text}`best_single_balanced_accuracy:.2f`, on test crystals.
# - Conformal intervals at 95 % hold {glue:text}`coverage_95_rho_e:.3f` of the effective densities and
#   {glue:text}`coverage_95_a_e:.3f` of the effective surface areas of test crystals, each ± {glue:text}`coverage_95_rho_e_se:.3f`.
# - A novelty score with {glue:text}`novelty_flagged_test:.2f` false alarms flags {glue:text}`novelty_flagged_few:.2f` of the crystals
#   with one to three bullets.
#
# The next notebook, [](14-two-views.ipynb), gives the same networks a second view.
