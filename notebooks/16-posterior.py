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
# # A posterior instead of a point
#
# A silhouette leaves open which crystal cast it. A prediction that is a number hides this. Here the generator of crystals is
# known, so the honest answer can be computed: a distribution over crystals, the *posterior*. This is simulation-based inference
# {cite:p}`cranmer2020`.
#
# In this notebook we
#
# 1. learn the joint density of $\ln \rho_e$, $\ln A_e$ and the number of bullets, given one to six views,
# 2. test whether it is calibrated, and compare it with a Gaussian and with conformal intervals,
# 3. draw whole rosettes that cast a given shadow, each weighted by the likelihood of its silhouette, and
# 4. look at the modes into which this posterior splits.
#
# The methods are explained on the page [](../book/part-1-reconstruction.md). On Colab, the next cell installs the project.

# %% tags=["remove-cell"]
import sys

if "google.colab" in sys.modules:
    # !git clone -q --depth 1 https://github.com/ice-crystals-ml/ice-crystals-ml && pip install -q -e ice-crystals-ml
    sys.path.insert(0, "ice-crystals-ml")

# %% [markdown]
# We need crystals seen from several sides, the network that comes with the project, densities, and tests of calibration.

# %%
import numpy as np
import pandas as pd
import torch

from lib.core.seeds import child_seed
from lib.datasets import fresh_rosettes
from lib.datasets.rosettes import rosette_views
from lib.datasets.voxel_scenes import ANGLES, scenes
from lib.evaluation.calibration import sbc_ranks, tarp_levels
from lib.evaluation.conformal import Conformal
from lib.figures import posterior as figures
from lib.figures import scenes as scenes_3d
from lib.figures.gallery import scene_frame
from lib.models.posterior import trained_posterior
from lib.models.reconstruction import rosette_posterior as rosettes
from lib.notebook import titles
from lib.notebook.run import start
from lib.studies import shape_posterior as study
from lib.studies.rosette_network import rosette_training

# %% [markdown]
# Crystals that [](13-image-networks.ipynb) drew with the same values are found, not drawn again.

# %% tags=["parameters"]
n_crystals: int = 1000  # crystals that the density trained here learns from
n_held: int = 500  # crystals that decide on its best epoch
n_test: int = 700  # test crystals
angles: list[float] = [0, 90, 120, 30, 60, 150]  # views that the data sets hold [deg]
size: int = 128  # side of the square pictures [pixels]
n_views: int = 6  # most views of a crystal
epochs: int = 30  # epochs of the density trained here
n_draws: int = 199  # draws from the density of each test crystal
n_rosettes: int = 70  # test crystals of which whole rosettes are drawn
n_prior: int = 50_000  # rosettes from the prior among which the search begins
n_starts: int = 64  # of these refined for each crystal
n_alike: int = 20  # crystals with the same shadow that are shown
scheduler: str = "processes"  # Dask: threads, processes, synchronous or tcp://host:port
device: str = "auto"  # torch device: auto, cpu, cuda or cuda:1
seed: int = 0  # seed of every random number

# %% [markdown]
# Each run begins by checking them and showing those in effect.

# %%
run = start("16-posterior", globals())
run.at_least(n_crystals=70, n_held=35, n_test=35, size=32, n_views=2, epochs=1, n_draws=19)
run.at_least(n_rosettes=7, n_prior=1000, n_starts=8, n_alike=2)
run.require(n_starts <= n_prior, "n_starts must not exceed n_prior.")
run.angles("angles")
run

# %% [markdown]
# ## What is seen of a crystal
#
# Each crystal is seen from random sides. The encoder of the network that comes with the project (`data/networks/rosettes`) turns
# each picture into features. It has seen none of these crystals.

# %%
turns = tuple(map(float, angles))
sets = fresh_rosettes.sets(n_crystals, n_held, n_test, turns, size, seed)
shipped = rosette_training().result(device)
count = {name: n_views for name in sets._fields} | {"calibration": 1}  # for conformal intervals
observed = {
    name: study.observe(rosette_views(of, scheduler), shipped.model, count[name], size, of.seed)
    for name, of in sets._asdict().items()
}
learn, held, test = (observed[name] for name in ("crystals", "validation", "test"))
learn.features.shape  # (crystal, view, feature)

