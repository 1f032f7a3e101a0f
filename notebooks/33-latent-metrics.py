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
# # Latent metrics
#
# How different are two simulations of a cloud? One can subtract their profiles, or their fields cell by cell. The talk proposed another way:
# compare the curves that they draw in a latent space. That needs a distance between curves, a sense of which distances are large, and a look at what the distance
# means in the cloud. And it must be asked whether it says anything that the old ways do not.
#
# In this notebook we
#
# 1. describe each simulation of the sample ensemble by a curve, in a latent space and in more ordinary ways,
# 2. measure distances between curves, and see whether they grow with the distance of the parameters,
# 3. let the decoder show what a latent distance means,
# 4. ask which distances are more than chance,
# 5. estimate the parameters from the curves,
# 6. and find what the latent distance ignores and what it does not.
#
# The next notebook, [](34-structure.ipynb), puts the distances to use. The methods are explained on the page [](../book/part-3.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need the ensemble, its latent spaces, distances between trajectories, and figures.

# %%
import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupShuffleSplit

from lib.cirrus.cm1.sample import PARAMETERS
from lib.datasets import cirrus_fields
from lib.evaluation import parameter_recovery, trajectories
from lib.figures import cloud_fields
from lib.models import field_autoencoder
from lib.notebook import titles
from lib.notebook.run import start
from lib.studies import latent_fields

# %% [markdown]
# With the parameters of [](32-latent-fields.ipynb), its networks are found again; with others, they are trained first.

# %% tags=["parameters"]
n_members: int = 80  # members of the ensemble, at most 80
every: int = 1  # one in so many output times is used [5 min]
n_validation: int = 4  # members that decide on the best epoch
n_test: int = 16  # members on which all is scored
width: int = 16  # channels of the first layer of the networks that are trained here
epochs: int = 20  # epochs of each of these
batch: int = 32  # snapshots in a batch
shipped: bool = True  # whether networks that come with the project are used where they fit
measure: str = "synchronous"  # distance of curves: synchronous, warping, frechet or wasserstein
n_shuffles: int = 999  # shuffles of a permutation test
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("33-latent-metrics", globals())
run.at_least(n_members=10, every=1, n_validation=1, n_test=4, n_shuffles=19)
run.at_least(width=1, epochs=1, batch=2)
run.at_most(n_members=80, every=6)  # the ensemble has 80 members, and four times must be left
run.require(
    n_validation + n_test <= n_members - 2,
    "n_validation and n_test must leave two of n_members or more for training.",
)
run.one_of(measure=trajectories.MEASURES)
run

# %% [markdown]
# ## Simulations as curves
#
# The ensemble, its fields, whose mass $q_i$ is all ice, and the group split are those of [](32-latent-fields.ipynb). Scores are of test members, which no network has seen. Only where we ask whether a distance is more than
# chance do all members count, since test members alone are too few for a p-value.

# %%
splitter = GroupShuffleSplit(
    1, test_size=n_test, train_size=n_validation, random_state=cirrus_fields.split_state(seed)
)
split = cirrus_fields.group_split(splitter, n_members)
ensemble, minutes, fields = latent_fields.sample(n_members, every, split)
recipe = field_autoencoder.recipe(16, width, epochs)
settings = recipe, batch, seed, device, shipped
networks = {n: latent_fields.network(n, fields, *settings) for n in (16, 2)}
efforts = {f"{n} latents": latent_fields.effort(network) for n, network in networks.items()}
pd.DataFrame(efforts).T

# %% [markdown]
# A simulation becomes a curve when each of its times becomes a point. We make the point in six ways: 16 latents, their mean over translations of the cloud along x, 2 latents, the scores of 16 empirical
# orthogonal functions (EOFs), the profiles of the three channels, and the fields themselves. Profiles and fields are divided by the root of how many numbers they have, so that
# their distances are root mean square errors (RMSE) in standard deviations.

# %%
vae16, vae2 = (
    field_autoencoder.network_representation(network.model) for network in networks.values()
)
eofs = field_autoencoder.orthogonal_functions(fields, 16, seed)
ways = {
    "vae16": vae16.encode,
    "vae16_moved": field_autoencoder.translation_mean(vae16.encode, 8),
    "vae2": vae2.encode,
    "pca16": field_autoencoder.eof_representation(eofs, 16).encode,
    "profiles": cirrus_fields.profiles,
    "fields": cirrus_fields.cell_values,
}
curves = {way: encode(fields.standard) for way, encode in ways.items() if way != "fields"}
{titles.MODELS[way]: points.shape for way, points in curves.items()}

