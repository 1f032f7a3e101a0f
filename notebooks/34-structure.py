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
# # Structure, parameters and chance
#
# Models of clouds differ in how they represent crystals: as sums, in classes of mass, or one by one. That is *structure*, and no parameter tunes it away. How far apart are simulations
# that differ in nothing else? The sample ensemble cannot say, since it has one kind of microphysics. The kinematic cirrus of [](31-cirrus-fields.ipynb) has three, bulk, bins and super-particles, with several
# random seeds and several flows. With the distances of [](33-latent-metrics.ipynb) the talk's question can be put.
#
# In this notebook we
#
# 1. take one case of the kinematic cirrus in three schemes, with other seeds, in other flows, and in an ensemble of other parameters,
# 2. train an autoencoder that sees all schemes, but never this case,
# 3. and measure how far apart the schemes are, beside what parameters and chance make.
#
# The methods are explained on the page [](../book/part-3.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need the simulations, their latent space, distances between trajectories, and figures.

# %%
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import GroupShuffleSplit

from lib.cirrus.kinematic.simulation import Case, central_case, comparison
from lib.datasets.cirrus_fields import Split, cell_values, cloudy, field_set, profiles, split_state
from lib.evaluation import field_scores, parameter_recovery, trajectories
from lib.figures import cloud_fields
from lib.models import field_autoencoder
from lib.notebook import titles
from lib.notebook.run import start
from lib.studies import structure

# %% [markdown]
# With the parameters of [](31-cirrus-fields.ipynb), its simulations are found again; with others, they are run first.

# %% tags=["parameters"]
n_bulk: int = 100  # members of the bulk ensemble
n_schemes: int = 3  # cases that are run in all three schemes, and seeds of the first of them
n_inp: list[float] = [3e4, 5e5]  # ice-nucleating particles, least and most [kg-1]
deposition_coefficient: list[float] = [0.005, 1.0]  # share that stays on ice, from and to [1]
duration: float = 7200.0  # simulated time [s]
n_bins: int = 40  # bins
per_cell: int = 32  # super-particles in a cell at the start
n_validation: int = 4  # members that decide on the best epoch
width: int = 16  # channels of the first layer of the network
epochs_kinematic: int = 20  # epochs of the network
batch: int = 32  # snapshots in a batch
measure: str = "synchronous"  # distance of curves: synchronous, warping, frechet or wasserstein
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("34-structure", globals())
run.at_least(n_bulk=4, n_schemes=2, duration=1800, n_bins=10, per_cell=1)
run.at_least(n_validation=1, width=1, epochs_kinematic=1, batch=2)
run.require(
    duration % 300 == 0 and n_schemes <= n_bulk,
    "duration must be a multiple of 300 s, n_schemes at most n_bulk.",
)
run.ranges("n_inp")
run.ranges("deposition_coefficient", most=1)
run.one_of(measure=trajectories.MEASURES)
run

# %% [markdown]
# ## One case, many simulations
#
# The case that we compare has parameters in the middle of their ranges. It is simulated in all schemes; with other seeds, which is chance in the same flow; in other flows of the same kind; and with
# four times as many super-particles, to see what is due to their being few. The bulk ensemble shows what the parameters do, and some of its members are simulated in all schemes, too.
# All schemes have one category of ice, so that the mass $q_i$ is all ice.

# %%
ranges = {"n_inp": n_inp, "deposition_coefficient": deposition_coefficient}
case = central_case(Case(duration=duration, n_bins=n_bins, per_cell=per_cell, seed=seed), ranges)
simulations = comparison(case, ranges, n_bulk, n_schemes, seed, scheduler)

# %% [markdown]
# All of them as the members of one ensemble, each of a kind:

# %%
schemes = list(simulations.schemes)
clouds = structure.clouds(simulations)
pd.Series(clouds.kind).value_counts(sort=False).to_frame("members")

