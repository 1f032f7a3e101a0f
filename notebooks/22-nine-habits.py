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
# that look alike lie close together. This notebook climbs a ladder of four such representations and asks of each how much of the
# nine habits it found by itself.
#
# In this notebook we
#
# 1. take pictures of nine synthetic habits with a model of the Cloud Particle Imager,
# 2. learn four representations of them without labels,
# 3. score them with labels and without, and look at maps, neighbours and outliers,
# 4. and do the same with real, hand-labelled silhouettes, if there are any at hand.
#
# The methods are explained on the page [](../book/part-2.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need the synthetic habits, the ladder, scores of latent spaces, and figures.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

from lib.crystals.habits import HABITS
from lib.datasets.habit_pictures import SCREENED, HabitPictures
from lib.evaluation import latent_scores
from lib.figures import embeddings, hover
from lib.figures.confusion import confusion
from lib.figures.gallery import scene_frame
from lib.imaging.read import oap
from lib.models.self_supervision import Changes
from lib.models.vae import decoded
from lib.notebook.run import start
from lib.studies import representations

# %% [markdown]
# `epochs` and `width` are those of the four rungs; `width` is the channels of the first layer. With more than one seed, every network is trained so many times and the spread shown.

# %% tags=["parameters"]
n_train: int = 300  # crystals of each habit to learn from
n_held: int = 20  # crystals of each habit that decide on the best epoch
n_test: int = 120  # crystals of each habit for the test, each photographed once
photographs: int = 3  # pictures of each crystal to learn from, in different orientations
size: int = 64  # side of the square pictures [pixels]
epochs: dict = {"conv2": 4, "conv128_umap": 4, "resnet128_umap": 4, "ssl": 60}  # epochs by rung
width: dict = {"conv2": 16, "conv128_umap": 16, "resnet128_umap": 16, "ssl": 64}  # channels by rung
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
of_all = set(epochs) == set(width) == set(representations.RUNGS)
run.require(of_all, f"epochs and width must name {', '.join(representations.RUNGS)}.")
least = min(*epochs.values(), *width.values())
run.require(least > 0, "epochs and width must give every rung at least one.")
run.folders("oap_dir")
run

# %% [markdown]
# ## Nine habits, photographed
#
# Each habit is a family of random solids ([](../book/part-2.md)). A model of the probe photographs them: ice is translucent, edges are
# dark, facets glint, the lens blurs, the sensor is noisy. Particles that are cut off by the frame or badly blurred have been
# screened out, as in sets that people label. Three sets of crystals come from three seeds. Those to learn from are photographed several
# times, each time from another side, as stereo probes like PHIPS do.

# %%
def photographed(n_each, times, number):
    """Pictures of `n_each` crystals of each habit, in the set of this number."""
    asked = HabitPictures(n_each, times, 10 * seed + number, size, SCREENED)
    return representations.synthetic(asked, batch, seed, scheduler, in_memory)


sets = representations.Sets(
    train=photographed(n_train, photographs, 0),
    validation=photographed(n_held, photographs, 1),
    test=photographed(n_test, 1, 2),
)
lengths = {name: pictures.plain.length for name, pictures in sets._asdict().items()}
pd.Series(lengths, name="pictures").to_frame()

# %% [markdown]
# {numref}`fig-habits` shows some of each. All particles are scaled to one size. The frame hides how large they were, but blur and noise, which have
# their scale in the probe's own pixels, still tell it: a small particle, drawn large, is soft. This gives spheres away, most of which are smaller than
# 50 of those pixels.

# %% mystnb={"figure": {"caption": "Synthetic pictures of the nine habits, of random size, orientation and defocus. Some habits are told apart at a glance, others (compact, rimed, budding) shade into each other.", "name": "fig-habits"}, "image": {"alt": "Nine rows of ten grey pictures, a row for each habit: aggregates, rosettes, columns, irregular, broken, flat, rimed crystals and spheres."}}
test, habits = sets.test, [habit.title for habit in HABITS.values()]
places = {name: np.flatnonzero(test.label == number)[:10] for number, name in enumerate(habits)}
grey = test.plain.read(0, test.plain.length)
embeddings.picture_rows({name: grey[rows] for name, rows in places.items()})