# %% [markdown]
# ## A density that is learned
#
# Let $\mathbf{y} = (\ln \rho_e, \ln A_e)$, and $x$ the features of all views. The posterior is written as
#
# $$ p(n, \mathbf{y} \mid x) = p(n \mid x)\; p(\mathbf{y} \mid n, x) . $$ (eq-posterior)
#
# The first factor is a softmax, the second a *normalising flow* {cite:p}`durkan2019`: an invertible map, whose parameters
# depend on $n$ and $x$, from $\mathbf{y}$ to standard normal numbers. The loss is minus the mean logarithm of the density of the
# truth. It is smallest, over all densities, at the posterior itself {cite:p}`papamakarios2016`. The views are embedded one by
# one, and mean and maximum of the embeddings are taken, so their order does not matter {cite:p}`zaheer2017`. In training each
# batch gets a random number of views.

# %%
bullets = study.BULLETS
description = study.describe(sets, shipped, n_views, size)
every = tuple(range(1, n_views + 1))
found = trained_posterior(
    learn.seen, held.seen, bullets, every, description, epochs=epochs, seed=seed
)
found.history.tail(3).round(3)

# %% [markdown]
# So few crystals do not suffice. A density that learned from {glue:text}`pictures_posterior:,d` pictures of other crystals **comes with
# the project** (`data/networks/rosette-posterior`, made by `make train NAME=rosette-posterior`). All that follows is said of it;
# the one trained here stays beside it in the log scores.

# %%
posterior = study.shape_posterior_training().result().model
run.record("pictures", study.Numbers().learn * study.Numbers().n_views, model="posterior")

# %% [markdown]
# Its loss of the first test crystals by the formula, beside that of the library:

# %%
first = test.seen.views(1)
with torch.no_grad():
    context = posterior.context(first.features)
    chances = posterior.label(context).log_softmax(1)
    of_label = chances[torch.arange(len(context)), first.labels]
    y = (first.logs - posterior.log_mean) / posterior.log_deviation
    of_logs = posterior.density(context, first.labels).log_prob(y)
    of_logs -= posterior.log_deviation.log().sum()  # the density of y before it was standardised
    assert torch.isclose(-(of_label + of_logs).mean(), posterior.loss(first), rtol=1e-4)

# %% [markdown]
# {numref}`fig-joint` shows draws for three test crystals.

# %% mystnb={"figure": {"caption": "Draws from the posterior of three test crystals given one view, two and all. Top: effective density and effective surface area; the cross is the truth. Bottom: number of bullets; the dotted line is the truth. Both values depend on each other, and on the number of bullets.", "name": "fig-joint"}, "image": {"alt": "Three clouds of dots that shrink about a cross with the number of views, and below each a bar chart."}}
counts = sorted({1, 2, n_views})
drawn = {n: study.draws(posterior, test, n, n_draws, seed) for n in every}
true = study.true_values(test)
shown = {f"{n} view{'s' * (n > 1)}": drawn[n][:3] for n in counts}
figures.joint_densities(shown, true[:3])

# %% [markdown]
# ## How much do views tell?
#
# The *log score* is the mean logarithm of the density of the truth: it rewards densities that are sharp and right, and a
# difference of 0.7 is a factor of two. Beside the posterior stand the one trained here and a Gaussian: the mean of the network's
# answers, with the covariance of its errors on validation crystals.

# %%
for n in drawn:
    gaussian = study.Gaussian.fit(held, n).log_density(test, n)
    densities = {"posterior": posterior, "posterior_small": found.model}
    logs = {model: study.log_density(density, test, n) for model, density in densities.items()}
    for model, values in (logs | {"gaussian": gaussian}).items():
        error = study.standard_error(values)
        run.record("log_score", values.mean(), error, model=model, views=f"random_{n}")
scored = run.rows[run.rows.score == "log_score"]
scored = scored.assign(n_views=scored.views.map({f"random_{n}": n for n in drawn}))

# %% [markdown]
# {numref}`fig-log-scores` shows all three.

# %% mystnb={"figure": {"caption": "Log score of the truth of test crystals by the number of views, with standard errors: the posterior that comes with the project, the one trained here, and a Gaussian about the mean answer of the network.", "name": "fig-log-scores"}, "image": {"alt": "Three lines that rise with the number of views, from one to the most."}}
compared = ("posterior", "posterior_small", "gaussian")
figures.log_scores(scored, {model: titles.MODELS[model] for model in compared})

# %% [markdown]
# ## Is it calibrated?
#
# If the posterior is right, the rank of the truth among draws is uniform: *simulation-based calibration* {cite:p}`talts2018`,
# with a $\chi^2$ test. That looks at one quantity at a time. *TARP* {cite:p}`lemos2023` looks at all together: a ball about a
# random point that reaches to the truth holds a share of the draws that is uniform as well, and only if the whole density is
# right. Its test is that of Kolmogorov and Smirnov. A small $p$ says that the posterior is not exact.

