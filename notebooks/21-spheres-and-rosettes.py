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
# 4. give the network a decoder that turns and moves pictures itself, and measure what that buys,
# 5. and repeat it all with real silhouettes, if there are any at hand.
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
fill: list = [0.75, 0.9]  # least and largest diameter of a particle over its picture's side [1]
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
known = np.tile(np.arange(n) < n_train, 2)
pictures.shape, known.sum()

# %% [markdown]
# {numref}`fig-two-kinds` shows some.

# %% mystnb={"figure": {"caption": "Silhouettes of spheres and of bullet rosettes, 28 pixels wide, of random size and a little off the middle. Rosettes with short bullets come close to discs.", "name": "fig-two-kinds"}, "image": {"alt": "A row of white discs and a row of white stars with arms, on black."}}
first = {kind: pictures[labels == kind][:14] for kind in ("sphere", "rosette")}
embeddings.picture_rows(first)

# %% [markdown]
# How hard is the task? Somebody who knows the labels of the training pictures and may look at one pixel only, the best there is, names
# this share of the new pictures rightly:

# %%
flat = pictures.reshape(2 * n, -1)
one_pixel = DecisionTreeClassifier(max_depth=1, random_state=seed).fit(flat[known], labels[known])
run.record(one_pixel_accuracy_synthetic=one_pixel.score(flat[~known], labels[~known]))
print(f"{run.metrics['one_pixel_accuracy_synthetic']:.3f}")

# %% [markdown]
# ## Two numbers for a picture
#
# An *autoencoder* is two networks in a row. The *encoder* turns the 784 pixels of a picture into a few numbers, its *latents*; the
# *decoder* draws the picture again from these numbers alone. To draw it well, the latents must hold what tells pictures apart.
#
# In a *variational* autoencoder {cite:p}`kingma2014` the encoder answers with a small cloud $q(\mathbf{z} \mid \mathbf{x})$ of latents
# $\mathbf{z}$ for a picture $\mathbf{x}$, a Gaussian, from which one point is drawn at random. Training lowers
#
# $$
# \underbrace{- \left\langle \ln p(\mathbf{x} \mid \mathbf{z}) \right\rangle}_{\text{how badly it is drawn again}}
# + \underbrace{D_\mathrm{KL} \left( q(\mathbf{z} \mid \mathbf{x}) \,\|\, \mathcal{N}(0, 1) \right)}_{\text{how far the cloud is from the unit Gaussian}} ,
# $$
#
# the negative *evidence lower bound* (ELBO). The two terms pull against each other. The first wants clouds small and far apart, so that each picture
# is drawn well; the second wants all of them wide and in one place. The outcome is a map without gaps, on which pictures that look
# alike are neighbours, since a point drawn a little beside must still give nearly the right picture.

# %%
def trainings(images, recipe):
    """The autoencoders of all seeds, and the one with the lowest loss: no label is asked."""
    fits = [pyro_vae.fitted(images, seed=seed + k, device=device, **recipe) for k in range(n_seeds)]
    return fits, min(fits, key=lambda fit: fit.loss)


plain_recipe = {"epochs": epochs}
plain_fits, plain = trainings(pictures[known], plain_recipe)

# %% [markdown]
# ## The map
#
# The decoder draws a picture for any two numbers, also for those that no training picture has. {numref}`fig-plain-manifold` lays them out
# on a grid over the region in which the pictures lie.

# %% mystnb={"figure": {"caption": "What the decoder draws for different latents. Discs fill one side of the map and turn into blurred rosettes on the other, which differ in the direction of their bullets.", "name": "fig-plain-manifold"}, "image": {"alt": "A grid of decoded pictures: sharp white discs at the top turn into blurred stars at the bottom."}}
drawn = {"plain autoencoder": pyro_vae.manifold(plain, pictures)}
latent_space.manifolds(drawn)

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
def clusters(points):
    """Two clusters, the best of ten starts."""
    return KMeans(2, n_init=10, random_state=seed).fit(points)


