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
# 1. describe each simulation by a curve, in a latent space and in more ordinary ways,
# 2. measure distances between curves, and see whether they grow with the distance of the parameters,
# 3. let the decoder show what a latent distance means,
# 4. ask which distances are more than chance,
# 5. read the parameters back from the curves,
# 6. find what the latent distance ignores and what it does not,
# 7. and measure how far apart bulk, bins and super-particles are, beside what parameters and chance make.
#
# The methods are explained on the page [](../book/part-3.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need both ensembles, their latent spaces, distances between trajectories, and figures.

# %%
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from lib.cirrus.cm1.sample import PARAMETERS, sample_ensemble
from lib.cirrus.kinematic.simulation import Case, central_case, comparison
from lib.evaluation import parameter_recovery
from lib.evaluation.trajectories import MEASURES, distances, one_by_one, p_value, pairs, permutation_test
from lib.figures import cloud_fields
from lib.models import fields
from lib.notebook.run import start

# %% [markdown]
# With the parameters of [](32-latent-fields.ipynb), its networks are found again; with others, they are trained first. The same holds for the simulations of
# [](31-cirrus-fields.ipynb).

# %% tags=["parameters"]
n_members: int = 80  # members of the ensemble, at most 80
every: int = 1  # one in so many output times is used [5 min]
n_validation: int = 4  # members that decide on the best epoch
n_test: int = 16  # members on which all is scored
width: int = 16  # channels of the first layer of the networks
epochs: int = 80  # epochs of each network
batch: int = 32  # snapshots in a batch
measure: str = "synchronous"  # distance of curves: synchronous, warping, frechet or wasserstein
n_shuffles: int = 999  # shuffles of a permutation test
n_bulk: int = 100  # members of the bulk ensemble of the kinematic cirrus
n_schemes: int = 3  # cases that are run in all three schemes, and seeds of the first of them
n_inp: list = [3e4, 5e5]  # ice-nucleating particles, least and most [kg-1]
deposition_coefficient: list = [0.005, 1.0]  # share of molecules that stay on ice, from and to [1]
duration: float = 7200.0  # simulated time of the kinematic cirrus [s]
n_bins: int = 40  # bins
per_cell: int = 32  # super-particles in a cell at the start
epochs_kinematic: int = 20  # epochs of the network that learns the kinematic cirrus
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("33-latent-metrics", globals())
run.at_least(n_members=10, every=1, n_validation=1, n_test=4, n_shuffles=19)
run.at_least(width=1, epochs=1, batch=2)
run.at_least(n_bulk=4, n_schemes=2, duration=1800, n_bins=10, per_cell=1, epochs_kinematic=1)
run.at_most(n_members=80, every=6)  # the ensemble has 80 members, and four times must be left
run.require(
    n_validation + n_test <= n_members - 2,
    "n_validation and n_test must leave two of n_members or more to learn from.",
)
run.require(
    duration % 300 == 0 and n_schemes <= n_bulk,
    "duration must be a multiple of 300 s, n_schemes at most n_bulk.",
)
run.ranges("n_inp", "deposition_coefficient")
run.one_of(measure=MEASURES)
run

# %% [markdown]
# ## Simulations as curves
#
# The ensemble, its fields and the split by members are those of [](32-latent-fields.ipynb). Scores are of test members, which no network has seen. Only where we ask whether a distance is more than
# chance do all members count, since test members alone are too few for a p-value.

# %%
ensemble = sample_ensemble().isel(member=slice(n_members), time=slice(1, None, every))
ensemble.load(scheduler="synchronous")
minutes = ensemble.time.to_numpy() / 60
data = fields.prepared(ensemble, n_validation, n_test, seed)
train, validation, test = data.split

# %% [markdown]
# A simulation becomes a curve when each of its times becomes a point. We make the point in six ways: 16 latents, their mean over clouds moved along x, 2 latents, the scores of 16 principal
# components (EOFs), the profiles of the three channels, and the fields themselves. Profiles and fields are divided by the root of how many numbers they have, so that
# their distances are root mean square errors (RMSE) in standard deviations.