# %%
for n in counts:
    for quantity, test_of in study.calibration_table(drawn[n], true).iterrows():
        views = f"random_{n}"
        joint = quantity == "joint"
        kind, what = ("tarp_distance", "tarp_p") if joint else ("sbc_chi2", "sbc_p")
        where = {"model": "posterior", "views": views} | ({} if joint else {"quantity": quantity})
        run.record(kind, test_of.statistic, **where)
        run.record(what, test_of.p, **where)
run.table(["views", "quantity"], score=["sbc_chi2", "sbc_p", "tarp_distance", "tarp_p"])

# %% [markdown]
# With the default parameters the numbers of bullets are calibrated, and both values from one view. From several views both are
# not: the density is too narrow,
# since in training it comes to know its own crystals better than others.
# {numref}`fig-calibration` shows the ranks from one view, and the coverage of all together.

# %% mystnb={"figure": {"caption": "Ranks of the truth of test crystals among draws from one view, for each quantity; the grey band holds 95 % of the bars of a calibrated posterior. Right: share of truths within regions of each credibility (TARP), which lies on the diagonal if the posterior is exact.", "name": "fig-calibration"}, "image": {"alt": "Three flat histograms, and lines close to a diagonal."}}
ranks = {name: sbc_ranks(drawn[1][..., i], true[:, i]) for i, name in enumerate(study.QUANTITIES)}
levels = {f"{n} view{'s' * (n > 1)}": tarp_levels(drawn[n], true) for n in counts}
figures.calibration(ranks, levels, n_draws)

# %% [markdown]
# ## Intervals
#
# A reader may only want an interval. Central 95 % intervals of three kinds from one view: quantiles of the posterior, those of
# the Gaussian, and conformal ones, which cover by construction but are not told what else is known ([](13-image-networks.ipynb)).
# The interval score {cite:p}`gneiting2007` adds up width and misses; small is good.

# %%
parts = [(part.truth, part.predicted()) for part in (held, observed["calibration"])]
ends = Conformal(*parts).intervals(test.predicted(), 0.95)
intervals = {
    "posterior": np.quantile(drawn[1][..., :2], (0.025, 0.975), axis=1),
    "gaussian": study.Gaussian.fit(held, 1).intervals(test, 1, 0.95),
    "conformal": study.logarithms(ends),
}
for model, values in intervals.items():
    for quantity, row in study.interval_table(values, true, 0.95).iterrows():
        where = {"model": model, "views": "single", "quantity": quantity}
        run.record("interval_coverage", row.coverage, row.coverage_se, **where)
        run.record("interval_width", row.width, **where)
        run.record("interval_score", row.interval_score, row.interval_score_se, **where)
run.table(["model", "quantity"], score=["interval_coverage", "interval_width", "interval_score"])

# %% [markdown]
# ## The rosette itself
#
# Now the whole crystal. All that the model draws at random is uniform, so each number of it can be written as $\Phi(z)$ with $z
# \sim \mathcal{N}(0, 1)$: four proportions, and width, length, roll and lean of each bullet. So the prior is known exactly. The
# likelihood compares the silhouettes $S$ of a crystal, drawn exactly, with the pictures $S_0$:
#
# $$
# p(S_0 \mid \mathbf{z}, R, n) \propto \exp \left( - \frac{1}{2 \sigma^2} \sum_\text{pixels} (S - S_0)^2 \right)
# $$ (eq-silhouette-likelihood)
#
# with the tolerance $\sigma$ of a pixel's coverage. In code, for crystals from the prior and the first test crystal:

# %%
settings = rosettes.Settings(n_prior=n_prior, n_starts=n_starts)
shapes = scenes(n_rosettes, child_seed(seed, "scenes", "test"))
some = rosettes.prior(5, np.random.default_rng(seed))
picture = shapes.pictures[0, :1] / 4
difference = some.pictures(ANGLES[:1]) - picture
log_likelihood = -difference.square().sum((1, 2, 3)) / (2 * settings.tolerance**2)
log_likelihood.round()  # no crystal of the prior is near

# %% [markdown]
# A crystal has up to 57 numbers, and the posterior has many modes. So the sampler takes the prior crystals with the most similar
# pictures, lets each descend by Levenberg and Marquardt's method, adds the mirror images in depth of the best, and then draws
# about each mode by *annealed importance sampling* {cite:p}`neal2001`. The weight of a sample follows from its likelihood, its
# prior and where it came from, never from the truth. The test crystals are those of [](15-reconstruction.ipynb).

# %%
codes = {1: "single", 2: "2ds"}
samples = {n: rosettes.scene_posteriors(shapes, n, settings, seed) for n in codes}
tables = {}
for n, code in codes.items():
    pairs = zip(samples[n], shapes.voxels, strict=True)
    tables[n] = [study.sample_table(one, truth) for one, truth in pairs]
    scores = pd.DataFrame([study.sample_scores(table) for table in tables[n]])
    effective = scores.pop("effective_size").median()
    run.record("effective_size", effective, model="posterior", views=code)
    run.record_table(scores.mean(), scores.sem(), model="posterior", views=code)
