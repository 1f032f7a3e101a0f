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
# # Which pixels matter
#
# A network reads density, surface and the number of bullets from a silhouette. On which pixels do its answers rest? *Attributions*
# colour a picture by how much each pixel mattered. Such pictures look convincing even where they are wrong. Here they can be
# tested, since we drew the crystals: of each pixel we know which bullets cover it.
#
# In this notebook we
#
# 1. divide pictures into tips, notches, sides and what lies inside,
# 2. compute attributions of the network that comes with the project and of the talk's CNN,
# 3. compare where they lie with what happens when pixels of each part are exchanged,
# 4. delete and insert the most important pixels first, and
# 5. take whole bullets away.
#
# The methods are explained on the page [](../book/part-1-networks.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need crystals with known parts, networks, attributions, and scores for these.

# %%
import numpy as np
import pandas as pd
import torch

from lib.core.seeds import child_seed
from lib.datasets import fresh_rosettes
from lib.datasets.rosettes import Views, rosette_views
from lib.evaluation.attribution_scores import density, rank_correlation
from lib.figures import attributions as figures
from lib.imaging.draw.regions import REGIONS
from lib.models import attribution
from lib.models.attribution import Answers
from lib.models.shape_model import network_recipes, shape_model
from lib.notebook import titles
from lib.notebook.run import start
from lib.studies import which_pixels as pixels
from lib.studies.rosette_network import rosette_training

# %% [markdown]
# With the same values as in [](13-image-networks.ipynb) its CNN is found rather than trained again.

# %% tags=["parameters"]
n_crystals: int = 6000  # crystals that the CNN learns from
n_held: int = 500  # crystals that decide on its best epoch
angles: list[float] = [0, 90, 120, 30, 60, 150]  # views, here the first is used [deg]
size: int = 128  # side of the square pictures [pixels]
epochs: int = 2  # epochs of the CNN
steps: int = 200  # batches in an epoch
batch: int = 64  # crystals in a batch
pooled: int = 4  # side of the blocks of pixels that the CNN sees as one [pixels]
n_test: int = 56  # test crystals, a picture of each
n_steps: int = 16  # steps from the mean picture to a picture
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("18-which-pixels", globals())
run.at_least(n_crystals=70, n_held=35, n_test=14, size=32)
run.at_least(epochs=1, steps=2, batch=8, pooled=1, n_steps=2)
block = 8 * pooled
run.require(size % block == 0, f"size must be a multiple of 8 x pooled = {block}, got {size}.")
run.angles("angles")
run

# %% [markdown]
# ## Parts of a crystal
#
# Each pixel of a test picture is given to one part. At the outline, on either side of it, are **tips**, where a bullet ends;
# **notches**, where the outline passes from one bullet to another; and **sides**, the rest. Inside are the **centre**, **overlaps** of
# bullets, and single **bullets**. {numref}`fig-parts` shows them. A silhouette does not show where inside it bullets overlap: only the
# notches tell.

# %%
turns = tuple(map(float, angles))
sets = fresh_rosettes.sets(n_crystals, n_held, n_test, turns, size, seed)
tested = Views(n_test, 1, (0.0,), child_seed(seed, "which pixels"), size)
some = pixels.label_pixels(rosette_views(tested, scheduler))
shares = pd.Series(np.bincount(some.regions.ravel(), minlength=7) / some.regions.size, REGIONS)
run.record_table(shares, rows="data", score="share_of_pixels")
run.table("data", score="share_of_pixels")

# %% [markdown]
# The first seven crystals, one for each number of bullets:

# %% mystnb={"figure": {"caption": "Silhouettes of test crystals with 4 to 10 bullets (top), and what each of their pixels shows (bottom).", "name": "fig-parts"}, "image": {"alt": "Seven silhouettes of rosettes, and below each the same in colours: tips at the ends of the bullets, notches between them near the centre, sides along them."}}
figures.parts(some.pictures[:7], some.regions[:7], REGIONS)