def named(points, truth):
    """The clusters of points, named after the true classes, one to one."""
    return latent_scores.match_clusters(clusters(points).labels_, truth)

# %% [markdown]
# {numref}`fig-two-clusters` has the true classes on the left and the clusters on the right, with the border between them.

# %% mystnb={"figure": {"caption": "All pictures on the map of the plain autoencoder, coloured by what they show (left) and by cluster (right). The dashed line is the border between the clusters. Spheres lie on lines, one for each of the places in the frame, along which their size changes; rosettes form a cloud.", "name": "fig-two-clusters"}, "image": {"alt": "Two scatter plots of the same points: spheres on curved lines above a dashed border, rosettes in a cloud below it."}}
found = named(places, labels)
table = pd.DataFrame(places, columns=["first", "second"])
run.keep(latents=table.assign(kind=labels, cluster=found))
centres = clusters(places).cluster_centers_
latent_space.groupings(places, {"true class": labels, "k-means": found}, centres)

# %% [markdown]
# ## An honest score
#
# The talk compared labels on the pictures that the network had learned from. No label was used for that, and yet it flatters: a network can place by heart
# what it has seen a hundred times. So our score counts the *new* pictures only. That on the training pictures is recorded beside it, with `_train`
# at the end of its name. With several seeds it is the mean over trainings, with the standard deviation as `_sd`.

# %%
def scored(name, points, truth, known):
    """Record what share of new and known pictures is in the right cluster, for sets of points."""
    right = np.array([named(own, truth) == truth for own in points])
    new, old = right[:, ~known].mean(axis=1), right[:, known].mean(axis=1)
    accuracy = {name: new.mean(), f"{name}_train": old.mean()}
    if len(points) > 1:
        accuracy[f"{name}_sd"] = new.std(ddof=1)
    run.record_each(accuracy, "kmeans_accuracy")
    return right


right = scored("synthetic", [pyro_vae.latents(fit, pictures) for fit in plain_fits], labels, known)

# %% [markdown]
# Is that much? Two baselines need no network: k-means on the 784 pixels themselves, and on descriptors of shape made by hand, those of
# [](12-shape-descriptors.ipynb) that do not depend on scale.

# %%
def shape_numbers(masks):
    """Standardised descriptors of silhouettes, 0 where one cannot be described."""
    columns = [[*PUBLISHED, *EXTENDED].index(name) for name in SCALE_FREE]
    values = describe(masks, extended=True).values[:, columns]
    return np.nan_to_num(StandardScaler().fit_transform(values))


scored("pixels_synthetic", [flat], labels, known)
scored("descriptors_synthetic", [shape_numbers(masks)], labels, known)
pd.Series(run.metrics, name="share named rightly").to_frame().round(3)

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
invariant_fits, invariant = trainings(pictures[known], invariant_recipe)
run.record(loss_synthetic=plain.loss, loss_synthetic_invariant=invariant.loss)

# %% [markdown]
# {numref}`fig-losses` shows both trainings.

# %% mystnb={"figure": {"caption": "Loss of the training pictures, the negative evidence lower bound, by the share of the training that is over. A line that still falls at its end would gain from more epochs.", "name": "fig-losses"}, "image": {"alt": "Line plot of two training losses, both falling steeply and then slowly."}}
latent_space.loss_curves({"plain": plain.losses, "invariant": invariant.losses})

# %% [markdown]
# Its map ({numref}`fig-invariant-manifold`) need not show directions. It shows no bullets either: to draw those, all rosettes would have to be
# turned to one common pose first, and in a short training on few of them it does not learn how.

# %% mystnb={"figure": {"caption": "What the two decoders draw for different latents, on the left as before. The invariant one draws everything in one pose: it goes from small to large and from sharp discs to soft blots, which stand for the bullets of all rosettes.", "name": "fig-invariant-manifold"}, "image": {"alt": "Two grids of decoded pictures: discs and stars in many directions on the left, discs of many sizes on the right."}}
drawn["invariant autoencoder"] = pyro_vae.manifold(invariant, pictures)
latent_space.manifolds(drawn)

