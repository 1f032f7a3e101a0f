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
# # Cirrus fields
#
# A cirrus is a cloud of falling crystals. A computer model of it must keep account of more crystals than there are stars in a galaxy, so it
# simplifies, and there are three common ways to: to carry sums over all crystals in a grid cell (*bulk*), to sort crystals by mass (*bins*), or to follow a
# sample of them on their way (*Lagrangian*, or super-particles). Bulk is the cheapest of the three. Do they tell the same story?
#
# In this notebook we
#
# 1. look at an ensemble of cirrus clouds simulated by CM1, a cloud model that resolves eddies, with bulk microphysics,
# 2. set up a simpler cirrus, in which the flow is prescribed and all three kinds of microphysics share the physics of single crystals,
# 3. run an ensemble of it in which two parameters vary,
# 4. and set bulk, bins and Lagrangian side by side: where they differ, by how much, and what they cost.
#
# The methods are explained on the page [](../book/part-3.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need both models of the cirrus, means of their fields, and figures.

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from lib.cirrus.cm1.reader import open_ensemble
from lib.cirrus.cm1.sample import PARAMETERS, sample_ensemble
from lib.cirrus.kinematic.flow import exner, standing_air
from lib.cirrus.kinematic.ice import HABITS, crystal_growth, saturation_mixing_ratio
from lib.cirrus.kinematic.simulation import Case, central_case, comparison, stream_function
from lib.cirrus.schema import distance_over_spread, weighted_means
from lib.figures import cirrus
from lib.notebook.run import start
from lib.studies.ensemble_ice import ice_remark

# %% [markdown]
# Two parameters vary in our own ensemble. They are drawn from these ranges, evenly in the logarithm.

# %% tags=["parameters"]
cm1_dir: str = ""  # folder of CM1 runs to show, or empty for the sample ensemble
n_members: int = 100  # members of the bulk ensemble
n_schemes: int = 3  # cases that are run in all three schemes, and seeds of the first of them
n_inp: list[float] = [3e4, 5e5]  # ice-nucleating particles, least and most [kg-1]
deposition_coefficient: list[float] = [0.005, 1.0]  # share that stays on ice, from and to [1]
habit: str = "bullet rosette"  # how crystals grow: solid column, bullet rosette or plate
duration: float = 7200.0  # simulated time [s]
n_bins: int = 40  # bins
per_cell: int = 32  # super-particles in a cell at the start
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("31-cirrus-fields", globals())
run.at_least(n_members=4, n_schemes=2, duration=1800, n_bins=10, per_cell=1)
run.require(
    duration % 300 == 0 and n_schemes <= n_members,
    "duration must be a multiple of 300 s, n_schemes at most n_members.",
)
run.ranges("n_inp")
run.ranges("deposition_coefficient", most=1)
run.one_of(habit=HABITS)
run.folders("cm1_dir")
run

# %% [markdown]
# ## An ensemble by CM1
#
# The sample ensemble that comes with this book was made with CM1 {cite:p}`bryan2002` and the bulk microphysics P3 {cite:p}`morrison2015`. All members have the same
# air and the same start. Two numbers of the ice microphysics differ:

# %%
cm1 = open_ensemble(cm1_dir) if cm1_dir else sample_ensemble()
if not cm1_dir:
    display(pd.DataFrame(PARAMETERS, index=["unit", "meaning"]).T)
dict(cm1.sizes)

# %% [markdown]
# Many schemes of microphysics keep ice in several categories: cloud ice, snow, graupel, hail. Here *mass* is $q_i$, that of cloud ice, and number, fall speed and density are those of cloud ice,
# too; $q_{i,\mathrm{tot}}$ is the mass of all categories, and has its own row or panel below where it is not the same. P3 has one category for all ice, so that in the sample ensemble both are equal. What
# is there at the end:

# %%
end = cm1.isel(time=-1).compute(scheduler="synchronous")
Markdown(ice_remark(end))

