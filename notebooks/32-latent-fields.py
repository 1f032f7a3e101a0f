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
# # Latent fields
#
# A simulation of a cloud writes out millions of numbers. How many does one need to say what the cloud looks like? In this notebook each
# snapshot of a simulated cirrus, three fields of 64 x 64 cells, is squeezed through 16 numbers, and then through two. Along the way a cloud becomes a
# point, and its life a curve.
#
# In this notebook we
#
# 1. turn the fields of an ensemble of simulations into pictures of three channels,
# 2. train convolutional autoencoders with 16 and with 2 latents, and see what they restore of simulations they never saw,
# 3. compare them with principal components, and ask how many numbers the fields need,
# 4. follow the simulations through the latent spaces, and ask when their parameters matter most.
#
# The methods are explained on the page [](../book/part-3.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need the sample ensemble, its fields as pictures, autoencoders, and figures.

# %%
import numpy as np
import pandas as pd

from lib.cirrus.cm1.sample import PARAMETERS, sample_ensemble
from lib.evaluation import parameter_recovery
from lib.figures import cloud_fields
from lib.models import fields
from lib.notebook.run import start

# %% [markdown]
# Members are simulations. Some are set aside: a network never sees them before it is judged on them.

# %% tags=["parameters"]
n_members: int = 80  # members of the ensemble, at most 80
every: int = 1  # one in so many output times is used [5 min]
n_validation: int = 4  # members that decide on the best epoch
n_test: int = 16  # members on which all is scored
width: int = 16  # channels of the first layer of the networks
epochs: int = 80  # epochs of each network
batch: int = 32  # snapshots in a batch
n_components: int = 128  # principal components to compare with
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("32-latent-fields", globals())
run.at_least(n_members=10, every=1, n_validation=1, n_test=4)
run.at_least(width=1, epochs=1, batch=2, n_components=16)
run.at_most(n_members=80, every=6)  # the ensemble has 80 members, and four times must be left
run.require(
    n_validation + n_test <= n_members - 2,
    "n_validation and n_test must leave two of n_members or more to learn from.",
)
run

# %% [markdown]
# ## Fields as pictures
#
# The sample ensemble are 80 simulations of one cirrus by the cloud model CM1. They differ in two parameters of the ice microphysics, drawn at random:

# %%
pd.DataFrame(PARAMETERS, index=["unit", "meaning"]).T

# %% [markdown]
# There is no ice at the first time, so we leave it out.

# %%
ensemble = sample_ensemble().isel(member=slice(n_members), time=slice(1, None, every))
ensemble.load(scheduler="synchronous")
minutes = ensemble.time.to_numpy() / 60
x_km, z_km = ensemble.x.to_numpy() / 1000, ensemble.z.to_numpy() / 1000
dict(ensemble.sizes)

# %% [markdown]
# A snapshot becomes a picture of three channels: the mass of ice $q_i$, the mean mass of a particle $m_i$, and the density of the particles $\rho_i$. The first two
# span decades, so their logarithms are taken, with a floor where there is no ice. Then each channel is standardised, by the members to learn from.

# %%
data = fields.prepared(ensemble, n_validation, n_test, seed)
train, validation, test = data.split
members = pd.Series({name: len(rows) for name, rows in data.split._asdict().items()})
pd.DataFrame({"members": members, "pictures": members * len(minutes)})

# %% [markdown]
# {numref}`fig-channels` shows how a cloud develops that no network has seen.

# %% mystnb={"figure": {"caption": "The three channels of one test member at four times. A layer of ice forms, generating cells build at its top, and their crystals grow and fall out in streaks.", "name": "fig-channels"}, "image": {"alt": "Twelve colour maps, three channels at four times: a layer of ice that deepens and breaks into streaks."}}
life = np.linspace(0, len(minutes) - 1, 4).astype(int)
pictures = data.scaling.restored(data.standard[test[0], life])
cloud_fields.field_rows({"model": pictures}, [f"{minutes[t]:.0f} min" for t in life], x_km, z_km)

