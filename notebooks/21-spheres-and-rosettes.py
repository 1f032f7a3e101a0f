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
# # Spheres and rosettes
#
# Show a child a heap of buttons and twigs and it will make two heaps, though nobody has told it the words. Can a computer sort ice
# crystals like that? In this notebook it sees small pictures of frozen drops and of bullet rosettes, without a word about which is
# which. It may describe each picture by two numbers only. Whether the two kinds come to lie apart, we see afterwards.
#
# In this notebook we
#
# 1. draw small pictures of spheres and rosettes,
# 2. squeeze each through two numbers with a variational autoencoder (VAE), as the talk did, and look at the map they make,
# 3. let k-means find two clusters on the map and compare them with the true classes,
# 4. give the network a decoder that turns and moves pictures itself, and measure what that gains,
# 5. and repeat it all with real silhouettes, if a folder of them is given.
#
# The methods are explained on the page [](../book/part-2.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need crystals and their silhouettes, the autoencoders of pyroVED {cite:p}`ziatdinov2021`, which is built on Pyro {cite:p}`bingham2019`, and
# figures of latent spaces.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from scipy.spatial.transform import Rotation
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from lib.crystals import rosette
from lib.crystals.orientation import random_orientations
from lib.crystals.solid import Solid
from lib.evaluation import latent_scores
from lib.figures import embeddings, latent_space
from lib.figures.confusion import confusion
from lib.imaging.draw.silhouette import CAMERA
from lib.imaging.draw.stack import Stack
from lib.imaging.measure.descriptors import EXTENDED, PUBLISHED, SCALE_FREE, describe
from lib.imaging.read import oap
from lib.models import pyro_vae
from lib.notebook.run import start

# %% [markdown]
# The talk had 100 pictures of each class. The new pictures are kept from the network until it is trained. With more than one seed, every network
# is trained so many times from other first weights.

# %% tags=["parameters"]
n_train: int = 100  # pictures of each class to learn from
n_new: int = 400  # synthetic pictures of each class to be placed on the finished map
fill: list[float] = [0.75, 0.9]  # least and largest diameter over the picture's side [1]
move: int = 1  # farthest that a particle lies off the middle, in either direction [pixels]
epochs: int = 150  # epochs of the plain autoencoder
epochs_invariant: int = 60  # epochs of the invariant one
width_invariant: int = 32  # units in each hidden layer of the invariant decoder
n_seeds: int = 1  # trainings of each network, from seed on
oap_dir: str = ""  # folder of 2D-S silhouettes with a folder for each habit, or empty
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("21-spheres-and-rosettes", globals())
run.at_least(n_train=10, n_new=10, move=1, n_seeds=1)
run.at_least(epochs=1, epochs_invariant=1, width_invariant=4)
in_order = len(fill) == 2 and 0.2 <= fill[0] <= fill[1]
run.require(in_order, f"fill must be two numbers, 0.2 or more, in order, got {fill}.")
is_inside = fill[1] + move / 14 <= 1
run.require(is_inside, "fill and move must leave every particle inside its picture of 28 pixels.")
run.folders("oap_dir")
run

# %% [markdown]
# ## Two kinds of crystals
#
# A frozen drop is a sphere of random size, a rosette is one of [](11-synthetic-rosettes.ipynb). Each is seen from a random direction, and its
# silhouette drawn.

# %%
n = n_train + n_new
rng = np.random.default_rng([seed, 21])
drops = [Solid((), spheres=np.array([[0, 0, 0, radius]])) for radius in rng.uniform(10, 100, n)]
rosettes = [crystal.solid() for crystal in rosette.sample(n, seed)]
particles = Stack(drops + rosettes)
views = random_orientations(2 * n, [seed, 21])
masks = particles.silhouettes(np.arange(2 * n), views, size=112).coverage[:, 0] >= 2
labels = np.repeat(["sphere", "rosette"], n)
masks.shape

# %% [markdown]
# From each we make a picture of 28 x 28 pixels, as in the talk. If all particles had one size and lay in the middle, a single pixel near the
# circle would tell the classes apart. So the size in the frame is random, the same for both classes, and so is the place.

