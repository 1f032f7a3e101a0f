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
# # Synthetic rosettes
#
# A probe under the wing of a research aircraft takes a flat picture of an ice crystal. A cloud model needs the volume of
# the ice and the surface that it exposes to the air. To predict these from a picture, we need crystals of which picture,
# volume and surface are known. No instrument measures all three, so we build the crystals:
# **bullet rosettes**, a frequent shape in cold cirrus, whose hexagonal columns ("bullets") grow outwards from one centre.
#
# In this notebook we
#
# 1. draw the rosette as its model describes it,
# 2. vary it at random,
# 3. compute its volume and surface exactly,
# 4. take its picture from many sides, and
# 5. store everything in one data set, which the next notebooks read.
#
# The formulas are on the page [](../book/part-1.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need the crystals, their pictures, the data set made of both, and the figures of this book.

# %%
import numpy as np

from lib.crystals import orientation, rosette, solid
from lib.datasets.rosettes import Views, rosette_views
from lib.figures import descriptors, mesh
from lib.figures.gallery import gallery, scene_frame
from lib.imaging.draw.silhouette import silhouettes
from lib.notebook.run import start

# %% [markdown]
# These parameters can be changed from outside. The data set of the talk has 9,000 crystals and 24 orientations of each;
# the defaults are what two processor cores build in about a minute.

# %% tags=["parameters"]
n_crystals: int = 3000  # crystals in the data set
n_orientations: int = 4  # random orientations of each crystal
size: int = 224  # side of the square pictures [pixels]
model: str = "2025"  # rosette model, 2025 or 2023
hollow: float = 0.0  # mean depth of the hollow over the length of a bullet [1]
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("11-synthetic-rosettes", globals())
run.at_least(n_crystals=14, n_orientations=1, size=32, hollow=0)
run.one_of(model=rosette.ROSETTE_MODELS)
run.require(hollow < 0.95, f"hollow must be below 0.95, got {hollow}.")
run

# %% [markdown]
# ## The regular rosette
#
# A bullet is a hexagonal prism with a hexagonal pyramid on its inner end. In the model of 2025 its half width $a$ and half length $c$
# are drawn from what has been measured on real crystals in the ICE-Ball flights; the sizes of the pyramid and of the sphere in
# the centre follow from $a$ and the number of bullets, up to three factors near one {cite}`ko2025`. The model of 2023 measures all
# lengths by a common one, $r_0$. The ranges of this run are these.

# %%
rosette.ROSETTE_MODELS[model].ranges

# %% [markdown]
# Before any random variation the bullets point in the directions that keep them as far apart as possible.

# %% mystnb={"figure": {"caption": "Regular bullet rosettes of the 2025 model with 4 to 10 bullets and middling proportions. With more bullets the centre sphere grows so that all find room, and the shape turns from an open star into a dense ball of spikes.", "name": "fig-regular-rosettes"}, "image": {"alt": "Seven shaded rosettes in a row, from three arms seen of four to a dense star of ten."}}
middle = {"a": 20.0, "c": 50.0, "f_r0": 1.0, "f_hp": 1.0, "f_h0": 1.0}
regular = {n: rosette.rosette(middle, n) for n in rosette.ROSETTE_MODELS["2025"].bullets}
shaded = [mesh.picture(crystal.solid()) for crystal in regular.values()]
gallery(shaded, [f"{n} bullets" for n in regular], columns=7)

# %% [markdown]
# ## Random variation
#
# No two crystals are alike. Each bullet's width and length is multiplied by its own random factor, and its axis leans
# away from the regular direction, anywhere within a cone (a third of the angle to its nearest neighbour in the model of 2025). Around that, the
# proportions $c/a$ vary from stout to needle-like.

# %% mystnb={"figure": {"caption": "Fourteen random rosettes, each drawn to fill its frame, with their numbers of bullets. Proportions differ more than anything else, and with them the share of the surrounding sphere that is ice.", "name": "fig-random-rosettes"}, "image": {"alt": "Fourteen shaded rosettes in two rows, some slender, some stout, with few or many bullets."}}
crystals = rosette.sample(14, seed, model=model, hollow=hollow)
random = [mesh.picture(crystal.solid()) for crystal in crystals]
gallery(random, [f"{crystal.n_bullets} bullets" for crystal in crystals], columns=7)

# %% [markdown]
# The third of them can be turned with the mouse or a finger.

# %%
mesh.write_scene(crystals[2].solid(), run.file("scene.html"))
scene_frame(run.url("scene.html"), "A random rosette, to be turned by hand", run.url("scene.png"))

# %% [markdown]
# ## The targets
#
# Two numbers compare a crystal with the smallest sphere around it: the **effective density**
# $\rho_e$, the share of the sphere's volume that is ice, and the **effective surface area** $A_e$, the crystal's surface
# over the sphere's. They come from the exact union of all bullets and the centre sphere, not from the picture.

# %%
truth = solid.targets(crystals[2].solid())
{name: round(value, 4) for name, value in truth._asdict().items()}

# %% [markdown]
# Many natural bullets are hollow at their outer end. Hollows change the volume and the surface, but every line of sight through
# a hollow also passes through ice. So no pixel of the silhouette changes.

# %%
base, n_bullets = crystals[2].base, crystals[2].n_bullets
rng = np.random.default_rng(seed)
carved = rosette.rosette(base, n_bullets, rng, model, hollow=0.6).solid()
filled = solid.Solid(carved.pieces, (), carved.spheres)

# %% [markdown]
# We count the pixels that differ in 200 orientations.

