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
# # Reconstruction
#
# So far a picture has told a few numbers about its crystal. Could it tell the crystal itself? Networks that turn one
# photograph of a chair into a three-dimensional chair suggest so. But {cite:t}`tatarchenko2019` found that such networks
# mostly *recognise*: they recall a shape like those seen in training, and looking up the nearest training shape did
# as well.
#
# In this notebook we
#
# 1. write rosettes as voxels in the frame of their picture,
# 2. train a network after 3D-R2N2 {cite}`choy2016` to predict them from one silhouette, or from two,
# 3. set beside it what recognition alone achieves, and
# 4. go a better way for this problem: fit the rosette's own parameters until its silhouette agrees with the picture.
#
# The methods are explained on the page [](../book/part-1-reconstruction.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need crystals with their pictures and voxels, the ways to recall or build a shape from a picture, and the figures.

# %%
import pandas as pd

from lib.core.seeds import child_seed
from lib.datasets.voxel_scenes import ANGLES, rosette_targets, scenes
from lib.datasets.voxels import occupancy
from lib.evaluation.scores import scores_with_errors
from lib.evaluation.shape_scores import best_threshold, depth_mirrored, iou, shape_scores
from lib.figures import scenes as scene_figures
from lib.figures.gallery import gallery, scene_frame
from lib.models.reconstruction import parametric, recognition
from lib.models.reconstruction.r2n2 import Settings, chances, trained_r2n2
from lib.notebook.run import start

# %% [markdown]
# Training, validation and test crystals are drawn from seeds of their own, so none can be in two sets.

# %% tags=["parameters"]
n_train: int = 2000  # training crystals, each in one orientation
n_validation: int = 140  # crystals for choosing thresholds and the best epoch
n_test: int = 70  # crystals for all scores
epochs: int = 2  # how often the network sees the training crystals
channels: int = 64  # channels of the network's recurrent grid
n_clusters: int = 32  # clusters of training shapes
n_starts: int = 12  # starts of each fit
n_drawn: int = 4  # test crystals drawn as voxels
device: str = "auto"  # torch device: auto, cpu or cuda
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("15-reconstruction", globals())
run.at_least(n_train=64, n_validation=7, n_test=7, epochs=1, channels=8)
run.at_least(n_clusters=2, n_starts=1, n_drawn=1)
run.require(n_starts <= n_train, "n_starts must not exceed n_train.")
run

# %% [markdown]
# ## Crystals as voxels
#
# Each crystal is turned at random and seen twice, at 0 and 90 degrees as by the 2D-S. Its voxels fill a cube that stands
# behind the first picture: x to the right, y up, z towards the eye.

# %%
sizes = {"train": n_train, "validation": n_validation, "test": n_test}
train, validation, test = (
    scenes(n, child_seed(seed, "scenes", part), device) for part, n in sizes.items()
)
pictures, voxels = test.pictures, test.voxels
pictures.shape, voxels.shape

# %% [markdown]
# Few voxels are ice, and the bullets are one to three voxels wide ({numref}`fig-voxels`). A shape that is off by little
# misses many of them.

# %% mystnb={"figure": {"caption": "Three test crystals: the picture, the crystal seen obliquely from the right and above, and its voxels from the same place. The picture looks along the depth of the cube, so what lies behind what has to be guessed.", "name": "fig-voxels"}, "image": {"alt": "Three rows of three pictures: a silhouette, the shaded crystal, and the crystal built of small cubes."}}
images = []
for i in range(3):
    oblique = scene_figures.mesh_picture(test.crystals[i], test.orientations[i].cpu().numpy())
    cubes = scene_figures.voxel_picture(voxels[i].cpu().numpy())
    images += [pictures[i, 0].cpu().numpy(), oblique, cubes]
gallery(images, ["picture", "crystal", "voxels"] * 3, columns=9, width=1.1)