# %%
moves = rng.integers(-move, move + 1, (2 * n, 2))
pictures = pyro_vae.small_pictures(masks, rng.uniform(*fill, 2 * n), moves)
is_train = np.tile(np.arange(n) < n_train, 2)
pictures.shape, is_train.sum()

# %% [markdown]
# {numref}`fig-two-kinds` shows some.

# %% mystnb={"figure": {"caption": "Silhouettes of spheres and of bullet rosettes, 28 pixels wide, of random size and a little off the middle. Rosettes with short bullets come close to discs.", "name": "fig-two-kinds"}, "image": {"alt": "A row of white discs and a row of white stars with arms, on black."}}
examples = {kind: pictures[labels == kind][:14] for kind in ("sphere", "rosette")}
embeddings.picture_rows(examples)

# %% [markdown]
# How hard is the task? A decision that uses the labels of the training pictures and a single pixel, the best there is, is right for
# this share of the new pictures:

# %%
flat = pictures.reshape(2 * n, -1)
one_pixel = DecisionTreeClassifier(max_depth=1, random_state=seed)
one_pixel.fit(flat[is_train], labels[is_train])
accuracy = one_pixel.score(flat[~is_train], labels[~is_train])
run.record("one_pixel_accuracy", accuracy, data="synthetic")
print(f"{accuracy:.3f}")

# %% [markdown]
# ## Two numbers for a picture
#
# An *autoencoder* is two networks in a row. The *encoder* turns the 784 pixels of a picture into a few numbers, its *latents*; the
# *decoder* reconstructs the picture from these numbers alone. So the latents must hold what distinguishes pictures.
#
# In a *variational* autoencoder {cite:p}`kingma2014` the encoder answers with a small cloud $q(\mathbf{z} \mid \mathbf{x})$ of latents
# $\mathbf{z}$ for a picture $\mathbf{x}$, a Gaussian, from which one point is drawn at random. Training lowers
#
# $$
# \underbrace{- \left\langle \ln p(\mathbf{x} \mid \mathbf{z}) \right\rangle}_{\text{how badly it is reconstructed}}
# + \underbrace{D_\mathrm{KL} \left( q(\mathbf{z} \mid \mathbf{x}) \,\|\, \mathcal{N}(0, 1) \right)}_{\text{how far the cloud is from the unit Gaussian}} ,
# $$
#
# the negative *evidence lower bound* (ELBO). The two terms pull against each other. The first wants clouds small and far apart, so that each picture
# is reconstructed well; the second wants all of them wide and in one place. The outcome is a map without gaps, on which pictures that look
# alike are neighbours, since a point drawn a little beside must still give nearly the right picture.

# %%
def train_all(images, recipe):
    """The autoencoders of all seeds, and the one with the lowest loss: no label is used."""
    seeds = range(seed, seed + n_seeds)
    fits = [pyro_vae.train(images, seed=k, device=device, **recipe) for k in seeds]
    return fits, min(fits, key=lambda fit: fit.loss)


plain_recipe = {"epochs": epochs}
plain_fits, plain = train_all(pictures[is_train], plain_recipe)

# %% [markdown]
# ## The map
#
# The decoder draws a picture for any two numbers, also for those that no training picture has. {numref}`fig-plain-manifold` lays them out
# on a grid over the region in which the pictures lie.

# %% mystnb={"figure": {"caption": "What the decoder draws for different latents. Discs fill one side of the map and turn into blurred rosettes on the other, which differ in the direction of their bullets.", "name": "fig-plain-manifold"}, "image": {"alt": "A grid of decoded pictures: sharp white discs at the top turn into blurred stars at the bottom."}}
plain_manifold = {"plain autoencoder": pyro_vae.manifold(plain, pictures)}
latent_space.manifolds(plain_manifold)

# %% [markdown]
# The other way round, the encoder gives every picture its place: the middle of its cloud. That holds for new pictures too.

# %%
places = pyro_vae.latents(plain, pictures)
places.shape

# %% [markdown]
# ## Two clusters
#
# *k-means* {cite:p}`lloyd1982` divides points into a given number of clusters, here two. Starting from two random centres, it gives
# each point to the nearest centre, moves each centre to the mean of its points, and goes on until nothing changes. It sees no labels. Which cluster is
# called which is decided afterwards, such that more points are right; so at least half of all points are, whatever the clusters.