# %% [markdown]
# ## Does the content stay put?
#
# What is promised can be tested. We take new rosettes, turn each in its picture plane in 24 steps, and move each as far as
# training pictures were. If the content says nothing about the pose, all copies of a crystal have one place on the map.

# %%
some = np.flatnonzero((labels == "rosette") & ~known)[:40]
turns = Rotation.from_rotvec(np.outer(np.arange(24) * 2 * np.pi / 24, CAMERA[2])).as_matrix()
turned_views = (turns @ views[some, None]).reshape(-1, 3, 3)
turned = particles.silhouettes(np.repeat(some, 24), turned_views, size=112).coverage[:, 0] >= 2
copies = {"turned": pyro_vae.small_pictures(turned, fill[0])}

# %% [markdown]
# The same rosettes are moved by all whole numbers of pixels up to `move`, in both directions.

# %%
one_step = np.arange(-move, move + 1)
moves = np.stack(np.meshgrid(one_step, one_step), axis=-1).reshape(-1, 2)
again, everywhere = np.repeat(masks[some], len(moves), axis=0), np.tile(moves, (len(some), 1))
copies["moved"] = pyro_vae.small_pictures(again, fill[0], everywhere)

# %% [markdown]
# {numref}`fig-copies` has the copies of one of them.

# %% mystnb={"figure": {"caption": "Copies of one rosette, turned (top, every second step) and moved.", "name": "fig-copies"}, "image": {"alt": "Two rows of one star-shaped silhouette, turned step by step above and moved below."}}
first = {"turned": copies["turned"][:24:2], "moved": copies["moved"][: len(moves)][:12]}
embeddings.picture_rows(first)

# %% [markdown]
# {numref}`fig-orbits` follows three of them on both maps while they turn.

# %% mystnb={"figure": {"caption": "Three rosettes turned in 24 steps, each a closed line, over all new rosettes in grey. On the plain map a turning rosette wanders all over the region of the rosettes; on the invariant map it keeps to a part of it.", "name": "fig-orbits"}, "image": {"alt": "Two scatter plots in grey with three closed lines: far-reaching on the plain map, bundled on the invariant one."}}
new_rosettes = pictures[(labels == "rosette") & ~known]
panels = {}
for title, fit in {"plain autoencoder": plain, "invariant autoencoder": invariant}.items():
    wandering = pyro_vae.latents(fit, copies["turned"]).reshape(len(some), 24, 2)
    panels[title] = (pyro_vae.latents(fit, new_rosettes), wandering[:3])
latent_space.orbits(panels, ("all new rosettes", "one rosette, turned"))

# %% [markdown]
# In numbers: the spread of a crystal's copies about their mean, over the spread of all new rosettes. 0 is perfect; 1 would say that copies of one
# crystal lie as far apart as different crystals.

# %%
def wandered(fit, images):
    """Spread of the copies of a rosette on the map over that of different rosettes."""
    own = pyro_vae.latents(fit, images).reshape(len(some), -1, fit.latent_dim)
    return latent_scores.spread_of_copies(own, pyro_vae.latents(fit, new_rosettes))


spreads = {}
for name, fits in {"plain": plain_fits, "invariant": invariant_fits}.items():
    spreads[name] = {how: np.mean([wandered(fit, copies[how]) for fit in fits]) for how in copies}
run.record_each(spreads["plain"], suffix="spread")
run.record_each(spreads["invariant"], suffix="spread_invariant")
pd.DataFrame(spreads).round(3)

# %% [markdown]
# It is less, and not nothing. The *decoder* is invariant by its making, but the encoder is an ordinary network, which must learn what a turn does
# from the few poses that it sees. And part of the calm is bought by saying less: what draws no bullets need not follow them.
#
# Do the classes come apart better too? The score is found as before.

