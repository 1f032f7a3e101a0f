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
# # Synthetic against real
#
# A network that was trained on synthetic pictures is of use if real ones look the same to it. Do they? The talk put 1,700 pictures of the Cloud Particle
# Imager (CPI) and as many synthetic ones through one autoencoder, and showed on a map how they mix. A map is a hint. This notebook makes it a number,
# and then the number smaller.
#
# In this notebook we
#
# 1. lay real and synthetic pictures side by side and train one autoencoder on both,
# 2. measure how far apart they are,
# 3. see which effect of the probe brings them together,
# 4. let a search change the probe and the mixture of habits, and measure again on pages that the search has not used.
#
# The probe and the distances are explained on the page [](../book/part-2.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need real pictures, campaigns that take synthetic ones, an autoencoder, two-sample tests, and the search.

# %%
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from lib.core.seeds import child_seed
from lib.crystals.habits import HABITS
from lib.datasets.batches import stored
from lib.datasets.cpi_sample import pages, reasons, sample_pictures
from lib.datasets.picture_set import SCREENINGS, concatenate, mirror_images
from lib.datasets.synthetic_campaigns import TARGET_CAMPAIGN, Campaign, campaign_pictures
from lib.evaluation import latent_scores
from lib.figures import embeddings, real_and_synthetic
from lib.imaging.probe.photograph import Probe
from lib.imaging.sensor import PIXEL_UM
from lib.models.vae import VaeRecipe, decoded, vae
from lib.notebook.run import start
from lib.studies import probe_tuning, synthetic_vs_real

# %% [markdown]
# The talk had 1,700 pictures of each origin. With `screening`, either all particles are compared, or only whole and fairly sharp ones.

# %% tags=["parameters"]
cpi_dir: str = ""  # folder of CPI pictures, or empty
cpi_probe: str = ""  # CPI, 2D-S, CIP-15 or CIP-25, or empty to assume one by grey levels
n_each: int = 800  # pictures of each origin at most, half to tune and half to measure
n_effect: int = 150  # pictures of each probe in the test of single effects
n_tries: int = 46  # times that the search takes pictures, fewer than 46 leave parameters out
n_pictures: int = 80  # crystals photographed for a parameter in the search, for a step three times
screening: str = "all"  # particles that are compared, all or whole
size: int = 64  # side of the framed pictures [pixels]
latents: int = 64  # dimensions of the latent space
width: int = 16  # channels of the autoencoder's first layer
epochs: int = 4  # epochs of the autoencoder
batch: int = 32  # pictures in a batch
workers: int = 0  # processes that take pictures, 0 for one a core
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("23-synthetic-vs-real", globals())
run.at_least(n_each=80, n_effect=10, n_tries=8, n_pictures=18, workers=0)
run.at_least(size=32, latents=2, width=4, epochs=1, batch=8)
size_fits = size % 2 ** (size.bit_length() - 3) == 0
run.require(size_fits, f"size must be 4 to 7 times a power of two, got {size}.")
run.one_of(screening=list(SCREENINGS))
run.folders("cpi_dir")
run.require(
    cpi_probe in ("", *PIXEL_UM),
    f"cpi_probe must be empty or one of {', '.join(PIXEL_UM)}, got {cpi_probe!r}.",
)
run

# %% [markdown]
# ## Two origins
#
# Real pictures are drawn at random from all below the folder `cpi_dir`. Two thirds of real particles are cut off by the frame and many are
# blurred. The probe models both, so by default all particles of at least 50 pixels are compared; whatever is left out of one set
# is left out of the other by the same rule. The digits that the probe prints into its pictures are removed. Without a folder, a second synthetic probe
# takes their place, the *target probe*: it has other parameters and photographs another mixture of habits. This page then calls its pictures *real*.

# %%
def photographs(campaign, n, part, label):
    """Pictures of a campaign; each `part` of this notebook has crystals of its own."""
    crystals = child_seed(seed, "synthetic vs real", part)
    return campaign_pictures(campaign, n, size, screening, crystals, workers, label)