# %% [markdown]
# ## Attributions
#
# The answers are $\ln \rho_e$, $\ln A_e$ and the expected number of bullets. The *gradient* tells how an answer $f$ changes with a
# pixel. *Integrated gradients* {cite:p}`sundararajan2017` follow it on the way from a picture that says nothing, $\bar p$, to the
# picture $p$:
#
# $$ a_i = ( p_i - \bar p_i ) \int_0^1 \frac{\partial f}{\partial p_i} \bigl( \bar p + t\, (p - \bar p) \bigr) \, \mathrm{d}t ,
# \qquad \sum_i a_i = f(p) - f(\bar p) . $$ (eq-integrated)
#
# For $\bar p$ we take the mean of the validation pictures. In code, with midpoints in place of the integral:

# %%
mean = pixels.mean_picture(rosette_views(sets.validation, scheduler)[["silhouette"]])
shipped = rosette_training().result(run.device).model


def integrated(answers, pictures, mean, n_steps):
    """Integrated gradients of the answer (B,) that a function has to pictures (B, 1, S, S)."""
    total = torch.zeros_like(pictures)
    for t in (torch.arange(n_steps) + 0.5) / n_steps:
        between = (mean + t * (pictures - mean)).requires_grad_()
        total += torch.autograd.grad(answers(between).sum(), between)[0] / n_steps
    return (pictures - mean) * total


# %% [markdown]
# The library asks captum {cite:p}`kokhlikyan2020` for them, which places the steps better.

# %%
images = torch.from_numpy(some.pictures)[:, None].to(run.device)
baseline = torch.from_numpy(mean)[None, None].to(run.device)
answers = Answers(shipped)
ours = integrated(lambda p: answers(p)[:, 0], images[:2], baseline, 100)[:, 0]
captums = attribution.integrated_gradients(answers, images[:2], baseline, 100)[:, 0]
assert (ours - captums).abs().mean() < 0.1 * captums.abs().mean()

# %% [markdown]
# We compute both for the shipped network, and integrated gradients for the same network with random weights: what these show comes
# from the picture and the architecture, not from what was learned.

# %%
untrained = attribution.randomise(shipped, seed=seed)
found = {
    "integrated_gradients": attribution.integrated_gradients(answers, images, baseline, n_steps),
    "gradient": attribution.gradients(answers, images),
    "untrained": attribution.integrated_gradients(
        Answers(untrained), images, baseline, n_steps
    ),
}

# %% [markdown]
# The sum in {eq}`eq-integrated` is exact only for many steps. This share of the change of each answer is not attributed:

# %%
with torch.no_grad():
    told = answers(images) - answers(baseline)
missing = (found["integrated_gradients"].sum((2, 3)) - told).abs().mean(0) / told.abs().mean(0)
missing = pd.Series(missing.cpu(), Answers.QUANTITIES)
run.record_table(missing, rows="quantity", score="missing")
run.table("quantity", score="missing")

# %% [markdown]
# A part of what is missing is known: the rings lie about the centre that the network finds, and gradients do not pass through it. What
# a pixel does by moving the centre shows only where pixels are exchanged, as below.
#
# Beside them stands the talk's CNN, which sees the picture in blocks, and *Grad-CAM* {cite:p}`selvaraju2017` at its last convolution. In the
# polar network rings are channels from the first layer on, so there Grad-CAM would know directions but no radii.

# %%
recipe = network_recipes(
    {"cnn": epochs}, {"cnn": {"pooled": pooled}}, steps=steps, batch=batch
)["cnn"]
cnn = shape_model(recipe, sets.crystals, sets.validation, seed, device, scheduler).model
last = [layer for layer in cnn.network.layers if isinstance(layer, torch.nn.Conv2d)][-1]
found["cnn_integrated_gradients"] = attribution.integrated_gradients(
    Answers(cnn), images, baseline, n_steps
)
found["cnn_grad_cam"] = attribution.grad_cam(Answers(cnn), last, images)
maps = {name: each.cpu().numpy() for name, each in found.items()}

# %% [markdown]
# {numref}`fig-pixel-maps` has the maps for the number of bullets.

# %% mystnb={"figure": {"caption": "What raises (red) and lowers (blue) the expected number of bullets of six test crystals, by method.", "name": "fig-pixel-maps"}, "image": {"alt": "Rows of maps in red and blue with the outlines of six rosettes; those of the polar network run along rays from the centre, those of Grad-CAM are coarse blobs."}}
shown = {titles.MODELS[name]: each[:6, 2] for name, each in maps.items()}
figures.maps(some.pictures[:6], shown)

