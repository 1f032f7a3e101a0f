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
# # How many cameras
#
# A second picture of a crystal tells more than the first alone. What do three tell, or thirteen? Two methods answer here that know
# nothing of each other: learners, which have seen many crystals, and the visual hull, which learns nothing and knows where
# the cameras stand.
#
# In this notebook we
#
# 1. look at crystals from up to 13 sides,
# 2. carve the visual hull from their silhouettes,
# 3. let learners combine what each view says, and
# 4. ask at which number another camera stops paying, and what too few cameras do to a mass-dimension relation.
#
# The methods are explained on the page [](../book/part-1-reconstruction.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need crystals, cameras, the hull, a network for one view, and learners that combine its answers.

# %%
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch

from lib.core.seeds import child_seed, generator
from lib.crystals.orientation import random_orientations
from lib.datasets import fresh_rosettes
from lib.datasets.rosettes import Views, rosette_views
from lib.figures import cameras as figures
from lib.figures.gallery import gallery
from lib.figures.scenes import voxel_picture
from lib.imaging.draw.cameras import lebedev_cameras
from lib.models.networks import ARCHITECTURES
from lib.models.reconstruction.visual_hull import hull_targets, visual_hull
from lib.models.shape_model import Recipe, shape_model
from lib.notebook import titles
from lib.notebook.run import start
from lib.studies import many_cameras as cameras

# %% [markdown]
# With the same values as in [](13-image-networks.ipynb) its network is found rather than trained again.

# %% tags=["parameters"]
n_crystals: int = 6000  # crystals that the network learns from
n_held: int = 500  # crystals that decide on its best epoch
angles: list[float] = [0, 90, 120, 30, 60, 150]  # views, here the first is used [deg]
size: int = 128  # side of the square pictures [pixels]
epochs: int = 12  # epochs of the polar network
steps: int = 200  # batches in an epoch
batch: int = 64  # crystals in a batch
width: int = 64  # channels of the polar network's first layer
n_learned: int = 2000  # further crystals, from which the views are learned to be combined
n_test: int = 700  # test crystals
n_hulls: int = 100  # test crystals whose visual hulls are carved
counts: list[int] = [1, 2, 3, 5, 7, 10, 13]  # numbers of cameras that stand at random
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("17-cameras", globals())
run.at_least(n_crystals=70, n_held=35, n_learned=70, n_test=35, n_hulls=7, size=32)
run.at_least(epochs=1, steps=2, batch=8, width=4)
run.require(n_hulls <= n_test, f"n_hulls must not exceed n_test = {n_test}, got {n_hulls}.")
fits = all(1 <= count <= 24 for count in counts)
ascending = fits and len(counts) > 1 and counts == sorted(set(counts))
fault = f"counts must be at least two whole numbers from 1 to 24 that ascend, got {counts}."
run.require(ascending, fault)
run.angles("angles")
run

# %% [markdown]
# ## Where the cameras stand
#
# Random cameras look from independent directions. The nodes of a Lebedev rule are spread evenly: three look along the edges of a
# cube, four more along its diagonals, and six more along those of its faces ({numref}`fig-directions`). From behind, a silhouette is
# only mirrored, so opposite directions count once. Here the cameras know where they stand, and all pictures of a crystal have the
# same scale.

# %% mystnb={"figure": {"caption": "Directions of the cameras on equal-area maps of a hemisphere, in the order in which they are added: at random (left), and the nodes of a Lebedev rule (right).", "name": "fig-directions"}, "image": {"alt": "Two round maps with numbered dots; those on the left are unevenly spread, those on the right evenly."}}
random = random_orientations(max(counts), generator(seed, "cameras"))
placed = {"random": random, "lebedev": lebedev_cameras(13)}
numbers = {"random": counts, "lebedev": [3, 7, 13]}
figures.directions({"at random": random, "Lebedev nodes": placed["lebedev"]})

# %% [markdown]
# ## Crystals
#
# The test crystals are those of the other notebooks. The learners that combine views get crystals of their own, which the network
# has not seen either.

# %%
turns = tuple(map(float, angles))
sets = fresh_rosettes.sets(n_crystals, n_held, n_test, turns, size, seed)
combined = Views(n_learned, 1, (0.0,), child_seed(seed, "cameras", "learned"), size, pictures=False)
learn, test = rosette_views(combined, scheduler), rosette_views(sets.test, scheduler)
true = cameras.crystal_truth(test)
true.describe().loc[["min", "50%", "max"]]

# %% [markdown]
# ## The visual hull
#
# A point lies in the visual hull if it lies inside the silhouette of every view {cite:p}`laurentini1994`:
#
# $$ H = \{\, \mathbf{x} : P_v\, \mathbf{x} \in S_v \ \text{for all views } v \,\} $$ (eq-hull)
#
# $P_v$ projects a point onto the picture of camera $v$, and $S_v$ is its silhouette. In code, for the points of a grid:

