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
# So far a few numbers were predicted from a picture. Can the whole crystal be reconstructed? Networks that turn one
# photograph of a chair into a three-dimensional chair suggest so. But {cite:t}`tatarchenko2019` found that such networks
# mostly *recognise*: they recall a shape like those of the training set, and retrieving the nearest training shape did as well.
#
# In this notebook we
#
# 1. write rosettes as voxels in the frame of their picture,
# 2. train a network after 3D-R2N2 {cite}`choy2016` to reconstruct them from one silhouette or from two,
# 3. compare it with recognition alone,
# 4. fit the parameters of the rosette itself until its silhouette agrees with the picture,
# 5. draw rosettes from the posterior, all of which agree with the picture, and
# 6. carve the visual hull, which learns nothing.
#
# The methods are explained on the page [](../book/part-1-reconstruction.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need crystals with their pictures and voxels, the methods of reconstruction, scores of shapes, and figures.

# %%
import pandas as pd
import torch

from lib.core.seeds import child_seed
from lib.datasets.voxel_scenes import ANGLES, rosette_targets, scenes
from lib.datasets.voxels import occupancy
from lib.evaluation.scores import scores, standard_errors
from lib.evaluation.shape_scores import best_threshold, depth_mirrored, iou, shape_scores
from lib.figures import scenes as scenes_3d
from lib.figures.gallery import gallery, scene_frame
from lib.imaging.draw.cameras import lebedev_cameras
from lib.imaging.draw.silhouette import cameras
from lib.models.reconstruction import parametric, recognition, rosette_posterior
from lib.models.reconstruction.r2n2 import Settings, probabilities, trained_r2n2, voxel_loss
from lib.models.reconstruction.visual_hull import visual_hull
from lib.notebook import titles
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
n_prior: int = 50_000  # rosettes from the prior among which the sampler begins
n_refined: int = 64  # of these refined for each crystal
n_drawn: int = 4  # test crystals drawn as voxels
device: str = "auto"  # torch device: auto, cpu or cuda
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("15-reconstruction", globals())
run.at_least(n_train=64, n_validation=7, n_test=7, epochs=1, channels=8)
run.at_least(n_clusters=2, n_starts=1, n_prior=1000, n_drawn=1)
run.at_least(n_refined=8)
run.require(n_refined <= n_prior, "n_refined must not exceed n_prior.")
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
pictures.shape, voxels.shape  # (crystal, view, y, x), (crystal, z, y, x)

# %% [markdown]
# Few voxels are ice, and the bullets are one to three voxels wide ({numref}`fig-voxels`), so a small displacement misses many
# of them.

# %% mystnb={"figure": {"caption": "Three test crystals: the picture, the crystal seen obliquely from the right and above, and its voxels from the same place. The picture looks along the depth of the cube, so what lies behind what has to be guessed.", "name": "fig-voxels"}, "image": {"alt": "Three rows of three pictures: a silhouette, the shaded crystal, and the crystal built of small cubes."}}
images = []
for i in range(3):
    oblique = scenes_3d.mesh_picture(test.crystals[i], test.orientations[i].cpu().numpy())
    cubes = scenes_3d.voxel_picture(voxels[i].cpu().numpy())
    images.extend([pictures[i, 0].cpu().numpy(), oblique, cubes])
gallery(images, ["picture", "crystal", "voxels"] * 3, columns=9, width=1.1)

# %% [markdown]
# Two scores compare a shape with the true one: the intersection over union (IoU) of the voxels, and the F-score of the surfaces
# at a distance of 2 % of the cube's side. Both are 1 for equal shapes. A crystal and its mirror image in depth have the same
# silhouette, but the IoU of the two is low:

# %%
run.record("share_filled", voxels.float().mean())
run.record("iou_mirror_of_truth", iou(depth_mirrored(voxels), voxels).mean())
run.table()

# %% [markdown]
# ## The network
#
# An encoder turns a picture into features, a recurrent grid of cells remembers them, and a decoder turns the grid into voxels.
# A second picture passes through the same encoder and updates the grid. So one network serves one view and two. Its loss is one
# minus the Dice coefficient plus the cross-entropy {eq}`eq-dice`, here for one batch of the network's size:

# %%
logits, filled = torch.zeros_like(voxels, dtype=torch.float), voxels.float()
p, axes = logits.sigmoid(), (1, 2, 3)
dice = 2 * (p * filled).sum(axes) / (p.sum(axes) + filled.sum(axes))
entropy = -(filled * p.log() + (1 - filled) * (1 - p).log()).mean()
loss = (1 - dice).mean() + entropy
assert torch.isclose(loss, voxel_loss(logits, filled), rtol=1e-4)

