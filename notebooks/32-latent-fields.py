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
# snapshot of a simulated cirrus, three fields of 64 x 64 cells, is encoded in 16 numbers, and then in two. A snapshot becomes a point, and a
# simulation a curve.
#
# In this notebook we
#
# 1. turn the fields of an ensemble of simulations into pictures of three channels,
# 2. build and train a variational autoencoder, and see what it reconstructs of simulations that it has not seen,
# 3. compare autoencoders with empirical orthogonal functions, and ask how many numbers the fields need,
# 4. follow the simulations through the latent spaces, and ask when their parameters matter most.
#
# The methods are explained on the page [](../book/part-3.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need the sample ensemble, its fields as pictures, autoencoders, scores and figures.

# %%
import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GroupShuffleSplit
from torch import nn

from lib.cirrus.cm1.sample import PARAMETERS
from lib.datasets.cirrus_fields import cloudy, group_split, split_state
from lib.evaluation import field_scores, parameter_recovery
from lib.figures import cloud_fields
from lib.models import field_autoencoder
from lib.notebook.run import start
from lib.studies import latent_fields

# %% [markdown]
# Members are simulations. Some are held out: no network sees them before it is tested on them.

# %% tags=["parameters"]
n_members: int = 80  # members of the ensemble, at most 80
every: int = 1  # one in so many output times is used [5 min]
n_validation: int = 4  # members that decide on the best epoch
n_test: int = 16  # members on which all is scored
width: int = 16  # channels of the first layer of the networks that are trained here
epochs: int = 20  # epochs of each of these
batch: int = 32  # snapshots in a batch
shipped: bool = True  # whether networks that come with the project are used where they fit
n_components: int = 128  # empirical orthogonal functions to compare with
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
    "n_validation and n_test must leave two of n_members or more for training.",
)
run

# %% [markdown]
# ## Fields as pictures
#
# The sample ensemble are 80 simulations of one cirrus by the cloud model CM1. They differ in two parameters of the ice microphysics, drawn at random:

# %%
pd.DataFrame(PARAMETERS, index=["unit", "meaning"]).T

# %% [markdown]
# There is no ice at the first time, so it is left out.
#
# Two snapshots of one simulation five minutes apart are nearly the same picture. So the split is a *group split*: the splitter draws whole members, some for the test and some for
# validation, which decides on the best epoch. All others are for training.

# %%
splitter = GroupShuffleSplit(
    n_splits=1, test_size=n_test, train_size=n_validation, random_state=split_state(seed)
)
split = group_split(splitter, n_members)
ensemble, minutes, fields = latent_fields.sample(n_members, every, split)
members = pd.Series({name: len(rows) for name, rows in split._asdict().items()})
pd.DataFrame({"members": members, "snapshots": members * len(minutes)})

# %% [markdown]
# A snapshot becomes a picture of three channels: the mass of ice $q_i$ (P3 has one category, so this is all ice), the mean mass of a particle $m_i$, and the density of the particles $\rho_i$. The first two
# span decades, so their logarithms are taken, with a floor where there is no ice. Then each channel is scaled to mean 0 and standard deviation 1 over the members for training.
# The shape is (member, time, channel, z, x):

# %%
x_km, z_km = ensemble.x.to_numpy() / 1000, ensemble.z.to_numpy() / 1000
fields.standard.shape

# %% [markdown]
# {numref}`fig-channels` shows how a cloud of the test set develops.

# %% mystnb={"figure": {"caption": "The three channels of one test member at four times. A layer of ice forms, generating cells build at its top, and their crystals grow and fall out in streaks.", "name": "fig-channels"}, "image": {"alt": "Twelve colour maps, three channels at four times: a layer of ice that deepens and breaks into streaks."}}
life = np.linspace(0, len(minutes) - 1, 4).astype(int)
one_life = fields.scaling.inverse_transform(fields.standard[split.test[0], life])
times = [f"{minutes[t]:.0f} min" for t in life]
cloud_fields.field_rows({"model": one_life}, times, x_km, z_km)

# %% [markdown]
# Do the channels say different things? In the microphysics P3 ice grows denser by riming. Here nothing rimes, so density follows almost from the mean mass of the particles. The share of the variance of
# $\rho_i$ in cells with ice that $m_i$ explains, and, for comparison, that of $q_i$:

# %%
values = fields.scaling.inverse_transform(fields.standard)
q_i, m_i, rho_i = (values[:, :, channel][cloudy(values)] for channel in range(3))
run.record("by_m_i", field_scores.variance_explained(rho_i, m_i), quantity="rho_i")
run.record("by_m_i", field_scores.variance_explained(q_i, m_i), quantity="q_i")
run.table("quantity", score="by_m_i")

