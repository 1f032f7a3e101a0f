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
# 4. let a search change the probe and the mixture of habits, and measure the gap again on pages that the search has not seen.
#
# The probe and the distances are explained on the page [](../book/part-2.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need real pictures, campaigns that take synthetic ones, an autoencoder, distances, and the search.

# %%
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

from lib.crystals.habits import HABITS
from lib.datasets.batches import stored
from lib.datasets.campaigns import FOREIGN, Campaign, campaign_pictures
from lib.datasets.particles import SCREENINGS, joined, mirrored
from lib.datasets.real_particles import halves, real_pictures
from lib.evaluation import latent_scores
from lib.figures import embeddings, real_and_synthetic
from lib.imaging.probe.photograph import Probe
from lib.models.vae import VaeRecipe, decoded, vae
from lib.notebook.run import start
from lib.studies import probe_tuning, synthetic_vs_real

# %% [markdown]
# The talk had 1,700 pictures of each origin. With `screening`, either all particles are compared, or only whole and fairly sharp ones.

# %% tags=["parameters"]
cpi_dir: str = ""  # folder of CPI pictures, or empty
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
run

# %% [markdown]
# ## Two origins
#
# Real pictures are drawn at random from all below the folder `cpi_dir`. Two thirds of real particles are cut off by the frame and many are
# blurred. The probe models both, so by default all particles of at least 50 pixels are compared; whatever is left out of one set
# is left out of the other by the same rule. The digits that the probe prints into its pictures are removed. Without a folder, the pictures of a synthetic probe
# with other parameters, and with another mixture of habits, play the real ones; this page then calls *real* what comes from that foreign probe.

# %%
def photographs(campaign, n, part, label):
    """Pictures of a campaign; each `part` of this notebook has crystals of its own."""
    return campaign_pictures(campaign, n, size, screening, 10 * seed + part, workers, label)


if cpi_dir:
    origin, report = "real", run.file("pictures.csv")
    real = real_pictures(Path(cpi_dir), n_each, size, report, screening, seed)
    reasons = pd.read_csv(report, keep_default_na=False).reason.replace("", "can be used")
    display(reasons.value_counts().to_frame("pictures"))
else:
    origin, real = "foreign", photographs(FOREIGN, n_each, 5, "foreign probe")
    print(
        "No folder is given in cpi_dir, so this run compares two synthetic probes: "
        "a foreign one plays the real one."
    )

# %% [markdown]
# They are split in two halves, each of whole pages, since pictures of one page were taken within seconds. All learning and tuning sees the first
# half only, and all distances between real and synthetic pictures are measured on the second.

# %%
known, held = halves(real, seed)
run.record(n_real=len(real), n_known=len(known), n_held=len(held))
lengths = [half.table.length_um.median() for half in (known, held)]
columns = {"pictures": [len(known), len(held)], "median length [µm]": lengths}
pd.DataFrame(columns, index=["to learn and tune", "to measure"]).round(0)

# %% [markdown]
# Synthetic pictures to measure with, as many, come from two probes: a bare one that sees black silhouettes, and the default one. In the names of
# the recorded numbers, `before` is the bare one, before any effect is modelled, `default` is before the search, and `after` is after it.
# The parameters of the default were fitted to simple statistics of CPI pictures. If `cpi_dir` holds these same pictures, the default is no
# stranger to the second half; what the search finds from the first half is.

# %%
bare, default = Campaign(Probe().only()), Campaign()
synthetic = {
    "bare": photographs(bare, len(held), 2, "bare probe"),
    "default": photographs(default, len(held), 2, "default probe"),
}
run.record(n_synthetic=len(held))

# %% [markdown]
# {numref}`fig-origins` shows some of each.

# %% mystnb={"figure": {"caption": "Pictures of both origins, framed alike. Masked pictures lack their background, and ice is bright. In the pictures of the bare probe there is nothing but a silhouette.", "name": "fig-origins"}, "image": {"alt": "Six rows of pictures: real, bare and default ones, each with its background and then cut out on black."}}
rows = {origin: held.grey[:12], f"{origin}, masked": held.cut[:12]}
for name, pictures in synthetic.items():
    rows |= {name: pictures.grey[:12], f"{name}, masked": pictures.cut[:12]}
embeddings.picture_rows(rows)

