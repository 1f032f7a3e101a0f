"""What the smoke runs of the notebooks record, and how notebooks are executed."""

import json
import subprocess
import sys

import claims
import cv2
import execute
import numpy as np
import pandas as pd
import pytest

from lib.core.paths import ROOT
from lib.notebook import rows

NAMES = sorted(execute.notebooks_in_book(), key=execute.turn)  # those that take longest first

every_notebook = pytest.mark.parametrize("name", NAMES)


@every_notebook
def test_smoke_run(smoke_run, smoke_metrics, name):
    origin = json.loads((smoke_run(name) / "provenance.json").read_text())
    assert origin["profile"] == "smoke" and smoke_metrics(name)


def test_synthetic_rosettes(smoke_metrics):
    found = smoke_metrics("11-synthetic-rosettes")
    assert found["n_failed"] == 0
    assert found["hollow_pixels_changed"] == 0 and found["hollow_volume_ratio"] < 1 < found["hollow_area_ratio"]
    assert abs(found["cauchy_ratio"] - 1) < 4 * found["cauchy_ratio_se"] < 0.05
    assert 0.0088 < found["rho_e_p5"] < found["rho_e_p50"] < found["rho_e_p95"] < 0.2712  # range of the published test set


def test_shape_descriptors(smoke_metrics):
    found = smoke_metrics("12-shape-descriptors")
    for model in ("linear", "rf", "gb", "mlp", "gb_extended"):
        for target in ("rho_e", "a_e"):
            assert 0.8 < found[f"{model}_single_r2_{target}"] < 1 and 0 < found[f"{model}_single_r2_{target}_se"] < 0.1
        assert found[f"{model}_single_balanced_accuracy"] > 2 / 7  # twice what guessing gives
    assert found["rf_leak_few_r2_rho_e"] > 0.01  # pictures of known crystals are easier
    assert "rf_single_r2_rho_e_image_split" in found
    assert not any(name.startswith("cpi_") for name in found)  # no folder was given


def test_image_networks(smoke_metrics):
    found = smoke_metrics("13-image-networks")
    for model in ("linear", "rf", "gb", "mlp", "cnn", "resnet18", "polar", "best"):
        assert all(f"{model}_single_{score}" in found for score in ("r2_rho_e", "r2_a_e", "balanced_accuracy", "f1", "top3"))
    for target in ("rho_e", "a_e", "n_bullets"):
        low, high = (found[f"coverage_{percent}_{target}"] for percent in (80, 95))
        assert 0.6 < low < high and 0.8 < high <= 1  # 70 crystals: a standard error of 0.05 and 0.03
    assert found["width_80_rho_e"] < found["width_95_rho_e"]
    assert found["novelty_flagged_test"] < 0.2 < found["novelty_flagged_few"]
    assert not any(name.startswith("cpi_") for name in found)  # no folder was given


def test_two_views(smoke_metrics):
    found = smoke_metrics("14-two-views")
    assert (
        found["linear_2ds_r2_rho_e"] > found["linear_single_r2_rho_e"]
        and found["linear_phips_r2_a_e"] > found["linear_single_r2_a_e"]
    )
    assert all(f"best_{views}_{score}" in found for views in ("single", "2ds", "phips") for score in ("r2_rho_e", "r2_a_e"))
    assert found["best_single_r2_rho_e"] == smoke_metrics("13-image-networks")["best_single_r2_rho_e"]  # the same network
    assert found["linear_6_views_r2_a_e"] > found["linear_1_views_r2_a_e"]