# %% [markdown]
# We score a shape by the intersection over union (IoU) of its voxels with the true ones, and by the F-score of the two
# surfaces at a distance of 2 % of the cube's side. Both are 1 for equal shapes. One number warns of what is coming: if
# front and back are exchanged, the silhouette stays the same, but the IoU of a crystal with its own mirror image is only this.

# %%
filled = voxels.float().mean().item()
mirrored = iou(depth_mirrored(voxels), voxels)
run.record(share_filled=filled, iou_mirror_of_truth=mirrored.mean())
run.metrics

# %% [markdown]
# ## The network
#
# An encoder reads the picture, a recurrent grid takes up what was read, and a decoder makes voxels of the grid. A second
# picture, where there is one, goes through the same encoder and updates the grid. One network serves one view and two.

# %%
network, history = trained_r2n2(train, validation, Settings(channels, epochs, seed=seed), device)
history.round(4)

# %% [markdown]
# The network says how likely each voxel is ice. The threshold that makes this a shape is chosen on the validation crystals.
# Every shape that follows is kept under its method and its number of views.

# %%
found = {}
for views in (1, 2):
    held_out = chances(network, validation.pictures[:, :views])
    threshold = best_threshold(held_out, validation.voxels)
    found["R2N2", views] = chances(network, pictures[:, :views]) > threshold

# %% [markdown]
# ## Recognition alone
#
# Three ways to recall a shape, after {cite:t}`tatarchenko2019`. *Clustering* sorts the training shapes into clusters, learns
# to tell a picture's cluster, and answers with the cluster's mean shape. *Retrieval* answers with the shape of the
# most similar training picture. The *oracle* sees the true shape and picks the most similar training shape: no
# method that recalls can do better. Below all of them is the mean of all training shapes, which does not
# even look at the picture.

# %%
mean = train.voxels.float().mean(0, keepdim=True)
threshold = best_threshold(mean.expand_as(validation.voxels), validation.voxels)
found["mean shape", 1] = (mean > threshold).expand_as(voxels)
found["oracle", 1] = train.voxels[recognition.best_matches(voxels, train.voxels)]

# %% [markdown]
# Clustering and retrieval look at one picture or at both.

# %%
for views in (1, 2):
    seen = train.pictures[:, :views]
    nearest = recognition.nearest(pictures[:, :views], seen)[:, 0]
    found["retrieval", views] = train.voxels[nearest]
    clusters = recognition.Clusters(train.voxels, seen, n_clusters, seed)
    held_out = clusters.chances(validation.pictures[:, :views])
    threshold = best_threshold(held_out, validation.voxels)
    found["clustering", views] = clusters.chances(pictures[:, :views]) > threshold

# %% [markdown]
# ## The parametric fit
#
# We know more than a network that makes voxels: the crystal is a rosette. So we seek the numbers that make a rosette:
# its proportions, its orientation, and width, length, lean and roll of each bullet. Silhouettes are drawn softly, so that
# they change smoothly with these numbers, and gradient descent moves the numbers until the drawn silhouette agrees with the
# picture. It starts from the training crystals whose pictures are nearest; each start keeps its number of bullets.
# Which of them is taken at the end is decided by the silhouettes only.

# %%
fits = {}
for views in (1, 2):
    rows = recognition.nearest(pictures[:, :views], train.pictures[:, :views], n_starts)
    starts = parametric.starts(train, rows)
    fits[views] = parametric.fit(pictures[:, :views] / 4, starts, ANGLES[:views])
    found["parametric", views] = occupancy(fits[views].rosettes, fits[views].orientations)

# %% [markdown]
# ## All side by side
#
# Now every shape is scored. A further column allows what no silhouette can tell: the better of the shape and its mirror
# image in depth.

# %%
methods = ("mean shape", "clustering", "retrieval", "R2N2", "oracle", "parametric")
order = sorted(found, key=lambda key: methods.index(key[0]))
scored = {key: shape_scores(found[key], voxels) for key in order}
for (method, views), table in scored.items():
    name = method.lower().replace(" ", "_") + {1: "", 2: "_2ds"}[views]
    run.record_each(table.mean(), suffix=name)
    run.record_each(table.sem(), suffix=f"{name}_se")