# %% [markdown]
# Now it is trained.

# %%
settings = Settings(channels, epochs, seed=seed)
network, history = trained_r2n2(train, validation, settings, device)[:2]
history.round(4)

# %% [markdown]
# The network gives the probability of each voxel to be ice. Above which threshold it counts as ice is chosen on the validation
# crystals. Every reconstruction is stored under its method and its number of views.

# %%
shapes = {}


def thresholded(validation_probability, probability):
    """Shapes where the probability is above the best threshold of the validation crystals."""
    return probability > best_threshold(validation_probability, validation.voxels)


for views in (1, 2):
    on_validation = probabilities(network, validation.pictures[:, :views])
    on_test = probabilities(network, pictures[:, :views])
    shapes["r2n2", views] = thresholded(on_validation, on_test)

# %% [markdown]
# ## Recognition alone
#
# Three ways to recall a shape, after {cite:t}`tatarchenko2019`. *Clustering* divides the training shapes into clusters, predicts
# the cluster of a picture, and returns the mean shape of the cluster. *Retrieval* returns the shape of the
# most similar training picture. The *oracle* knows the true shape and returns the most similar training shape: no
# retrieval can do better. The baseline of all is the mean of the training shapes, whatever the picture.

# %%
mean = train.voxels.float().mean(0, keepdim=True)
shapes["mean_shape", 1] = thresholded(mean.expand_as(validation.voxels), mean.expand_as(voxels))
shapes["oracle", 1] = train.voxels[recognition.best_matches(voxels, train.voxels)]

# %% [markdown]
# Clustering and retrieval use one picture or both.

# %%
for views in (1, 2):
    bank = train.pictures[:, :views]
    nearest = recognition.nearest(pictures[:, :views], bank)[:, 0]
    shapes["retrieval", views] = train.voxels[nearest]
    clusters = recognition.Clusters(train.voxels, bank, n_clusters, seed)
    means = [clusters.mean_shapes(part[:, :views]) for part in (validation.pictures, pictures)]
    shapes["clustering", views] = thresholded(*means)

# %% [markdown]
# ## The parametric fit
#
# The crystal is a rosette, so we can look for the parameters of a rosette: its proportions, its orientation, and width, length,
# lean and roll of each bullet. Soft silhouettes change smoothly with these parameters, and gradient descent changes the parameters
# until the silhouette agrees with the picture. The starts are the training crystals with the most similar pictures. A start keeps its
# number of bullets. Which start is taken at the end is decided by the silhouettes alone.

# %%
fits = {}
for views in (1, 2):
    similar = recognition.nearest(pictures[:, :views], train.pictures[:, :views], n_starts)
    starts = parametric.starts(train, similar)
    fits[views] = parametric.fit(pictures[:, :views] / 4, starts, ANGLES[:views])
    shapes["parametric", views] = occupancy(fits[views].rosettes, fits[views].orientations)

# %% [markdown]
# ## The posterior
#
# The fit returns one rosette where many agree with the picture. The sampler of [](16-posterior.ipynb) returns many, each with a weight that
# follows from its silhouettes and from the model, never from the truth. Of each crystal we take the sample with the largest weight.

# %%
settings = rosette_posterior.Settings(n_prior=n_prior, n_starts=n_refined)
for views in (1, 2):
    samples = rosette_posterior.scene_posteriors(test, views, settings, seed)
    best = rosette_posterior.concatenate([one.crystals[one.best : one.best + 1] for one in samples])
    shapes["posterior", views] = occupancy(best.rosettes(), best.orientations).to(voxels.device)

# %% [markdown]
# ## The visual hull
#
# All that no silhouette rules out is the *visual hull*. It knows nothing of rosettes, only where the cameras stand. From one view it
# is a column as deep as the cube; we carve it from the two views that the other methods get, and from three at right angles.
# [](17-cameras.ipynb) has its definition and goes on to thirteen views.

# %%
first = cameras(ANGLES[:1])[0]
shapes["visual_hull", 2] = visual_hull(pictures, cameras(ANGLES) @ first.T)
three = lebedev_cameras(3)
shapes["visual_hull", 3] = visual_hull(test.seen_from(three), three)

# %% [markdown]
# ## All side by side
#
# A third score allows what no silhouette can decide: the better IoU of the shape and of its mirror image in depth.