# %%
recipes = {n: fields.recipe(n, width, epochs) for n in (16, 2)}
trained = {n: fields.autoencoder(data, recipes[n], batch, seed, device) for n in recipes}
networks = {n: fields.by_network(found.model) for n, found in trained.items()}
ways = {
    "16 latents": networks[16].encode,
    "16 latents, moved": fields.over_moves(networks[16].encode, 8),
    "2 latents": networks[2].encode,
    "16 EOFs": fields.by_components(fields.components(data, 16, seed), 16).encode,
    "profiles": fields.profiles,
    "fields": fields.cells,
}
names = ("vae16", "vae16_moved", "vae2", "pca16", "profiles", "fields")  # in what is recorded
short = dict(zip(ways, names, strict=True))
curves = {name: encode(data.standard) for name, encode in ways.items() if name != "fields"}
{name: values.shape for name, values in curves.items()}

# %% [markdown]
# ## Do distances grow with the parameters?
#
# There are four ways to compare curves. *Synchronous*: the mean distance of points of the same time. *Warping*: the same under the best alignment in time, in which either curve may wait for the
# other {cite:p}`sakoe1978`. *Fréchet*: the largest distance that the best alignment cannot avoid {cite:p}`eiter1994`. *Wasserstein*: the points without their order, matched as well as can be.
#
# The parameters of two members also have a distance: that of their logarithms, each on a scale from 0 to 1. Simulations with more different parameters should be farther apart ({numref}`fig-growth`).

# %% mystnb={"figure": {"caption": "Distance of all pairs of test members in the space of 16 latents, against the distance of their parameters. Each panel is another way to compare curves.", "name": "fig-growth"}, "image": {"alt": "Four scatter plots of latent distance over parameter distance, all rising."}}
unit = parameter_recovery.unit_parameters(ensemble, list(PARAMETERS))
apart = pdist(unit[test])
new_curves = curves["16 latents"][test]
found = {name: pairs(distances(new_curves, new_curves, name)) for name in MEASURES}
cloud_fields.distances_grow(apart, found)

# %% [markdown]
# How well is told by Spearman's rank correlation: 1 if the order of the pairs is the same. First among the members to learn from, where we choose the measure:

# %%
known = {name: values[train] for name, values in curves.items()}
parameter_recovery.rank_correlations(known, unit[train]).round(3)

# %% [markdown]
# Where a cell stands is chance, and a distance of clouds should not see it. So by *the* latent distance we mean that of latents averaged over moves; in the laptop profile it also ranks best
# among these members. Plain latents are shown beside it, and used where the decoder has to draw them. Then among test members:

# %%
new = {name: encode(data.standard[test]) for name, encode in ways.items()}
growth = parameter_recovery.rank_correlations(new, unit[test])
run.record(spearman_distance=growth.loc["16 latents, moved", measure])
run.record_each(growth[measure].rename(short), "spearman")
growth.round(3)

# %% [markdown]
# ## What a latent distance means
#
# A number without a unit means little. But between two points of the latent space lies a line, and the decoder draws the cloud at each step of it. It draws plain latents, since a mean over moves
# is no single cloud. {numref}`fig-walk` walks between the two test members that are farthest apart in these, at the time of largest spread.

# %% mystnb={"figure": {"caption": "A walk through the space of 16 latents, from one test member to another. Above each column stands the latent distance from the start. First and last column are what the decoder makes of the two members.", "name": "fig-walk"}, "image": {"alt": "Five columns of decoded fields in three rows that change step by step from one cloud to another."}}
latents = curves["16 latents"]
when = latents.var(axis=0).sum(axis=-1).argmax()
points = latents[test, when]
far = np.unravel_index(squareform(pdist(points)).argmax(), (n_test, n_test))
steps = np.linspace(*points[list(far)], 5)
drawn = data.scaling.restored(networks[16].decode(steps))
x_km, z_km = ensemble.x.to_numpy() / 1000, ensemble.z.to_numpy() / 1000
labels = [f"distance {np.linalg.norm(step - steps[0]):.1f}" for step in steps]
cloud_fields.field_rows({"decoded": drawn}, labels, x_km, z_km)

# %% [markdown]
# Distances can also be gauged: against how much the fields of the same pairs differ, cell by cell ({numref}`fig-gauge`). Such a difference sees where each cell stands, as plain latents do. The slope says
# how many standard deviations of a field one unit of their distance is worth.

# %% mystnb={"figure": {"caption": "RMSE of the fields of all pairs of test members, against their distance in the space of 16 latents, plain and averaged over moves, in that of 16 EOFs, and against the RMSE of their profiles.", "name": "fig-gauge"}, "image": {"alt": "Four scatter plots of the RMSE of fields over a distance."}}
apart_by = {name: distances(values, values, measure) for name, values in new.items()}
between = pairs(apart_by["fields"])
asked = ["16 latents", "16 latents, moved", "16 EOFs", "profiles"]
gauges = {name: pairs(apart_by[name]) for name in asked}
plain = gauges["16 latents"]
run.record(rmse_per_latent_unit=(between * plain).sum() / (plain**2).sum())
table = pd.DataFrame({"parameters": apart, "fields": between, **gauges})
run.record_each(table.corr()["fields"][asked].rename(short), "gauge")
run.keep(distances=table)
cloud_fields.gauged(between, gauges)