# %% [markdown]
# ## A network that has seen all schemes
#
# A network with 16 latents is trained on the bulk ensemble and on the other cases in bins and super-particles, so that it knows what their fields look like. The case that we compare is the test set,
# in every scheme, with every seed and in every flow. Of the other members a splitter draws some for validation.

# %%
test = structure.case_rows(clouds, schemes)
others = np.setdiff1d(np.arange(len(clouds.kind)), test)
run.at_most(n_validation=len(others) - 2)  # so that two or more are left for training
splitter = GroupShuffleSplit(1, test_size=n_validation, random_state=split_state(seed))
train, validation = next(splitter.split(others, groups=others))
fields = field_set(clouds.ensemble, Split(others[train], others[validation], test))

# %% [markdown]
# The network is that of [](32-latent-fields.ipynb), trained anew:

# %%
recipe = field_autoencoder.recipe(16, width, epochs_kinematic)
trained = field_autoencoder.autoencoder(fields, recipe, batch, seed, device)
network = field_autoencoder.network_representation(trained.model)
pd.Series({name: len(rows) for name, rows in fields.split._asdict().items()}).to_frame("members")

# %% [markdown]
# How well it reconstructs the three schemes. Super-particles make fields with grain, for which 16 numbers have no room:

# %%
latents = network.encode(fields.standard)
decoded = network.decode(latents[test])
scores = {
    scheme: field_scores.channel_r2(fields.standard[[row]], decoded[[k]])
    for k, (scheme, row) in enumerate(zip(schemes, test, strict=False))
}
run.record_table(pd.DataFrame(scores), rows="quantity", columns="data", score="r2")
run.table("data", "quantity", score="r2")

# %% [markdown]
# Unlike in the sample ensemble, density does not follow from the mean mass of the particles here, since crystals grow the hollower the more vapour there is. The share of its variance in cells with
# ice that the mass explains, in the bulk ensemble:

# %%
values = fields.scaling.inverse_transform(fields.standard[clouds.rows(structure.ENSEMBLE)])
m_i, rho_i = (values[:, :, channel][cloudy(values)] for channel in (1, 2))
explained = field_scores.variance_explained(rho_i, m_i)
run.record("by_m_i", explained, quantity="rho_i", data="kinematic")
run.table("data", score="by_m_i")

# %% [markdown]
# {numref}`fig-structures` shows the case as curves: its schemes, and another seed and another flow of two of them.

# %% mystnb={"figure": {"caption": "The same cirrus in three schemes, as curves in the latent space (first two principal components), among the members of the bulk ensemble (grey), whose parameters differ. Dots are half hours. Dark lines: the same case with another seed or in another flow, in bulk and with super-particles.", "name": "fig-structures"}, "image": {"alt": "Curves in a plane: a grey bundle of the bulk ensemble, with a coloured curve for each scheme and four dark ones."}}
ensemble_latents = latents[clouds.rows(structure.ENSEMBLE)]
plane = PCA(2).fit(ensemble_latents.reshape(-1, 16))
flat = plane.transform(latents.reshape(-1, 16)).reshape(*latents.shape[:2], 2)
times = clouds.ensemble.time.to_numpy() / 60
lines = {scheme: flat[clouds.rows(scheme)[0]] for scheme in schemes}
chance_lines = {
    kind.removesuffix("s"): flat[clouds.rows(kind)[0]]
    for kind in dict.fromkeys(clouds.kind)
    if "other" in kind
}
grey = flat[clouds.rows(structure.ENSEMBLE)]
cloud_fields.scheme_trajectories(grey, lines, chance_lines, times)

# %% [markdown]
# ## Structure beside parameters and chance
#
# Now the distances, in four ways.

# %%
translation_mean = field_autoencoder.translation_mean(network.encode, 8)
curves = {
    "vae16": latents,
    "vae16_moved": translation_mean(fields.standard),
    "profiles": profiles(fields.standard),
    "fields": cell_values(fields.standard),
}
distances = {
    way: trajectories.trajectory_distances(points, points, measure)
    for way, points in curves.items()
}