# %%
invariant_places = [pyro_vae.latents(fit, pictures) for fit in invariant_fits]
scored("synthetic_invariant", invariant_places, labels, known)
found_invariant = named(pyro_vae.latents(invariant, pictures), labels)

# %% [markdown]
# With it {glue:text}`kmeans_accuracy_synthetic_invariant:.3f` of the new pictures are in the right cluster, beside
# {glue:text}`kmeans_accuracy_synthetic:.3f` with the plain autoencoder, which left little to gain ({numref}`fig-two-confusions`).

# %% mystnb={"figure": {"caption": "New pictures by true class (rows) and by the cluster they lie in (columns). What goes wrong are mostly compact rosettes taken for spheres.", "name": "fig-two-confusions"}, "image": {"alt": "Two confusion matrices of rosettes and spheres, nearly all pictures on the diagonal."}}
clusters = ("cluster, named after a class", "true class")
both = {"plain": found[~known], "invariant": found_invariant[~known]}
confusion(labels[~known], both, clusters, counts=True)

# %% [markdown]
# ## Real silhouettes
#
# The 2D-S probe records shadows on a row of diodes as particles fly past: silhouettes with pixels of 10 µm. {cite:t}`jaffeux2022` sorted
# thousands by hand. Their water droplets and their combinations of bullets and columns are the real counterparts of our two classes.
# As many of each class are learned from as before, the rest is new, and so is a part of the set that was labelled separately, for inspection.

# %%
kinds = ("water_droplet", "bullet_column_combination")
if oap_dir:
    probe = oap.labelled_silhouettes(Path(oap_dir))
    chosen = np.isin(probe.labels, kinds)
    real_masks, habit = probe.masks[chosen], probe.labels[chosen]
    inspected = probe.splits[chosen] == "inspection"
    run.record(n_used_2ds=chosen.sum(), n_left_out_2ds=(probe.report.reason != "").sum())
else:
    print("No folder is given in oap_dir, so this section is skipped.")

# %% [markdown]
# Those to learn from are drawn at random, and counted here, if there are any.

# %%
if oap_dir:
    at = {kind: np.flatnonzero((habit == kind) & ~inspected) for kind in kinds}
    few = min(at, key=lambda kind: len(at[kind]))
    sentence = f"oap_dir has {len(at[few])} {few} to learn from, n_train asks for {n_train}."
    run.require(len(at[few]) >= n_train, sentence)
    drawn = [rng.choice(rows, n_train, replace=False) for rows in at.values()]
    met = np.isin(np.arange(len(habit)), drawn)
    truth = np.char.replace(habit, "_", " ")
    part = np.select([met, inspected], ["to learn from", "new, inspection"], "new")
    display(pd.crosstab(truth, part))

# %% [markdown]
# Real droplets are no perfect discs. Those out of focus have a hole in the middle, from diffraction; small ones are few pixels wide. And the probe reads its row of
# diodes by a clock: where the clock does not match the air speed, everything is stretched along the flight, by a factor that changes from flight to flight and that
# the set does not tell. So holes are filled and all particles scaled to one size, as before, and besides each outline is *squared*: stretched until it is as high as
# wide. That takes the true elongation away too, but of two classes without a long axis we may ask it. In the pictures below, if there are any, each class is
# shown as recorded and squared.

# %%
if oap_dir:
    as_recorded = pyro_vae.small_pictures(real_masks)
    squared = pyro_vae.small_pictures(real_masks, square=True)
    rows = {}
    for kind in np.unique(truth):
        shown = rng.permutation(np.flatnonzero(truth == kind))[:14]
        rows |= {f"{kind}, as recorded": as_recorded[shown], f"{kind}, squared": squared[shown]}
    display(embeddings.picture_rows(rows))