names = ["method", "views"]
everything = pd.concat(scored, names=names).reset_index(names)
run.keep(scores=everything)
everything.groupby(names, sort=False).mean().round(3)

# %% [markdown]
# {numref}`fig-reconstruction-scores` shows the same numbers, and how sure they are.

# %% mystnb={"figure": {"caption": "Mean IoU of the voxels (left) and F-score of the surfaces (right) on unseen crystals, with standard errors, from one view and from two. The oracle is the best that recalling a training shape could do. The IoU rewards ice in about the right place, the F-score asks for surfaces in the right place.", "name": "fig-reconstruction-scores"}, "image": {"alt": "Two bar charts of IoU and F-score, a row for each method with a bar for one view and one for two."}}
scene_figures.scores(everything)

# %% [markdown]
# From one view the network's IoU is {glue:text}`iou_r2n2:.3f` ± {glue:text}`iou_r2n2_se:.3f`. The mean shape reaches
# {glue:text}`iou_mean_shape:.3f`, clustering {glue:text}`iou_clustering:.3f`, retrieval {glue:text}`iou_retrieval:.3f`, the oracle
# {glue:text}`iou_oracle:.3f` and the fit {glue:text}`iou_parametric:.3f` ± {glue:text}`iou_parametric_se:.3f`. With a second view
# the network comes to {glue:text}`iou_r2n2_2ds:.3f`, the fit to {glue:text}`iou_parametric_2ds:.3f` ±
# {glue:text}`iou_parametric_2ds_se:.3f`.
#
# Even the mean shape, a ball that ignores the picture, is not bad by the IoU. That is the price of thin bullets: a bullet in a
# wrong place costs twice, once where it is and once where it is missing, and a ball hedges. The F-score sees
# through that: {glue:text}`fscore_mean_shape:.3f` for the mean shape, {glue:text}`fscore_r2n2:.3f` for the network,
# {glue:text}`fscore_retrieval:.3f` for retrieval and {glue:text}`fscore_parametric:.3f` for the fit.

# %% [markdown]
# What the numbers mean is best seen. {numref}`fig-reconstructions` has a crystal in each row.

# %% mystnb={"figure": {"caption": "Test crystals (rows) as voxels, seen obliquely: the truth, the best training shape, the shape of the nearest training picture, the network's answer from one view and from two, and the fitted rosette from one view and from two; with the IoU of each. The network answers with a blurred body that fills where bullets may be; the fit always answers with a rosette, from two views with one whose bullets lie mostly in their places.", "name": "fig-reconstructions"}, "image": {"alt": "Rows of seven bodies built of small cubes: the true crystal, then what each method makes of its picture."}}
shown = [("oracle", 1), ("retrieval", 1)]
shown += [(method, views) for method in ("R2N2", "parametric") for views in (1, 2)]
drawn = {key: found[key] for key in shown}
scene_figures.reconstructions(pictures[:n_drawn, 0], voxels, drawn, scored)

# %% [markdown]
# ## What a silhouette can't tell
#
# If the fits were bad because the descent fails, their silhouettes would disagree with the pictures. They agree: the IoU of
# the silhouettes is {glue:text}`parametric_single_agreement:.2f` on average from one view. Many different rosettes have nearly
# the same shadow. Mirroring the whole shape in depth explains little of it, since each bullet may point to or from the eye by
# itself: for $n$ bullets there are up to $2^n$ ways. A second view at a right angle tells them apart.

# %%
run.record(parametric_single_agreement=fits[1].agreement.mean())
run.record(parametric_2ds_agreement=fits[2].agreement.mean())
agreement = [
    scored["parametric", views].assign(views=views, agreement=fit.agreement.cpu().numpy())
    for views, fit in fits.items()
]

# %% [markdown]
# Crystal by crystal, {numref}`fig-agreement` sets the agreement that the fit sees beside the one that it does not.

