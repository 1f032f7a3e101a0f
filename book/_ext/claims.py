"""What the talk said, and what the rows of the runs say of it: *reproduced*, *refined* or *not reproduced*.

Each claim has a rule, a function from the rows of all runs and those of the kept records to a `Finding`, or None where nothing
was run. A number is better than another if it is so by more than two standard errors of their difference.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from score_tables import MAIN, NOT_YET, NOTHING, row_of

from lib.notebook import titles
from lib.notebook.rows import text

REPRODUCED, REFINED, NOT_REPRODUCED = "**reproduced**", "**refined**", "**not reproduced**"
CHANNELS = ("q_i", "m_i", "rho_i")
#: Kept record of the two-sample tests with real pictures, for runs that were given none.
REAL_PICTURES = "23-synthetic-vs-real-all"


class Finding(NamedTuple):
    """What the rows say of a claim: words with numbers, the verdict, and the row (its ``run``) that leads to the chapter."""

    words: str
    verdict: str
    row: object


class Claim(NamedTuple):
    """What the talk said, and the rule that turns rows and kept records into a `Finding`, or None where nothing was run."""

    said: str
    rule: Callable


def better(one, other):
    """Whether a row is higher than another by more than two standard errors of their difference."""
    return one.value - other.value > 2 * math.hypot(error(one), error(other))


def error(row):
    """Standard error of a row, or its standard deviation over seeds; 0 where it has neither."""
    return next((number for number in (row.se, row.sd) if number == number), 0.0)


def graded(tests):
    """Reproduced if all of some tests hold, refined if some do."""
    return REPRODUCED if all(tests) else REFINED if any(tests) else NOT_REPRODUCED


def ordered_models(low, high, views=("single", "single")):
    """A rule: the model `high` is better than the model `low` in R2 of both targets and in the number of bullets."""

    def rule(rows, _):
        pairs = [
            [row_of(rows, score, quantity, model=model, views=seen) for model, seen in zip((low, high), views, strict=True)]
            for score, quantity in MAIN
        ]
        if any(row is None for pair in pairs for row in pair):
            return None
        symbols = ("R² of ρₑ", "R² of Aₑ", "accuracy of n")
        words = [f"{symbol}: {text(one)} → {text(two)}" for symbol, (one, two) in zip(symbols, pairs, strict=True)]
        return Finding("; ".join(words), graded([better(two, one) for one, two in pairs]), pairs[0][1])

    return rule


def networks(rows, kept):
    """Networks on pictures are better than a forest on descriptors: the CNN in all scores, or else the best network in some."""
    cnn, best = (ordered_models("rf", model)(rows, kept) for model in ("cnn", "best"))
    if cnn is None or best is None:
        return cnn or best
    if cnn.verdict == REPRODUCED:
        return cnn
    verdict = NOT_REPRODUCED if best.verdict == NOT_REPRODUCED else REFINED
    return Finding(f"CNN: {cnn.words}. Best network: {best.words}", verdict, best.row)


def recognition(rows, _):
    """A network for reconstruction does not beat the best training shape."""
    methods = ("r2n2", "clustering", "retrieval", "oracle")
    found = [row_of(rows, "iou", model=model, views="single") for model in methods]
    if None in [row if row is None else 0 for row in found]:
        return None
    network, *recalled = found
    beaten = [better(network, other) for other in recalled]
    words = f"IoU: 3D-R2N2 {text(network)}, " + ", ".join(f"{titles.MODELS[row.model]} {text(row)}" for row in recalled)
    return Finding(words, NOT_REPRODUCED if beaten[-1] else REFINED if all(beaten[:2]) else REPRODUCED, network)


def two_kinds(rows, _):
    """k-means on two latents places 95 % of new pictures rightly, and more than k-means on bare pixels."""
    latents, pixels = (row_of(rows, "kmeans_accuracy", model=model, data="synthetic") for model in ("vae", "pixels"))
    if latents is None or pixels is None:
        return None
    words = f"in the right cluster: {text(latents)} by latents, {text(pixels)} by bare pixels"
    easy = pixels.value >= latents.value
    return Finding(words, NOT_REPRODUCED if latents.value < 0.95 else REFINED if easy else REPRODUCED, latents)


def habits(rows, _):
    """Each of the three autoencoders finds the habits better than the one before."""
    found = [row_of(rows, "ari", model=model) for model in ("conv2", "conv128_umap", "resnet128_umap", "ssl")]
    if any(row is None for row in found):
        return None
    words = "adjusted Rand index: " + ", ".join(f"{titles.MODELS[row.model]} {text(row)}" for row in found)
    return Finding(words, graded([better(two, one) for one, two in zip(found[:2], found[1:3], strict=True)]), found[0])


def synthetic(rows, kept):
    """Tuning brings synthetic pictures nearer to real ones, until a two-sample test tells them no better than two real halves."""
    real = rows if row_of(rows, "error", data="real") is not None else kept.get(REAL_PICTURES)
    if real is None:
        return None
    tests = [row_of(real, "c2st", data=data) for data in ("default", "after", "halves")]
    distances = [row_of(real, "distance", data=data) for data in ("default", "after")]
    chance = row_of(real, "c2st_error")
    if any(row is None for row in (*tests, *distances, chance)):
        return None
    words = f"two-sample test: {text(tests[0])} → {text(tests[1])}, two real halves {text(tests[2])}"
    words += f"; energy distance: {text(distances[0])} → {text(distances[1])}"
    reached = tests[1].value - tests[2].value <= 2 * math.sqrt(2) * chance.value
    nearer = distances[1].value < distances[0].value
    ours = row_of(rows, "c2st", data="after")
    return Finding(words, REPRODUCED if reached else REFINED if nearer else NOT_REPRODUCED, tests[1] if ours is None else ours)


def structure(rows, _):
    """Schemes are farther apart than two seeds and two flows of the same scheme."""
    parts = (("structure", "bins"), ("structure", "lagrangian"), ("seeds", "bulk"), ("flows", "bulk"))
    found = [row_of(rows, score, data=data, model="vae16_moved") for score, data in parts]
    if any(row is None for row in found):
        return None
    names = ("bins", "super-particles", "another seed", "another flow")
    words = "latent distance to bulk over that within its ensemble: "
    words += ", ".join(f"{name} {text(row)}" for name, row in zip(names, found, strict=True))
    chance = max(row.value for row in found[2:])
    return Finding(words, graded([row.value > chance for row in found[:2]]), found[0])


def reconstruction(rows, _):
    """Sixteen latents keep nine tenths of the variance of each channel on unseen members; two do, too."""
    found = {model: [row_of(rows, "r2", q, model=model) for q in CHANNELS] for model in ("vae16", "vae2")}
    if any(row is None for channels in found.values() for row in channels):
        return None
    symbols = " / ".join(("qᵢ", "mᵢ", "ρᵢ"))
    words = "; ".join(f"R² of {symbols} by {titles.MODELS[m]}: {' / '.join(map(text, rs))}" for m, rs in found.items())
    enough = [all(row.value >= 0.9 for row in channels) for channels in found.values()]
    return Finding(words, REPRODUCED if all(enough) else REFINED if enough[0] else NOT_REPRODUCED, found["vae16"][0])


def distances(rows, _):
    """Latent distances follow the parameters (rank correlation above 0.5), and do so better than EOFs and profiles."""
    found = [row_of(rows, "spearman", model=model) for model in ("vae16_moved", "pca16", "profiles")]
    if any(row is None for row in found):
        return None
    words = "rank correlation with the parameters: "
    words += ", ".join(f"{titles.MODELS[row.model]} {text(row)}" for row in found)
    ours, *rivals = (row.value for row in found)
    return Finding(words, NOT_REPRODUCED if ours < 0.5 else REPRODUCED if ours > max(rivals) else REFINED, found[0])


CLAIMS = (
    Claim("A random forest on shape descriptors is better than a linear model.", ordered_models("linear", "rf")),
    Claim("A CNN on pictures is better than the forest.", networks),
    Claim("A second view at 90° (2D-S) makes it better still.", ordered_models("best", "best", ("single", "2ds"))),
    Claim("So does one at 120° (PHIPS).", ordered_models("best", "best", ("single", "phips"))),
    Claim("A network that reconstructs from one view rather recognises.", recognition),
    Claim("k-means on two latents sorts spheres from rosettes.", two_kinds),
    Claim(
        "Nine habits: 128 latents with UMAP show them better than two, and a ResNet-VAE on masked pictures better still.", habits
    ),
    Claim("Representations of real and synthetic pictures together can make the synthetic crystals better.", synthetic),
    Claim("A convolutional VAE keeps the fields of a cirrus in 16 numbers, then in two.", reconstruction),
    Claim("As curves in the latent space simulations can be compared.", distances),
    Claim("Bulk, bin and Lagrangian microphysics differ structurally.", structure),
)


def table(rows, kept, links):
    """A line for each claim: what was said, what we find, the verdict, and of `links` (notebook -> link) its chapter."""
    lines = []
    for claim in CLAIMS:
        found = claim.rule(rows, kept)
        if found is None:
            lines.append([claim.said, NOT_YET, NOTHING, NOTHING])
        else:
            lines.append([claim.said, found.words, found.verdict, links.get(getattr(found.row, "run", ""), "")])
    return lines