# %% [markdown]
# Do the channels say different things? In the microphysics P3 ice grows denser by riming. Here nothing rimes, so density follows almost from the mean mass of the particles. The share of the variance of
# $\rho_i$ in cells with ice that $m_i$ tells, and, for comparison, that of $q_i$:

# %%
q_i, m_i, rho_i = data.scaling.restored(data.standard).swapaxes(0, 2)
icy = q_i > np.log10(fields.Q_FLOOR) + 1e-4
run.record(rho_i_by_m_i=fields.share_told(rho_i[icy], m_i[icy]))
run.record(q_i_by_m_i=fields.share_told(q_i[icy], m_i[icy]))
pd.Series(run.metrics).filter(like="by_m_i").round(3).to_frame("share told by $m_i$")

# %% [markdown]
# ## Sixteen numbers, and two
#
# The autoencoder is the talk's: three channels in and out, convolutions in three hidden layers, and a *latent space* of 16 dimensions in between. We train a second one
# with two.

# %%
recipes = {n: fields.recipe(n, width, epochs) for n in (16, 2)}
trained = {n: fields.autoencoder(data, recipes[n], batch, seed, device) for n in recipes}
weights = [sum(p.numel() for p in found.model.parameters()) for found in trained.values()]
effort = pd.DataFrame({"weights": weights}, index=[f"{n} latents" for n in trained])
effort["epochs"] = [len(found.history) for found in trained.values()]
effort["seconds"] = [round(found.history.seconds.sum()) for found in trained.values()]
effort

# %% [markdown]
# Beside each stand as many *principal components*, which meteorologists call empirical orthogonal functions (EOFs): the best that can be done with sums of fixed patterns.

# %%
components = fields.components(data, min(n_components, len(train) * len(minutes)), seed)
ways = {f"vae{n}": fields.by_network(trained[n].model) for n in (16, 2)}
ways |= {f"pca{n}": fields.by_components(components, n) for n in (16, 2)}
latents = {name: way.encode(data.standard) for name, way in ways.items()}
latents["vae16"].shape

# %% [markdown]
# What is restored from 16 latents is smoother than the truth, but has the layer, its large cells and most streaks in their places ({numref}`fig-fields-restored`).

# %% mystnb={"figure": {"caption": "Four snapshots of test members, and below each channel what the autoencoder restores from 16 numbers.", "name": "fig-fields-restored"}, "image": {"alt": "Pairs of rows of colour maps: four simulated snapshots, and below them nearly the same restored."}}
some, when = test[:4], life
restored = ways["vae16"].decode(latents["vae16"][some, when])
rows = {"model": data.standard[some, when], "restored": restored}
rows = {name: data.scaling.restored(values) for name, values in rows.items()}
labels = [f"member {m}, {minutes[t]:.0f} min" for m, t in zip(some, when, strict=True)]
cloud_fields.field_rows(rows, labels, x_km, z_km)

# %% [markdown]
# In numbers: $R^2$ of each channel on test members is 1 less the mean square error over the variance of the channel.

# %%
new = data.standard[test]
restored = {name: way.decode(latents[name][test]) for name, way in ways.items()}
scores = {name: fields.channel_r2(new, pictures) for name, pictures in restored.items()}
run.record_each(scores, "r2")
r2 = pd.DataFrame(scores).T
run.keep(r2=r2)
r2.round(3)

# %% [markdown]
# What limits the network? On the members that it learned from it does better than on new ones, so more simulations would help. And its error grows late in the run, when eddies stir the cloud in
# ways that no other member shows:

# %%
learned = fields.channel_r2(data.standard[train], ways["vae16"].decode(latents["vae16"][train]))
error = ((new - restored["vae16"]) ** 2).mean(axis=(0, 2, 3, 4))
run.record_each(learned, "r2_vae16", "train")
run.record(late_error_vae16=error[minutes > 90].mean() / error[minutes <= 90].mean())
pd.DataFrame({"members learned from": learned, "test members": r2.loc["vae16"]}).T.round(3)