# %% [markdown]
# ## Where they lie
#
# The *density* of an attribution in a part is the share of its absolute values there over the share of the pixels there. For pixels at
# random it is 1. An edge detector is the other baseline: anything that follows the outline resembles it.

# %%
edges = pixels.edges(some.pictures)
names = Answers.QUANTITIES
importance = {
    (model, quantity): np.abs(each[:, i])
    for model, each in maps.items()
    for i, quantity in enumerate(names)
}
importance |= {("edges", quantity): edges for quantity in names}
for (model, quantity), values in importance.items():
    lies = pixels.by_region(density(values, some.regions, len(REGIONS)))
    run.record_table(
        lies.value, lies.se, rows="data", score="density", model=model, quantity=quantity
    )

# %% [markdown]
# What should the density be? We let a few pixels of one part take the values of the mean picture, and see what the network then
# answers. The *effect* of the part is the mean change, over that of as many pixels from anywhere.

# %%
answer = pixels.answer_of(shipped)
effects = pixels.region_effects(answer, some, mean, seed)
for i, quantity in enumerate(names):
    effect = pixels.by_region(effects[..., i])
    run.record_table(effect.value, effect.se, rows="data", score="effect", quantity=quantity)
shown_models = ["", "integrated_gradients"]
run.table("data", ["score", "quantity"], score=["effect", "density"], model=shown_models)

# %% [markdown]
# {numref}`fig-densities` compares all of them.

# %% mystnb={"figure": {"caption": "Effect of the pixels of each part on the shipped network's answers, and density of attributions in it, over the mean pixel, with standard errors over crystals. A faithful attribution lies where the effects lie.", "name": "fig-densities"}, "image": {"alt": "Three panels of marks for seven parts of a picture on a logarithmic scale, for effects, two attributions and an edge detector."}}
rows = run.rows[run.rows.score.isin(["effect", "density"])]
rows = rows.assign(model=rows.model.mask(rows.score == "effect", "effect"))
legend = {"effect": "effect"} | {
    name: titles.MODELS[name] for name in ("integrated_gradients", "gradient", "edges")
}
figures.densities(rows, legend, {region: titles.DATA[region] for region in REGIONS})

# %% [markdown]
# ## Deletion and insertion
#
# A ranking of pixels is good if the answer changes soon when pixels are *deleted* in its order, and comes near the whole picture's soon
# when they are *inserted* into the mean picture {cite:p}`petsiuk2018`. Beside the attributions we rank by edges, at random, by the true
# parts (tips and notches first, then sides, then what is inside), and by the distance of a pixel from the mean picture, $| p_i - \bar p_i |$.
# The last is a factor of integrated gradients that knows no network.

# %%
parts_first = (len(REGIONS) - some.regions).astype(float)
fixed = {"edges": edges, "random": np.ones_like(edges), "parts_first": parts_first}
fixed["distance"] = np.abs(some.pictures - mean)
curves = {name: pixels.exchange(answer, some.pictures, mean, fixed[name], seed) for name in fixed}

# %% [markdown]
# Attributions rank the pixels for each answer anew.

# %%
rankings = {quantity: dict(curves) for quantity in names}
for model in ("integrated_gradients", "gradient", "untrained"):
    for quantity in names:
        rankings[quantity][model] = pixels.exchange(
            answer, some.pictures, mean, importance[model, quantity], seed
        )

# %% [markdown]
# The area under each curve is its mean height over the first 30 % of the pixels. A *gain* is the difference to edges on the same pictures,
# positive where the ranking is better than edges.

# %%
for i, quantity in enumerate(names):
    for row in pixels.areas(rankings[quantity], i, against="edges"):
        run.record(**row, quantity=quantity)
area_scores = ["deletion", "insertion", "deletion_gain", "insertion_gain"]
run.table(["quantity", "model"], "score", score=area_scores)

# %% [markdown]
# {numref}`fig-exchange` shows the whole curves. A picture that is half exchanged is like none that the network has seen, which is why
# a few pixels in the right places can move the answer further than many.