# %% [markdown]
# A pair is two simulations that differ in the seed, in the flow, in how many super-particles there are, or in the scheme. To these come the members of the ensemble
# with their nearest neighbours in the parameters.

# %%
unit = parameter_recovery.unit_parameters(simulations.bulk, list(ranges))
neighbours = structure.nearest_pairs(clouds, unit)
pairs = structure.compared_pairs(clouds, schemes) | {"bulk, nearest parameters": neighbours}

# %% [markdown]
# {numref}`fig-beside-spread` divides them all by the median distance of two members of the bulk ensemble, that is, by what the parameters do.

# %% mystnb={"figure": {"caption": "Distances of pairs of simulations over the median distance within the bulk ensemble (dotted line). Two seeds are chance in the same flow, two flows are another flow of the same kind; \"more particles\" are four times as many super-particles; the nearest parameters are a small change of parameters; pairs of two schemes are structure.", "name": "fig-beside-spread"}, "image": {"alt": "Dot plot on a logarithmic axis with a row for each kind of pair of simulations, and four colours for the ways to measure."}}
rows = clouds.rows(structure.ENSEMBLE)
medians = {
    way: {pair: np.median(matrix[where]) for pair, where in pairs.items()}
    for way, matrix in distances.items()
}
typical = {way: np.median(trajectories.pairs(m[rows][:, rows])) for way, m in distances.items()}
ratios = pd.DataFrame(medians) / pd.Series(typical)
cloud_fields.distance_ratios(ratios.rename(columns=titles.MODELS))

# %% [markdown]
# In numbers:

# %%
recorded = {
    "bulk, two seeds": ("seeds", "bulk"),
    "bulk, two flows": ("flows", "bulk"),
    "lagrangian, two seeds": ("seeds", "lagrangian"),
    "lagrangian, two flows": ("flows", "lagrangian"),
    "bulk and bins": ("structure", "bins"),
    "bulk and lagrangian": ("structure", "lagrangian"),
    "bulk and lagrangian, more particles": ("structure", "finer"),
}
for pair, (score, data) in recorded.items():
    run.record_table(ratios.loc[pair], rows="model", score=score, data=data)
run.keep(ratios=ratios)
ratios.rename(columns=titles.MODELS).round(3)

# %% [markdown]
# Is structure more than a small change of the parameters? The share of neighbours in the parameters that are as far apart as two schemes is the $p$-value:

# %%
p_values = {
    scheme: {
        way: trajectories.p_value(matrix[pairs[f"bulk and {scheme}"]], matrix[neighbours]).item()
        for way, matrix in distances.items()
    }
    for scheme in ("bins", "lagrangian")
}
run.record_table(pd.DataFrame(p_values), rows="model", columns="data", score="p")
run.table("data", "model", score="p")

# %% [markdown]
# ## What was shown
#
# - In units of the median distance of two members of the bulk ensemble, bulk and super-particles are {glue:text}`structure_lagrangian_vae16_moved:.2f` apart, and bulk and bins
#   {glue:text}`structure_bins_vae16_moved:.2f`. By profiles, bulk and super-particles are {glue:text}`structure_lagrangian_profiles:.2f` apart.
# - With four times as many super-particles {glue:text}`structure_finer_vae16_moved:.2f` is left of it. The schemes differ in how they represent the crystals and, with it, in how these move: on the grid bulk and bins
#   also smear, particles do not.
# - Chance, in the same unit: two seeds in the same flow are {glue:text}`seeds_bulk_vae16_moved:.2f` apart in bulk, and two flows of the same kind {glue:text}`flows_bulk_vae16_moved:.2f`.
# - The grain of super-particles is chance, too, and counts where fields are compared cell by cell: by the RMSE of fields two seeds of super-particles are {glue:text}`seeds_lagrangian_fields:.2f` apart,
#   by the latent distance {glue:text}`seeds_lagrangian_vae16_moved:.2f`. The network has no room for grain.