# %% [markdown]
# ## The autoencoder
#
# The autoencoder is the talk's: three channels in and out, convolutions in three hidden layers, and a *latent space* of 16 dimensions in between. Each layer of the encoder halves the sides of the
# picture, each of the decoder doubles them.

# %%
def down(n, m):
    return nn.Sequential(nn.Conv2d(n, m, 4, 2, 1, bias=False), nn.BatchNorm2d(m), nn.ReLU())

def up(n, m):
    return nn.Sequential(
        nn.ConvTranspose2d(n, m, 4, 2, 1, bias=False), nn.BatchNorm2d(m), nn.ReLU()
    )

# %% [markdown]
# So 64 x 64 cells become 8 x 8. From these a linear layer makes the mean and the logarithm of the variance of 16 latents; the way back begins with another.

# %%
w, latent_dimension = width, 16
encoder = nn.Sequential(
    nn.Conv2d(3, w, 4, 2, 1), nn.ReLU(), down(w, 2 * w), down(2 * w, 4 * w),
    nn.Flatten(), nn.Linear(4 * w * 8 * 8, 2 * latent_dimension),
)
decoder = nn.Sequential(
    nn.Linear(latent_dimension, 4 * w * 8 * 8), nn.ReLU(), nn.Unflatten(1, (4 * w, 8, 8)),
    up(4 * w, 2 * w), up(2 * w, w), nn.ConvTranspose2d(w, 3, 4, 2, 1),
)

# %% [markdown]
# Training makes the negative evidence lower bound small. With means $\mu$ and variances $\sigma^2$ of the latents, a picture $x$ of $D$ numbers and its reconstruction $\hat x$ from a random draw
# of the latents, it is, for each number and up to a constant,
#
# $$
# \mathcal{L} = \frac{1}{2} \ln \overline{(x - \hat x)^2} + \frac{1}{D} \, \overline{D_\mathrm{KL}} , \qquad
# D_\mathrm{KL} = \frac{1}{2} \sum_k \left( \mu_k^2 + \sigma_k^2 - 1 - \ln \sigma_k^2 \right) .
# $$
#
# The logarithm stands for a Gaussian error whose variance is the most likely one {cite:p}`rybkin2021`, so no weight between the two terms has to be chosen.