# %%
methods = (
    "mean_shape", "clustering", "retrieval", "r2n2", "oracle", "parametric", "posterior",
    "visual_hull",
)  # fmt: skip
codes = {1: "single", 2: "2ds", 3: "3"}
order = sorted(shapes, key=lambda key: methods.index(key[0]))
scores_of = {key: shape_scores(shapes[key], voxels) for key in order}
for (method, views), table in scores_of.items():
    run.record_table(table.mean(), table.sem(), model=method, views=codes[views])
everything = pd.concat(scores_of, names=["method", "views"]).reset_index(["method", "views"])
run.keep(scores=everything)
run.table(["model", "views"], model=methods)

# %% [markdown]
# {numref}`fig-reconstruction-scores` shows the same numbers.

# %% mystnb={"figure": {"caption": "Mean IoU of the voxels (left) and F-score of the surfaces (right) on test crystals, with standard errors, from one view, from two and, for the visual hull, from three. The oracle is the best that retrieval of a training shape could do. The IoU rewards ice in about the right place, the F-score asks for surfaces in the right place.", "name": "fig-reconstruction-scores"}, "image": {"alt": "Two bar charts of IoU and F-score, a row for each method with a bar for each number of views."}}
scenes_3d.scores(everything.replace({"method": titles.MODELS}))

# %% [markdown]
# From one view the network's IoU is {glue:text}`iou_r2n2:.3f` ± {glue:text}`iou_r2n2_se:.3f`. The mean shape reaches
# {glue:text}`iou_mean_shape:.3f`, clustering {glue:text}`iou_clustering:.3f`, retrieval {glue:text}`iou_retrieval:.3f`, the oracle
# {glue:text}`iou_oracle:.3f` and the fit {glue:text}`iou_parametric:.3f` ± {glue:text}`iou_parametric_se:.3f`. With a second view
# the network reaches {glue:text}`iou_r2n2_2ds:.3f` and the fit {glue:text}`iou_parametric_2ds:.3f` ±
# {glue:text}`iou_parametric_2ds_se:.3f`. The best-weighted sample of the posterior reaches {glue:text}`iou_posterior:.3f` ±
# {glue:text}`iou_posterior_se:.3f` from one view and {glue:text}`iou_posterior_2ds:.3f` ± {glue:text}`iou_posterior_2ds_se:.3f` from
# two. The visual hull, which learns nothing, reaches {glue:text}`iou_visual_hull_2ds:.3f` from two
# views and {glue:text}`iou_visual_hull_3:.3f` from three.
#
# Even the mean shape, a ball that ignores the picture, has a fair IoU. A thin bullet in a wrong place costs twice, once where it is
# and once where it is missing, and a ball avoids this. The F-score penalises the ball: {glue:text}`fscore_mean_shape:.3f` for the mean
# shape, {glue:text}`fscore_r2n2:.3f` for the network, {glue:text}`fscore_retrieval:.3f` for retrieval and
# {glue:text}`fscore_parametric:.3f` for the fit.

# %% [markdown]
# {numref}`fig-reconstructions` shows what these numbers mean, with a crystal in each row.

# %% mystnb={"figure": {"caption": "Test crystals (rows) as voxels, seen obliquely: the truth, the best training shape, the shape of the nearest training picture, the network's reconstruction from one view and from two, and the fitted rosette from one view and from two; with the IoU of each. The network returns a blurred body that fills where bullets may be; the fit always returns a rosette, from two views with most bullets in their places.", "name": "fig-reconstructions"}, "image": {"alt": "Rows of seven bodies built of small cubes: the true crystal, then what each method makes of its picture."}}
drawn = [("oracle", 1), ("retrieval", 1)]
drawn.extend((method, views) for method in ("r2n2", "parametric") for views in (1, 2))
labels = {key: f"{titles.MODELS[key[0]]}, {key[1]} view{'s' * (key[1] > 1)}" for key in drawn}
found = {labels[key]: (shapes[key], scores_of[key].iou) for key in drawn}
scenes_3d.reconstructions(pictures[:n_drawn, 0], voxels, found)

# %% [markdown]
# ## What a silhouette does not tell
#
# If the fits were bad because the descent fails, their silhouettes would disagree with the pictures. They agree: the mean IoU of
# the silhouettes from one view is {glue:text}`parametric_single_agreement:.2f`. Many different rosettes have nearly
# the same silhouette. Mirroring the whole shape in depth explains little of it, since each bullet may point to or from the eye by
# itself: for $n$ bullets there are up to $2^n$ ways. A second view at a right angle distinguishes them.

# %%
for views, fit in fits.items():
    run.record("agreement", fit.agreement.mean(), model="parametric", views=codes[views])
agreement = [
    scores_of["parametric", views].assign(views=views, agreement=fit.agreement.cpu().numpy())
    for views, fit in fits.items()
]