def test_which_pixels(smoke_metrics):
    found = smoke_metrics("18-which-pixels")
    shares = [value for name, value in found.items() if name.startswith("share_of_pixels")]
    assert len(shares) == 7 and abs(sum(shares) - 1) < 1e-9
    for quantity in ("rho_e", "a_e", "n_bullets"):
        assert found[f"effect_side_{quantity}"] > 1 > found[f"effect_background_{quantity}"]
        assert found[f"density_edges_tip_{quantity}"] > 1 > found[f"density_edges_background_{quantity}"]
        assert found[f"deletion_gain_random_{quantity}"] < 0  # which is worse than edges
        assert -1 < found[f"map_correlation_random_all_{quantity}"] < 0.9
    assert found["removal_pixels_lost_rho_e"] > 0


def test_reconstruction(smoke_metrics):
    found = smoke_metrics("15-reconstruction")
    for method in ("mean_shape", "clustering", "retrieval", "r2n2", "oracle", "parametric", "posterior"):
        assert 0 < found[f"iou_{method}"] <= found[f"iou_mirrored_{method}"] < 1 and 0 <= found[f"fscore_{method}"] < 1
    assert found["iou_retrieval"] < found["iou_oracle"]  # which knows the answer
    assert found["iou_parametric_2ds"] > found["iou_oracle"]  # two views and the right model beat all that can be recalled
    assert found["parametric_2ds_agreement"] > 0.6
    assert found["iou_visual_hull_3"] > found["iou_visual_hull_2ds"] > found["iou_mean_shape"]  # and learned nothing


def test_posterior(smoke_metrics):
    found = smoke_metrics("16-posterior")
    assert found["posterior_random_3_log_score"] > found["posterior_random_1_log_score"]  # more views tell more
    assert all(0 <= found[f"posterior_random_{n}_tarp_p"] <= 1 for n in (1, 2, 3))
    assert 0.3 < found["iou_posterior"] + found["iou_posterior_2ds"] < 2
    assert found["posterior_single_agreement"] > 0.8 and found["agreement_lookalikes"] > 0.8


def test_cameras(smoke_metrics):
    found = smoke_metrics("17-cameras")
    for model in ("descriptors", "both", "visual_hull"):
        assert found[f"{model}_random_13_nrmse_mass"] < found[f"{model}_random_2_nrmse_mass"]
    assert found["visual_hull_random_2_bias_mass"] > found["visual_hull_lebedev_13_bias_mass"] > 0  # a hull holds its crystal
    assert 0 < found["mass_excess"] < 0.5  # a projection is smaller than the crystal


def test_spheres_and_rosettes(smoke_metrics):
    found = smoke_metrics("21-spheres-and-rosettes")
    for name in ("synthetic", "synthetic_invariant", "pixels_synthetic", "descriptors_synthetic"):
        assert 0.85 < found[f"kmeans_accuracy_{name}"] <= 1 and 0.85 < found[f"kmeans_accuracy_{name}_train"] <= 1
    assert 0 < found["turned_spread_invariant"] < found["turned_spread"] < 1
    assert 0 < found["loss_synthetic"] < found["loss_synthetic_invariant"]  # which has had four epochs
    assert not any("2ds" in name for name in found)  # no folder was given


def test_nine_habits(smoke_metrics):
    found = smoke_metrics("22-nine-habits")
    for name in ("conv2", "conv128_umap", "resnet128_umap", "ssl_live", "ssl"):
        assert -0.1 < found[f"ari_{name}"] < 1 and 0 <= found[f"nmi_{name}"] <= 1 and found[f"pictures_per_second_{name}"] > 0
        assert all(0 < found[f"{score}_{name}"] <= 1 for score in ("kmeans_accuracy", "knn10_accuracy", "linear_probe"))
        if name != "ssl":  # the shipped network
            assert found[f"pictures_seen_{name}"] == 2 * 9 * 24 * 2  # two epochs of 24 crystals a habit, photographed twice
    assert min(found["linear_probe_ssl"], found["knn10_accuracy_ssl"]) > 0.4  # guessing gives a ninth
    assert found["knn10_accuracy_ssl"] > found["knn10_accuracy_conv2"] + 0.1 and found["ari_ssl"] > 0.05
    assert min(found["knn10_accuracy_conv128_umap"], found["knn10_accuracy_resnet128_umap"]) > 0.17
    assert found["trustworthiness_conv2"] == 1 > found["trustworthiness_ssl"] > 0.8
    assert not any(name.endswith("_2ds") for name in found)  # no folder was given