if cpi_dir:
    origin, report = "real", run.file("pictures.csv")
    real = sample_pictures(Path(cpi_dir), n_each, size, report, screening, seed, cpi_probe)
    display(reasons(report).value_counts().to_frame("pictures"))
else:
    origin, real = "target", photographs(TARGET_CAMPAIGN, n_each, "target", "target probe")
    print("No folder is given in cpi_dir, so the target probe takes the place of the real one.")

# %% [markdown]
# They are split in two halves of whole pages, since pictures of one page were taken within seconds. A picture of no page counts as a page. The autoencoder
# and the search use the training half only. All distances between real and synthetic pictures are measured on the test half.

# %%
splitter = GroupShuffleSplit(n_splits=1, test_size=0.5, random_state=seed)
train_rows, test_rows = next(splitter.split(real.grey, groups=pages(real)))
known, held = real.select(train_rows), real.select(test_rows)
for code, pictures in {"n_real": real, "n_known": known, "n_held": held}.items():
    run.record(code, len(pictures))
lengths = [half.table.length_um.median() for half in (known, held)]
columns = {"pictures": [len(known), len(held)], "median length [µm]": lengths}
pd.DataFrame(columns, index=["training half", "test half"]).round(0)

# %% [markdown]
# As many synthetic pictures come from two probes: a *bare* one, whose pictures are black silhouettes, and the *default* one. In the names of
# the recorded numbers, `before` is the bare one, before any effect is modelled, `default` is before the search, and `after` is after it.
# The parameters of the default were fitted to simple statistics of CPI pictures. If `cpi_dir` holds these same pictures, the default has used
# the test half too; what the search finds has not.

# %%
bare, default = Campaign(Probe().only()), Campaign()
synthetic = {
    "bare": photographs(bare, len(held), "test", "bare probe"),
    "default": photographs(default, len(held), "test", "default probe"),
}
run.record("n_synthetic", len(held))

# %% [markdown]
# {numref}`fig-origins` shows some of each.

# %% mystnb={"figure": {"caption": "Pictures of both origins, framed alike. Masked pictures lack their background, and ice is bright. In the pictures of the bare probe there is nothing but a silhouette.", "name": "fig-origins"}, "image": {"alt": "Six rows of pictures: real, bare and default ones, each with its background and then cut out on black."}}
examples = {}
for name, pictures in {origin: held, **synthetic}.items():
    examples |= {name: pictures.grey[:12], f"{name}, masked": pictures.masked[:12]}
embeddings.picture_rows(examples)

# %% [markdown]
# ## One autoencoder for both
#
# As in the talk, a ResNet-VAE learns from masked pictures of both origins together. Its synthetic pictures come from all
# probes between the bare and the default one, each with one effect more. It is the same network for all that follows. It has not been trained on the test
# half, nor on the probe and the mixture of habits that the search will find: what they add, its latents may miss.

