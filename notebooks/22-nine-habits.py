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
# # Nine habits
#
# Sorting pictures of ice crystals by eye takes months, and the classes are decided before anyone has looked. What if a computer sorted
# them without being told the classes? It needs a *representation*: a few numbers for each picture, in which crystals
# that look alike lie close together. This notebook compares four ways to learn one, and measures how much of the
# nine habits each finds by itself.
#
# In this notebook we
#
# 1. take pictures of nine synthetic habits with a model of the Cloud Particle Imager,
# 2. learn representations of them without labels: three autoencoders, and self-supervision,
# 3. score them with labels and without, and look at maps, neighbours and outliers,
# 4. and do the same with real, hand-labelled silhouettes, if a folder of them is given.
#
# The methods are explained on the page [](../book/part-2.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need the synthetic habits, networks, scores of latent spaces, and figures.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from IPython.display import display
from torch import nn
from torch.nn import functional

from lib.crystals.habits import HABITS
from lib.datasets.crystal_photographs import PhotographSplit, synthetic_photographs
from lib.evaluation import latent_scores
from lib.figures import embeddings, hover
from lib.figures.confusion import confusion
from lib.figures.gallery import scene_frame
from lib.imaging.read import oap
from lib.models.self_supervision import ContrastiveRecipe, nt_xent
from lib.models.vae import VaeRecipe, decoded
from lib.notebook.run import start
from lib.notebook.titles import MODELS
from lib.studies import representations
from lib.studies.representations import NINE_HABITS_SSL, Recipe

# %% [markdown]
# `epochs` and `width` are those of the four networks trained here; `width` is the channels of the first layer. With more than one seed, each is trained so many times and the spread shown.

# %% tags=["parameters"]
n_train: int = 300  # crystals of each habit to learn from
n_held: int = 20  # crystals of each habit that decide on the best epoch
n_test: int = 120  # crystals of each habit for the test, each photographed once
photographs: int = 2  # pictures of each crystal to learn from, in different orientations
size: int = 64  # side of the square pictures [pixels]
epochs: dict = {"conv2": 6, "conv128_umap": 6, "resnet128_umap": 6, "ssl_live": 20}  # by network
width: dict = {"conv2": 16, "conv128_umap": 16, "resnet128_umap": 16, "ssl_live": 64}  # by network
latents: int = 128  # dimensions of the larger latent spaces
batch: int = 128  # pictures in a batch
n_seeds: int = 1  # trainings of each network, from seed on
in_memory: bool = True  # hold the pictures in memory rather than read them from disk
oap_dir: str = ""  # folder of 2D-S silhouettes with a folder for each habit, or empty
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("22-nine-habits", globals())
run.at_least(n_train=20, n_held=4, n_test=12, photographs=1, size=32, latents=2, batch=8, n_seeds=1)
size_fits = size % 2 ** (size.bit_length() - 3) == 0
run.require(size_fits, f"size must be 4 to 7 times a power of two, got {size}.")
networks = ["conv2", "conv128_umap", "resnet128_umap", "ssl_live"]
run.counts("epochs", "width", of=networks)
of_all = set(epochs) == set(width) == set(networks)
run.require(of_all, f"epochs and width must name {', '.join(networks)}.")
least = min(*epochs.values(), *width.values())
run.require(least > 0, "epochs and width must give every network at least one.")
run.folders("oap_dir")
run

# %% [markdown]
# ## Nine habits, photographed
#
# Each habit is a family of random solids ([](../book/part-2.md)). A model of the probe photographs them: ice is translucent, edges are
# dark, facets glint, the lens blurs, the sensor is noisy. Particles that are cut off by the frame or badly blurred have been
# screened out, as in sets that people label.
#
# The split is by crystal: training, validation and test set have crystals of their own, drawn from seeds of their own. Crystals to learn from are photographed
# several times, each time from another side, as stereo probes like PHIPS do.

# %%
source = representations.HabitTraining(size=size, seed=seed)