# %% [markdown]
# ## Do distances grow with the parameters?
#
# There are four ways to compare curves. *Synchronous*: the mean distance of points of the same time. *Warping*: the same under the best alignment in time, in which either curve may wait for the
# other {cite:p}`sakoe1978`. *Fréchet*: the largest distance that the best alignment cannot avoid {cite:p}`eiter1994`. *Wasserstein*: the points without their order, matched as well as can be.
#
# The parameters of two members also have a distance: that of their logarithms, each on a scale from 0 to 1. Simulations with more different parameters should be farther apart ({numref}`fig-growth`).

# %% mystnb={"figure": {"caption": "Distance of all pairs of test members in the space of 16 latents, against the distance of their parameters. Each panel is another way to compare curves.", "name": "fig-growth"}, "image": {"alt": "Four scatter plots of latent distance over parameter distance, all rising."}}
unit = parameter_recovery.unit_parameters(ensemble, list(PARAMETERS))
test_gaps = pdist(unit[split.test])
test_curves = curves["vae16"][split.test]
panels = {}
for name in trajectories.MEASURES:
    of_curves = trajectories.trajectory_distances(test_curves, test_curves, name)
    panels[trajectories.MEASURES[name]] = test_gaps, trajectories.pairs(of_curves)
cloud_fields.scatter_panels(panels, "parameter distance [1]", "distance [1]")

# %% [markdown]
# Spearman's rank correlation puts a number to it: 1 if the order of the pairs is the same. First among the training members, where we choose the measure:

# %%
train_curves = {titles.MODELS[way]: points[split.train] for way, points in curves.items()}
parameter_recovery.rank_correlations(train_curves, unit[split.train]).round(3)

# %% [markdown]
# Where a cell stands is chance, and a distance of clouds should not see it. So by *the* latent distance we mean that of latents averaged over translations; in the laptop profile it also ranks best
# among these members. Plain latents are shown beside it, and used where the decoder has to draw them. Then among test members:

# %%
new = {way: encode(fields.standard[split.test]) for way, encode in ways.items()}
correlations = parameter_recovery.rank_correlations(new, unit[split.test])
run.record("spearman_distance", correlations.loc["vae16_moved", measure])
run.record_table(correlations[measure], rows="model", score="spearman")
correlations.rename(titles.MODELS).round(3)

# %% [markdown]
# ## What a latent distance means
#
# A number without a unit means little. But between two points of the latent space lies a line, and the decoder draws the cloud at each step of it. It draws plain latents, since a mean over translations
# is no single cloud. {numref}`fig-walk` walks between the two test members that are farthest apart in these, at the time of largest variance.

# %% mystnb={"figure": {"caption": "A walk through the space of 16 latents, from one test member to another. Above each column stands the latent distance from the start. First and last column are what the decoder makes of the two members.", "name": "fig-walk"}, "image": {"alt": "Five columns of decoded fields in three rows that change step by step from one cloud to another."}}
latents = curves["vae16"]
peak = latents.var(axis=0).sum(axis=-1).argmax()
points_at_peak = latents[split.test, peak]
farthest = np.unravel_index(squareform(pdist(points_at_peak)).argmax(), (n_test, n_test))
steps = np.linspace(*points_at_peak[list(farthest)], 5)
decoded = fields.scaling.inverse_transform(vae16.decode(steps))
x_km, z_km = ensemble.x.to_numpy() / 1000, ensemble.z.to_numpy() / 1000
headings = [f"distance {np.linalg.norm(step - steps[0]):.1f}" for step in steps]
cloud_fields.field_rows({"decoded": decoded}, headings, x_km, z_km)

# %% [markdown]
# A distance can also be held against how much the fields of the same pairs differ, cell by cell ({numref}`fig-gauge`). Such a difference sees where each cell stands, as plain latents do. The slope says
# how many standard deviations of a field one unit of the distance is worth.

# %% mystnb={"figure": {"caption": "RMSE of the fields of all pairs of test members, against their distance in the space of 16 latents, plain and averaged over translations, in that of 16 EOFs, and against the RMSE of their profiles.", "name": "fig-gauge"}, "image": {"alt": "Four scatter plots of the RMSE of fields over a distance."}}
test_distances = {
    way: trajectories.trajectory_distances(points, points, measure) for way, points in new.items()
}
table = pd.DataFrame({way: trajectories.pairs(matrix) for way, matrix in test_distances.items()})
run.keep(distances=table.assign(parameters=test_gaps))
plain, rmse = table["vae16"], table["fields"]
run.record("rmse_per_latent_unit", (rmse * plain).sum() / (plain**2).sum())
others = ["vae16", "vae16_moved", "pca16", "profiles"]
run.record_table(table.corr()["fields"][others], rows="model", score="gauge")
rmse_panels = {titles.MODELS[way]: (table[way], rmse) for way in others}
cloud_fields.scatter_panels(rmse_panels, "distance [1]", "RMSE of fields [1]")