# %% mystnb={"figure": {"caption": "Mean distance of the answers from those to the whole picture, as pixels are deleted (top: higher is better) and inserted (bottom: lower is better), with standard errors over crystals.", "name": "fig-exchange"}, "image": {"alt": "Six panels of curves over the share of pixels that were exchanged."}}
drawn = {
    quantity: {
        model: (each.deletion[..., i], each.insertion[..., i])
        for model, each in rankings[quantity].items()
    }
    for i, quantity in enumerate(names)
}
order = ["integrated_gradients", "gradient", "untrained", *fixed]
figures.exchange(pixels.SHARES, drawn, {name: titles.MODELS[name] for name in order})

# %% [markdown]
# The same for the CNN, with attributions of its own:

# %%
cnn_answer = pixels.answer_of(cnn)
same = {
    f"cnn_{name}": pixels.exchange(cnn_answer, some.pictures, mean, fixed[name], seed)
    for name in ("edges", "random", "distance")
}
for i, quantity in enumerate(names):
    own = {
        model: pixels.exchange(cnn_answer, some.pictures, mean, importance[model, quantity], seed)
        for model in ("cnn_integrated_gradients", "cnn_grad_cam")
    }
    for row in pixels.areas(own | same, i, against="cnn_edges"):
        run.record(**row, quantity=quantity)
run.table(["quantity", "model"], "score", score=area_scores, model=[*own, *same])

# %% [markdown]
# ## Random weights
#
# A map that stays the same when the weights are drawn anew says nothing of the network {cite:p}`adebayo2018`. We compare the maps with those
# of the network whose head, or all of it, has random weights, and with edges, by the rank correlation over the pixels at
# the outline or inside it.

# %%
headless = attribution.randomise(shipped, "head", seed)
other = {
    "random_head": attribution.integrated_gradients(Answers(headless), images, baseline, n_steps),
    "random_all": found["untrained"],
}
other = {name: each.cpu().numpy() for name, each in other.items()}
inside = some.regions != REGIONS.index("background")
for i, quantity in enumerate(names):
    base = importance["integrated_gradients", quantity]
    compared = {name: np.abs(each[:, i]) for name, each in other.items()} | {"edges": edges}
    for name, each in compared.items():
        rho = rank_correlation(base, each, inside)
        se = rho.std(ddof=1) / n_test**0.5
        run.record("map_correlation", rho.mean(), se, data=name, quantity=quantity)
run.table("data", "quantity", score="map_correlation")

# %% [markdown]
# ## Taking bullets away
#
# The network also answers to the crystal without one of its bullets. What a bullet does to an answer should be what the attribution gives to
# the pixels that are lost with it. A bullet that hides behind others loses none. We compare both over all bullets by their rank
# correlation, beside that of the mere number of pixels lost.

# %%
removal = pixels.remove_bullets(answer, some)
lost = removal.differ.sum((1, 2))
for i, quantity in enumerate(names):
    given = {
        model: pixels.bullet_attribution(removal, maps[model][:, i])
        for model in ("integrated_gradients", "gradient", "untrained")
    }
    for model, attributed in (given | {"pixels_lost": lost}).items():
        found_rho = pixels.removal_correlation(
            removal.effect[:, i], attributed, removal.crystal, seed=seed
        )
        run.record("removal", found_rho["value"], found_rho["se"], model=model, quantity=quantity)
run.table("model", "quantity", score="removal")