# %% mystnb={"figure": {"caption": "How well the fitted rosette's silhouettes agree with the pictures, and how well its voxels agree with the true ones, for each test crystal. From one view a fit may explain the picture and still be another crystal. From two views, the better the silhouettes agree, the better does the shape.", "name": "fig-agreement"}, "image": {"alt": "Scatter plot of the IoU of voxels over the IoU of silhouettes, with one mark for fits to one view and one for fits to two."}}
scene_figures.agreement(pd.concat(agreement, ignore_index=True))

# %% [markdown]
# ## Density and surface of the fitted rosette
#
# A shape may be wrong and still hold the right amount of ice. The fitted rosette is a solid, so it implies an effective density
# and an effective surface area, which no method was trained to predict here.

# %%
values = {}
for views, name in ((1, "single"), (2, "2ds")):
    values[name] = rosette_targets(fits[views].rosettes)
    run.record_each(scores_with_errors(test.truth, values[name]), f"parametric_{name}")
run.record(n_train=n_train, n_test=n_test)

# %% [markdown]
# {numref}`fig-implied` shows how near they come.

# %% mystnb={"figure": {"caption": "Effective density (left) and effective surface area (right) of the fitted rosettes over those of the true crystals, fitted to one view and to two.", "name": "fig-implied"}, "image": {"alt": "Two scatter plots of fitted over true values about the diagonal, for fits to one view and to two."}}
scene_figures.implied_against_true(test.truth, {"one view": values["single"], "two views": values["2ds"]})

# %% [markdown]
# From one view $R^2$ is {glue:text}`parametric_single_r2_rho_e:.3f` ± {glue:text}`parametric_single_r2_rho_e_se:.3f` for
# effective density and {glue:text}`parametric_single_r2_a_e:.3f` ± {glue:text}`parametric_single_r2_a_e_se:.3f` for effective
# surface area; from two views {glue:text}`parametric_2ds_r2_rho_e:.3f` ± {glue:text}`parametric_2ds_r2_rho_e_se:.3f` and
# {glue:text}`parametric_2ds_r2_a_e:.3f` ± {glue:text}`parametric_2ds_r2_a_e_se:.3f`. The number of bullets is right in
# {glue:text}`parametric_single_balanced_accuracy:.2f` of cases from one view and {glue:text}`parametric_2ds_balanced_accuracy:.2f`
# from two, averaged over the classes: a bullet more or less that hides behind others costs the silhouettes little, from two
# views as from one.
#
# The same test crystal, true and fitted, can be turned with the mouse. All look alike from the front.

# %%
solids = {"truth": (test.crystals[2], test.orientations[2].cpu().numpy())}
for views, label in ((1, "one view"), (2, "two views")):
    solids[f"fit to {label}"] = fits[views].single(2)
scene_figures.write_comparison(solids, run.file("scene.html"))
scene_frame(
    run.url("scene.html"),
    "A rosette and the rosettes fitted to its pictures, to be turned by hand",
    run.url("scene.png"),
)

# %% [markdown]
# ## What was shown
#
# - On {glue:text}`n_test` unseen crystals, a network after 3D-R2N2 that learned from {glue:text}`n_train` reaches an IoU of
#   {glue:text}`iou_r2n2:.3f` from one view; clustering reaches {glue:text}`iou_clustering:.3f` and the best training shape
#   {glue:text}`iou_oracle:.3f`. A second view at a right angle brings it to {glue:text}`iou_r2n2_2ds:.3f`. A method that
#   reconstructs could resolve the depth from it and leave the best training shape far behind.
# - Fitting the rosette itself reaches {glue:text}`iou_parametric:.3f` from one view and {glue:text}`iou_parametric_2ds:.3f` from
#   two.
# - One silhouette leaves open which bullets point to the eye and which away. Effective density suffers little from that,
#   the shape much.
# - The fit knows the model that made the crystals. Real crystals come with no such promise, so its scores are what a right model
#   is worth, rather than what to expect in a cloud.
