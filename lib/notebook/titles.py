"""What scores, models, views, quantities and data sets are called in tables, and the flat name of a recorded number.

How to record. A result is a row: a score, its value, its standard error and the fields that say whose score it is::

    run.record("r2", 0.94, se=0.01, model="rf", views="single", quantity="rho_e")
    run.record("share_filled", filled)
    run.record_table(values, errors, columns="model", views="single")

A field is left out where it has nothing to tell. Fields hold short codes, which the tables below translate into words. Rows go
to ``metrics.csv`` in the run folder. For prose (``{glue:text}``) and ``metrics.json`` each row also gets a flat name, here
``rf_single_r2_rho_e``, and its error that name with ``_se`` (or ``_sd`` for a standard deviation over seeds). `Score.order` says
once for each score which fields the name consists of; nothing ever takes a name apart. A score that is not in `SCORES` needs no
entry: it is called what it is recorded as, and its name follows `usual_order`. Add an entry for a title, a unit and digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

#: Columns of a row that say whose score it is. An absent field is an empty text.
FIELDS = ("model", "views", "quantity", "data", "split")


def usual_order(fields: Mapping[str, str]) -> str:
    """Model and views first where there are views, as in rf_single_r2_rho_e; else the score first, as in r2_vae16_q_i_train."""
    return "model views score quantity data split" if fields["views"] else "score model data quantity split"


def _score_of_model(fields: Mapping[str, str]) -> str:
    """The effort of a training on pictures with one view is named after the model, others after the score."""
    return "model score" if fields["views"] else "score model"


def _one_view_silent(fields: Mapping[str, str]) -> str:
    """One view is not mentioned, and two stand at the end, as in iou_r2n2_2ds."""
    return "score model" if fields["views"] == "single" else "score model views"


def _autoencoder_last(fields: Mapping[str, str]) -> str:
    """Autoencoders of two kinds of particles stand after the data, and the plain one is not mentioned."""
    if fields["model"] == "vae":
        return "score data split"
    return "score data model split" if fields["model"] == "invariant" else "score model data split"


def _cpi_first(fields: Mapping[str, str]) -> str:
    """Numbers of the CPI begin with it, those of the 2D-S end with it, as in cpi_n_used and n_used_2ds."""
    return "data score" if fields["data"] == "cpi" else "score data"


class Score(NamedTuple):
    """How a score is called, shown and named.

    Attributes
    ----------
    title : what it is, in words
    form : format of its value, as Python writes it (``.3f``); empty for four significant digits, or a whole number
    factor : what the value is multiplied by before it is shown
    unit : of what is shown then; empty where it has none
    order : the flat name as words joined by underscores, of which "score" and the names of fields stand for their values.
        Fields that are not mentioned or not given are left out. Or a function from the fields to such a text.
    """

    title: str
    form: str = ".3f"
    factor: float = 1
    unit: str = ""
    order: str | Callable[[Mapping[str, str]], str] = usual_order

    @property
    def head(self) -> str:
        """Title with unit."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    def number(self, value: float) -> str:
        """`value` as it is shown."""
        if self.form:
            return f"{self.factor * value:{self.form}}".replace("-", "\N{MINUS SIGN}")
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def _count(title: str, order: str | Callable = usual_order) -> Score:
    return Score(title, ",.0f", order=order)


def _share(title: str, order: str | Callable = usual_order) -> Score:
    return Score(title, ".1f", 100, "%", order)