# %% [markdown]
# ## Is a distance more than chance?
#
# No two simulations are equal. To call a distance large we need to know which are small: the *null*. Here it is the distance of each member from the one whose parameters are nearest.
# A pair that is farther apart than nearly all of these has a small *p-value*: the share of the null that is as large {cite:p}`phipson2010`. All members began with the same random disturbance, so the null
# holds a small change of parameters and what eddies make of it, but nothing of the chance in where cells stand. That is why the latent distance, which does not see it, is the one to test.
# {numref}`fig-null` shows from which parameter distance on pairs are told apart.

# %% mystnb={"figure": {"caption": "Latent distance of all pairs of members by the distance of their parameters: medians and quartiles. The grey band is the null, the distance of each member from its nearest neighbour in the parameters.", "name": "fig-null"}, "image": {"alt": "Dots with bars of latent distance, rising with parameter distance out of a grey band."}}
gaps = distances(unit[:, None], unit[:, None])
nearest = np.argsort(gaps, axis=1)[:, 1]
latent_curves = {name: curves[name] for name in ("16 latents", "16 latents, moved")}
matrices = {name: distances(own, own, measure) for name, own in latent_curves.items()}
nulls = {name: matrix[np.arange(n_members), nearest] for name, matrix in matrices.items()}
matrix, null = matrices["16 latents, moved"], nulls["16 latents, moved"]
cloud_fields.nothing_new(null, pairs(gaps), pairs(matrix))

# %% [markdown]
# Members that the network learned from might be closer to their neighbours than others are. The median of the null, of all members, of those to learn from and of test members:

# %%
members = {"median": null, "median_train": null[train], "median_test": null[test]}
medians = pd.Series({name: np.median(part) for name, part in members.items()})
run.record_each(medians, "null")
medians.round(2).to_frame("distance")

# %% [markdown]
# The share of pairs with a p-value below 0.05, by the distance of their parameters:

# %%
labels = ["< 0.1", "0.1 to 0.2", "0.2 to 0.3", "0.3 to 0.5", "> 0.5"]
closeness = pd.cut(pairs(gaps), [0, 0.1, 0.2, 0.3, 0.5, 1.5], right=False, labels=labels)
told = pd.Series(p_value(pairs(matrix), null) < 0.05).groupby(closeness, observed=True).mean()
run.record(told_apart_far=told.iloc[-1], told_apart_near=told.iloc[0])
told.round(2).rename_axis("parameter distance").to_frame("told apart")

# %% [markdown]
# Two *groups* of simulations are compared by the energy distance {cite:p}`szekely2013`: how much farther members of different groups are apart than members of the same. Its null comes from shuffling the groups.
# We compare members below and above the median of either parameter, and, as a check, two groups drawn at random, which a p-value below 0.05 tells apart once in twenty draws.

# %%
halves = {name: unit[:, k] < np.median(unit[:, k]) for k, name in enumerate(PARAMETERS)}
halves["random"] = np.random.default_rng(seed).permutation(n_members) < n_members // 2
tests = {name: permutation_test(matrix, half, n_shuffles, seed) for name, half in halves.items()}
table = pd.DataFrame(tests.values(), index=tests.keys())
table["null"] = [np.quantile(null, 0.95) for null in table["null"]]
run.record_each(table["p"], "p")
table.set_axis(["energy distance", "95 % of the null", "p"], axis=1).round(3)

# %% [markdown]
# ## The parameters, read back
#
# If the curve knows the simulation, it knows its parameters. A ridge regression learns them from the curves of the members to learn from; {numref}`fig-read` asks
# it about test members.

# %% mystnb={"figure": {"caption": "Parameters of test members read from their curves, against the true ones.", "name": "fig-read"}, "image": {"alt": "Two scatter plots of parameters read over true ones, close to the diagonal."}}
read = {
    name: parameter_recovery.recovered(own[train], unit[train], own[test])
    for name, own in curves.items()
}
cloud_fields.parameters_read(unit[test], read, list(PARAMETERS))

# %% [markdown]
# The same as $R^2$, mean of both parameters:

# %%
scores = pd.Series({name: r2_score(unit[test], values) for name, values in read.items()})
run.record(r2_parameters=scores["16 latents, moved"])
run.record_each(scores.rename(short), "r2_parameters")
scores.round(4).to_frame("R²")

# %% [markdown]
# A whole curve has much to read from. {numref}`fig-read-time` gives the regression a single time.

# %% mystnb={"figure": {"caption": "How well the parameters of test members are read from a single snapshot, by its time.", "name": "fig-read-time"}, "image": {"alt": "Two line plots of R2 over time, with a line for each way to make points of snapshots."}}
singly = {
    name: parameter_recovery.recovered_by_time(own[train], unit[train], own[test], unit[test])
    for name, own in curves.items()
}
cloud_fields.read_by_time(minutes, singly, list(PARAMETERS))

# %% [markdown]
# In numbers, the mean over all times of the $R^2$ from one of them:

# %%
table = pd.DataFrame({name: r2.mean(axis=0) for name, r2 in singly.items()}, list(PARAMETERS)).T
run.record_each(table.mean(axis=1).rename(short), "r2_parameters_one_time")
table.round(3)

# %% [markdown]
# ## What a distance ignores
#
# All members began with the same random disturbance, so their cells stand in the same places. Another disturbance would put them elsewhere, and the cloud would be no other cloud. A distance for clouds
# should not mind. The slab is periodic, so we can move each test member by 28 of its 64 cells, and ask how far it is from itself. (The mean over moves by multiples of 8 cells cannot change by such a
# multiple; 28 is as far from any as can be.) And by one output time, which *is* a difference. Both as shares of the median distance of two test members:

# %%
moves = {
    "28 cells along x": (data.standard[test], np.roll(data.standard[test], 28, axis=-1)),
    "one output time": (data.standard[test][:, 1:], data.standard[test][:, :-1]),
}
itself = {
    move: {name: one_by_one(encode(a), encode(b), measure) for name, encode in ways.items()}
    for move, (a, b) in moves.items()
}
typical = pd.Series({name: np.median(pairs(matrix)) for name, matrix in apart_by.items()})
share = pd.DataFrame({move: pd.DataFrame(found).mean() / typical for move, found in itself.items()})
run.record_each(share["28 cells along x"].rename(short), "moved")
share.round(2)

# %% [markdown]
# Would the test above tell such a copy from its original? The share of test members for which it does, that is, whose copies are so far away that the p-value is below 0.05:

# %%
moved = itself["28 cells along x"]
told = pd.Series({name: np.mean(p_value(moved[name], null) < 0.05) for name, null in nulls.items()})
run.record_each(told.rename(short), "moved_told_apart")
told.round(2).to_frame("share told apart")

# %% [markdown]
# ## Structure beside parameters and chance
#
# The sample ensemble has one kind of microphysics and one disturbance. The kinematic cirrus of [](31-cirrus-fields.ipynb) has three kinds, several disturbances and several flows. With it the talk's question can be put:
# how far apart are bulk, bins and super-particles?

# %%
ranges = {"n_inp": n_inp, "deposition_coefficient": deposition_coefficient}
case = central_case(Case(duration=duration, n_bins=n_bins, per_cell=per_cell, seed=seed), ranges)
bulk, schemes, seeds, flows, finer = comparison(case, ranges, n_bulk, n_schemes, seed, scheduler)
sets = {"bulk ensemble": bulk} | schemes
sets["bulk"] = sets["bulk"].isel(member=[0])  # the others are in the bulk ensemble
for what, each in {"seeds": seeds, "flows": flows}.items():
    sets |= {f"{name}, other {what}": ice for name, ice in each.items()}
sets["finer"] = finer
values = np.concatenate([fields.channels(ice.isel(time=slice(1, None))) for ice in sets.values()])
values.shape

# %% [markdown]
# A network with 16 latents learns from the bulk ensemble, and from the other schemes, so that it knows what their fields look like. The case that we compare has parameters in the
# middle of their ranges. The network never sees it, in no scheme, with no seed and in no flow. It is also simulated with four times as many super-particles, to tell what is due to their being few.

# %%
kind = np.repeat(list(sets), [ice.sizes["member"] for ice in sets.values()])
first = {name: int(np.argmax(kind == name)) for name in schemes}
others = {what: np.flatnonzero(kind == what) for what in sets if "other" in what}
fine = np.flatnonzero(kind == "finer")
compared = np.concatenate([list(first.values()), *others.values(), fine])
run.at_most(n_validation=len(kind) - len(compared) - 2)  # so that two or more are learned from
clouds = fields.divided(values, fields.split_beside(len(kind), compared, n_validation, seed))
recipe = fields.recipe(16, width, epochs_kinematic)
learned = fields.autoencoder(clouds, recipe, batch, seed, device)
network = fields.by_network(learned.model)