# %%
def two_clusters(points):
    """Two clusters, the best of ten starts."""
    return KMeans(2, n_init=10, random_state=seed).fit(points)


def cluster_names(points, truth):
    """The cluster of each point, named after a true class, one to one."""
    return latent_scores.match_clusters(two_clusters(points).labels_, truth)

# %% [markdown]
# {numref}`fig-two-clusters` has the true classes on the left and the clusters on the right, with the border between them.

# %% mystnb={"figure": {"caption": "All pictures on the map of the plain autoencoder, coloured by what they show (left) and by cluster (right). The dashed line is the border between the clusters. Spheres lie on lines, one for each of the places in the frame, along which their size changes; rosettes form a cloud.", "name": "fig-two-clusters"}, "image": {"alt": "Two scatter plots of the same points: spheres on curved lines above a dashed border, rosettes in a cloud below it."}}
plain_clusters = cluster_names(places, labels)
table = pd.DataFrame(places, columns=["first", "second"])
run.keep(latents=table.assign(kind=labels, cluster=plain_clusters))
centres = two_clusters(places).cluster_centers_
latent_space.groupings(places, {"true class": labels, "k-means": plain_clusters}, centres)

# %% [markdown]
# ## An honest score
#
# The talk compared labels on the pictures that the network had learned from. No label was used in training, and yet such a score is too high: a network can memorise
# the places of training pictures. So our score counts the *new* pictures only. That on the training pictures is recorded beside it, with `_train`
# at the end of its name. With several seeds it is the mean over trainings, with the standard deviation as `_sd`.

# %%
def record_accuracy(points, truth, is_train, **fields):
    """Record which share of new and training pictures is in the right cluster, by set of points."""
    right = np.array([cluster_names(own, truth) == truth for own in points])
    new, old = right[:, ~is_train].mean(axis=1), right[:, is_train].mean(axis=1)
    deviation = new.std(ddof=1) if len(points) > 1 else None
    run.record("kmeans_accuracy", new.mean(), sd=deviation, **fields)
    run.record("kmeans_accuracy", old.mean(), split="train", **fields)
    return right


plain_places = [pyro_vae.latents(fit, pictures) for fit in plain_fits]
right = record_accuracy(plain_places, labels, is_train, model="vae", data="synthetic")

# %% [markdown]
# Is that much? Two baselines need no network: k-means on the 784 pixels themselves, and on descriptors of shape made by hand, those of
# [](12-shape-descriptors.ipynb) that do not depend on scale.

# %%
def shape_numbers(masks):
    """Standardised descriptors of silhouettes, 0 where one cannot be described."""
    columns = [[*PUBLISHED, *EXTENDED].index(name) for name in SCALE_FREE]
    values = describe(masks, extended=True).values[:, columns]
    return np.nan_to_num(StandardScaler().fit_transform(values))


record_accuracy([flat], labels, is_train, model="pixels", data="synthetic")
record_accuracy([shape_numbers(masks)], labels, is_train, model="descriptors", data="synthetic")
run.table("model", "split", score="kmeans_accuracy")

# %% [markdown]
# ## A decoder that turns and moves
#
# A rosette that is turned in the picture plane is still the same rosette, and so is one that lies a pixel further to the left. The plain
# autoencoder does not know: it needs room on its map for every direction. pyroVED offers a remedy that the talk did not use
# {cite:p}`bepler2019,ziatdinov2021`. The decoder is no longer a table of pixels but a function of the place: asked for the point $(x, y)$, it
# answers how much ice is there. Before it is asked, the grid of points is turned by one latent and moved by two
# more. These take over the *pose*, so that the two latents that are left, the *content*, need not describe it.
#
# Every pixel now passes through the decoder by itself, so a step takes several times as long. We make up for it with a smaller decoder and fewer epochs.

# %%
settings = {"epochs": epochs_invariant, "batch": 25, "rate": 5e-3, "width": width_invariant}
invariant_recipe = {"invariances": ("r", "t"), **settings}
invariant_fits, invariant = train_all(pictures[is_train], invariant_recipe)
run.record("loss", plain.loss, model="vae", data="synthetic")
run.record("loss", invariant.loss, model="invariant", data="synthetic")

# %% [markdown]
# {numref}`fig-losses` shows both trainings.