# %% [markdown]
# ## Is a distance more than chance?
#
# No two simulations are equal. To call a distance large we need to know which are small: the *null*. Here it is the distance of each member from the one whose parameters are nearest.
# A pair that is farther apart than nearly all of these has a small *p-value*: the share of the null that is as large {cite:p}`phipson2010`. All members began with the same random disturbance, so the null
# holds a small change of parameters and what eddies make of it, but nothing of the chance in where cells stand. That is why the latent distance, which does not see it, is the one to test.
# {numref}`fig-null` shows at which parameter distance pairs leave the null.

# %% mystnb={"figure": {"caption": "Latent distance of all pairs of members by the distance of their parameters: medians and quartiles. The grey band is the null, the distance of each member from its nearest neighbour in the parameters.", "name": "fig-null"}, "image": {"alt": "Dots with bars of latent distance, rising with parameter distance out of a grey band."}}
gaps = squareform(pdist(unit))
nearest = np.argsort(gaps, axis=1)[:, 1]
matrices = {
    way: trajectories.trajectory_distances(curves[way], curves[way], measure)
    for way in ("vae16", "vae16_moved")
}
nulls = {way: own[np.arange(n_members), nearest] for way, own in matrices.items()}
matrix, null = matrices["vae16_moved"], nulls["vae16_moved"]
cloud_fields.distance_over_null(null, trajectories.pairs(gaps), trajectories.pairs(matrix))

# %% [markdown]
# Members that the network was trained on might be closer to their neighbours than others are. The median of the null, of all members, of training members and of test members:

# %%
run.record("null_median", np.median(null))
run.record("null_median", np.median(null[split.train]), split="train")
run.record("null_median", np.median(null[split.test]), split="test")
run.table("split", score="null_median")

# %% [markdown]
# The share of pairs with a p-value below 0.05, by the distance of their parameters:

# %%
labels = ["< 0.1", "0.1 to 0.2", "0.2 to 0.3", "0.3 to 0.5", "> 0.5"]
classes = pd.cut(trajectories.pairs(gaps), [0, 0.1, 0.2, 0.3, 0.5, 1.5], right=False, labels=labels)
significant = pd.Series(trajectories.p_value(trajectories.pairs(matrix), null) < 0.05)
share_significant = significant.groupby(classes, observed=True).mean()
run.record("told_apart", share_significant.iloc[-1], data="far")
run.record("told_apart", share_significant.iloc[0], data="near")
share_significant.round(2).rename_axis("parameter distance").to_frame("p < 0.05")

# %% [markdown]
# Two *groups* of simulations are compared by the energy distance {cite:p}`szekely2013`: how much farther members of different groups are apart than members of the same. Its null comes from shuffling the groups.
# We compare members below and above the median of either parameter, and, as a check, two groups drawn at random, for which a p-value below 0.05 comes once in twenty draws.

# %%
halves = {name: unit[:, k] < np.median(unit[:, k]) for k, name in enumerate(PARAMETERS)}
halves["random"] = np.random.default_rng(seed).permutation(n_members) < n_members // 2
tests = {
    name: trajectories.energy_test(matrix, half, n_shuffles, seed) for name, half in halves.items()
}
for parameter in PARAMETERS:
    run.record("p", tests[parameter].p, quantity=parameter)
run.record("p", tests["random"].p, data="random")
summary = pd.DataFrame(list(tests.values()), list(tests))
summary["null"] = summary["null"].map(lambda distances: np.quantile(distances, 0.95))
summary.set_axis(["energy distance", "95 % of the null", "p"], axis=1).astype(float).round(3)

# %% [markdown]
# ## The parameters, from the curves
#
# If the curve knows the simulation, it knows its parameters. A ridge regression is fitted to the curves of the training members; {numref}`fig-read` shows
# what it estimates for test members.