run.table(["model", "views"], score=[*scores, "effective_size"])

# %% [markdown]
# The IoU is that of the sample with the largest weight. Beside it: the better of both depths, the IoU expected under the weights,
# the IoU of the silhouettes, and the *effective number of samples*, one over the sum of the squared weights. So many equally
# weighted samples would tell as much. It is {glue:text}`posterior_single_effective_size:.1f` from one view: the likelihood is so
# sharp that one mode takes nearly all the weight, although the search has hardly found the best one, whose silhouettes would
# agree entirely. So this is a search for modes rather than a fair sample, and the modes tell more than their weights.
#
# ## How it splits into modes
#
# A bullet that points to the eye and one that points away at the same angle cast the same shadow. {numref}`fig-modes` shows the
# samples of three crystals by their IoU with the truth and with its mirror image in depth: samples of the true mode lie below the
# diagonal, those of the mirrored one above, and others are close to neither. The weights of the modes:

# %%
mirrored = [study.mirrored_weight(table) for table in tables[1]]
run.record("weight_of_mirror", np.mean(mirrored), study.standard_error(mirrored))
by_mode = {i: table.groupby("mode").weight.sum() for i, table in enumerate(tables[1][:3])}
pd.DataFrame(by_mode).T.round(2).rename_axis("crystal")

# %% [markdown]
# On average over all crystals {glue:text}`weight_of_mirror:.0%` of the weight is nearer to the mirror image than to the truth.

# %% mystnb={"figure": {"caption": "Samples of the posterior of three test crystals given one view: IoU with the true crystal and with its mirror image in depth. The area of a dot is the weight of the sample, its colour the number of bullets.", "name": "fig-modes"}, "image": {"alt": "Three panels with groups of dots on both sides of a diagonal, some large and most small."}}
figures.modes(tables[1][:3])

# %% [markdown]
# Both images have the same outline, but not the same *frame*: each picture is centred on the box around the whole crystal and
# scaled to it, in depth too. So the frame tells a little of the depth, and the weights of the modes differ. Pictures of real
# probes have no such frame.
#
# ## Many crystals with the same shadow
#
# The search is repeated for one crystal with more modes. Of these, those with the most similar silhouettes are shown beside
# the truth (upper left, blue). From the front they look much alike; turn them with the mouse.

# %%
several = max(n_starts, 6 * n_alike)
many = rosettes.Settings(n_prior, several, n_modes=n_alike, per_mode=4)
shadow = shapes.pictures[2, :1] / 4
lookalikes = study.lookalikes(shadow, ANGLES[:1], many, n_alike, seed)
true_mesh = scenes_3d.in_picture(shapes.crystals[2], shapes.orientations[2].cpu().numpy())
meshes = [true_mesh] + [scenes_3d.in_picture(*one) for one in lookalikes.crystals]
scenes_3d.write_grid(meshes, run.file("scene.html"))
run.record("agreement", np.mean(lookalikes.agreement), model="lookalikes")
title = "A rosette and others with the same shadow, to be turned by hand"
scene_frame(run.url("scene.html"), title, run.url("scene.png"))

# %% [markdown]
# Their silhouettes agree with the true one to an IoU of {glue:text}`agreement_lookalikes:.3f` on average.
#
# ## What was shown
#
# - From one view the posterior gives the truth a log score of {glue:text}`posterior_random_1_log_score:.2f` nats, a Gaussian about
#   the network's answer {glue:text}`gaussian_random_1_log_score:.2f`, and a posterior from few crystals
#   {glue:text}`posterior_small_random_1_log_score:.2f`. It gains by telling how the two values and the number of bullets depend on
#   each other. As intervals of one value its quantiles are no better than a Gaussian's: they hold
#   {glue:text}`posterior_single_interval_coverage_rho_e:.0%` of the densities where 95 % are asked.
# - Of whole rosettes, the sample with the largest weight reaches an IoU of {glue:text}`iou_posterior:.3f` ±
#   {glue:text}`iou_posterior_se:.3f` from one view and {glue:text}`iou_posterior_2ds:.3f` ±
#   {glue:text}`iou_posterior_2ds_se:.3f` from two, although its silhouettes agree to
#   {glue:text}`posterior_single_agreement:.3f` and {glue:text}`posterior_2ds_agreement:.3f`.
# - The sampler knows the model, the noise-free picture and its frame, as nobody does of a real crystal. Its scores tell what
#   a picture leaves open.