# %%
views = placed["lebedev"]
silhouettes = next(cameras.pictures(test, views, size)).coverage
line = (np.arange(48) + 0.5) / 48 - 0.5
z, y, x = np.meshgrid(line, line, line, indexing="ij")
points = np.stack([x, y, z], axis=-1)


def inside(camera, silhouette):
    """Which of the points lie inside the silhouette (S, S) that a camera sees."""
    column = (points @ camera[0] + 0.5) * size
    row = (0.5 - points @ camera[1]) * size
    at = np.clip([row, column], 0, size - 1).astype(int)  # the rim of a picture is background
    return silhouette[*at] >= 2


# %% [markdown]
# The library does the same for many crystals at once.

# %%
carved = np.all([inside(*view) for view in zip(views, silhouettes[0], strict=True)], axis=0)
fast = visual_hull(torch.from_numpy(silhouettes[:1]), views, side=48)[0].numpy()
assert (carved == fast).all()
hull_targets(torch.from_numpy(carved[None]))

# %% [markdown]
# {numref}`fig-hulls` shows what is left of the cube as cameras are added.

# %% mystnb={"figure": {"caption": "The visual hull of one test crystal from the first 2, 3, 7 and 13 nodes of the Lebedev rule, seen obliquely, and one of its silhouettes. Two views leave plates where bullets may be; with 13 the bullets stand free, a little too thick.", "name": "fig-hulls"}, "image": {"alt": "A silhouette and four bodies built of small cubes, from a coarse block to a rosette with separate bullets."}}
bodies = [
    visual_hull(torch.from_numpy(silhouettes[:1, :n]), views[:n], 48)[0].numpy()
    for n in (2, 3, 7, 13)
]
images = [silhouettes[0, 0], *map(voxel_picture, bodies)]
gallery(images, ["picture", "2 views", "3 views", "7 views", "13 views"], columns=5, width=1.5)

# %% [markdown]
# From a hull we take its volume, the sphere about it, its surface, and the number of separate pieces far from its centre. No
# number of these is fitted to anything.

# %%
hulls = {
    (name, n): table
    for name, of in numbers.items()
    for n, table in cameras.hulls(
        test.isel(crystal=slice(0, n_hulls)), placed[name], tuple(of), size
    ).items()
    if n > 1
}

# %% [markdown]
# ## Learners that combine views
#
# The polar network of [](13-image-networks.ipynb) looks at each picture alone and answers with $\ln \rho_e$, $\ln A_e$ and the chance
# of each number of bullets. A perceptron gets the mean, the smallest and the largest of its answers over the views. So it does not
# know where the cameras stand, and takes the views in any order. The eight shape descriptors are combined the same way.

# %%
recipe = Recipe(
    "polar", epochs=epochs, steps=steps, batch=batch, rate=ARCHITECTURES["polar"].rate,
    settings={"width": width},
)  # fmt: skip
trained = shape_model(recipe, sets.crystals, sets.validation, seed, device, scheduler)
model = trained.model
observed = {
    name: tuple(cameras.observe(data, of, model, size) for data in (learn, test))
    for name, of in placed.items()
}

# %% [markdown]
# A perceptron is trained for each number of views and for each way to place the cameras.

# %%
inputs = {"descriptors": ("descriptors",), "polar": ("answers",)}
inputs["both"] = ("answers", "descriptors")
predicted = {
    (model, name, n): cameras.predict_from_views(parts, *observed[name], n, seed)
    for name, of in numbers.items()
    for n in of
    for model, parts in inputs.items()
}
predicted |= {("visual_hull", *key): table for key, table in hulls.items()}

# %% [markdown]
# A perceptron returns a number. The *posterior* of [](16-posterior.ipynb) returns a density, here given the network's answers, and is
# trained once for all numbers of views. Its prediction is the mean of each value and the likeliest number of bullets.

# %%
for name, of in numbers.items():
    description = {"crystals": asdict(combined), "network": trained.digest, "size": size}
    description |= {"cameras": placed[name].round(9).tolist()}
    tables = cameras.posteriors_from_views(*observed[name], tuple(of), description, seed)
    predicted |= {("posterior", name, n): table for n, table in tables.items()}

# %% [markdown]
# ## What each view adds
#
# The mass follows from $\rho_e$ and the largest circle about any of the silhouettes, from the hull directly. Its error is given as
# others give it {cite:p}`leinonen2021`: the root mean square error over the mean mass, and the mean error over the mean mass.

# %%
codes = {f"{name}_{n}": (n, name) for name, of in numbers.items() for n in of}
for (name, placing, n), table in predicted.items():
    scored = cameras.score_table(true.loc[table.index], table)
    run.record_table(scored.value, scored.se, model=name, views=f"{placing}_{n}")