# %% [markdown]
# ## What was shown
#
# - **Tips or crossings?** The pixels of a notch, where bullets cross, do {glue:text}`effect_notch_n_bullets:.1f` ±
#   {glue:text}`effect_notch_n_bullets_se:.1f` times as much to the number of bullets as the mean pixel, those of a side
#   {glue:text}`effect_side_n_bullets:.1f` ± {glue:text}`effect_side_n_bullets_se:.1f` and those of a tip only
#   {glue:text}`effect_tip_n_bullets:.1f` ± {glue:text}`effect_tip_n_bullets_se:.1f` times. For effective density it is
#   {glue:text}`effect_notch_rho_e:.1f` ± {glue:text}`effect_notch_rho_e_se:.1f`, {glue:text}`effect_side_rho_e:.1f` ±
#   {glue:text}`effect_side_rho_e_se:.1f` and {glue:text}`effect_tip_rho_e:.1f` ± {glue:text}`effect_tip_rho_e_se:.1f`. So the
#   network reads where bullets part and how wide they are, rather than where they end. Pixels near the centre move its rings as well.
# - **Where attributions lie.** For the number of bullets, integrated gradients have a density of
#   {glue:text}`density_integrated_gradients_notch_n_bullets:.1f` at notches,
#   {glue:text}`density_integrated_gradients_side_n_bullets:.1f` at sides and
#   {glue:text}`density_integrated_gradients_tip_n_bullets:.1f` at tips, gradients
#   {glue:text}`density_gradient_notch_n_bullets:.1f`, {glue:text}`density_gradient_side_n_bullets:.1f` and
#   {glue:text}`density_gradient_tip_n_bullets:.1f`, the edge detector {glue:text}`density_edges_notch_n_bullets:.1f`,
#   {glue:text}`density_edges_side_n_bullets:.1f` and {glue:text}`density_edges_tip_n_bullets:.1f`. None shows a difference
#   as large as exchanged pixels do.
# - **Deletion.** In the order of integrated gradients the number of bullets changes by
#   {glue:text}`deletion_gain_integrated_gradients_n_bullets:.2f` ±
#   {glue:text}`deletion_gain_integrated_gradients_n_bullets_se:.2f` more than in the order of edges. With random weights the
#   same network gains {glue:text}`deletion_gain_untrained_n_bullets:.2f` ±
#   {glue:text}`deletion_gain_untrained_n_bullets_se:.2f`, and the distance from the mean picture, which knows no network,
#   {glue:text}`deletion_gain_distance_n_bullets:.2f` ± {glue:text}`deletion_gain_distance_n_bullets_se:.2f`. For effective
#   density (in $\ln \rho_e$) the three gains are {glue:text}`deletion_gain_integrated_gradients_rho_e:.2f` ±
#   {glue:text}`deletion_gain_integrated_gradients_rho_e_se:.2f`, {glue:text}`deletion_gain_untrained_rho_e:.2f` ±
#   {glue:text}`deletion_gain_untrained_rho_e_se:.2f` and {glue:text}`deletion_gain_distance_rho_e:.2f` ±
#   {glue:text}`deletion_gain_distance_rho_e_se:.2f`: what looks like a success of the attribution comes largely from where a
#   crystal differs from the mean one. In insertion, for the number of bullets, this distance gains
#   {glue:text}`insertion_gain_distance_n_bullets:.2f` ± {glue:text}`insertion_gain_distance_n_bullets_se:.2f`, integrated gradients
#   {glue:text}`insertion_gain_integrated_gradients_n_bullets:.2f` ±
#   {glue:text}`insertion_gain_integrated_gradients_n_bullets_se:.2f`.
# - **Random weights** leave a rank correlation of {glue:text}`map_correlation_random_all_n_bullets:.2f` between the maps for
#   the number of bullets; edges have {glue:text}`map_correlation_edges_n_bullets:.2f`.
# - **Whole bullets.** What integrated gradients give to a bullet has a rank correlation of
#   {glue:text}`removal_integrated_gradients_n_bullets:.2f` ± {glue:text}`removal_integrated_gradients_n_bullets_se:.2f` with
#   what the bullet does to the number of bullets, and of {glue:text}`removal_integrated_gradients_rho_e:.2f` ±
#   {glue:text}`removal_integrated_gradients_rho_e_se:.2f` for effective density. The mere number of pixels that are lost with
#   it has {glue:text}`removal_pixels_lost_n_bullets:.2f` ± {glue:text}`removal_pixels_lost_n_bullets_se:.2f` and
#   {glue:text}`removal_pixels_lost_rho_e:.2f` ± {glue:text}`removal_pixels_lost_rho_e_se:.2f`.
#
# Maps of this kind should not be believed for their looks. Where the object is known, as here, the question which pixels matter
# is better put to the network itself: exchange them, or take the bullet away.