# %% mystnb={"figure": {"caption": "Parameters of test members, estimated from their curves, against the true ones.", "name": "fig-read"}, "image": {"alt": "Two scatter plots of estimated parameters over true ones, close to the diagonal."}}
estimates = {
    titles.MODELS[way]: parameter_recovery.parameter_estimates(
        points[split.train], unit[split.train], points[split.test]
    )
    for way, points in curves.items()
}
cloud_fields.parameter_estimates(unit[split.test], estimates, list(PARAMETERS))

# %% [markdown]
# The same as $R^2$, mean of both parameters:

# %%
r2 = {way: r2_score(unit[split.test], estimates[titles.MODELS[way]]) for way in curves}
run.record("r2_parameters", r2["vae16_moved"])
run.record_table(r2, rows="model", score="r2_parameters")
run.table("model", score="r2_parameters")

# %% [markdown]
# A whole curve holds much. {numref}`fig-read-time` gives the regression a single time.

# %% mystnb={"figure": {"caption": "How well the parameters of test members are estimated from a single snapshot, by its time.", "name": "fig-read-time"}, "image": {"alt": "Two line plots of R2 over time, with a line for each way to make points of snapshots."}}
by_time = {
    way: parameter_recovery.r2_by_time(
        points[split.train], unit[split.train], points[split.test], unit[split.test]
    )
    for way, points in curves.items()
}
named = {titles.MODELS[way]: values for way, values in by_time.items()}
cloud_fields.r2_by_time(minutes, named, list(PARAMETERS))

# %% [markdown]
# In numbers, the mean over all times of the $R^2$ from one of them:

# %%
one_time = {way: values.mean() for way, values in by_time.items()}
run.record_table(one_time, rows="model", score="r2_parameters_one_time")
run.table("model", score="r2_parameters_one_time")

# %% [markdown]
# ## What a distance ignores
#
# All members began with the same random disturbance, so their cells stand in the same places. Another disturbance would put them elsewhere, and the cloud would be no other cloud. A distance for clouds
# should not mind. The slab is periodic, so we can translate each test member by 28 of its 64 cells, and ask how far it is from itself. (The mean over translations by multiples of 8 cells cannot change by such a
# multiple; 28 is as far from any as can be.) For comparison, how far is it from itself one output time later, which *is* a difference? Both as shares of the median distance of two test members:

# %%
test_fields = fields.standard[split.test]
copies = {
    "28 cells along x": (test_fields, np.roll(test_fields, 28, axis=-1)),
    "one output time": (test_fields[:, 1:], test_fields[:, :-1]),
}
copy_distances = {
    copy: {
        way: trajectories.paired_distances(encode(a), encode(b), measure)
        for way, encode in ways.items()
    }
    for copy, (a, b) in copies.items()
}
shares = pd.DataFrame(
    {copy: pd.DataFrame(found).mean() / table.median() for copy, found in copy_distances.items()}
)
run.record_table(shares["28 cells along x"], rows="model", score="moved")
shares.rename(titles.MODELS).round(2)

# %% [markdown]
# Would the test above take such a copy for another cloud? The share of test members for which it does, because the copy is so far away that the p-value is below 0.05:

# %%
translated = copy_distances["28 cells along x"]
p_values = {way: trajectories.p_value(translated[way], own) for way, own in nulls.items()}
mistaken = {way: np.mean(values < 0.05) for way, values in p_values.items()}
run.record_table(mistaken, rows="model", score="moved_told_apart")
run.table("model", score="moved_told_apart")

# %% [markdown]
# ## What was shown
#
# - Distances rank pairs of new simulations by their parameters. Spearman's correlation is {glue:text}`spearman_vae16_moved:.3f` for *the* latent distance, that of 16 latents averaged over translations,
#   {glue:text}`spearman_vae16:.3f` for plain latents, and {glue:text}`spearman_profiles:.3f` for the RMSE of profiles.
# - Plain latents also know where each cell stands: a cloud translated by 28 of 64 cells is as far from itself as {glue:text}`moved_vae16:.2f` of the distance of two different
#   clouds. For the latent distance it is {glue:text}`moved_vae16_moved:.2f`. Profiles do not see translations at all.
# - The parameters of new simulations are estimated from their latent curves with $R^2$ = {glue:text}`r2_parameters:.3f`, and from profiles with {glue:text}`r2_parameters_profiles:.3f`.
# - Of the pairs whose parameters lie more than 0.5 apart, where each parameter's range is 1, {glue:text}`told_apart_far:.2f` are farther apart than neighbours in the parameters. All members began
#   alike, so this is no test against another start.
# - What a latent space adds is a decoder. A distance can be looked at, cloud by cloud, with 16 numbers for each snapshot.