#: Code of a score -> how it is called, shown and named.
SCORES: dict[str, Score] = {
    # of predicted numbers and labels
    "r2": Score("R²"),
    "rmse": Score("RMSE", ".2f", 1000, "10⁻³"),
    "mae": Score("MAE", ".2f", 1000, "10⁻³"),
    "balanced_accuracy": Score("balanced accuracy"),
    "top3": Score("among the first three"),
    "precision": Score("precision"),
    "recall": Score("recall"),
    "f1": Score("F1"),
    "mae_bullets": Score("mean absolute error of the number of bullets"),
    "nrmse": Score("RMSE over the mean"),
    "bias": Score("mean error over the mean"),
    "cameras_that_pay": _count("cameras from which on another cuts the error of the mass by less than a tenth"),
    "mass_excess": _share("fitted mass too large with the size from one projection"),
    "exponent_change": Score("change of the fitted exponent with the size from one projection"),
    "rmse_cut": Score("RMSE saved by a second view", ".0f", 100, "%", "score quantity views"),
    "leak_few": Score("gain of R² by a split by image, few crystals", order="model score r2 quantity"),
    "leak_many": Score("gain of R² by a split by image, many crystals", order="model score r2 quantity"),
    **{f"coverage_{percent}": _share(f"truth in the {percent} % interval or set") for percent in (80, 95)},
    **{f"width_{percent}": Score(f"upper over lower end of the {percent} % interval", ".2f") for percent in (80, 95)},
    **{f"size_{percent}": Score(f"size of the {percent} % set", ".2f") for percent in (80, 95)},
    "log_score": Score("log score of the truth", ".2f", unit="nats"),
    "interval_coverage": _share("truth in the central 95 % interval"),
    "interval_width": Score("upper over lower end of the central 95 % interval", ".3f"),
    "interval_score": Score("interval score of the logarithm", ".4f"),
    "sbc_chi2": Score("χ² of the ranks", ".1f"),
    "sbc_p": Score("p-value of uniform ranks", ".2f"),
    "tarp_distance": Score("largest distance of TARP's coverage from the diagonal"),
    "tarp_p": Score("p-value of TARP", ".2f"),
    "effective_size": Score("effective number of samples, median", ".1f"),
    "weight_of_mirror": _share("weight of the mirrored modes"),
    "novelty_flagged": _share("flagged as novel at 5 % false alarms"),
    # of pictures and crystals
    **{f"p{percent}": Score(f"{percent}th percentile", order="data quantity score") for percent in (5, 25, 50, 75, 95)},
    "n_train": _count("examples to learn from"),
    "n_test": _count("examples to test on"),
    "n_failed": _count("crystals that failed"),
    "n_leak_few": _count("crystals, few"),
    "n_leak_many": _count("crystals, many"),
    "hollow_volume_ratio": Score("volume kept by hollow bullets", ".2f"),
    "hollow_area_ratio": Score("surface of hollow over full bullets", ".2f"),
    "hollow_pixels_changed": _count("pixels that hollows change"),
    "cauchy_ratio": Score("mean shadow over a quarter of the surface", ".4f"),
    "share_inside": _share("pictures whose descriptors are those of rosettes", "data score"),
    "share_not_novel": _share("pictures that are not novel", "data score"),
    "n_files": _count("files", _cpi_first),
    "n_used": _count("pictures used", _cpi_first),
    "n_left_out": _count("pictures left out", _cpi_first),
    # of trainings
    "pictures": _count("pictures shown in training", _score_of_model),
    "pictures_seen": _count("pictures shown in training", _score_of_model),
    "centre_error": Score("distance from the true centre", ".2f", unit="px"),
    "doubling_r2_rho_e": _share("of 1 - R² of ρₑ that twice the pictures leave"),
    "doubling_r2_a_e": _share("of 1 - R² of aₑ that twice the pictures leave"),
    "doubling_balanced_accuracy": _share("of wrong numbers of bullets that twice the pictures leave"),
    "pictures_per_second": Score("training speed", ",.0f", unit="pictures/s", order=_score_of_model),
    "loss": Score("loss on training pictures", ".1f", order=_autoencoder_last),
    # of shapes
    "share_filled": _share("voxels filled"),
    "iou_mirror_of_truth": Score("IoU of a crystal with its mirror image in depth"),
    "iou": Score("IoU", order=_one_view_silent),
    "iou_mirrored": Score("IoU, better of both depths", order=_one_view_silent),
    "fscore": Score("F-score", order=_one_view_silent),
    "agreement": Score("IoU of the silhouettes"),
    # of attributions
    "share_of_pixels": _share("share of the pixels"),
    "missing": _share("of the change of the answer not attributed"),
    "density": Score("density over that of the mean pixel", ".2f"),
    "effect": Score("effect over that of the mean pixel", ".2f"),
    "deletion": Score("area under deletion"),
    "insertion": Score("area under insertion"),
    "deletion_gain": Score("gain over edges, deletion"),
    "insertion_gain": Score("gain over edges, insertion"),
    "map_correlation": Score("rank correlation of maps", ".2f"),
    "removal": Score("rank correlation with the effect of a bullet", ".2f"),
    "iou_expected": Score("IoU, weighted mean of the samples", order=_one_view_silent),
    # of representations
    "one_pixel_accuracy": Score("accuracy of one pixel", order="score data"),
    "kmeans_accuracy": Score("accuracy of k-means", order=_autoencoder_last),
    "turned_spread": Score("spread of turned copies", order=_autoencoder_last),
    "moved_spread": Score("spread of moved copies", order=_autoencoder_last),
    "ari": Score("adjusted Rand index", order="score model data split"),
    "nmi": Score("mutual information", order="score model data split"),
    "knn10_accuracy": Score("accuracy of 10 neighbours", order="score model data split"),
    "linear_probe": Score("accuracy of the linear probe", order="score model data split"),
    "silhouette": Score("silhouette", order="score model data split"),
    "trustworthiness": Score("trustworthiness", order="score model data split"),
    # of synthetic beside real pictures
    "n_real": _count("real pictures"),
    "n_known": _count("real pictures to learn and tune"),
    "n_held": _count("real pictures to measure"),
    "n_synthetic": _count("synthetic pictures"),
    "error": Score("RMSE of reconstructed grey levels", ".3f"),
    "c2st": Score("accuracy of the two-sample test", ".2f", order="score quantity data"),
    "c2st_error": Score("standard error of the two-sample test", ".3f"),
    "c2st_error_effects": Score("standard error of the two-sample test for effects", ".3f"),
    "frechet": Score("Fréchet distance", ".1f"),
    "mmd": Score("maximum mean discrepancy, squared", ".4f"),
    "distance": Score("energy distance", ".4f"),
    # of cloud fields
    "water_residual": Score("water lost or made, over all water", ".0e", order="score data"),
    "apart": Score("distance to bulk over the spread of the ensemble", ".2f", order="score data quantity"),
    "ratio": Score("mean over that of bulk", ".2f", order="score data quantity"),
    "seconds": Score("computing time of two hours of cirrus", ".2f", unit="s", order="score data"),
    "by_m_i": Score("variance explained by the mean mass", ".2f", order="data quantity score"),
    "late_error": Score("squared error after 90 min over that before", ".2f"),
    "most_components": _count("EOFs tried, at most"),
    "components_like": Score("EOFs that do as well", ".1f"),
    "active_latents": _count("latents that say something"),
    "nats": Score("information in a snapshot", ".1f", unit="nats"),
    "largest_spread_min": Score("time of the largest variance", ".0f", unit="min"),
    "explained": Score("variance explained by the parameters"),
    # of distances between simulations
    "spearman_distance": Score("rank correlation of latent distance and parameters"),
    "spearman": Score("rank correlation with the parameters"),
    "rmse_per_latent_unit": Score("RMSE of fields for a latent distance of 1"),
    "gauge": Score("correlation with the RMSE of fields"),
    "null_median": Score("median distance of neighbours in the parameters", ".2f", order="score split"),
    "told_apart": _share("pairs with p < 0.05"),
    "p": Score("p-value", order="score data quantity model"),
    "r2_parameters": Score("R² of the parameters"),
    "r2_parameters_one_time": Score("R² of the parameters, one time"),
    "moved": Score("distance of translated copies over the median distance", ".2f"),
    "moved_told_apart": _share("translated copies with p < 0.05"),
    "seeds": Score("distance of two seeds over the median distance", ".2f", order="score data model"),
    "flows": Score("distance of two flows over the median distance", ".2f", order="score data model"),
    "structure": Score("distance to bulk over the median distance", ".2f", order="score data model"),
}