def photographed(source, part, n_each, times):
    """Pictures of `n_each` crystals of each habit, drawn for this part alone."""
    pictures = source.pictures(part, n_each, times)
    return synthetic_photographs(pictures, batch, seed, scheduler, in_memory)


split = PhotographSplit(
    train=photographed(source, "train", n_train, photographs),
    validation=photographed(source, "validation", n_held, photographs),
    test=photographed(source, "test", n_test, 1),
)
lengths = {name: part.plain.length for name, part in split._asdict().items()}
pd.Series(lengths, name="pictures").to_frame()

# %% [markdown]
# {numref}`fig-habits` shows some of each. All particles are scaled to one size. The frame hides how large they were, but blur and noise, which have
# their scale in the probe's own pixels, still show it: a small particle, drawn large, is soft. This gives spheres away, most of which are smaller than
# 50 of those pixels.

# %% mystnb={"figure": {"caption": "Synthetic pictures of the nine habits, of random size, orientation and defocus. Some habits differ at a glance, others (compact, rimed, budding) shade into each other.", "name": "fig-habits"}, "image": {"alt": "Nine rows of ten grey pictures, a row for each habit: aggregates, rosettes, columns, irregular, broken, flat, rimed crystals and spheres."}}
test, habits = split.test, np.array([habit.title for habit in HABITS.values()])
examples = {name: np.flatnonzero(test.label == number)[:10] for number, name in enumerate(habits)}
grey = test.plain.read(0, test.plain.length)
embeddings.picture_rows({name: grey[rows] for name, rows in examples.items()})

# %% [markdown]
# Residual network and self-supervision see the crystals without their background ({numref}`fig-masked`): what lies outside the particle is set to zero,
# and the picture inverted.

# %% mystnb={"figure": {"caption": "The same pictures without background. The mask is found in the picture, as it would be in a real one.", "name": "fig-masked"}, "image": {"alt": "Nine rows of ten pictures, a row for each habit, cut out and bright on black."}}
masked = test.masked.read(0, test.masked.length)
embeddings.picture_rows({name: masked[rows] for name, rows in examples.items()})

# %% [markdown]
# ## Autoencoders
#
# A *variational autoencoder* (VAE) {cite:p}`kingma2014` squeezes a picture through a few numbers, its latents, and reconstructs it. The encoder of the plain one is a
# chain of convolutions, each of which halves the side. It ends in the means and the logarithms of the variances of the latents. The decoder is the same chain backwards.

# %%
def encoder(widths, n_latents):
    """Layers from pictures (B, 1, size, size) to (B, 2 n_latents)."""
    layers = [nn.Conv2d(1, widths[0], 4, 2, 1), nn.ReLU()]
    for n_in, n_out in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
    last = nn.Linear(widths[-1] * (size >> len(widths)) ** 2, 2 * n_latents)
    return nn.Sequential(*layers, nn.Flatten(), last)


# %% [markdown]
# The loss is the negative evidence lower bound of [](../book/part-2.md), {eq}`eq-elbo`, over the number of pixels: $\tfrac{1}{2} \ln \varepsilon^2$ with the mean
# square error $\varepsilon^2$ of the reconstruction, and the Kullback-Leibler divergence of the latents.

# %%
def vae_loss(pictures, reconstructions, mean, log_variance):
    """Negative evidence lower bound a pixel, up to a constant [nats]."""
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
    error = functional.mse_loss(reconstructions, pictures)
    return 0.5 * error.log() + divergence / pictures[0].numel()


# %% [markdown]
# We train three: with **two** latents, which can be drawn; with **128**, which UMAP lays out on a map; and one of **residual blocks** with 128 latents, on the pictures
# without background.

# %%
def autoencoder(name, n_latents, architecture="conv"):
    """The recipe of one of the autoencoders; residual blocks see masked pictures."""
    chosen = {"width": width[name], "epochs": epochs[name], "architecture": architecture}
    return Recipe(VaeRecipe(n_latents, size, **chosen), masked=architecture == "resnet")