results = run.rows.assign(
    n_views=run.rows.views.map(lambda code: codes[code][0]),
    placed=run.rows.views.map(lambda code: codes[code][1]),
)

# %% [markdown]
# {numref}`fig-cameras` has the errors. The surface of a hull is at once too large, since the hull is, and too small, since steps of
# voxels have to be smoothed. Between five and seven views both cancel, which is luck.

# %% mystnb={"figure": {"caption": "Errors on test crystals by the number of views, with standard errors, on logarithmic scales: learners that get the descriptors of each view, the network's answers, or both, the posterior given the network's answers, and the visual hull. Filled marks: cameras at random. Open marks: the nodes of a Lebedev rule.", "name": "fig-cameras"}, "image": {"alt": "Four plots of errors that fall with the number of views; those of the visual hull fall from far above to near those of the learners."}}
learners = {"descriptors": "descriptors", "polar": "network", "both": "both"}
names = learners | {"posterior": "posterior", "visual_hull": "visual hull"}
figures.errors_by_views(results, names)

# %% [markdown]
# The same as numbers, for cameras at random and at the nodes:

# %%
shown = ["r2", "balanced_accuracy", "nrmse", "bias"]
few_and_many = [f"random_{counts[0]}", f"random_{counts[1]}", "lebedev_3", "lebedev_13"]
run.table(["model", "views"], ["score", "quantity"], score=shown, views=few_and_many)

# %% [markdown]
# By which share does one more camera cut the error of the mass?

# %%
by_count = results[(results.score == "nrmse") & (results.placed == "random")]
by_model = by_count.pivot(index="n_views", columns="model", values="value")
cuts = by_model.apply(cameras.cut_by_another)
cuts.rename(columns=titles.MODELS).style.format("{:.0%}", na_rep="")

# %% [markdown]
# We say that another camera *pays* while it cuts an error by more than a tenth. From this number of cameras on it does not:

# %%
stops = {name: next(iter(cuts.index[cuts[name] < 0.1]), max(counts)) for name in names}
run.record_table(stops, rows="model", score="cameras_that_pay")
pd.Series(stops).rename(titles.MODELS).to_frame("cameras")

# %% [markdown]
# ## Size from a projection
#
# A camera sees a projection, and no projection is larger than the crystal. A relation between mass and size that is fitted with
# the size seen gives too much mass at a given size ({numref}`fig-camera-sizes`).

# %%
seen = observed["random"][1]
relations = cameras.fitted_relations(seen, tuple(counts), seed=seed)
relations[["exponent", "exponent_se", "ratio", "ratio_se"]].rename_axis("views (0: true diameter)")

# %% mystnb={"figure": {"caption": "Left: the largest circle about the silhouettes of a crystal over the diameter of the sphere about it, by the number of views. Right: by how much the mass of a fitted mass-dimension relation is too large at 250 \u00b5m when the circle is taken for the diameter, with standard errors.", "name": "fig-camera-sizes"}, "image": {"alt": "Boxes that rise towards one with the number of views, and dots that fall towards zero."}}
shares = pd.concat(
    pd.DataFrame({"n_views": n, "share": seen.diameter_um[:, :n].max(1) / seen.truth.diameter_um})
    for n in counts
)
figures.sizes(shares, relations)

# %% [markdown]
# So much does one camera cost:

# %%
one_camera = relations.loc[counts[0]]
run.record("mass_excess", one_camera.ratio - 1, one_camera.ratio_se)
run.record("exponent_change", one_camera.difference, one_camera.difference_se)
run.table(score=["mass_excess", "exponent_change"])

# %% [markdown]
# ## What was shown
#
# - From three cameras at right angles, descriptors tell the mass with a normalised RMSE of
#   {glue:text}`descriptors_lebedev_3_nrmse_mass:.2f`, the network with {glue:text}`polar_lebedev_3_nrmse_mass:.2f` and the visual hull
#   with {glue:text}`visual_hull_lebedev_3_nrmse_mass:.2f`: what learners have seen of rosettes is worth more than what the
#   hull knows of the cameras.
# - From thirteen the hull reaches {glue:text}`visual_hull_lebedev_13_nrmse_mass:.2f`, and counts the bullets right for
#   {glue:text}`visual_hull_lebedev_13_balanced_accuracy:.2f` of the classes on average, the network for
#   {glue:text}`polar_lebedev_13_balanced_accuracy:.2f`.
# - The mean of the posterior has a normalised RMSE of the mass of {glue:text}`posterior_lebedev_3_nrmse_mass:.2f` from three cameras and
#   {glue:text}`posterior_lebedev_13_nrmse_mass:.2f` from thirteen.
# - A relation that is fitted with the size from one projection has {glue:text}`mass_excess:.0%` too much mass at 250 µm.