# %% [markdown]
# The third and the fourth rung see the crystals without their background ({numref}`fig-masked`): what lies outside the particle is set to zero,
# and the picture inverted.

# %% mystnb={"figure": {"caption": "The same pictures without background. The mask is found in the picture, as it would be in a real one.", "name": "fig-masked"}, "image": {"alt": "Nine rows of ten pictures, a row for each habit, cut out and bright on black."}}
cut = test.cut.read(0, test.cut.length)
embeddings.picture_rows({name: cut[rows] for name, rows in places.items()})

# %% [markdown]
# ## The ladder
#
# 1. A *variational autoencoder* (VAE) of plain convolutions squeezes a picture through **two** numbers and restores it.
# 2. The same with **128** latents. They can't be drawn, so UMAP lays them out on a map.
# 3. A VAE of **residual blocks** on the pictures without background, again with 128 latents and UMAP.
# 4. **Self-supervision**: no picture is restored. A network learns to recognise a crystal photographed from another side, with the
#    picture turned, mirror_images, moved and lit in another way.

# %%
climb = representations.Climb(epochs, width, size, latents, Changes(light=0.3, noise=0.03))
climbed = representations.climbs(climb, sets, n_seeds, seed, device)

# %% [markdown]
# What each needed: how many pictures it saw in all its epochs, each as often as it came, and how long that took. The speed is that of the machine
# that trained the network.

# %%
needed = [representations.effort(rung, climbed[rung, 0].trained, sets.train) for rung in representations.RUNGS]
effort = pd.DataFrame(needed, index=list(representations.RUNGS))
run.record_each(effort[["pictures_seen", "pictures_per_second"]])
titles = ["weights", "epochs", "pictures seen", "time [s]", "pictures/s"]
effort.round().astype(int).rename(index=representations.RUNGS).set_axis(titles, axis=1)

# %% [markdown]
# Training is not shared out equally. The last rung sees {glue:text}`pictures_seen_ssl:,d` pictures, the first
# {glue:text}`pictures_seen_conv2:,d`, so a part of the jump between autoencoders and self-supervision may be training.
#
# ## What the autoencoders keep
#
# An autoencoder is judged first by what it restores ({numref}`fig-restored`). Two numbers keep a smudge of the right elongation and
# direction; 128 keep the outline, and without background also what is inside.

# %% mystnb={"figure": {"caption": "Test pictures and what the three autoencoders restore of them. The first two see the picture with its background, the third without.", "name": "fig-restored"}, "image": {"alt": "Five rows of pictures: originals, and blurred copies of them that three autoencoders restore."}}
some = np.arange(len(habits))
restored = {"plain": grey[some]}
for rung in ("conv2", "conv128_umap", "resnet128_umap"):
    if rung == "resnet128_umap":
        restored["masked"] = cut[some]
    drawn = decoded(climbed[rung, 0].trained.model, climbed[rung, 0].points.test[some])
    restored[representations.RUNGS[rung].removesuffix(", UMAP")] = drawn[:, 0]
embeddings.picture_rows(restored)

# %% [markdown]
# A *traversal* walks from one picture in a fixed direction of the latent space ({numref}`fig-traversals`): what does the direction stand for?
# With 128 latents a single one changes little, so we walk along their principal components.

# %% mystnb={"figure": {"caption": "Walks through the latent space of the ResNet-VAE, from -2.5 to 2.5 standard deviations about one test picture (middle), along the five principal components of the latents.", "name": "fig-traversals"}, "image": {"alt": "Five rows of nine pictures in which one crystal changes gradually from left to right."}}
trained, points, _ = climbed["resnet128_umap", 0]
steps = np.linspace(-2.5, 2.5, 9)
walks = latent_scores.traversals(points.train, points.test[2], n_directions=5, steps=steps)
drawn = decoded(trained.model, np.concatenate(walks)).reshape(*walks.shape[:2], size, size)
embeddings.picture_rows({f"component {i}": row for i, row in enumerate(drawn, start=1)})

# %% [markdown]
# ## Four maps
#
# {numref}`fig-maps` shows where the test pictures lie. The colours, which no network has seen, are the habits.