# %% mystnb={"figure": {"caption": "Loss of the training pictures, the negative evidence lower bound, by the share of the training that is over. A line that still falls at its end would gain from more epochs.", "name": "fig-losses"}, "image": {"alt": "Line plot of two training losses, both falling steeply and then slowly."}}
latent_space.loss_curves({"plain": plain.losses, "invariant": invariant.losses})

# %% [markdown]
# Its map ({numref}`fig-invariant-manifold`) need not show directions. It shows no bullets either: to draw those, all rosettes would have to be
# turned to one common pose first, and in a short training on few of them it does not learn how.

# %% mystnb={"figure": {"caption": "What the two decoders draw for different latents, on the left as before. The invariant one draws everything in one pose: it goes from small to large and from sharp discs to soft blots, which stand for the bullets of all rosettes.", "name": "fig-invariant-manifold"}, "image": {"alt": "Two grids of decoded pictures: discs and stars in many directions on the left, discs of many sizes on the right."}}
manifolds = {**plain_manifold, "invariant autoencoder": pyro_vae.manifold(invariant, pictures)}
latent_space.manifolds(manifolds)

# %% [markdown]
# ## Does the content stay put?
#
# This can be tested. We take new rosettes, turn each in its picture plane in 24 steps, and move each as far as
# training pictures were. If the content says nothing about the pose, all copies of a crystal have one place on the map.

# %%
some = np.flatnonzero((labels == "rosette") & ~is_train)[:40]
turns = Rotation.from_rotvec(np.outer(np.arange(24) * 2 * np.pi / 24, CAMERA[2])).as_matrix()
turned_views = (turns @ views[some, None]).reshape(-1, 3, 3)
turned = particles.silhouettes(np.repeat(some, 24), turned_views, size=112).coverage[:, 0] >= 2
copies = {"turned": pyro_vae.small_pictures(turned, fill[0])}

# %% [markdown]
# The same rosettes are moved by all whole numbers of pixels up to `move`, in both directions.

# %%
one_step = np.arange(-move, move + 1)
all_moves = np.stack(np.meshgrid(one_step, one_step), axis=-1).reshape(-1, 2)
again = np.repeat(masks[some], len(all_moves), axis=0)
everywhere = np.tile(all_moves, (len(some), 1))
copies["moved"] = pyro_vae.small_pictures(again, fill[0], everywhere)

# %% [markdown]
# {numref}`fig-copies` has the copies of one of them.

# %% mystnb={"figure": {"caption": "Copies of one rosette, turned (top, every second step) and moved.", "name": "fig-copies"}, "image": {"alt": "Two rows of one star-shaped silhouette, turned step by step above and moved below."}}
one_rosette = {"turned": copies["turned"][:24:2], "moved": copies["moved"][: len(all_moves)][:12]}
embeddings.picture_rows(one_rosette)

# %% [markdown]
# {numref}`fig-orbits` follows three of them on both maps while they turn.

# %% mystnb={"figure": {"caption": "Three rosettes turned in 24 steps, each a closed line, over all new rosettes in grey. On the plain map a turning rosette wanders all over the region of the rosettes; on the invariant map it keeps to a part of it.", "name": "fig-orbits"}, "image": {"alt": "Two scatter plots in grey with three closed lines: far-reaching on the plain map, bundled on the invariant one."}}
new_rosettes = pictures[(labels == "rosette") & ~is_train]
panels = {}
for title, fit in {"plain autoencoder": plain, "invariant autoencoder": invariant}.items():
    turning = pyro_vae.latents(fit, copies["turned"]).reshape(len(some), 24, 2)
    panels[title] = (pyro_vae.latents(fit, new_rosettes), turning[:3])
latent_space.orbits(panels, ("all new rosettes", "one rosette, turned"))

# %% [markdown]
# In numbers: the spread of a crystal's copies about their mean, over the spread of all new rosettes. 0 is perfect; 1 would say that copies of one
# crystal lie as far apart as different crystals.

# %%
def spread(fit, images):
    """Spread of the copies of a rosette on the map over that of different rosettes."""
    own = pyro_vae.latents(fit, images).reshape(len(some), -1, fit.latent_dim)
    return latent_scores.spread_of_copies(own, pyro_vae.latents(fit, new_rosettes))