# %%
before, after = solid.targets(filled), solid.targets(carved)
orientations = orientation.random_orientations(200, seed)
shadows = [silhouettes(body, orientations).coverage for body in (filled, carved)]
run.record("hollow_volume_ratio", after.volume / before.volume)
run.record("hollow_area_ratio", after.area / before.area)
run.record("hollow_pixels_changed", (shadows[0] != shadows[1]).sum())
run.rows[["score", "value"]]

# %% [markdown]
# ## Pictures
#
# A silhouette is the shadow of a union of convex bodies, so it is a union of convex polygons, and we fill these directly.
# Each picture shows a crystal in a random orientation; two more views of the same orientation stand for probes
# that look twice: the 2D-S at 90 degrees and PHIPS at 120 degrees.

# %% mystnb={"figure": {"caption": "One rosette in six random orientations (columns), each seen in the default view (top), turned by 90 degrees as the 2D-S sees it (middle) and by 120 degrees as PHIPS does (bottom). How many bullets it has is often plain from one view and hidden in another.", "name": "fig-silhouettes"}, "image": {"alt": "Eighteen black silhouettes of one crystal in three rows, which look like different crystals."}}
angles = (0, 90, 120)
views = silhouettes(crystals[2].solid(), orientations[:6], angles, size).coverage
in_rows = views.transpose(1, 0, 2, 3).reshape(-1, size, size)
gallery(in_rows, [f"{i}: {angle}°" for angle in angles for i in range(1, 7)], columns=6)

# %% [markdown]
# Two checks. Cauchy proved in 1841 that the shadow of a convex body, averaged over all orientations, has a quarter of
# the body's surface as its area; we test this on a single bullet. And orientations must be uniform, which three random Euler
# angles are not ({numref}`fig-orientations`).

# %%
bullet = solid.Solid(carved.pieces[:1])
exact = solid.targets(bullet)
pixel = exact.radius / 40
many = silhouettes(bullet, orientation.random_orientations(4000, seed), pixel_um=pixel)
shadow = many.coverage.sum(axis=(1, 2, 3)) / 4 * pixel**2
ratio = shadow / (exact.area / 4)
run.record("cauchy_ratio", ratio.mean(), se=ratio.std() / len(ratio) ** 0.5)

# %% [markdown]
# The mean shadow over a quarter of the surface is {glue:text}`cauchy_ratio:.4f` with a standard error of
# {glue:text}`cauchy_ratio_se:.4f`.

# %% mystnb={"figure": {"caption": "How the line of sight lies to the crystal's first axis, for two ways to draw a random orientation. Uniform rotations give a flat line. Three whole-degree Euler angles about fixed axes, as used for the published pictures, favour some directions of sight by up to one half.", "name": "fig-orientations"}, "image": {"alt": "Two histograms of a cosine: the one of uniform rotations is flat, the one of Euler angles has a peak on either side of the middle."}}
uniform = orientation.random_orientations(50_000, seed)
euler = orientation.published_orientations(50_000, seed)
first_axes = {"uniform rotations": uniform[:, :, 0], "three Euler angles": euler[:, :, 0]}
descriptors.orientations(first_axes)

# %% [markdown]
# ## The data set
#
# Crystals, pictures, descriptors and targets are built in parallel blocks and stored in the cache under their description.
# The same description finds them again. A build that was interrupted continues where it stopped.

# %%
description = Views(
    n_crystals, n_orientations, angles, seed, size, model=model, hollow=hollow, extended=True
)
data = rosette_views(description, scheduler)
data

# %% [markdown]
# Effective density and effective surface area are correlated, and at the same density more bullets mean more surface. So
# two of the three targets nearly determine the third ({numref}`fig-targets`).

# %% mystnb={"figure": {"caption": "Effective density and effective surface area of the crystals in the data set, by number of bullets. Most rosettes fill less than a tenth of the sphere around them.", "name": "fig-targets"}, "image": {"alt": "Scatter plot of effective surface area over effective density: one curved band for each number of bullets, more bullets lying higher."}}
targets = data[["rho_e", "a_e", "n_bullets"]].to_dataframe()
run.keep(crystals=targets)
descriptors.targets(targets.sample(min(len(targets), 3000), random_state=seed))

# %% [markdown]
# The published test set ranges from {reported}`least_rho_e:.4f` to {reported}`largest_rho_e:.4f` in $\rho_e$ and from
# {reported}`least_a_e:.3f` to {reported}`largest_a_e:.3f` in $A_e$; ours should lie within
# about the same limits.

# %%
percentiles = targets[["rho_e", "a_e"]].quantile([0.05, 0.5, 0.95])
run.record_table(percentiles.set_axis(["p5", "p50", "p95"]), columns="quantity")
run.record("n_failed", targets.isna().any(axis=1).sum())
targets[["rho_e", "a_e"]].describe().round(4)

# %% [markdown]
# ## What was shown
#
# - Bullet rosettes can be drawn at random from a published model, and their volume, surface and bounding sphere are
#   exact, but for the roundness of the centre sphere: {glue:text}`n_failed` of the crystals failed.
# - Their pictures are drawn without a renderer, with the published scale and views.
# - In one rosette, hollows 60 % deep keep {glue:text}`hollow_volume_ratio:.2f` of the volume and change {glue:text}`hollow_pixels_changed` pixels: a
#   limit to what any method can learn from silhouettes.
# - Half of all rosettes have an effective density below {glue:text}`rho_e_p50:.3f`.
#
# Next, [](12-shape-descriptors.ipynb) describes each picture by a few numbers and predicts the targets from them.