recipes = {
    "conv2": autoencoder("conv2", 2),
    "conv128_umap": autoencoder("conv128_umap", latents),
    "resnet128_umap": autoencoder("resnet128_umap", latents, "resnet"),
}

# %% [markdown]
# ## Self-supervision
#
# Here no picture is reconstructed. A network is to recognise a crystal that is photographed from another side, with the picture turned, mirrored, scaled, moved and
# lit in another way. These random changes are the *augmentation*:

# %%
representations.GREY_LEVELS

# %% [markdown]
# Each crystal of a batch gives two such pictures. The network maps all of them to vectors, and the loss (NT-Xent, {cite:t}`chen2020`) is the cross-entropy of finding
# the partner of each among all others by the cosine of the angle between vectors, over a temperature, {eq}`eq-contrastive`:

# %%
def contrastive_loss(vectors, temperature=0.1):
    """NT-Xent of vectors (2 B, d), of which row i + B belongs to row i."""
    unit = functional.normalize(vectors, dim=1)
    similarity = (unit @ unit.T / temperature).fill_diagonal_(-torch.inf)
    partner = torch.arange(len(vectors)).roll(len(vectors) // 2)
    return functional.cross_entropy(similarity, partner)


vectors = torch.randn(8, 3, generator=torch.Generator().manual_seed(seed))
float(contrastive_loss(vectors)), float(nt_xent(vectors, 0.1))

# %% [markdown]
# The network is the polar one of [](../book/part-1-networks.md). It gains from long trainings on many crystals, which do not fit into the minutes of this notebook. So a small one is trained
# here, called `ssl_live` in the names of recorded numbers, and a larger one **comes with the project** (`data/networks/nine-habits-ssl`, made by `make train
# NAME=nine-habits-ssl`). Both are scored below on the same test crystals, which neither has been trained on. Numbers of the shipped one end in `ssl`.

# %%
live = ContrastiveRecipe(
    representations.GREY_LEVELS, width=width["ssl_live"], epochs=epochs["ssl_live"]
)
recipes["ssl_live"] = Recipe(live)
found = representations.representations(recipes, split, n_seeds, seed, device)

# %% [markdown]
# The shipped network sees pictures of 64 pixels.

# %%
trained_here = NINE_HABITS_SSL.size == size
shipped_split = split if trained_here else PhotographSplit(
    photographed(NINE_HABITS_SSL, "train", n_train, photographs),
    photographed(NINE_HABITS_SSL, "validation", n_held, photographs),
    photographed(NINE_HABITS_SSL, "test", n_test, 1),
)  # fmt: skip
recipes["ssl"] = Recipe(NINE_HABITS_SSL.network)
shipped = NINE_HABITS_SSL.training(scheduler).result(device)
found["ssl", 0] = representations.representation(recipes["ssl"], shipped, shipped_split, seed)

# %% [markdown]
# What each needed: how many pictures it saw in all its epochs, each as often as it came, and how long that took on the machine that trained the network.

# %%
per_epoch = {
    name: representations.pictures_per_epoch(recipe, split.train)
    for name, recipe in recipes.items()
}
per_epoch["ssl"] = NINE_HABITS_SSL.pictures_per_epoch
needed = {name: representations.effort(found[name, 0].trained, n) for name, n in per_epoch.items()}
effort = pd.DataFrame(needed)
seen, speed = effort.loc["pictures_seen"].astype(int), effort.loc["pictures_per_second"]
run.record_table(seen, rows="model", score="pictures_seen")
run.record_table(speed, rows="model", score="pictures_per_second")
columns = ["weights", "epochs", "pictures seen", "time [s]", "pictures/s"]
effort.T.round().astype(int).rename(index=MODELS).set_axis(columns, axis=1)

# %% [markdown]
# Training is not shared out equally. The shipped network saw {glue:text}`pictures_seen_ssl:,d` pictures, each autoencoder
# {glue:text}`pictures_seen_conv2:,d`, so a part of the difference between autoencoders and self-supervision may be training.
#
# ## What the autoencoders reconstruct
#
# {numref}`fig-restored` shows it. Two numbers give a smudge of the right elongation and
# direction; 128 give the outline, and without background also what is inside.

# %% mystnb={"figure": {"caption": "Test pictures and their reconstructions by the three autoencoders. The first two see the picture with its background, the third without.", "name": "fig-restored"}, "image": {"alt": "Five rows of pictures: originals, and blurred reconstructions of them by three autoencoders."}}
some = np.arange(len(habits))
reconstructions = {"plain": grey[some]}
for name in ("conv2", "conv128_umap", "resnet128_umap"):
    if recipes[name].masked:
        reconstructions["masked"] = masked[some]
    autoencoder_found = found[name, 0]
    drawn = decoded(autoencoder_found.trained.model, autoencoder_found.space.test[some])
    reconstructions[MODELS[name].removesuffix(", UMAP")] = drawn[:, 0]
embeddings.picture_rows(reconstructions)

# %% [markdown]
# A *traversal* goes from one picture in a fixed direction of the latent space ({numref}`fig-traversals`): what does the direction stand for?
# With 128 latents a single one changes little, so we go along their principal components.

# %% mystnb={"figure": {"caption": "Traversals of the latent space of the ResNet-VAE, from -2.5 to 2.5 standard deviations about one test picture (middle), along the five principal components of the latents.", "name": "fig-traversals"}, "image": {"alt": "Five rows of nine pictures in which one crystal changes gradually from left to right."}}
resnet = found["resnet128_umap", 0]
steps = np.linspace(-2.5, 2.5, 9)
walks = latent_scores.traversals(resnet.space.train, resnet.space.test[2], 5, steps)
pictures = decoded(resnet.trained.model, np.concatenate(walks)).reshape(5, 9, size, size)
embeddings.picture_rows({f"component {i}": row for i, row in enumerate(pictures, start=1)})

# %% [markdown]
# ## Maps
#
# {numref}`fig-maps` shows where the test pictures lie. The colours, which no network has been shown, are the habits.

# %% mystnb={"figure": {"caption": "Maps of the test pictures in the latent spaces of three autoencoders and of the shipped self-supervised network. On the last one, pictures of one habit lie together and apart from the others.", "name": "fig-maps"}, "image": {"alt": "Four scatter plots with a colour for each habit: mixed on the first, in separate groups on the last."}}
drawn_maps = ["conv2", "conv128_umap", "resnet128_umap", "ssl"]
maps = {MODELS[name]: found[name, 0].space.test_map for name in drawn_maps}
embeddings.maps(maps, test.label, habits)

# %% [markdown]
# ## Scores
#
# A map can please the eye and deceive. So each representation is scored, with the labels that were kept from it and without:

# %%
pd.Series(latent_scores.SCORES, name="meaning").to_frame()

# %% [markdown]
# All are computed on test pictures ({numref}`fig-representation-scores`); neighbours and linear probe learn from the labels of the training pictures. Two
# latents are their own map, so that their trustworthiness is 1 whatever was learned.

# %% mystnb={"figure": {"caption": "Scores of the representations on test pictures. With more than one seed, bars show the standard deviation over trainings.", "name": "fig-representation-scores"}, "image": {"alt": "Five dot plots of scores with a row for each representation; the shipped self-supervised one scores highest, but for trustworthiness, which is 1 for two latents."}}
table = representations.score_table(found)
run.keep(scores=table)
embeddings.representation_scores(table.replace({"model": MODELS}))

# %% [markdown]
# The same in numbers, as means over the seeds.

# %%
def record_scores(table, **fields):
    """Record means over the seeds, and standard deviations where there are several."""
    by_model = table.groupby("model", sort=False)
    deviations = by_model.std().T if n_seeds > 1 else None
    run.record_table(by_model.mean().T, columns="model", deviations=deviations, **fields)


record_scores(table)
table.groupby("model", sort=False).mean().rename(index=MODELS).round(3)

# %% [markdown]
# Where the best one is wrong is seen by naming each cluster after the habit that it matches best ({numref}`fig-habit-confusion`).

# %% mystnb={"figure": {"caption": "Habits (rows) and the clusters that k-means finds on the map of the shipped network (columns), each named after the habit it matches best. No label was used but for the naming.", "name": "fig-habit-confusion"}, "image": {"alt": "Matrix of nine habits by nine clusters in per cent, dark on the diagonal."}}
best = found["ssl", 0].space
clusters = latent_scores.clusters(best, len(habits), seed)
named = {"self-supervised network": habits[latent_scores.match_clusters(clusters, test.label)]}
confusion(habits[test.label], named, ("cluster, named after a habit", "habit"), side=4.6)

# %% [markdown]
# ## Walking about
#
# The map of the best representation can be moved and zoomed; under the pointer, a point shows its picture. A click on a name in the legend
# hides a habit.

# %%
axes = ("first coordinate", "second coordinate")
file = run.file("map.html")
hover.write_hover_map(best.test_map[:1200], habits[test.label[:1200]], masked[:1200], file, axes)
title = "Map of the nine habits, whose points show their picture"
scene_frame(run.url("map.html"), title, run.url("map.png"))

# %% [markdown]
# Neighbours in the representation itself show which pictures are alike in it ({numref}`fig-neighbours`).

# %% mystnb={"figure": {"caption": "One test picture of each habit and its seven nearest training pictures in the self-supervised representation. A frame marks another habit than that of the test picture.", "name": "fig-neighbours"}, "image": {"alt": "Nine rows of eight pictures: one particle and its nearest neighbours, which look alike; a few are framed."}}
nearest = latent_scores.nearest_neighbours(best.train, best.test[some], 7)
neighbours = np.concatenate([split.train.masked.read(row, row + 1) for row in nearest.flat])
neighbours = neighbours.reshape(*nearest.shape, size, size)
is_same = split.train.label[nearest] == test.label[some, None]
embeddings.neighbour_rows(masked[some], neighbours, is_same)

# %% [markdown]
# *Outliers* lie far from all training pictures. In a stream of real pictures these are the ones to look at first ({numref}`fig-outliers`).

# %% mystnb={"figure": {"caption": "The twelve test pictures with the largest mean distance to their ten nearest training pictures, and the twelve with the smallest.", "name": "fig-outliers"}, "image": {"alt": "A row of odd and broken shapes, and a row of plain columns and discs."}}
order = np.argsort(latent_scores.mean_neighbour_distance(best.train, best.test))
extremes = {"outliers": masked[order[::-1][:12]], "most typical": masked[order[:12]]}
embeddings.picture_rows(extremes)

# %% [markdown]
# ## Real silhouettes
#
# Do habits emerge from real particles too? The 2D-S records black-and-white silhouettes with pixels of 10 µm. {cite:t}`jaffeux2022` sorted
# thousands by hand into nine habits of their own. There is no background to remove and no interior to see, but size is informative, so
# the self-supervised representation gets it as one more number. All networks are trained anew, since these shapes are not those of the synthetic habits.
#
# With a folder of such silhouettes in `oap_dir`, the cells below show the scores of all representations on them, a map, and a harder test. When 5,502 silhouettes were
# last recorded, with three seeds and long trainings, the adjusted Rand index was {kept}`22-nine-habits-all::ari_conv2_2ds:.2f` with two latents,
# {kept}`22-nine-habits-all::ari_resnet128_umap_2ds:.2f` with the ResNet-VAE and {kept}`22-nine-habits-all::ari_ssl_2ds:.2f` with self-supervision,
# {kept}`22-nine-habits-all::ari_ssl_without_size_2ds:.2f` without size, and {kept}`22-nine-habits-all::ari_descriptors_2ds:.2f` with the hand-made descriptors of
# [](12-shape-descriptors.ipynb). The linear probe of the self-supervised one named {kept}`22-nine-habits-all::linear_probe_ssl_2ds:.3f` correctly.
#
# The test pictures are a random fifth. The names of
# the files tell no page or flight, so pictures of one flight may be in training and test set. A second set, which was labelled for inspection and has other shares of the
# habits, is the harder test.

# %%
if oap_dir:
    labelled = oap.labelled_silhouettes(Path(oap_dir))
    real = representations.split_silhouettes(labelled, size, batch, seed)
    counts = {name: np.bincount(part.label) for name, part in real.split._asdict().items()}
    real_counts = pd.DataFrame(counts, index=real.names)
    run.record("n_files", len(labelled.report), data="2ds")
    run.record("n_used", real_counts.to_numpy().sum(), data="2ds")
    display(real_counts)

# %% [markdown]
# The same representations learn from the silhouettes; self-supervision once without the particle's size.

# %%
if oap_dir:
    rough = ContrastiveRecipe(
        representations.SILHOUETTES, width=width["ssl_live"], epochs=epochs["ssl_live"]
    )
    autoencoders = {name: recipes[name] for name in ("conv2", "conv128_umap", "resnet128_umap")}
    real_recipes = {**autoencoders, "ssl": Recipe(rough)}
    real_found = representations.representations(real_recipes, real.split, n_seeds, seed, device)
    scaled = PhotographSplit(*(part._replace(log_size=None) for part in real.split))
    alone = {"ssl_without_size": real_recipes["ssl"]}
    shapes_alone = representations.representations(alone, scaled, n_seeds, seed, device)
    real_table = representations.score_table(real_found | shapes_alone)
    record_scores(real_table, data="2ds")

# %% [markdown]
# Hand-made descriptors are the baseline.

# %%
if oap_dir:
    train_labels, test_labels = real.split.train.label, real.split.test.label
    baseline = latent_scores.scores(real.descriptors, train_labels, test_labels, seed)
    run.record_table(baseline, model="descriptors", data="2ds")
    described = pd.DataFrame([{"model": "descriptors", **baseline}])
    all_scores = pd.concat([described, real_table]).replace({"model": MODELS})
    display(all_scores.groupby("model", sort=False).mean().round(3))
    display(embeddings.representation_scores(all_scores))
    real_map = {MODELS["ssl"]: real_found["ssl", 0].space.test_map}
    display(embeddings.maps(real_map, test_labels, real.names, columns=1))

# %%
if oap_dir and real.inspection:
    model = real_found["ssl", 0].trained.model
    inspection = representations.embed(
        real_recipes["ssl"], model, real.split.train, real.inspection, seed
    )
    inspected = latent_scores.scores(inspection, train_labels, real.inspection.label, seed)
    run.record_table(inspected, model="ssl", data="2ds", split="inspection")
    display(pd.Series(inspected).round(3).to_frame("self-supervised, inspection set"))

# %% [markdown]
# ## What was shown
#
# - Two latents encode direction and elongation, and little of the habit: the adjusted Rand index is {glue:text}`ari_conv2:.2f`. With 128 latents and UMAP it is
#   {glue:text}`ari_conv128_umap:.2f`, and {glue:text}`ari_resnet128_umap:.2f` with residual blocks and without background.
# - A network that learned to recognise particles however they lie reaches {glue:text}`ari_ssl_live:.2f` after a short training, and the shipped one
#   {glue:text}`ari_ssl:.2f` after a long one on more crystals. A straight border in the features of the latter names {glue:text}`linear_probe_ssl:.3f` of
#   the test pictures correctly, and a vote of the ten nearest neighbours {glue:text}`knn10_accuracy_ssl:.3f`.
# - What a representation ignores matters as much as what it encodes. An autoencoder must reconstruct where a crystal points; for its habit that is noise.