def test_synthetic_against_real(smoke_metrics):
    found = smoke_metrics("23-synthetic-vs-real")
    moments, views = ("before", "default", "crystals", "after", "halves"), ("latents", "photometry", "pixels", "outline")
    assert all(found[f"c2st_{when}"] == max(found[f"c2st_{view}_{when}"] for view in views) for when in moments)
    assert found["n_known"] + found["n_held"] == found["n_real"] == 90 and found["n_synthetic"] == found["n_held"]
    assert abs(found["c2st_photometry_halves"] - 0.5) < 5 * found["c2st_error"] < 0.3
    assert found["c2st_photometry_before"] > 0.95 and found["c2st_pixels_before"] > 0.75  # silhouettes are no photographs
    assert found["c2st_photometry_default"] < 0.95 and found["c2st_photometry_stretch"] <= found["c2st_photometry_none"]
    assert found["distance_before"] > 8 * max(found["distance_default"], found["distance_after"])
    assert found["distance_halves"] < 0.7 * found["distance_default"]
    assert found["mmd_before"] > 0.01 + max(found["mmd_default"], found["mmd_halves"])
    assert found["frechet_before"] > found["frechet_halves"] > 0 and found["error_bare"] > found["error_default"]


@pytest.mark.parametrize(("name", "kinds"), [("12-shape-descriptors", ["blank"]), ("13-image-networks", ["blank", "drop"])])
def test_pictures_without_a_rosette(name, kinds, smoke_run, smoke_cache, tmp_path):
    smoke_run(name)  # whose data and networks are used again
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, kind in enumerate(kinds):
        picture = np.full((120, 120), 200, np.uint8)
        if kind == "drop":
            cv2.circle(picture, (60, 60), 40, 60, -1, cv2.LINE_AA)
        cv2.imwrite(str(folder / f"2014_0501_1200_00_000{number}.png"), cv2.GaussianBlur(picture, (0, 0), 1.2))
    parameters = execute.profile_parameters(name, "smoke") | {"cpi_dir": str(folder)}
    with execute.environment({"ICE_CACHE": str(smoke_cache)}):
        assert execute.execute(name, "smoke", tmp_path / "runs", parameters)
    metrics = json.loads((tmp_path / "runs" / name / "metrics.json").read_text())
    found = {key: value for key, value in metrics.items() if key.startswith("cpi_")}
    assert found == ({"cpi_n_used": 1, "cpi_share_not_novel": 0} if "drop" in kinds else {})


# How notebooks are executed


def test_an_unchanged_notebook_is_not_executed_again(smoke_run):
    name = NAMES[0]
    assert not execute.execute(name, "smoke", smoke_run(name).parent, execute.profile_parameters(name, "smoke"))


@every_notebook
def test_an_executed_copy_tells_no_path_and_keeps_the_last_state_of_each_bar(smoke_run, name):
    executed = json.loads(smoke_run(name).with_suffix(".ipynb").read_text())
    for cell in executed["cells"]:
        outputs = cell.get("outputs", [])
        streams = [output["name"] for output in outputs if output["output_type"] == "stream"]
        assert len(streams) == len(set(streams))
        cell["outputs"] = [output for output in outputs if output.get("name") != "stderr"]  # a warning may name a file
    tells_path = str(ROOT) in json.dumps(executed)
    assert not tells_path


def test_a_mistyped_parameter_stops_the_run_in_one_line(tmp_path):
    command = [sys.executable, "book/execute.py", "--profile", "smoke", "--runs", tmp_path, "--only", NAMES[0], "-p", "sead", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"{NAMES[0]}, cell [") and "did you mean seed" in last
    assert (tmp_path / f"{NAMES[0]}.failed.ipynb").exists() and not (tmp_path / f"{NAMES[0]}.ipynb").exists()