# %% [markdown]
# How well it restores the three schemes. Super-particles make fields with grain, for which 16 numbers have no room:

# %%
restored = network.decode(network.encode(clouds.standard))
scores = {
    name: fields.channel_r2(clouds.standard[[row]], restored[[row]]) for name, row in first.items()
}
run.record_each(scores, "r2")
pd.DataFrame(scores).T.round(3)

# %% [markdown]
# Unlike in the sample ensemble, density does not follow from the mean mass of the particles here, since crystals grow the hollower the more vapour there is. The share of its variance in cells with
# ice that the mass tells, in the bulk ensemble:

# %%
q_i, m_i, rho_i = values[kind == "bulk ensemble"].swapaxes(0, 2)
icy = q_i > np.log10(fields.Q_FLOOR) + 1e-4
run.record(kinematic_rho_i_by_m_i=fields.share_told(rho_i[icy], m_i[icy]))
pd.Series(run.metrics).filter(like="by_m_i").round(3).to_frame("share told by $m_i$")

# %% [markdown]
# {numref}`fig-structures` shows the case as curves: its schemes, and another seed and another flow of two of them.

# %% mystnb={"figure": {"caption": "The same cirrus in three schemes, as curves in the latent space (first two principal components), among the members of the bulk ensemble (grey), whose parameters differ. Dots are half hours. Dark lines: the same case with another seed or in another flow, in bulk and with super-particles.", "name": "fig-structures"}, "image": {"alt": "Curves in a plane: a grey bundle of the bulk ensemble, with a coloured curve for each scheme and four dark ones."}}
latents = network.encode(clouds.standard)
plane = PCA(2).fit(latents[kind == "bulk ensemble"].reshape(-1, 16))
flat = plane.transform(latents.reshape(-1, 16)).reshape(*latents.shape[:2], 2)
times = bulk.time.to_numpy()[1:] / 60
lines = {name: flat[row] for name, row in first.items()}
beside = {what.removesuffix("s"): flat[rows[0]] for what, rows in others.items()}
cloud_fields.structures(flat[kind == "bulk ensemble"], lines, beside, times)

# %% [markdown]
# Now the distances, in four ways, all divided by the median distance of two members of the bulk ensemble, that is, by what the parameters do.

# %%
measured = {
    "16 latents": latents,
    "16 latents, moved": fields.over_moves(network.encode, 8)(clouds.standard),
    "profiles": fields.profiles(clouds.standard),
    "fields": fields.cells(clouds.standard),
}
apart = {name: distances(points, points, measure) for name, points in measured.items()}
ensemble_rows = np.flatnonzero(kind == "bulk ensemble")
gaps = squareform(pdist(parameter_recovery.unit_parameters(bulk, list(ranges))))
neighbour_rows = ensemble_rows[np.argsort(gaps, axis=1)[:, 1]]
near = {name: matrix[ensemble_rows, neighbour_rows] for name, matrix in apart.items()}

# %% [markdown]
# {numref}`fig-beside-spread` sets side by side what chance, parameters and structure do.

# %% mystnb={"figure": {"caption": "Distances of pairs of simulations over the median distance within the bulk ensemble (dotted line). Two seeds are chance in the same flow, two flows are another flow of the same kind; \"more particles\" are four times as many super-particles; the nearest parameters are a small change of parameters; the lower three rows are structure.", "name": "fig-beside-spread"}, "image": {"alt": "Dot plot on a logarithmic axis with a row for each kind of pair of simulations, and four colours for the ways to measure."}}
rows = {
    what.replace("other", "two"): (first[what.split(",")[0]], found)
    for what, found in others.items()
}
rows |= {
    "lagrangian, more particles": (first["lagrangian"], fine),
    "bulk and lagrangian, more particles": (first["bulk"], fine),
    "bulk, nearest parameters": (ensemble_rows, neighbour_rows),
}
for one, other in combinations(first, 2):
    rows[f"{one} and {other}"] = first[one], first[other]