# %% [markdown]
# ## How many numbers do the fields need?
#
# With more components, more is restored. {numref}`fig-unexplained` shows what is still lost.

# %% mystnb={"figure": {"caption": "Share of the variance that is lost on test members, by how many numbers are kept of a snapshot. The lower the better. Crosses are the two autoencoders.", "name": "fig-unexplained"}, "image": {"alt": "Three plots on logarithmic axes: a line falling with the number of principal components, and a cross for each of two autoencoders."}}
counts = [n for n in (1, 2, 4, 8, 16, 32, 64, 128, 256) if n <= components.n_components_]
kept = {n: fields.by_components(components, n) for n in counts}
scores = {n: fields.channel_r2(new, way.decode(way.encode(new))) for n, way in kept.items()}
lost = pd.DataFrame(scores).T
cloud_fields.unexplained(lost, r2.loc[["vae2", "vae16"]].set_index(pd.Index([2, 16])))

# %% [markdown]
# How many components restore as much as the autoencoders do, on average over the channels? We read it off between the computed numbers. Beyond them we know no more than that it is
# fewer than the least of them, or more than the most.

# %%
kept_by = lost.mean(axis=1)
by_network = r2.loc[["vae16", "vae2"]].mean(axis=1)
worth = pd.Series(np.interp(by_network, kept_by, lost.index), by_network.index)
run.record(most_components=lost.index[-1])
run.record_each(worth, "components_like")
beyond = {"<": by_network < kept_by.iloc[0], ">": by_network > kept_by.iloc[-1]}
signs = np.select(list(beyond.values()), list(beyond), "")
pd.DataFrame({"components": signs + worth.map("{:.1f}".format)})

# %% [markdown]
# An autoencoder is free to leave latents unused: one that says nothing costs it nothing. {numref}`fig-information` shows what each tells.

# %% mystnb={"figure": {"caption": "What each of the 16 latents tells of a snapshot on average, as divergence from the prior.", "name": "fig-information"}, "image": {"alt": "Bar chart of the information in each of 16 latents, slowly falling with rank."}}
told = fields.information(trained[16].model, data.pictures(test))
run.record(
    active_latents=int((told > 0.1).sum()),
    nats_vae16=told.sum(),
    nats_vae2=fields.information(trained[2].model, data.pictures(test)).sum(),
)
cloud_fields.information(told)

# %% [markdown]
# ## Clouds as curves
#
# Each snapshot is a point in the latent space, and a simulation a curve. {numref}`fig-spiral` shows the three latents that vary most.

# %% mystnb={"figure": {"caption": "All members in the three latents of largest variance: in space, and in their three projections, coloured by time and by the two parameters. Neighbouring times and neighbouring parameters lie side by side, though the network was told neither.", "name": "fig-spiral"}, "image": {"alt": "Clouds of points in three rows, in space and in three projections, with colours that change smoothly across them."}}
most = np.argsort(latents["vae16"].std(axis=(0, 1)))[::-1][:3]
unit = parameter_recovery.unit_parameters(ensemble, list(PARAMETERS))
colours = {"time [min]": np.broadcast_to(minutes, (n_members, len(minutes)))}
for name, values in zip(PARAMETERS, unit.T, strict=True):
    label = f"{name.replace('_', ' ')}, 0 to 1 [1]"
    colours[label] = np.repeat(values[:, None], len(minutes), axis=1)
cloud_fields.trajectories(latents["vae16"][..., most], colours)

# %% [markdown]
# With two latents the whole space can be drawn: {numref}`fig-field-manifold` shows what the decoder makes of each place.