# %% mystnb={"figure": {"caption": "Maps of the test pictures on the four rungs. On the last one, pictures of one habit draw together and apart from the others.", "name": "fig-maps"}, "image": {"alt": "Four scatter plots with a colour for each habit: mixed on the first, in separate groups on the last."}}
points = {name: climbed[rung, 0].points.test_map for rung, name in representations.RUNGS.items()}
embeddings.maps(points, test.label, habits)

# %% [markdown]
# ## The scores
#
# A map can please the eye and deceive. So each rung is scored, with the labels that were kept from it and without:

# %%
pd.Series(latent_scores.SCORES, name="meaning").to_frame()

# %% [markdown]
# All are computed on test pictures ({numref}`fig-ladder`); neighbours and linear probe learn from the labels of the training pictures. Two
# latents are their own map, so that the trustworthiness of the first rung is 1 whatever it learned.

# %% mystnb={"figure": {"caption": "Scores of the four rungs on test pictures. With more than one seed, bars show the standard deviation over trainings.", "name": "fig-ladder"}, "image": {"alt": "Five dot plots of scores with a row for each representation; the self-supervised one scores highest, but for trustworthiness, which is 1 for two latents."}}
table = representations.score_table(climbed)
run.keep(scores=table)
embeddings.ladder(table)

# %% [markdown]
# The same in numbers, as means over the seeds.

# %%
run.record(**representations.named(climbed))
table.groupby("rung", sort=False).mean().round(3)

# %% [markdown]
# Where the best rung is wrong is seen by naming each cluster after the habit that it matches best ({numref}`fig-habit-confusion`).

# %% mystnb={"figure": {"caption": "Habits (rows) and the clusters that k-means finds on the map of the self-supervised network (columns), each named after the habit it matches best. No label was used but for the naming.", "name": "fig-habit-confusion"}, "image": {"alt": "Matrix of nine habits by nine clusters in per cent, dark on the diagonal; compact and rimed crystals share two clusters."}}
best = climbed["ssl", 0]
groups = latent_scores.match_clusters(latent_scores.clusters(best.points, len(habits), seed), test.label)
habit = np.array(habits)
clusters = {"self-supervised network": habit[groups]}
confusion(habit[test.label], clusters, ("cluster, named after a habit", "habit"), side=4.6)

# %% [markdown]
# ## Walking about
#
# The map of the best rung can be moved and zoomed; under the pointer, a point shows its picture. A click on a name in the legend
# hides a habit.

# %%
spots, names = best.points.test_map[:1200], np.array(habits)[test.label[:1200]]
axes = ("first coordinate", "second coordinate")
hover.write_hover_map(spots, names, cut[:1200], run.file("map.html"), axes)
title = "Map of the nine habits, whose points show their picture"
scene_frame(run.url("map.html"), title, run.url("map.png"))

# %% [markdown]
# Neighbours in the representation itself show what it takes for alike ({numref}`fig-neighbours`).

# %% mystnb={"figure": {"caption": "One test picture of each habit and its seven nearest training pictures in the self-supervised representation. A frame marks another habit than the one asked for.", "name": "fig-neighbours"}, "image": {"alt": "Nine rows of eight pictures: one particle and its nearest neighbours, which look alike; a few are framed."}}
nearest = latent_scores.nearest_neighbours(best.points.train, best.points.test[some], 7)
found = np.concatenate([sets.train.cut.read(row, row + 1) for row in nearest.flat])
found = found.reshape(*nearest.shape, size, size)
is_same = sets.train.label[nearest] == test.label[some, None]
embeddings.neighbour_rows(cut[some], found, is_same)

# %% [markdown]
# *Outliers* lie far from everything known. In a stream of real pictures these are the ones to look at first ({numref}`fig-outliers`).

# %% mystnb={"figure": {"caption": "The twelve test pictures that lie farthest from their ten nearest training pictures, and the twelve that lie nearest to theirs.", "name": "fig-outliers"}, "image": {"alt": "A row of odd and broken shapes, and a row of plain columns and discs."}}
lonely = np.argsort(latent_scores.mean_neighbour_distance(best.points.train, best.points.test))
embeddings.picture_rows({"outliers": cut[lonely[::-1][:12]], "most typical": cut[lonely[:12]]})