spreads = {}
for name, fits in {"vae": plain_fits, "invariant": invariant_fits}.items():
    spreads[name] = {how: np.mean([spread(fit, copies[how]) for fit in fits]) for how in copies}
table_of_spreads = pd.DataFrame(spreads)
run.record_table(table_of_spreads.rename("{}_spread".format), columns="model")
table_of_spreads.round(3)

# %% [markdown]
# The invariant one spreads less, but not zero. Its *decoder* is invariant by construction, but the encoder is an ordinary network, which must learn what a turn does
# from few poses. And part of the gain comes from saying less: a map that shows no bullets need not follow them.
#
# Are the classes better separated too? The score is computed as before.

# %%
invariant_places = [pyro_vae.latents(fit, pictures) for fit in invariant_fits]
record_accuracy(invariant_places, labels, is_train, model="invariant", data="synthetic")
invariant_clusters = cluster_names(pyro_vae.latents(invariant, pictures), labels)

# %% [markdown]
# With it {glue:text}`kmeans_accuracy_synthetic_invariant:.3f` of the new pictures are in the right cluster, beside
# {glue:text}`kmeans_accuracy_synthetic:.3f` with the plain autoencoder, which left little to gain ({numref}`fig-two-confusions`).

# %% mystnb={"figure": {"caption": "New pictures by true class (rows) and by the cluster they lie in (columns). What goes wrong are mostly compact rosettes taken for spheres.", "name": "fig-two-confusions"}, "image": {"alt": "Two confusion matrices of rosettes and spheres, nearly all pictures on the diagonal."}}
axes = ("cluster, named after a class", "true class")
both = {"plain": plain_clusters[~is_train], "invariant": invariant_clusters[~is_train]}
confusion(labels[~is_train], both, axes, counts=True)

# %% [markdown]
# ## Real silhouettes
#
# With a folder of 2D-S silhouettes in `oap_dir`, the cells of this section train both autoencoders on real particles and show their maps, clusters and scores;
# without one they do nothing.
#
# The 2D-S probe records shadows on a row of diodes as particles fly past: silhouettes with pixels of 10 µm. {cite:t}`jaffeux2022` sorted
# thousands by hand. Their water droplets and their combinations of bullets and columns are the real counterparts of our two classes.
# As many of each class are learned from as before, drawn at random; the rest is new, and so is a part of the set that was labelled separately, for inspection.

# %%
kinds = ("water_droplet", "bullet_column_combination")
if oap_dir:
    probe = oap.labelled_silhouettes(Path(oap_dir))
    chosen = np.isin(probe.labels, kinds)
    real_masks, habit = probe.masks[chosen], probe.labels[chosen]
    is_inspection = probe.splits[chosen] == "inspection"
    run.record("n_used", chosen.sum(), data="2ds")
    run.record("n_left_out", (probe.report.reason != "").sum(), data="2ds")

# %% [markdown]
# As many of each kind are drawn for training; all others are new.

# %%
if oap_dir:
    at = {kind: np.flatnonzero((habit == kind) & ~is_inspection) for kind in kinds}
    few = min(at, key=lambda kind: len(at[kind]))
    sentence = f"oap_dir has {len(at[few])} {few} to learn from, n_train asks for {n_train}."
    run.require(len(at[few]) >= n_train, sentence)
    rows = [rng.choice(rows, n_train, replace=False) for rows in at.values()]
    is_real_train = np.isin(np.arange(len(habit)), rows)
    truth = np.char.replace(habit, "_", " ")
    part = np.select([is_real_train, is_inspection], ["training", "new, inspection"], "new")
    display(pd.crosstab(truth, part))

# %% [markdown]
# Real droplets are no perfect discs. Those out of focus have a hole in the middle, from diffraction; small ones are few pixels wide. And the probe reads its row of
# diodes by a clock: where the clock does not match the air speed, everything is stretched along the flight, by a factor that changes from flight to flight and that
# the set does not tell. So holes are filled and all particles scaled to one size, as before, and besides each outline is *squared*: stretched until it is as high as
# wide. That takes the true elongation away too, but of two classes without a long axis we may ask it. Both autoencoders are trained with the
# same settings as before, the plain one also on the pictures as recorded.