def test_cirrus_fields(smoke_metrics):
    found = smoke_metrics("31-cirrus-fields")
    assert all(found[f"water_residual_{scheme}"] < 1e-10 for scheme in ("bulk", "bins", "lagrangian"))
    for scheme in ("bins", "lagrangian"):
        assert 0.7 < found[f"ratio_{scheme}_q_i"] < 1.4
        assert all(found[f"apart_{scheme}_{name}"] > 0 for name in ("q_i", "n_i", "v_m", "rho_i"))
    assert all(0 < found[f"apart_seeds_{name}"] < found[f"apart_flows_{name}"] for name in ("q_i", "n_i", "v_m", "rho_i"))
    assert all(found[f"seconds_{scheme}"] > 0 for scheme in ("bulk", "bins", "lagrangian"))


def test_latent_fields(smoke_metrics):
    found = smoke_metrics("32-latent-fields")
    for channel in ("q_i", "m_i", "rho_i"):
        assert all(found[f"r2_{way}_{channel}"] < 1 for way in ("vae16", "vae2", "pca16", "pca2"))
        assert 0.8 < found[f"r2_pca2_{channel}"] < found[f"r2_pca16_{channel}"]
        assert found[f"r2_vae16_{channel}"] > 0.3  # after 16 epochs of a narrow network on 8 members
        assert found[f"r2_vae16_{channel}"] == found[f"r2_vae16_live_{channel}"]  # no network is shipped for so few members
    assert 1 <= found["active_latents"] <= 16 and found["nats_vae2"] > 0 and found["most_components"] == 32
    assert 0.95 < found["rho_i_by_m_i"] < 1 and found["q_i_by_m_i"] < 0.6
    assert 0.5 < found["explained_vae16"] <= 1


def test_latent_metrics(smoke_metrics):
    found = smoke_metrics("33-latent-metrics")
    assert found["spearman_distance"] == found["spearman_vae16_moved"]
    assert all(-1 <= found[f"spearman_{way}"] <= 1 for way in ("vae2", "pca16", "profiles", "fields"))
    assert found["spearman_profiles"] > 0.5 and found["r2_parameters_profiles"] > 0.8
    assert found["p_deposition_factor"] < 0.1 and found["p_ni_cap"] < 0.1 < found["p_random"]
    assert found["moved_profiles"] < 1e-4 < found["moved_vae16_moved"] < found["moved_vae16"]
    assert all(0 <= found[f"moved_told_apart_{way}"] <= 1 for way in ("vae16", "vae16_moved")) and found["null_median_test"] > 0


def test_structure(smoke_metrics):
    found = smoke_metrics("34-structure")
    assert found["seeds_bulk_fields"] < found["flows_bulk_fields"] and found["kinematic_rho_i_by_m_i"] < 0.5


def test_every_claim_is_decided_by_rows_of_the_runs(smoke_runs):
    found = pd.concat(rows.read(file).assign(run=file.parent.name) for file in sorted(smoke_runs.glob("*/metrics.csv")))
    records = {file.stem: rows.frame(json.loads(file.read_text())["rows"]) for file in ROOT.glob("book/records/*.json")}
    for said, words, verdict, _ in claims.table(found, records, {}):
        assert verdict in (claims.REPRODUCED, claims.REFINED, claims.NOT_REPRODUCED), f"{said} {words}"


def test_metrics_are_the_rows_by_name(smoke_runs):
    for file in smoke_runs.glob("*/metrics.csv"):
        found = rows.read(file)
        flat = dict(number for row in found.to_dict("records") for number in rows.flat(row).items())
        assert flat == json.loads(file.with_name("metrics.json").read_text()), file.parent.name