# %% [markdown]
# ## Real silhouettes
#
# Do habits emerge from real particles too? The 2D-S records black-and-white silhouettes with pixels of 10 µm. {cite:t}`jaffeux2022` sorted
# thousands by hand into nine habits of their own. There is no background to remove and no interior to see, but size tells something, so
# the self-supervised representation gets it as one more number.

# %%
if oap_dir:
    labelled = oap.labelled_silhouettes(Path(oap_dir))
    real = representations.split_silhouettes(labelled, size, batch, seed)
    counts = {name: np.bincount(part.label) for name, part in real.sets._asdict().items()}
    table = pd.DataFrame(counts, index=real.names)
    run.record(n_files_2ds=len(labelled.report), n_used_2ds=table.to_numpy().sum())
    display(table)
else:
    print("No folder is given in oap_dir, so no real silhouettes are shown.")

# %% [markdown]
# The ladder is climbed anew on them: their shapes are not those of the synthetic habits. The test pictures are a random fifth. The names of
# the files tell no page or flight, so pictures of one flight may be in both; a second set that was labelled for inspection, with other shares of the
# habits, is a harder test.

# %%
if oap_dir:
    rough = representations.Climb(epochs, width, size, latents, Changes(edges=0.5))
    climbed_real = representations.climbs(rough, real.sets, n_seeds, seed, device)
    run.record(**representations.named(climbed_real, "_2ds"))

# %% [markdown]
# The size is known to the self-supervised representation only, not to the autoencoders. What does it make of the shapes alone?

# %%
if oap_dir:
    scaled = representations.Sets(*(part._replace(log_size=None) for part in real.sets))
    shapes_alone = representations.climbs(rough, scaled, n_seeds, seed, device, ["ssl"])
    run.record(**representations.named(shapes_alone, "_without_size_2ds"))

# %% [markdown]
# As a baseline stand hand-made descriptors of the same silhouettes ([](12-shape-descriptors.ipynb)), which get the size too.

# %%
if oap_dir:
    baseline = latent_scores.scores(real.descriptors, real.sets.train.label, real.sets.test.label, seed)
    run.record_each(baseline, suffix="descriptors_2ds")
    described = pd.DataFrame([{"rung": "descriptors, UMAP", **baseline}])
    alone = representations.score_table(shapes_alone).assign(rung="self-supervised, no size, UMAP")
    parts = [described, representations.score_table(climbed_real), alone]
    real_table = pd.concat(parts, ignore_index=True)
    display(real_table.groupby("rung", sort=False).mean().round(3))

# %% [markdown]
# The scores and the map of the best rung, if there are real silhouettes:

# %%
if oap_dir:
    display(embeddings.ladder(real_table))
    points = {representations.RUNGS["ssl"]: climbed_real["ssl", 0].points.test_map}
    display(embeddings.maps(points, real.sets.test.label, real.names, columns=1))

# %% [markdown]
# And the harder test, on the set for inspection:

# %%
if oap_dir and real.inspection:
    model = climbed_real["ssl", 0].trained.model
    moved = representations.represented("ssl", model, real.sets.train, real.inspection, seed)
    inspected = latent_scores.scores(moved, real.sets.train.label, real.inspection.label, seed)
    run.record_each(inspected, suffix="ssl_2ds_inspection")
    display(pd.Series(inspected).round(3).to_frame("self-supervised, inspection set"))

# %% [markdown]
# ## What was shown
#
# - Two latents keep direction and elongation, and little of the habit: the adjusted Rand index is {glue:text}`ari_conv2:.2f`. With 128 latents and UMAP it is
#   {glue:text}`ari_conv128_umap:.2f`, and {glue:text}`ari_resnet128_umap:.2f` with residual blocks and without background.
# - A network that learned to recognise particles however they lie reaches {glue:text}`ari_ssl:.2f`. A straight border in its features
#   names {glue:text}`linear_probe_ssl:.3f` of the test pictures correctly, and the ten nearest neighbours {glue:text}`knn10_accuracy_ssl:.3f`.
# - What a representation ignores matters as much as what it keeps. An autoencoder must restore where a crystal points; for its habit that is noise.