# %% [markdown]
# {numref}`fig-cm1-fields` shows the first member in the middle and at the end of its life.

# %% mystnb={"figure": {"caption": "Mass, number, mass-weighted fall speed and density of ice in the first member of the CM1 ensemble at two times. Cells at the top make crystals, which grow and fall out in streaks; the largest fall fastest and lead the way down. White: less than 0.03 mg kg\u207b\u00b9 of ice, and for fall speed and density less than 0.1 mg kg\u207b\u00b9. A panel without any says why.", "name": "fig-cm1-fields"}, "image": {"alt": "Eight colour maps of height over distance, four quantities at two times: a layer of ice with slanted streaks below."}}
halfway = cm1.isel(member=0, time=[cm1.sizes["time"] // 2, -1]).compute(scheduler="synchronous")
drawn = [halfway.isel(time=k) for k in (0, 1)]
cirrus.fields({f"{ice.time.item() / 60:g} min": ice for ice in drawn})

# %% [markdown]
# Means over each level for all members are in {numref}`fig-cm1-profiles`. The fall speed and the density are weighted by mass, so that traces do not count.

# %% mystnb={"figure": {"caption": "Profiles of the CM1 ensemble at the end: three members, and the range of all (5 to 95 %). There is no fall speed and no density where there is less than 0.1 mg kg\u207b\u00b9 of ice, and no number where there is none.", "name": "fig-cm1-profiles"}, "image": {"alt": "Four plots of height over mass, number, fall speed and density of ice: three lines within a grey band."}}
last = weighted_means(end, "x")
some = [0, cm1.sizes["member"] // 2, cm1.sizes["member"] - 1]
three = {f"member {last.member[k].item()}": last.isel(member=k) for k in some}
cirrus.profiles(three, last, "all members")

# %% [markdown]
# ## A cirrus with a prescribed flow
#
# In CM1 the ice acts back on the flow, so two simulations differ in everything at once. To see what the *representation* of ice does, we take the flow away from it: a
# *kinematic* model, as is the custom for comparing microphysics {cite:p}`shipway2012`. The air rises slowly, generating cells overturn near
# the top, and the wind shears ({numref}`fig-air`). Ice changes the vapour and the temperature, not the wind.

# %% mystnb={"figure": {"caption": "The air of the kinematic cirrus at the start: temperature, humidity over ice (dotted: saturation), and the prescribed flow at one time (lines: streamlines), which changes. The layer between 8 and 9.8 km is supersaturated.", "name": "fig-air"}, "image": {"alt": "Profiles of temperature and humidity beside a map of up- and downdraughts in red and blue with streamlines."}}
ranges = {"n_inp": n_inp, "deposition_coefficient": deposition_coefficient}
settings = {"habit": habit, "n_bins": n_bins, "per_cell": per_cell, "seed": seed}
case = central_case(Case(duration=duration, **settings), ranges)
air, stream = standing_air(case.nz, case.dt, case.uplift), stream_function(case, 1800.0)
temperature = air.theta * exner(air.pressure)
saturation = list(map(saturation_mixing_ratio, temperature, air.pressure))
cirrus.sounding(temperature, air.vapour / saturation, stream, air.density)

# %% [markdown]
# All three schemes let single crystals grow by the same few formulas. A crystal takes up vapour by diffusion, gets rid of the latent heat, and is held back at its
# surface, where only a share of the molecules stick: the *deposition coefficient*. Its habit decides on shape and density ({numref}`fig-crystals`).

# %% mystnb={"figure": {"caption": "Single crystals at -45 \u00b0C and 20 % supersaturation. A small deposition coefficient holds a crystal back while it is small. The rosette, which is hollow, is less dense than the others; column and plate reach farther and, as they fall with their broad side down, fall more slowly.", "name": "fig-crystals"}, "image": {"alt": "Three line plots over an hour: length, density and fall speed of four kinds of crystals."}}
minutes = np.arange(0, 61.0)
kinds = {
    ("bullet rosette", 1.0): "rosette, 1",
    ("bullet rosette", 0.005): "rosette, 0.005",
    ("solid column", 1.0): "column, 1",
    ("plate", 1.0): "plate, 1",
}
growth = {label: crystal_growth(*kind, 228.0, 3e4, 0.2, minutes) for kind, label in kinds.items()}
cirrus.growth(minutes, growth)

# %% [markdown]
# ## An ensemble of two parameters
#
# Both are uncertain by an order of magnitude and more: how many particles in the air can nucleate ice, and the deposition coefficient. A Latin hypercube
# spreads the members over their ranges. A case in the middle of the ranges (of their logarithms), and some members, are run with bins and with super-particles, too: the same flow,
# air, nuclei and crystals. Simulations are run once, and kept.

# %%
bulk, schemes, seeds, flows, _ = comparison(case, ranges, n_members, n_schemes, seed, scheduler)
bulk[list(ranges)].to_dataframe()[list(ranges)].describe().loc[["min", "50%", "max"]].round(3)

# %% [markdown]
# {numref}`fig-courses` follows all members in time. Ice appears within minutes, gathers for an hour, and then falls out as fast as it forms.

# %% mystnb={"figure": {"caption": "Means over the whole slab in all members of the bulk ensemble: with more nuclei (yellow) there are more crystals, which stay smaller and fall more slowly.", "name": "fig-courses"}, "image": {"alt": "Four line plots over two hours with a line for each member, coloured by its number of nuclei."}}
course = weighted_means(bulk.isel(time=slice(1, None)), ("z", "x"))
cirrus.courses(course, "n_inp", "nuclei [kg$^{-1}$]")

# %% [markdown]
# No water may get lost on the way, in none of the schemes. What is in vapour, ice and what has fallen out adds up to what there was at the start, but for rounding:

# %%
everything = {"bulk": bulk, **{name: schemes[name] for name in ("bins", "lagrangian")}}
residuals = {name: ice.water_residual.max().item() for name, ice in everything.items()}
run.record_table(residuals, rows="data", score="water_residual")
run.require(
    max(residuals.values()) < 1e-9,
    "the simulations lose or make water, so nothing that follows would mean anything.",
)
pd.Series(residuals).to_frame("largest relative change")

# %% [markdown]
# ## Bulk, bins, Lagrangian
#
# {numref}`fig-schemes` shows the case in the middle in all three schemes, after three quarters of the time.

# %% mystnb={"figure": {"caption": "The same cirrus in three kinds of microphysics. The streaks of super-particles are sharp, since particles do not mix; on the grid of the other two they are smeared. In bulk, two mean fall speeds, of mass and of number, stand for all sizes of a cell.", "name": "fig-schemes"}, "image": {"alt": "Twelve colour maps of height over distance, four quantities by three schemes: the same curled streaks, smooth in bulk and bins, grainy for super-particles."}}
when = 3 * bulk.sizes["time"] // 4
cirrus.fields({name: ice.isel(member=0, time=when) for name, ice in schemes.items()})

# %% [markdown]
# Profiles tell the difference in means ({numref}`fig-scheme-profiles`).

# %% mystnb={"figure": {"caption": "Profiles of the same case at the same time, and the range of the whole bulk ensemble (5 to 95 %). Lines that lie inside the band differ by less than the parameters make.", "name": "fig-scheme-profiles"}, "image": {"alt": "Four plots of height over mass, number, fall speed and density: the three schemes as lines, mostly within a grey band."}}
profiles = {name: weighted_means(ice, "x") for name, ice in schemes.items()}
everyone = weighted_means(bulk, "x")
lines = {name: ice.isel(member=0, time=when) for name, ice in profiles.items()}
cirrus.profiles(lines, everyone.isel(time=when), "bulk ensemble")

# %% [markdown]
# {numref}`fig-film` is the film of it.

# %% mystnb={"figure": {"caption": "The mass of ice in the three schemes in the course of time. Move the bar, or press play.", "name": "fig-film"}, "image": {"alt": "Film of three colour maps, one for each scheme, in which streaks of ice form, curl and fall."}}
cirrus.film({name: ice.isel(member=0, time=slice(1, None)) for name, ice in schemes.items()})

# %% [markdown]
# ## How much they differ
#
# Is the choice of a scheme as important as the parameters? We divide the distance between profiles of two schemes, over all heights and times, by the spread of
# profiles over the bulk ensemble ({numref}`fig-structural`). At 1, the scheme matters as much as the parameters do. Two kinds of chance stand beside: the same case with other
# *seeds*, by which the temperature at the start is stirred by up to a quarter of a degree in another way in the same flow, and in other *flows*, whose cells stand, drift and pulse differently.

# %%
pairs = {name: (profiles[name], profiles["bulk"]) for name in ("bins", "lagrangian")}
same = profiles["bulk"].isel(member=[0] * (n_schemes - 1))
pairs |= {
    name: (weighted_means(ice["bulk"], "x"), same)
    for name, ice in (("seeds", seeds), ("flows", flows))
}
distances = pd.DataFrame(
    {name: distance_over_spread(*pair, everyone) for name, pair in pairs.items()}
)
run.record_table(distances, rows="quantity", columns="data", score="apart")
apart = distances.rename(columns={"seeds": "bulk, other seeds", "flows": "bulk, other flows"})
run.keep(apart=apart)
apart.round(2)

# %% mystnb={"figure": {"caption": "Root mean square distance of profiles from those of the bulk scheme, over the standard deviation among members of the bulk ensemble.", "name": "fig-structural"}, "image": {"alt": "Dot plot on a logarithmic axis with four rows, one for each variable, and four colours: bins, super-particles, other seeds and other flows."}}
cirrus.structural(apart)

# %% [markdown]
# In sums over the whole slab and all times, schemes and bulk compare as follows (1 is equal).

# %%
late = {name: ice.isel(time=slice(1, None)) for name, ice in schemes.items()}
means = {name: weighted_means(ice, ("time", "z", "x")) for name, ice in late.items()}
sums = {name: mean[list(apart.index)] for name, mean in means.items()}
ratios = {name: (sums[name] / sums["bulk"]).mean() for name in ("bins", "lagrangian")}
ratio = pd.DataFrame({name: values.to_pandas() for name, values in ratios.items()})
run.record_table(ratio, rows="quantity", columns="data", score="ratio")
ratio.round(2)

# %% [markdown]
# Seconds of computing for two hours of cirrus, without the time to compile, as measured when they were simulated (other work on the same processor makes them more):

# %%
costs = {name: ice.cpu_seconds.median().item() * 7200 / duration for name, ice in schemes.items()}
run.record_table(costs, rows="data", score="seconds")
pd.Series(costs).round(2).to_frame("seconds")

# %% [markdown]
# ## What was shown
#
# - Water is conserved to rounding in all three schemes, so that what they disagree on is not an error of bookkeeping.
# - The schemes differ in how they represent the crystals and, with it, how these move: on the grid bulk and bins also smear, particles do not. Both are in the numbers below.
# - With the same flow and the same crystals, bins hold {glue:text}`ratio_bins_q_i:.2f` and super-particles {glue:text}`ratio_lagrangian_q_i:.2f` times the ice of bulk.
# - Profiles of super-particles lie {glue:text}`apart_lagrangian_q_i:.2f` (mass) and {glue:text}`apart_lagrangian_v_m:.2f` (fall speed) ensemble spreads away from those of
#   bulk. Where this is not small, a structural choice counts as much as a parameter. For mass, other seeds in the same flow make {glue:text}`apart_seeds_q_i:.2f`.
# - Two hours cost {glue:text}`seconds_bulk:.1f` s in bulk, {glue:text}`seconds_bins:.0f` s with bins and {glue:text}`seconds_lagrangian:.0f` s with super-particles.
#
# Fields differ more than profiles, and eyes see it. How to put a number to it is the question of the next two notebooks.