# %%
probes = synthetic_vs_real.additions(default.probe)
n_of_each = -(-len(known) // len(probes))
taken = [
    photographs(Campaign(probe), n_of_each, "training", name) for name, probe in probes.items()
]
both_origins = concatenate([known, *taken])

# %% [markdown]
# A twelfth of them decides on the best epoch. The others are shown with their mirror images, since a particle may lie any way.

# %%
train, validation = train_test_split(both_origins.masked, test_size=1 / 12, random_state=seed)
augmented = mirror_images(train)
recipe = VaeRecipe(latents, size, architecture="resnet", width=width, epochs=epochs)
data = {"pictures": probe_tuning.fingerprint(both_origins), "seed": seed, "batch": batch}
batches, in_order = stored(augmented, batch, seed), stored(validation, batch).in_order
trained = vae(recipe, data, batches, in_order, seed, device)
seconds = trained.history.seconds.sum()
run.record("pictures_per_second", len(trained.history) * len(augmented) / seconds)
n_epochs = len(trained.history)
print(f"{len(augmented)} pictures with mirror images, {n_epochs} epochs, {seconds:.0f} s")

# %% [markdown]
# Does it reconstruct both origins equally well? If not, its latents may tell them apart for that reason alone ({numref}`fig-gap-restored`).

# %% mystnb={"figure": {"caption": "Masked pictures that the autoencoder was not trained on, and their reconstructions: outline and brightness, without texture.", "name": "fig-gap-restored"}, "image": {"alt": "Six rows of cut-out pictures: real, bare and default ones, each above its reconstruction, which is smoother."}}
features, reconstructions, errors = {}, {}, {}
for name, pictures in {origin: held, **synthetic}.items():
    features[name] = synthetic_vs_real.feature_sets(pictures, trained.model)
    drawn = decoded(trained.model, features[name]["latents"])[:, 0]
    reconstructions |= {name: pictures.masked[12:24], f"{name}, reconstructed": drawn[12:24]}
    errors[name] = np.mean((drawn - pictures.masked / 255) ** 2) ** 0.5
codes = {"target": "foreign"}  # as in the names of recorded numbers
run.record_table(pd.Series(errors).rename(codes), rows="data", score="error")
embeddings.picture_rows(reconstructions)

# %% [markdown]
# The root mean square errors, in units of the whole range of grey levels. The default probe should come near the real set. Black
# silhouettes on a white ground have the greatest contrast, so an edge that is a little displaced costs more there.

# %%
pd.Series(errors, name="error [1]").to_frame().round(3)

# %% [markdown]
# {numref}`fig-gap-maps` lays the latents out by UMAP.

# %% mystnb={"figure": {"caption": "Maps of the latents by origin: against the bare probe and against the default one. Where both origins lie mixed, the autoencoder sees no difference.", "name": "fig-gap-maps"}, "image": {"alt": "Two scatter plots of the same map with real and synthetic pictures in two colours, more mixed on the right."}}
latent_map = latent_scores.LatentMap(synthetic_vs_real.latents(both_origins, trained.model), seed)
places = {name: latent_map(sets["latents"]) for name, sets in features.items()}
maps_before = {f"{name} probe": places[name] for name in synthetic}
real_and_synthetic.origin_maps(places[origin], maps_before, origin)

# %% [markdown]
# ## How far apart?
#
# A *classifier two-sample test* {cite:p}`lopezpaz2017` trains a classifier to tell the sets apart. Its accuracy in cross-validation is 0.5 if it finds no
# difference. We use three classifiers on four sets of features. The latents are one of these, and not the hardest.

# %%
with pd.option_context("display.max_colwidth", None):
    display(pd.Series(synthetic_vs_real.FEATURE_SETS, name="features").to_frame())

# %% [markdown]
# The accuracies for both probes. As a check, the last columns are for the two halves of the real set, and should be near 0.5.

# %%
features["other half"] = synthetic_vs_real.feature_sets(known, trained.model)
tables = {
    name: synthetic_vs_real.two_sample_accuracies(features[origin], features[name], seed)
    for name in [*synthetic, "other half"]
}
run.record("c2st_error", 0.5 / np.sqrt(2 * len(held)))
pd.concat(tables, axis=1).round(2)

# %% [markdown]
# From here on, **the accuracy** without further words is the highest of these twelve. This is
# the strictest reading. It is a little too strict: the highest of twelve is a bit higher by chance, as the last columns show, and pictures of one page
# may be in training and test folds.
#
# Two distances in the latent space need no classifier {cite:p}`heusel2017,gretton2012`. The Fréchet distance is in squared units of the latents and
# depends on the network. With few pictures it is too large, by about $d^2 / 2n$ for $n$ pictures in each set and $d$ latents of unit variance, so the least
# that can be expected is the distance between the two real halves. The maximum mean discrepancy is estimated as its square and without
# bias: it is 2 at most, and about 0 for equal sets, sometimes a little below.

# %%
when = {"bare": "before", "default": "default", "other half": "halves"}
gaps, real_latents = {}, features[origin]["latents"]
for name, moment in when.items():
    gaps[name] = synthetic_vs_real.gap(tables[name], real_latents, features[name]["latents"])
    run.record_table(gaps[name], data=moment)
titles = {
    "c2st": "highest accuracy",
    "frechet": "Fréchet distance",
    "mmd": "maximum mean discrepancy, squared",
}
pd.DataFrame(gaps, index=list(titles)).rename(index=titles).round(3)

# %% [markdown]
# Which habits make the difference? For each habit of the default probe: its distance from all real pictures, and how
# many of these find it among their nearest neighbours. Equal shares would be a ninth.

# %%
habits = synthetic["default"].table.label
default_latents = features["default"]["latents"]
synthetic_vs_real.habit_distances(real_latents, default_latents, habits).round(3)

# %% [markdown]
# Where the real pictures lie in folders of classes, these can be set beside the nearest synthetic habit. Rows add up to 100 %.

# %%
labels = held.table.label
if (labels != "").any():
    nearest = synthetic_vs_real.nearest_habit(real_latents, default_latents, habits)
    nearest = pd.Series(nearest, name="nearest habit").map(lambda habit: HABITS[habit].title)
    display((100 * pd.crosstab(labels, nearest, normalize="index")).round(0).astype(int))
else:
    print("The real pictures have no labels.")

# %% [markdown]
# ## Which effect closes the gap?
#
# Effects are added to the bare probe one after the other, from the crystal to the finished picture, and then each is left out of the default
# probe: additions and an *ablation*. {numref}`fig-effects` has the highest accuracy on two of the feature sets.

# %%
def accuracies(probes):
    """The highest accuracy for each probe (rows) on two feature sets (columns)."""
    highest = {}
    for name, probe in probes.items():
        pictures = photographs(Campaign(probe), n_effect, "test", name)
        own = synthetic_vs_real.feature_sets(pictures, trained.model, ["latents", "photometry"])
        highest[name] = synthetic_vs_real.two_sample_accuracies(features[origin], own, seed).highest
    return pd.DataFrame(highest).T


added = accuracies(probes)
left_out = accuracies(synthetic_vs_real.ablations(default.probe))

# %% mystnb={"figure": {"caption": "Two-sample accuracy of real and synthetic pictures, left: after each effect that is added to bare silhouettes, from top to bottom; right: without one effect. The dotted line is chance.", "name": "fig-effects"}, "image": {"alt": "Two dot plots of accuracies: with each effect that is added, and with each that is left out."}}
real_and_synthetic.effects(added, left_out)

# %% [markdown]
# What an effect does depends on those before it, so the two columns differ. The accuracies before and after each effect:

# %%
by_effect = added.rename(lambda name: name.removeprefix("+ "))
run.record_table(by_effect, rows="data", columns="quantity", score="c2st")
run.record("c2st_error_effects", 0.5 / np.sqrt(2 * min(n_effect, len(held))))
steps = pd.concat({"before": added.shift(), "after": added}, axis=1).iloc[1:]
steps.swaplevel(axis=1)[list(added)].round(2)

# %% [markdown]
# Each of these accuracies has a standard error of {glue:text}`c2st_error_effects:.2f`, since fewer pictures are taken here. Two of them differ by
# more than luck only if they are about three times as far apart.
#
# Which effect closes most of the gap, and without which is it widest?

# %%
for name in added:
    gain, without = added[name].diff(), left_out[name]
    most = f"{gain.idxmin()[2:]} closes most ({gain.min():+.2f})"
    print(f"{name}: {most}; the gap is widest {without.idxmax()} ({without.max():.2f})")

# %% [markdown]
# ## Tuning the probe
#
# Now a search changes the parameters of the probe, the sizes of the crystals and the mixture of habits, so that simple numbers of
# the pictures are distributed like those of the training half: grey levels, noise, edge, size, and
# principal components of small pictures. The distance is the energy distance of these distributions. No label and no network is used.
#
# Each parameter is changed once, while crystals and random numbers stay the same. This gives a linear model of how all distributions respond. Then
# the search goes where the model points to, and improves the model with what it finds. Each try is written to a file; a search that was broken off goes on from there.

# %%
search_seed = child_seed(seed, "synthetic vs real", "search")
tuned = probe_tuning.tune(known, default, n_tries, n_pictures, screening, search_seed, workers)
tuned.history.to_csv(run.file("tries.csv"), index=False)
between_halves = probe_tuning.PictureDistance(known, search_seed)(held)
tries = tuned.history.groupby("kind").distance.agg(["count", "min"])
tries.loc[["start", "step", "mixture"]].round(4)

# %% [markdown]
# {numref}`fig-search` shows the tries.

# %% mystnb={"figure": {"caption": "The distance in each try. First every parameter is changed once, then steps follow, with more crystals. The last try, with other crystals, decides on the mixture of habits. The dotted line is the distance between the two halves of the real set.", "name": "fig-search"}, "image": {"alt": "Plot of the energy distance over the number of the try: level at first, then falling in steps."}}
real_and_synthetic.search(tuned.history, between_halves)

# %% [markdown]
# {numref}`fig-moved` shows what changed most. A parameter that hardly changes is either right already or makes no difference to the features, and
# different parameters can have the same effect. So the figure is no measurement of the real probe. Where the default was fitted to the same
# pictures, little changes.

# %% mystnb={"figure": {"caption": "The parameters that changed most in the search, as places in the range that it may search. Where the target probe takes the place of the real one, the truth is marked.", "name": "fig-moved"}, "image": {"alt": "Dot plot of the parameters' places before and after the search, joined by short lines."}}
before, after = probe_tuning.positions(default), probe_tuning.positions(tuned.campaign)
truth = None if cpi_dir else probe_tuning.positions(TARGET_CAMPAIGN)
real_and_synthetic.parameter_positions(before, after, truth)

# %% [markdown]
# The same in numbers, with the meaning and the unit of each.

# %%
with pd.option_context("display.max_colwidth", None):
    display(probe_tuning.parameter_changes(default, tuned.campaign).round(4).head(14))

# %% [markdown]
# And the shares of the habits among the crystals, which were equal before. Many drops are too small for a picture that can be used, so there are
# fewer spheres among the pictures.

# %%
shares = {"before": default.mixture, "after": tuned.campaign.mixture}
if not cpi_dir:
    shares["truth"] = TARGET_CAMPAIGN.mixture
pd.DataFrame(shares).rename(lambda habit: HABITS[habit].title).round(2)

# %% [markdown]
# ## The gap after
#
# Two more sets of pictures of fresh crystals: from the tuned campaign, and, to tell the causes apart, from the default probe with the mixture and the
# sizes that the search found.

# %%
tuned_crystals = replace(tuned.campaign, probe=default.probe)
for name, campaign in {"tuned crystals": tuned_crystals, "tuned": tuned.campaign}.items():
    synthetic[name] = photographs(campaign, len(held), "test", name)
    features[name] = synthetic_vs_real.feature_sets(synthetic[name], trained.model)
    tables[name] = synthetic_vs_real.two_sample_accuracies(features[origin], features[name], seed)
when |= {"tuned crystals": "crystals", "tuned": "after"}

# %% [markdown]
# {numref}`fig-side-by-side` sets the pictures side by side.

# %% mystnb={"figure": {"caption": "Pictures of the test half, and synthetic ones of the bare, the default and the tuned probe.", "name": "fig-side-by-side"}, "image": {"alt": "Four rows of pictures: real ones, black silhouettes, and two rows of synthetic photographs."}}
three = {name: synthetic[name] for name in ("bare", "default", "tuned")}
side_by_side = {name: pictures.grey[24:38] for name, pictures in {origin: held, **three}.items()}
embeddings.picture_rows(side_by_side)

# %% [markdown]
# {numref}`fig-gap-after` has the accuracies before and after, on pages that neither the network nor the search has used. The standard error of
# each is {glue:text}`c2st_error:.2f`. Two of them must be about three times as far apart to differ by more than luck.

# %% mystnb={"figure": {"caption": "Two-sample accuracy of real and synthetic pictures on each feature set, the highest of three classifiers, from bare silhouettes to the tuned probe. The dotted line is chance, and the black marks are for two real halves.", "name": "fig-gap-after"}, "image": {"alt": "Dot plot of accuracies on four feature sets: bare silhouettes far to the right, default and tuned probes nearer to one half."}}
highest = pd.DataFrame({name: tables[name].highest for name in synthetic})
real_and_synthetic.accuracies(highest, tables["other half"].highest)

# %% [markdown]
# All numbers side by side. The energy distance is that of the search, but now from the test half, on which nothing was tuned.

# %%
for name in ("tuned crystals", "tuned"):
    gaps[name] = synthetic_vs_real.gap(tables[name], real_latents, features[name]["latents"])
energy_distance = probe_tuning.PictureDistance(held, search_seed)
for name, pictures in {**synthetic, "other half": known}.items():
    gaps[name]["distance"] = energy_distance(pictures)
    run.record_table(gaps[name], data=when[name])
titles |= {f"c2st_{name}": f"accuracy, {name}" for name in synthetic_vs_real.FEATURE_SETS}
titles["distance"] = "energy distance"
table = pd.DataFrame(gaps, index=list(titles), columns=[*synthetic, "other half"])
table.rename(index=titles).round(3)

# %% [markdown]
# Which numbers still differ? For each number of a picture and of its outline, the Kolmogorov-Smirnov distance of its distributions in both sets, from 0
# for equal to 1 for separate ones. The last column is the same for two real halves. `cut` is the share of the frame that the particle covers; the
# descriptors of outlines are explained in [](../book/part-1.md).

# %%
others = {**three, "other half": known}
telltales = {name: synthetic_vs_real.telltales(held, pictures) for name, pictures in others.items()}
pd.DataFrame(telltales).loc[telltales["tuned"].index[:8]].round(2)

# %% [markdown]
# And on the map ({numref}`fig-gap-maps-after`):

# %% mystnb={"figure": {"caption": "The map of the latents with the default and the tuned probe.", "name": "fig-gap-maps-after"}, "image": {"alt": "Two scatter plots of the same map with real and synthetic pictures in two colours, well mixed in both."}}
maps_after = {"default probe": places["default"], "tuned": latent_map(features["tuned"]["latents"])}
real_and_synthetic.origin_maps(places[origin], maps_after, origin)

# %% [markdown]
# ## What was shown
#
# *Real* are here the pictures in `cpi_dir` or, where none was given, those of the target probe.
#
# - With bare silhouettes the two-sample accuracy is {glue:text}`c2st_before:.2f`. With the default probe it is {glue:text}`c2st_default:.2f`, and after
#   tuning {glue:text}`c2st_after:.2f`, on pages on which nothing was tuned. Two halves of the real set give {glue:text}`c2st_halves:.2f`, and 0.5 is chance.
# - From before to default to after, the Fréchet distance is {glue:text}`frechet_before:.1f`, {glue:text}`frechet_default:.1f` and
#   {glue:text}`frechet_after:.1f`; two real halves of this size give {glue:text}`frechet_halves:.1f`.
# - A search gains much where the probe is another one, and little where the default was fitted to the same pictures, as for those of the CPI.
#   [](../book/results.md) has the numbers recorded for CPI pictures. There, neither outlines nor grey levels are right yet: real crystals have
#   shapes that none of the nine families has, and the probe's grey levels are not quite these.
# - The number depends on the features and on the classifier. A map on which the sets are mixed doesn't show that they are the same.
#
# [](22-nine-habits.ipynb) shows what a network makes of the families.