# %% [markdown]
# ## One autoencoder for both
#
# As in the talk, a ResNet-VAE learns from masked pictures of both origins together. Its synthetic pictures come from all
# probes between the bare and the default one, each with one effect more. It is the same network for all that follows. The second half is
# new to it, and so are the probe and the mixture of habits that the search will find: what they add, its latents may miss.

# %%
ladder = synthetic_vs_real.added_effects(default.probe)
few = -(-len(known) // len(ladder))
taken = [photographs(Campaign(probe), few, 6, name) for name, probe in ladder.items()]
learned = joined([known, *taken])
order = np.random.default_rng([seed, 12]).permutation(len(learned))
validation, train = (learned.chosen(part).cut for part in np.split(order, [len(order) // 12]))

# %% [markdown]
# A twelfth of them decides on the best epoch. The others are mirrored, since a particle may lie any way.

# %%
train = mirrored(train)
recipe = VaeRecipe(latents, size, architecture="resnet", width=width, epochs=epochs)
data = {"pictures": probe_tuning.fingerprint(learned), "seed": seed, "batch": batch}
batches, in_order = stored(train, batch, seed), stored(validation, batch).in_order
trained = vae(recipe, data, batches, in_order, seed, device)
seconds = trained.history.seconds.sum()
run.record(pictures_per_second=len(trained.history) * len(train) / seconds)
print(f"{len(train)} pictures with mirror images, {len(trained.history)} epochs, {seconds:.0f} s")

# %% [markdown]
# Does it restore both origins equally well? If not, its latents may tell them apart for that reason alone ({numref}`fig-gap-restored`).

# %% mystnb={"figure": {"caption": "Masked pictures that the autoencoder has not seen, and what it restores of them: outline and brightness, without texture.", "name": "fig-gap-restored"}, "image": {"alt": "Six rows of cut-out pictures: real, bare and default ones, each above what is restored, which is smoother."}}
views, rows, errors = {}, {}, {}
for name, pictures in {origin: held, **synthetic}.items():
    views[name] = synthetic_vs_real.views(pictures, trained.model)
    drawn = decoded(trained.model, views[name]["latents"])[:, 0]
    rows |= {name: pictures.cut[12:24], f"{name}, restored": drawn[12:24]}
    errors[name] = np.mean((drawn - pictures.cut / 255) ** 2) ** 0.5
run.record_each(errors, "error")
embeddings.picture_rows(rows)

# %% [markdown]
# The root mean square errors, in units of the whole range of grey levels. The default probe should come near the real set. Black
# silhouettes on a white ground have the greatest contrast, so an edge that is a little displaced costs more there.

# %%
pd.Series(errors, name="error [1]").to_frame().round(3)

# %% [markdown]
# {numref}`fig-gap-maps` lays the latents out by UMAP.

# %% mystnb={"figure": {"caption": "Maps of the latents by origin: against the bare probe and against the default one. Where both origins lie mixed, the autoencoder sees no difference.", "name": "fig-gap-maps"}, "image": {"alt": "Two scatter plots of the same map with real and synthetic pictures in two colours, more mixed on the right."}}
base = synthetic_vs_real.latents(learned, trained.model)
points = {name: found["latents"] for name, found in views.items()}
spots = latent_scores.mapped_together(base, points, seed)
real_and_synthetic.origin_maps(spots[origin], {f"{name} probe": spots[name] for name in synthetic}, origin)

# %% [markdown]
# ## How far apart?
#
# If classifiers can't tell the sets apart, their accuracy is 0.5. Three of them try, on pictures that they have not seen
# {cite:p}`lopezpaz2017`, and they get more than one view. The latents are only one of these, and not the hardest.

# %%
with pd.option_context("display.max_colwidth", None):
    display(pd.Series(synthetic_vs_real.VIEWS, name="what is compared").to_frame())

# %% [markdown]
# The accuracies for both probes. As a check, the last column tells the two halves of the real set apart: it should be near 0.5.

# %%
views["other half"] = synthetic_vs_real.views(known, trained.model)
tables = {name: synthetic_vs_real.judges(views[origin], views[name], seed) for name in [*synthetic, "other half"]}
run.record(c2st_error=0.5 / np.sqrt(2 * len(held)))
pd.concat(tables, axis=1).round(2)

# %% [markdown]
# From here on, **the accuracy** without further words is the highest of these twelve: of the classifier and the view that tell most. This is
# the strictest reading. It is a little too strict: the best of twelve is a bit better by luck, as the last column shows, and pictures of one page
# may both teach and be judged.
#
# Two distances in the latent space need no classifier {cite:p}`heusel2017,gretton2012`. The Fréchet distance is in squared units of the latents and
# depends on the network. With few pictures it is too large, by about $d^2 / 2n$ for $n$ pictures in each set and $d$ latents of unit variance, so it
# does not come to 0: what it can come to is seen between the two real halves. The maximum mean discrepancy is estimated as its square and without
# bias: it is 2 at most, and about 0 for equal sets, now and then a little below.

# %%
when = {"bare": "before", "default": "default", "other half": "halves"}
apart = {}
for name, moment in when.items():
    apart[name] = synthetic_vs_real.distances(tables[name], views[origin]["latents"], views[name]["latents"])
    run.record_each(apart[name], suffix=moment)
names = {
    "c2st": "highest accuracy",
    "frechet": "Fréchet distance",
    "mmd": "maximum mean discrepancy, squared",
}
pd.DataFrame(apart, index=list(names)).rename(index=names).round(3)

# %% [markdown]
# Which habits make the difference? For each habit of the default probe: its distance from all real pictures, and how
# many of these find it among their nearest neighbours. Equal shares would be a ninth.

# %%
habits = synthetic["default"].table.label
synthetic_vs_real.habit_gaps(views[origin]["latents"], views["default"]["latents"], habits).round(3)

# %% [markdown]
# Where the real pictures lie in folders of classes, these can be set beside the nearest synthetic habit. Rows add up to 100 %.

# %%
labels = held.table.label
if (labels != "").any():
    nearest = synthetic_vs_real.voted(views[origin]["latents"], views["default"]["latents"], habits)
    titles = pd.Series(nearest, name="nearest habit").map(lambda habit: HABITS[habit].title)
    display((100 * pd.crosstab(labels, titles, normalize="index")).round(0).astype(int))
else:
    print("The real pictures have no labels.")

# %% [markdown]
# ## Which effect closes the gap?
#
# Effects are added to the bare probe one after the other, from the crystal to the finished picture, and then each is left out of the default
# probe. {numref}`fig-effects` has the highest accuracy in two views.

# %%
def accuracies(probes):
    """The highest accuracy for each probe (rows) in two views (columns)."""
    highest = {}
    for name, probe in probes.items():
        pictures = photographs(Campaign(probe), n_effect, 2, name)
        found = synthetic_vs_real.views(pictures, trained.model, ["latents", "photometry"])
        highest[name] = synthetic_vs_real.judges(views[origin], found, seed).highest
    return pd.DataFrame(highest).T


added, left_out = accuracies(ladder), accuracies(synthetic_vs_real.without_effects(default.probe))

# %% mystnb={"figure": {"caption": "How well real and synthetic pictures are told apart, left: after each effect that is added to bare silhouettes, from top to bottom; right: when one effect is missing. The dotted line is chance.", "name": "fig-effects"}, "image": {"alt": "Two dot plots of accuracies: with each effect that is added, and with each that is left out."}}
real_and_synthetic.effects(added, left_out)

# %% [markdown]
# What an effect does depends on those before it, so the two columns differ. The accuracies before and after each effect:

# %%
run.record_each(added.rename(lambda name: name.removeprefix("+ ")), "c2st")
run.record(c2st_error_effects=0.5 / np.sqrt(2 * min(n_effect, len(held))))
steps = pd.concat({"before": added.shift(), "after": added}, axis=1).iloc[1:]
steps.swaplevel(axis=1)[list(added)].round(2)

# %% [markdown]
# Each of these accuracies has a standard error of {glue:text}`c2st_error_effects:.2f`, since fewer pictures are taken here. Two of them differ by
# more than luck only if they are about three times as far apart.
#
# Which effect closes most of the gap, and which is missed most when it alone is left out?

# %%
for view in added:
    gain, missed = added[view].diff(), left_out[view]
    closed = f"most is closed by {gain.idxmin()[2:]} ({gain.min():+.2f})"
    print(f"{view}: {closed}; missed most: {missed.idxmax()} ({missed.max():.2f})")

# %% [markdown]
# ## Tuning the probe
#
# Now a search changes the parameters of the probe, the sizes of the crystals and the mixture of habits, so that simple numbers of
# the pictures are distributed like those of the first real half: grey levels, noise, edge, size, and
# principal components of small pictures. The distance is the energy distance of these distributions. No label and no network is used.
#
# Each parameter is changed once, while crystals and random numbers stay the same. This gives a linear model of how all distributions respond. Then
# the search goes where the model points to, and improves the model with what it finds. Each try is written to a file; a search that was broken off goes on from there.

# %%
tuned = probe_tuning.tuned(known, default, n_tries, n_pictures, screening, 10 * seed + 3, workers)
tuned.history.to_csv(run.file("tries.csv"), index=False)
yardstick = probe_tuning.Yardstick(known, 10 * seed + 3)
floor = yardstick.distance(held)
tries = tuned.history.groupby("kind").distance.agg(["count", "min"])
tries.loc[["start", "step", "mixture"]].round(4)

# %% [markdown]
# {numref}`fig-search` shows the tries.

# %% mystnb={"figure": {"caption": "The distance in each try. First every parameter is changed once, some for the better, then steps follow, with more crystals. The last try, with other crystals, decides on the mixture of habits. The dotted line is the distance between the two halves of the real set.", "name": "fig-search"}, "image": {"alt": "Plot of the energy distance over the number of the try: level at first, then falling in steps."}}
real_and_synthetic.search(tuned.history, floor)

# %% [markdown]
# What changed most is seen in {numref}`fig-moved`. A parameter that stays put is either right or makes no difference to what was measured;
# different parameters can do the same. So a place on this figure is no measurement of the real probe. A default that was fitted to the same
# pictures moves little.

# %% mystnb={"figure": {"caption": "The parameters that moved farthest in the search, as places in the range that it may search. Where the real set is a foreign probe, the truth is marked.", "name": "fig-moved"}, "image": {"alt": "Dot plot of the parameters' places before and after the search, joined by short lines."}}
before, after = probe_tuning.places(default), probe_tuning.places(tuned.campaign)
real_and_synthetic.moved(before, after, None if cpi_dir else probe_tuning.places(FOREIGN))

# %% [markdown]
# The same in numbers, with the meaning and the unit of each.

# %%
with pd.option_context("display.max_colwidth", None):
    display(probe_tuning.changes(default, tuned.campaign).round(4).head(14))

# %% [markdown]
# And the shares of the habits among the crystals, which were equal before. Many drops are too small for a picture that can be used, so spheres are
# fewer among the pictures.

# %%
shares = {"before": default.mixture, "after": tuned.campaign.mixture}
if not cpi_dir:
    shares["truth"] = FOREIGN.mixture
pd.DataFrame(shares).rename(lambda habit: HABITS[habit].title).round(2)

# %% [markdown]
# ## The gap after
#
# Two more sets of pictures of fresh crystals: from the tuned campaign, and, to tell the causes apart, from the default probe with the mixture and the
# sizes that the search found.

# %%
tuned_crystals = replace(tuned.campaign, probe=default.probe)
for name, campaign in {"tuned crystals": tuned_crystals, "tuned": tuned.campaign}.items():
    synthetic[name] = photographs(campaign, len(held), 2, name)
    views[name] = synthetic_vs_real.views(synthetic[name], trained.model)
    tables[name] = synthetic_vs_real.judges(views[origin], views[name], seed)
when |= {"tuned crystals": "crystals", "tuned": "after"}

# %% [markdown]
# {numref}`fig-side-by-side` sets the pictures side by side.

# %% mystnb={"figure": {"caption": "Pictures of the second half, and synthetic ones of the bare, the default and the tuned probe.", "name": "fig-side-by-side"}, "image": {"alt": "Four rows of pictures: real ones, black silhouettes, and two rows of synthetic photographs."}}
probes = {name: synthetic[name] for name in ("bare", "default", "tuned")}
rows = {name: pictures.grey[24:38] for name, pictures in {origin: held, **probes}.items()}
embeddings.picture_rows(rows)

# %% [markdown]
# {numref}`fig-gap-after` has the accuracies before and after, on pages that neither the network nor the search has seen. The standard error of
# each is {glue:text}`c2st_error:.2f`. Two of them must be about three times as far apart to differ by more than luck.

# %% mystnb={"figure": {"caption": "How well real and synthetic pictures are told apart in each view by the best of three classifiers, from bare silhouettes to the tuned probe. The dotted line is chance, and the black marks are what telling two real halves apart gives.", "name": "fig-gap-after"}, "image": {"alt": "Dot plot of accuracies in four views: bare silhouettes far to the right, default and tuned probes nearer to one half."}}
highest = pd.DataFrame({name: tables[name].highest for name in synthetic})
real_and_synthetic.accuracies(highest, tables["other half"].highest)

# %% [markdown]
# All numbers side by side. The energy distance is that of the search, but now from the second half, on which nothing was tuned.

# %%
for name in ("tuned crystals", "tuned"):
    apart[name] = synthetic_vs_real.distances(tables[name], views[origin]["latents"], views[name]["latents"])
fresh = probe_tuning.Yardstick(held, 10 * seed + 3)
for name, pictures in {**synthetic, "other half": known}.items():
    apart[name]["distance"] = fresh.distance(pictures)
    run.record_each(apart[name], suffix=when[name])
names |= {f"c2st_{view}": f"accuracy, {view}" for view in synthetic_vs_real.VIEWS}
names["distance"] = "energy distance"
table = pd.DataFrame(apart, index=list(names), columns=[*synthetic, "other half"])
table.rename(index=names).round(3)

# %% [markdown]
# What gives the tuned pictures away? For each number of a picture and of its outline, the distance of its distributions in both sets, from 0
# for equal to 1 for separate ones. The last column is the same for two real halves. `cut` is the share of the frame that the particle covers; the
# descriptors of outlines are explained in [](../book/part-1.md).

# %%
others = {**probes, "other half": known}
telling = {name: synthetic_vs_real.telltales(held, pictures) for name, pictures in others.items()}
pd.DataFrame(telling).loc[telling["tuned"].index[:8]].round(2)

# %% [markdown]
# And on the map ({numref}`fig-gap-maps-after`):

# %% mystnb={"figure": {"caption": "The map of the latents with the default and the tuned probe.", "name": "fig-gap-maps-after"}, "image": {"alt": "Two scatter plots of the same map with real and synthetic pictures in two colours, well mixed in both."}}
points = {name: views[name]["latents"] for name in (origin, "default", "tuned")}
spots = latent_scores.mapped_together(base, points, seed)
shown = {"default probe": spots["default"], "tuned": spots["tuned"]}
real_and_synthetic.origin_maps(spots[origin], shown, origin)

# %% [markdown]
# ## What was shown
#
# *Real* are here the pictures in `cpi_dir` or, where none was given (see *Two origins*), those of a foreign synthetic probe.
#
# - Before any effect is modelled, synthetic pictures are told from real ones with an accuracy of {glue:text}`c2st_before:.2f` in the view that
#   shows most, and of {glue:text}`c2st_latents_before:.2f` in the latents of an autoencoder. With the default probe it is
#   {glue:text}`c2st_default:.2f` and {glue:text}`c2st_latents_default:.2f`.
# - After tuning it is {glue:text}`c2st_after:.2f` and {glue:text}`c2st_latents_after:.2f`, on pages on which nothing was tuned; two halves of the real set
#   give {glue:text}`c2st_halves:.2f`, and 0.5 is chance. From before to default to after, the Fréchet distance is {glue:text}`frechet_before:.1f`,
#   {glue:text}`frechet_default:.1f` and {glue:text}`frechet_after:.1f`, where two real halves of this size give {glue:text}`frechet_halves:.1f`.
# - A search gains much where the probe is another one, and little where the default was fitted to the same pictures, as for those of the CPI.
#   The records on [](../book/results.md) have the numbers for CPI pictures.
# - The number depends on who judges. A map on which the sets are mixed doesn't show that they are the same.
# - After tuning, outlines give {glue:text}`c2st_outline_after:.2f` and grey levels, with noise and edge, {glue:text}`c2st_photometry_after:.2f`, where two
#   real halves give {glue:text}`c2st_outline_halves:.2f` and {glue:text}`c2st_photometry_halves:.2f`. Where the pictures are those of the CPI, neither
#   is right yet: real crystals have shapes that none of the nine families has, and the probe's grey levels are not quite these.
#   [](22-nine-habits.ipynb) shows what a network makes of the families.