# %% [markdown]
# Both autoencoders are trained anew, with the same settings, and the plain one also on the pictures as recorded. Their maps:

# %%
if oap_dir:
    real_fits, real_plain = trainings(squared[met], plain_recipe)
    real_invariant_fits, real_invariant = trainings(squared[met], invariant_recipe)
    recorded_fits, _ = trainings(as_recorded[met], plain_recipe)
    drawn = {"plain autoencoder": pyro_vae.manifold(real_plain, squared)}
    drawn["invariant autoencoder"] = pyro_vae.manifold(real_invariant, squared)
    display(latent_space.manifolds(drawn))

# %% [markdown]
# Where the silhouettes lie on them: on top for the plain autoencoder, below for the invariant one. Droplets keep together; the combinations, of all
# shapes, spread out.

# %%
if oap_dir:
    real_found = {}
    for title, fit in {"plain": real_plain, "invariant": real_invariant}.items():
        points = pyro_vae.latents(fit, squared)
        real_found[title] = named(points, truth)
        panes = {f"true class, {title}": truth, f"k-means, {title}": real_found[title]}
        display(latent_space.groupings(points, panes, clusters(points).cluster_centers_))

# %% [markdown]
# Scores count new silhouettes, those for inspection included; `_inspection` counts only the latter. `_as_recorded` is what comes out without squaring. Baselines are as
# before, with both kinds of pictures.

# %%
if oap_dir:
    networks = {
        "2ds": (real_fits, squared),
        "2ds_invariant": (real_invariant_fits, squared),
        "2ds_as_recorded": (recorded_fits, as_recorded),
    }
    for name, (fits, images) in networks.items():
        right = scored(name, [pyro_vae.latents(fit, images) for fit in fits], truth, met)
        if inspected.any():
            run.record(**{f"kmeans_accuracy_{name}_inspection": right[:, inspected].mean()})

# %% [markdown]
# The baselines, and all numbers of this section, if there are any:

# %%
if oap_dir:
    for name, images in {"2ds": squared, "2ds_as_recorded": as_recorded}.items():
        large = pyro_vae.small_pictures(real_masks, size=112, square=name == "2ds") >= 0.5
        scored(f"descriptors_{name}", [shape_numbers(large)], truth, met)
        scored(f"pixels_{name}", [images.reshape(len(truth), -1)], truth, met)
    numbers = {name: value for name, value in run.metrics.items() if "2ds" in name}
    display(pd.Series(numbers, name="value").to_frame().round(3))

# %% [markdown]
# And where they go wrong, in counts, if there are real silhouettes:

# %%
if oap_dir:
    both = {title: clustered[~met] for title, clustered in real_found.items()}
    display(confusion(truth[~met], both, clusters, counts=True))

# %% [markdown]
# ## What was shown
#
# - Two numbers per picture, found without labels, are enough to sort spheres from rosettes: k-means on the latents of the plain autoencoder places
#   {glue:text}`kmeans_accuracy_synthetic:.3f` of new pictures rightly, and {glue:text}`kmeans_accuracy_synthetic_invariant:.3f` on those of the invariant one.
# - The task is easy, and that should be said: k-means on the bare pixels reaches {glue:text}`kmeans_accuracy_pixels_synthetic:.3f`, on descriptors made
#   by hand {glue:text}`kmeans_accuracy_descriptors_synthetic:.3f`. What the autoencoder adds is the map: it can be looked at, walked on,
#   and asked for the picture at any place.
# - A decoder that turns and moves pictures itself makes the latents steadier: turning a rosette spreads it on the map over {glue:text}`turned_spread_invariant:.2f`
#   of the spread of different rosettes instead of {glue:text}`turned_spread:.2f`. The encoder keeps it from being perfect.
# - Where real silhouettes are given, what one knows of the probe counts for more than the network: a scale that is wrong along the flight must be
#   undone first.
#
# With nine habits instead of two classes, two numbers are too few: [](22-nine-habits.ipynb).