within = {name: matrix[np.ix_(ensemble_rows, ensemble_rows)] for name, matrix in apart.items()}
table = pd.DataFrame(
    {
        name: {row: np.median(matrix[pair]) for row, pair in rows.items()}
        for name, matrix in apart.items()
    }
)
table /= pd.Series({name: np.median(pairs(matrix)) for name, matrix in within.items()})
cloud_fields.beside_spread(table)

# %% [markdown]
# In numbers, with the share of neighbours in the parameters that are as far apart as two schemes (the $p$-value):

# %%
names = {
    "bulk, two seeds": "seeds_bulk",
    "bulk, two flows": "flows_bulk",
    "lagrangian, two seeds": "seeds_lagrangian",
    "lagrangian, two flows": "flows_lagrangian",
    "bulk and bins": "structure_bins",
    "bulk and lagrangian": "structure_lagrangian",
    "bulk and lagrangian, more particles": "structure_finer",
}
run.record_each(table.loc[list(names)].rename(names).rename(columns=short).T)
for name in ("bins", "lagrangian"):
    pair = first["bulk"], first[name]
    chance = pd.Series({way: p_value(apart[way][pair], near[way]) for way in measured})
    run.record_each(chance.rename(short), f"p_{name}")
table.round(3)

# %% [markdown]
# ## What was shown
#
# - Distances rank pairs of new simulations by their parameters. Spearman's correlation is {glue:text}`spearman_vae16_moved:.3f` for *the* latent distance, that of 16 latents averaged over moves, and
#   {glue:text}`spearman_vae16:.3f` for plain ones. With 16 EOFs it is {glue:text}`spearman_pca16:.3f`, with the RMSE of profiles {glue:text}`spearman_profiles:.3f`, and with that of whole fields
#   {glue:text}`spearman_fields:.3f`.
# - Plain latents also know where each cell stands: a cloud moved by 28 of 64 cells is as far from itself as {glue:text}`moved_vae16:.2f` of the distance of two different
#   clouds. The latent distance leaves {glue:text}`moved_vae16_moved:.2f` of it; profiles, which ignore moves altogether, {glue:text}`moved_profiles:.2f`.
# - The parameters of new simulations are read from their latent curves with $R^2$ = {glue:text}`r2_parameters:.3f` (plain: {glue:text}`r2_parameters_vae16:.3f`), and from profiles with
#   {glue:text}`r2_parameters_profiles:.3f`. From a single time it is {glue:text}`r2_parameters_one_time_vae16_moved:.3f` from latents (plain: {glue:text}`r2_parameters_one_time_vae16:.3f`) and
#   {glue:text}`r2_parameters_one_time_profiles:.3f` from profiles.
# - Members with nearly equal parameters have a latent distance of {glue:text}`null_median:.2f` in the median. Measured against these, {glue:text}`told_apart_far:.2f` of the pairs whose parameters lie more
#   than 0.5 apart, where each parameter's range is 1, are told apart. All members began alike, so this is no test against another start. But of clouds that were only moved, the latent distance tells
#   {glue:text}`moved_told_apart_vae16_moved:.2f` from their originals, plain latents {glue:text}`moved_told_apart_vae16:.2f`.
# - What a latent space adds is a decoder. A distance can be looked at, cloud by cloud, with 16 numbers for each snapshot.
# - In the kinematic cirrus, bulk and super-particles are {glue:text}`structure_lagrangian_vae16_moved:.2f` times as far apart as two members of the bulk ensemble (with profiles
#   {glue:text}`structure_lagrangian_profiles:.2f` times; with four times as many super-particles {glue:text}`structure_finer_vae16_moved:.2f` and {glue:text}`structure_finer_profiles:.2f` times), bulk and bins
#   {glue:text}`structure_bins_vae16_moved:.2f` times. The schemes differ in how they represent the crystals and, with it, how these move: on the grid bulk and bins also smear, particles do not.
# - Chance, in the same unit: two seeds in the same flow are {glue:text}`seeds_bulk_vae16_moved:.2f` (bulk) and {glue:text}`seeds_lagrangian_vae16_moved:.2f` (super-particles) apart, two flows of the same kind
#   {glue:text}`flows_bulk_vae16_moved:.2f` and {glue:text}`flows_lagrangian_vae16_moved:.2f`.
# - The grain of super-particles is chance, too, and counts where fields are compared cell by cell: by the RMSE of fields two seeds of super-particles are {glue:text}`seeds_lagrangian_fields:.2f` apart. The
#   network has no room for grain and profiles average it out: by plain latents they are {glue:text}`seeds_lagrangian_vae16:.2f` apart, by profiles {glue:text}`seeds_lagrangian_profiles:.2f`.