# %%
if oap_dir:
    as_recorded = pyro_vae.small_pictures(real_masks)
    squared = pyro_vae.small_pictures(real_masks, square=True)
    real_examples = {}
    for kind in np.unique(truth):
        shown = rng.permutation(np.flatnonzero(truth == kind))[:14]
        real_examples[f"{kind}, as recorded"] = as_recorded[shown]
        real_examples[f"{kind}, squared"] = squared[shown]
    display(embeddings.picture_rows(real_examples))

# %% [markdown]
# Both autoencoders learn from the squared pictures, a third from the pictures as they were recorded.

# %%
if oap_dir:
    real_plain_fits, real_plain = train_all(squared[is_real_train], plain_recipe)
    real_invariant_fits, real_invariant = train_all(squared[is_real_train], invariant_recipe)
    recorded_fits, _ = train_all(as_recorded[is_real_train], plain_recipe)
    real_fits = {"plain autoencoder": real_plain, "invariant autoencoder": real_invariant}
    real_manifolds = {title: pyro_vae.manifold(fit, squared) for title, fit in real_fits.items()}
    display(latent_space.manifolds(real_manifolds))

# %% [markdown]
# K-means, as before, looks for two clusters among the latents.

# %%
if oap_dir:
    real_clusters = {}
    for title, fit in real_fits.items():
        points = pyro_vae.latents(fit, squared)
        real_clusters[title] = cluster_names(points, truth)
        panes = {f"true class, {title}": truth, f"k-means, {title}": real_clusters[title]}
        display(latent_space.groupings(points, panes, two_clusters(points).cluster_centers_))

# %% [markdown]
# Scores count new silhouettes, those for inspection included; `_inspection` counts only the latter. `_as_recorded` is without squaring. Baselines are as
# before, with both kinds of pictures.

# %%
if oap_dir:
    networks = [
        (real_plain_fits, squared, {"model": "vae", "data": "2ds"}),
        (real_invariant_fits, squared, {"model": "invariant", "data": "2ds"}),
        (recorded_fits, as_recorded, {"model": "vae", "data": "2ds_as_recorded"}),
    ]
    for fits, images, fields in networks:
        real_places = [pyro_vae.latents(fit, images) for fit in fits]
        is_right = record_accuracy(real_places, truth, is_real_train, **fields)
        if is_inspection.any():
            mean = is_right[:, is_inspection].mean()
            run.record("kmeans_accuracy", mean, split="inspection", **fields)

# %% [markdown]
# The baselines look at the same pictures: descriptors of the outline, and the bare pixels.

# %%
if oap_dir:
    for data, images in {"2ds": squared, "2ds_as_recorded": as_recorded}.items():
        large = pyro_vae.small_pictures(real_masks, size=112, square=data == "2ds") >= 0.5
        baselines = {"descriptors": shape_numbers(large), "pixels": images.reshape(len(truth), -1)}
        for model, values in baselines.items():
            record_accuracy([values], truth, is_real_train, model=model, data=data)
    display(run.table(["data", "model"], "split", score="kmeans_accuracy"))
    real_new = {title: names[~is_real_train] for title, names in real_clusters.items()}
    display(confusion(truth[~is_real_train], real_new, axes, counts=True))

# %% [markdown]
# ## What was shown
#
# - Two numbers per picture, found without labels, are enough to sort spheres from rosettes: k-means on the latents of the plain autoencoder is right for
#   {glue:text}`kmeans_accuracy_synthetic:.3f` of new pictures, and {glue:text}`kmeans_accuracy_synthetic_invariant:.3f` on those of the invariant one.
# - The task is easy: k-means on the bare pixels reaches {glue:text}`kmeans_accuracy_pixels_synthetic:.3f`, on descriptors made
#   by hand {glue:text}`kmeans_accuracy_descriptors_synthetic:.3f`. What the autoencoder adds is the map, from any place of which a picture can be drawn.
# - With a decoder that turns and moves pictures itself, turning a rosette spreads it on the map over {glue:text}`turned_spread_invariant:.2f`
#   of the spread of different rosettes instead of {glue:text}`turned_spread:.2f`. It is not zero because of the encoder.
# - Where real silhouettes are given, knowledge of the probe counts for more than the network: a scale that is wrong along the flight must be
#   undone first.
#
# With nine habits instead of two classes, two numbers are too few: [](22-nine-habits.ipynb).