# %% [markdown]
# {numref}`fig-agreement` compares, crystal by crystal, the agreement that the fit optimises with the one that it does not know.

# %% mystnb={"figure": {"caption": "How well the fitted rosette's silhouettes agree with the pictures, and how well its voxels agree with the true ones, for each test crystal. From one view a fit may explain the picture and still be another crystal. From two views, the better the silhouettes agree, the better does the shape.", "name": "fig-agreement"}, "image": {"alt": "Scatter plot of the IoU of voxels over the IoU of silhouettes, with one mark for fits to one view and one for fits to two."}}
scenes_3d.agreement(pd.concat(agreement, ignore_index=True))

# %% [markdown]
# ## Density and surface of the fitted rosette
#
# A shape may be wrong and still hold the right amount of ice. The fitted rosette is a solid, so it has an effective density and an
# effective surface area, although no method was trained to predict them here.

# %%
fitted = {views: rosette_targets(fit.rosettes) for views, fit in fits.items()}
for views, values in fitted.items():
    errors = standard_errors(test.truth, values)
    run.record_table(scores(test.truth, values), errors, model="parametric", views=codes[views])
run.record("n_train", n_train)
run.record("n_test", n_test)

# %% [markdown]
# {numref}`fig-implied` compares them with the true values.

# %% mystnb={"figure": {"caption": "Effective density (left) and effective surface area (right) of the fitted rosettes over those of the true crystals, fitted to one view and to two.", "name": "fig-implied"}, "image": {"alt": "Two scatter plots of fitted over true values about the diagonal, for fits to one view and to two."}}
scenes_3d.fitted_against_true(test.truth, {"one view": fitted[1], "two views": fitted[2]})

# %% [markdown]
# From one view $R^2$ is {glue:text}`parametric_single_r2_rho_e:.3f` ± {glue:text}`parametric_single_r2_rho_e_se:.3f` for
# effective density and {glue:text}`parametric_single_r2_a_e:.3f` ± {glue:text}`parametric_single_r2_a_e_se:.3f` for effective
# surface area; from two views {glue:text}`parametric_2ds_r2_rho_e:.3f` ± {glue:text}`parametric_2ds_r2_rho_e_se:.3f` and
# {glue:text}`parametric_2ds_r2_a_e:.3f` ± {glue:text}`parametric_2ds_r2_a_e_se:.3f`. The balanced accuracy of the number of bullets is
# {glue:text}`parametric_single_balanced_accuracy:.2f` from one view and {glue:text}`parametric_2ds_balanced_accuracy:.2f`
# from two: a bullet more or less that hides behind others changes the silhouettes little, in two views as in one.
#
# The same test crystal, true and reconstructed, can be turned with the mouse. The surface of the network's voxel probabilities is
# found by marching cubes {cite:p}`lorensen1987`. From the front all look alike.

# %%
solids = {"truth": scenes_3d.in_picture(test.crystals[2], test.orientations[2].cpu().numpy())}
for views, label in ((1, "one view"), (2, "two views")):
    solids[f"fit to {label}"] = scenes_3d.in_picture(*fits[views].single(2))
level = best_threshold(on_validation, validation.voxels)
solids["network, two views"] = scenes_3d.isosurface(on_test[2].cpu().numpy(), level)
scenes_3d.write_comparison(solids, run.file("scene.html"))
title = "A rosette and its reconstructions, to be turned by hand"
scene_frame(run.url("scene.html"), title, run.url("scene.png"))

# %% [markdown]
# ## What was shown
#
# - On {glue:text}`n_test` test crystals, a network after 3D-R2N2 trained on {glue:text}`n_train` crystals reaches an IoU of
#   {glue:text}`iou_r2n2:.3f` from one view and {glue:text}`iou_r2n2_2ds:.3f` from two. Clustering reaches
#   {glue:text}`iou_clustering:.3f` from one view and the best training shape {glue:text}`iou_oracle:.3f`. A method that
#   reconstructs could take the depth from the second view and do much better than the best training shape.
# - The fit of the rosette reaches {glue:text}`iou_parametric:.3f` from one view and {glue:text}`iou_parametric_2ds:.3f` from two.
# - The sample of the posterior with the largest weight reaches {glue:text}`iou_posterior:.3f` and {glue:text}`iou_posterior_2ds:.3f`.
# - One silhouette leaves open which bullets point to the eye and which away. This matters little for effective density, and much
#   for the shape.
# - The fit knows the model from which the crystals were drawn. Its scores tell what a right model is worth, not what to expect of real
#   crystals.