class Titles(dict):
    """Names and their titles; what has no title goes under its own name, such as a network that a reader added."""

    def __missing__(self, name: str) -> str:
        return name


MODELS = Titles(
    {
        "linear": "linear",
        "rf": "random forest",
        "gb": "gradient boosting",
        "gb_extended": "gradient boosting, extended",
        "mlp": "MLP",
        "mlp_four": "MLP, four descriptors",
        "cnn": "CNN",
        "resnet18": "ResNet-18",
        "polar": "polar network",
        "polar_middle": "polar network about the middle",
        "shipped": "polar network, shipped",
        "shipped_once": "polar network, shipped, one copy",
        "shipped_framed": "polar network, shipped, in another frame",
        "outlines": "polar network for outlines, shipped",
        "best": "best network",
        # shapes
        "mean_shape": "mean shape",
        "clustering": "clustering",
        "retrieval": "retrieval",
        "r2n2": "3D-R2N2",
        "parametric": "fitted rosette",
        "oracle": "oracle neighbour",
        "posterior": "posterior",
        "posterior_small": "posterior, trained here",
        "gaussian": "Gaussian",
        "conformal": "conformal",
        "visual_hull": "visual hull",
        "both": "polar network and descriptors",
        # rankings of pixels
        "integrated_gradients": "integrated gradients",
        "gradient": "gradient",
        "untrained": "integrated gradients, random weights",
        "cnn_integrated_gradients": "CNN: integrated gradients",
        "cnn_grad_cam": "CNN: Grad-CAM",
        "edges": "edges",
        "cnn_edges": "CNN: edges",
        "distance": "distance from the mean picture",
        "cnn_distance": "CNN: distance from the mean picture",
        "parts_first": "true parts",
        "random": "random pixels",
        "cnn_random": "CNN: random pixels",
        "pixels_lost": "number of pixels lost",
        # representations
        "pixels": "pixels",
        "descriptors": "hand-made descriptors",
        "vae": "VAE",
        "invariant": "invariant VAE",
        "conv2": "VAE, 2 latents",
        "conv128_umap": "VAE, 128 latents, UMAP",
        "resnet128_umap": "ResNet-VAE, masked, UMAP",
        "ssl": "self-supervised, UMAP",
        "ssl_live": "self-supervised, short training, UMAP",
        "ssl_without_size": "self-supervised, without size, UMAP",
        # cloud fields
        "vae16": "16 latents",
        "vae16_live": "16 latents, trained here",
        "vae16_moved": "16 latents, translation mean",
        "pca16": "16 EOFs",
        "vae2": "2 latents",
        "pca2": "2 EOFs",
        "profiles": "profiles",
        "fields": "fields",
    }
)
VIEWS = {
    "single": "1",
    "2ds": "2 (90°)",
    "phips": "2 (120°)",
    **{f"{count}_views": f"{count}, one axis" for count in range(1, 25)},
    "all_views": "all",
    "3": "3 (at right angles)",
    **{f"random_{count}": f"{count}, at random" for count in range(1, 25)},
    **{f"lebedev_{count}": f"{count}, evenly spread" for count in (3, 7, 13)},
}
QUANTITIES = {
    "rho_e": "effective density ρₑ",
    "a_e": "effective surface area Aₑ",
    "n_bullets": "number of bullets",
    "q_i": "ice content qᵢ",
    "m_i": "mean mass mᵢ",
    "mass": "mass",
    "n_i": "number nᵢ",
    "v_m": "fall speed vₘ",
    "rho_i": "ice density ρᵢ",
    "deposition_factor": "deposition factor",
    "ni_cap": "cap of nᵢ",
    "latents": "latents",
    "photometry": "grey levels",
    "pixels": "pixels",
    "outline": "outlines",
}
DATA = {
    "synthetic": "synthetic pictures",
    "habits": "nine synthetic habits",
    "cpi": "CPI tiles",
    "2ds": "2D-S silhouettes",
    "2ds_as_recorded": "2D-S silhouettes as recorded",
    "real": "real pictures",
    "foreign": "pictures of the target probe",
    "bare": "bare silhouettes",
    "before": "bare silhouettes",
    "default": "default probe",
    "crystals": "tuned crystals",
    "after": "tuned probe",
    "halves": "two real halves",
    "test": "test rosettes",
    "2023": "2023 model, 4 to 8 bullets",
    "few": "2023 model, 1 to 3 bullets",
    "bulk": "bulk",
    "bins": "bins",
    "lagrangian": "super-particles",
    "finer": "more super-particles",
    "seeds": "bulk, another seed",
    "flows": "bulk, another flow",
    "kinematic": "kinematic cirrus",
    "far": "pairs far apart in the parameters",
    "near": "pairs near in the parameters",
    "random": "random halves",
    # parts of a silhouette
    "tip": "tip",
    "notch": "notch",
    "side": "side",
    "centre": "centre",
    "overlap": "overlap",
    "bullet": "bullet",
    "background": "background",
    "random_head": "random weights in the head",
    "random_all": "random weights",
    "edges": "edges",
}
SPLITS = {
    "image_split": "split by image",
    "train": "training set",
    "test": "test set",
    "inspection": "inspection set",
}
#: Field -> code -> title.
TITLES = {"model": MODELS, "views": VIEWS, "quantity": QUANTITIES, "data": DATA, "split": SPLITS}
#: Scores of one quantity under the names that tables of predictions and of two-sample tests give them -> score and quantity.
PARTS = {
    f"{score}_{quantity}": (score, quantity)
    for scores, quantities in (
        (("r2", "rmse", "mae"), ("rho_e", "a_e")),
        (("nrmse", "bias"), ("mass",)),
        (("c2st",), ("latents", "photometry", "pixels", "outline")),
    )
    for score in scores
    for quantity in quantities
}


def score(code: str) -> Score:
    """The `Score` of a code; one that has no entry is called by its code."""
    return SCORES.get(code, Score(code, ""))


def title(field: str, code: str) -> str:
    """What the `code` of a field is called, which is the code itself where it has no title."""
    return SCORES[code].head if field == "score" and code in SCORES else TITLES.get(field, {}).get(code, code)


def flat_name(row: Mapping[str, str]) -> str:
    """The flat name of a row, a mapping of ``score`` and `FIELDS`."""
    order = score(row["score"]).order
    words = (order if isinstance(order, str) else order(row)).split()
    return "_".join(filter(None, (row.get(word, word) for word in words)))