# %% mystnb={"figure": {"caption": "What the decoder draws on a grid of its two latents, channel by channel, and where the members run through it (lower right). The layer deepens along the arch that they follow; beside it the decoder makes up clouds that no simulation has.", "name": "fig-field-manifold"}, "image": {"alt": "Three grids of decoded fields in colour, and a scatter plot in which all members run along one arch."}}
low, high = np.percentile(latents["vae2"], [0.5, 99.5], axis=(0, 1))
first, second = np.linspace(low, high, 9).T
grid = np.stack(np.meshgrid(first, second), axis=-1)
drawn = data.scaling.restored(ways["vae2"].decode(grid))
cloud_fields.manifold(drawn, first, second, latents["vae2"], minutes)

# %% [markdown]
# ## When do the parameters matter most?
#
# At each time the members are spread out in the latent space. The variance over members, added up over the latents, says how much; and a quadratic function of
# the parameters says how much of it is theirs ({numref}`fig-spread`). The function is fitted to all members but one, and judged by that one, each in its turn.

# %% mystnb={"figure": {"caption": "Variance over the members along their way through the latent spaces. Lines below the upper one are what the parameters explain, together and each alone. They part the members first as ice forms; towards the end more and more of the spread is the chance of eddies.", "name": "fig-spread"}, "image": {"alt": "Two line plots of variance over time, with a peak early, a dip, and a rise towards the end."}}
spaces = {f"{n} latents": latents[f"vae{n}"] for n in (16, 2)}
spreads = {
    name: parameter_recovery.spread_in_time(points, unit, list(PARAMETERS))
    for name, points in spaces.items()
}
cloud_fields.spread_in_time(minutes, spreads)

# %% [markdown]
# When it is largest, and the share that the parameters explain over the whole time:

# %%
for n in (16, 2):
    table = spreads[f"{n} latents"]
    shares = table.sum() / table["all"].sum()
    run.record_each({f"vae{n}": minutes[table["all"].argmax()]}, "largest_spread_min")
    run.record_each({f"vae{n}": shares["explained"]}, "explained")
    run.record_each(shares[list(PARAMETERS)], f"explained_vae{n}")
pd.Series(run.metrics).filter(like="explained").round(2).to_frame("share")

# %% [markdown]
# ## What was shown
#
# - Sixteen numbers restore a snapshot of 12288 with $R^2$ of {glue:text}`r2_vae16_q_i:.3f`, {glue:text}`r2_vae16_m_i:.3f` and {glue:text}`r2_vae16_rho_i:.3f` for mass, particle mass and
#   density, of simulations that the network never saw. Sixteen principal components reach {glue:text}`r2_pca16_q_i:.3f`, {glue:text}`r2_pca16_m_i:.3f`
#   and {glue:text}`r2_pca16_rho_i:.3f`; it takes about {glue:text}`components_like_vae16:.0f` of them (of at most {glue:text}`most_components` that were tried) to do as well as the network.
#   On members that it learned from, the network reaches {glue:text}`r2_vae16_q_i_train:.3f`, {glue:text}`r2_vae16_m_i_train:.3f` and {glue:text}`r2_vae16_rho_i_train:.3f`; on new ones its mean square error
#   in the last half hour is {glue:text}`late_error_vae16:.1f` times that before.
# - The third channel adds little here: the mean mass of a particle tells {glue:text}`rho_i_by_m_i:.2f` of the variance of its density.
# - Two latents keep {glue:text}`r2_vae2_q_i:.3f`, {glue:text}`r2_vae2_m_i:.3f` and {glue:text}`r2_vae2_rho_i:.3f`, as much as {glue:text}`components_like_vae2:.0f` components.
#   What was varied has few dimensions, too: time and two parameters.
# - The members are spread out most after {glue:text}`largest_spread_min_vae16:.0f` minutes, and a quadratic function of the two parameters explains
#   {glue:text}`explained_vae16:.2f` of the spread. The rest is the weather of each run: eddies that no parameter decides.