# %%
def loss(x):
    mean, log_variance = encoder(x).chunk(2, dim=1)
    log_variance = log_variance.clamp(-12, 6)  # so that no latent becomes infinitely precise
    latents = mean + torch.randn_like(mean) * (log_variance / 2).exp()
    error = ((x - decoder(latents)) ** 2).mean()
    divergence = (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
    return error.log() / 2 + divergence / x[0].numel()

# %% [markdown]
# The library trains the same network with the same loss. On a batch, with the trained weights and the same random numbers, both are equal:

# %%
recipe = field_autoencoder.recipe(latent_dimension, width, epochs)
live = field_autoencoder.autoencoder(fields, recipe, batch, seed, device)
encoder.load_state_dict(live.model.encoder.state_dict())
decoder.load_state_dict(live.model.decoder.state_dict())
encoder.to(device).eval(), decoder.to(device).eval()
x = torch.as_tensor(fields.pictures(split.test)[:batch], device=device)
torch.manual_seed(seed)
ours = loss(x)
torch.manual_seed(seed)
torch.testing.assert_close(ours, live.model.loss(x))

# %% [markdown]
# ## Sixteen numbers, and two
#
# This training is short, since it has to fit a laptop. Networks that were trained for longer on the same members, with 16 latents and with two, come with the project. They are used below where the
# parameters are theirs; with others (another seed, fewer members), networks of `width` and `epochs` take their place. The table says which they are.

# %%
settings = recipe, batch, seed, device, shipped
networks = {n: latent_fields.network(n, fields, *settings) for n in (16, 2)}
named = {f"{n} latents": network for n, network in networks.items()}
named["16 latents, trained here"] = live
pd.DataFrame({name: latent_fields.effort(network) for name, network in named.items()}).T

# %% [markdown]
# Beside each stand as many *empirical orthogonal functions* (EOFs), elsewhere called principal components: no sum of fixed patterns reconstructs the training snapshots better.

# %%
n_eofs = min(n_components, len(split.train) * len(minutes))
eofs = field_autoencoder.orthogonal_functions(fields, n_eofs, seed)
representation = field_autoencoder.network_representation
ways = {f"vae{n}": representation(network.model) for n, network in networks.items()}
ways |= {f"pca{n}": field_autoencoder.eof_representation(eofs, n) for n in networks}
ways["vae16_live"] = representation(live.model)
latents = {name: way.encode(fields.standard) for name, way in ways.items()}
latents["vae16"].shape

# %% [markdown]
# The reconstruction from 16 latents is smoother than the truth, but has the layer, its large cells and most streaks in their places ({numref}`fig-fields-restored`).

# %% mystnb={"figure": {"caption": "Four snapshots of test members, and below each channel its reconstruction by the autoencoder from 16 numbers.", "name": "fig-fields-restored"}, "image": {"alt": "Pairs of rows of colour maps: four simulated snapshots, and below them reconstructions that look nearly the same."}}
four = split.test[:4]
decoded_four = ways["vae16"].decode(latents["vae16"][four, life])
rows = {"model": fields.standard[four, life], "decoded": decoded_four}
physical = {name: fields.scaling.inverse_transform(standard) for name, standard in rows.items()}
snapshots = [f"member {m}, {time}" for m, time in zip(four, times, strict=True)]
cloud_fields.field_rows(physical, snapshots, x_km, z_km)

# %% [markdown]
# In numbers: $R^2$ of each channel on test members is 1 less the mean square error over the variance of the channel.

# %%
new = fields.standard[split.test]
reconstructions = {name: way.decode(latents[name][split.test]) for name, way in ways.items()}
scores = {name: field_scores.channel_r2(new, decoded) for name, decoded in reconstructions.items()}
r2 = pd.DataFrame(scores)
run.record_table(r2, rows="quantity", columns="model", score="r2")
run.table("model", "quantity", score="r2")

# %% [markdown]
# What limits the network? On the members that it was trained on it does better than on new ones, so more simulations would help. And its error grows late in the run, when eddies stir the cloud in
# ways that no other member shows:

# %%
train_reconstructions = ways["vae16"].decode(latents["vae16"][split.train])
r2_train = field_scores.channel_r2(fields.standard[split.train], train_reconstructions)
error = ((new - reconstructions["vae16"]) ** 2).mean(axis=(0, 2, 3, 4))
run.record_table(r2_train, rows="quantity", score="r2", model="vae16", split="train")
growth = error[minutes > 90].mean() / error[minutes <= 90].mean()
run.record("late_error", growth, model="vae16")
pd.DataFrame({"training members": r2_train, "test members": r2["vae16"]}).T.round(3)

# %% [markdown]
# ## How many numbers do the fields need?
#
# More EOFs lose less. {numref}`fig-unexplained` shows how much.

# %% mystnb={"figure": {"caption": "Share of the variance of test members that is lost, by how many numbers stand for a snapshot. The lower the better. Crosses are the two autoencoders.", "name": "fig-unexplained"}, "image": {"alt": "Three plots on logarithmic axes: a line that falls with the number of orthogonal functions, and a cross for each of two autoencoders."}}
counts = [n for n in (1, 2, 4, 8, 16, 32, 64, 128, 256) if n <= n_eofs]
truncations = {n: field_autoencoder.eof_representation(eofs, n) for n in counts}
r2_eofs = pd.DataFrame(
    {n: field_scores.channel_r2(new, way.decode(way.encode(new))) for n, way in truncations.items()}
).T
r2_networks = r2[["vae2", "vae16"]].T.set_index(pd.Index([2, 16]))
cloud_fields.unexplained_variance(r2_eofs, r2_networks)

# %% [markdown]
# How many EOFs reconstruct as much as the autoencoders do, on average over the channels? We interpolate between the computed numbers. Beyond them we know no more than that it is
# fewer than the least of them, or more than the most.

# %%
by_eofs = r2_eofs.mean(axis=1)
by_network = r2[["vae16", "vae2"]].mean()
worth = pd.Series(np.interp(by_network, by_eofs, r2_eofs.index), by_network.index)
run.record("most_components", counts[-1])
run.record_table(worth, rows="model", score="components_like")
beyond = {"<": by_network < by_eofs.iloc[0], ">": by_network > by_eofs.iloc[-1]}
signs = np.select(list(beyond.values()), list(beyond), "")
pd.DataFrame({"EOFs": signs + worth.map("{:.1f}".format)})

# %% [markdown]
# An autoencoder may leave latents unused: one that says nothing costs nothing in the loss. {numref}`fig-information` shows what each says.

# %% mystnb={"figure": {"caption": "Information that each of the 16 latents holds about a snapshot on average, as divergence from the prior.", "name": "fig-information"}, "image": {"alt": "Bar chart of the information in each of 16 latents, slowly falling with rank."}}
information = {
    n: field_scores.information(network.model, fields.pictures(split.test))
    for n, network in networks.items()
}
run.record("active_latents", int((information[16] > 0.1).sum()))
for n, nats in information.items():
    run.record("nats", nats.sum(), model=f"vae{n}")
cloud_fields.information(information[16])

# %% [markdown]
# ## Clouds as curves
#
# Each snapshot is a point in the latent space, and a simulation a curve. {numref}`fig-spiral` shows the three latents that vary most.

# %% mystnb={"figure": {"caption": "All members in the three latents of largest variance: in space, and in their three projections, coloured by time and by the two parameters. Neighbouring times and neighbouring parameters lie side by side, though the network was given neither.", "name": "fig-spiral"}, "image": {"alt": "Clouds of points in three rows, in space and in three projections, with colours that change smoothly across them."}}
most = np.argsort(latents["vae16"].std(axis=(0, 1)))[::-1][:3]
unit = parameter_recovery.unit_parameters(ensemble, list(PARAMETERS))
shape = (n_members, len(minutes))
colours = {"time [min]": np.broadcast_to(minutes, shape)} | {
    f"{name.replace('_', ' ')}, 0 to 1 [1]": np.broadcast_to(column[:, None], shape)
    for name, column in zip(PARAMETERS, unit.T, strict=True)
}
cloud_fields.trajectories(latents["vae16"][..., most], colours)

# %% [markdown]
# With two latents the whole space can be drawn: {numref}`fig-field-manifold` shows what the decoder makes of each place.

# %% mystnb={"figure": {"caption": "What the decoder draws on a grid of its two latents, channel by channel, and where the members run through it (lower right). The layer deepens along the arch that they follow; beside it the decoder makes up clouds that no simulation has.", "name": "fig-field-manifold"}, "image": {"alt": "Three grids of decoded fields in colour, and a scatter plot in which all members run along one arch."}}
low, high = np.percentile(latents["vae2"], [0.5, 99.5], axis=(0, 1))
first, second = np.linspace(low, high, 9).T
grid = np.stack(np.meshgrid(first, second), axis=-1)
mosaic = fields.scaling.inverse_transform(ways["vae2"].decode(grid))
cloud_fields.manifold(mosaic, first, second, latents["vae2"], minutes)

# %% [markdown]
# ## When do the parameters matter most?
#
# At each time the members are spread out in the latent space. The variance over members, added up over the latents, says how much; and a quadratic function of
# the parameters explains a part of it ({numref}`fig-spread`). The function is fitted to all members but one and tested on that one, each in its turn.

# %% mystnb={"figure": {"caption": "Variance over the members along their way through the latent spaces. Lines below the upper one are what the parameters explain, together and each alone. They separate the members first as ice forms; towards the end more and more of the variance is the chance of eddies.", "name": "fig-spread"}, "image": {"alt": "Two line plots of variance over time, with a peak early, a dip, and a rise towards the end."}}
variances = {
    n: parameter_recovery.variance_by_time(latents[f"vae{n}"], unit, list(PARAMETERS))
    for n in networks
}
cloud_fields.variance_by_time(minutes, {f"{n} latents": table for n, table in variances.items()})

# %% [markdown]
# When it is largest, and the share that the parameters explain over the whole time:

# %%
peaks = {f"vae{n}": minutes[table["all"].argmax()] for n, table in variances.items()}
shares = {f"vae{n}": table.sum() / table["all"].sum() for n, table in variances.items()}
run.record_table(peaks, rows="model", score="largest_spread_min")
for model, share in shares.items():
    run.record("explained", share["explained"], model=model)
    run.record_table(share[list(PARAMETERS)], rows="quantity", score="explained", model=model)
run.table(["score", "quantity"], "model", score=["largest_spread_min", "explained"])

# %% [markdown]
# ## What was shown
#
# - Sixteen numbers reconstruct a snapshot of 12288 with $R^2$ of {glue:text}`r2_vae16_q_i:.3f`, {glue:text}`r2_vae16_m_i:.3f` and {glue:text}`r2_vae16_rho_i:.3f` for mass, particle mass and
#   density, of simulations that the network has not seen. Sixteen EOFs reach {glue:text}`r2_pca16_q_i:.3f` for mass; it takes about {glue:text}`components_like_vae16:.0f` of them to do as well as the network.
#   On members that it was trained on the network does better, and it is worst late in the run.
# - The third channel adds little here: the mean mass of a particle explains {glue:text}`rho_i_by_m_i:.2f` of the variance of its density.
# - Two latents are worth {glue:text}`components_like_vae2:.0f` EOFs. What was varied has few dimensions, too: time and two parameters.
# - A quadratic function of the two parameters explains {glue:text}`explained_vae16:.2f` of the variance over members in 16 latents. The rest is the weather of each run: eddies that no parameter decides.
