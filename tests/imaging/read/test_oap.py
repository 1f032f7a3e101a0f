"""lib.imaging.read.oap: silhouettes of the 2D-S and their labels."""

import cv2
import numpy as np
import pytest
from PIL import Image
from test_segmentation import disc

from lib.imaging.read.cpi import particles
from lib.imaging.read.files import BadImage
from lib.imaging.read.oap import is_binary, labelled_silhouettes, silhouette

MASK = disc(30, 25, 9, (50, 60)) | disc(42, 25, 5, (50, 60))


def save(folder, name, picture):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


@pytest.mark.parametrize(
    "picture",
    [MASK * 255, 255 - MASK * 255, MASK, MASK * 90 + 20, MASK > 0, MASK == 0],
    ids=["white", "black", "0 and 1", "grey", "bits", "bits reversed"],
)
def test_a_silhouette_is_what_the_frame_isn_t(tmp_path, picture):
    save(tmp_path, "a class/one.png", np.asarray(picture))
    found = labelled_silhouettes(tmp_path).masks
    assert found.dtype == np.uint8 and np.array_equal(found, MASK[None])


def test_a_particle_on_the_frame_is_still_the_particle():
    mask = np.zeros((40, 60), np.uint8)
    mask[5:35, :25] = 1
    assert np.array_equal(silhouette(mask * 255), mask) and np.array_equal(silhouette(255 - mask * 255), mask)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.zeros((50, 60), np.uint8), "even: there is no particle"),
        (np.arange(3000).reshape(50, 60) % 7, "7 grey levels: expected the two"),
        (np.eye(4, dtype=np.uint8), r"at least 5 x 5 pixels, got shape \(4, 4\)"),
    ],
)
def test_what_is_no_silhouette_is_refused(picture, reason):
    with pytest.raises(BadImage, match=reason):
        silhouette(picture.astype(np.uint8))


def test_binary_pictures():
    assert is_binary(MASK) and is_binary(MASK * 255) and is_binary(np.zeros((5, 5), bool))
    assert not is_binary(np.zeros((5, 5), np.uint8)) and not is_binary(np.arange(9, dtype=np.uint8).reshape(3, 3))
    assert not is_binary(np.dstack([MASK] * 3))


def test_lengths_of_silhouettes_are_in_pixels_of_10_um(tmp_path):
    bar = np.zeros((50, 60), np.uint8)
    bar[20:24, 10:40] = 255
    save(tmp_path, "train_bar.png", bar)
    (found,) = particles(tmp_path)
    assert found.length_um == pytest.approx(10 * (np.hypot(29, 3) + 1))
    assert found.cut == 0 and np.isnan(found.blur_px) and found.reason == ""
    assert np.array_equal(found.grey, 255 - bar) and np.array_equal(found.mask, bar // 255)


def test_the_split_is_told_by_the_beginning_of_a_name(tmp_path):
    splits = {"train_Co_12.png": "train", "inspect_Columns_sample3.png": "inspection", "x_train_.png": "", "training.png": ""}
    for name in splits:
        save(tmp_path, f"a/{name}", MASK)
    found = labelled_silhouettes(tmp_path)
    assert dict(zip(found.files, found.splits, strict=True)) == {f"a/{name}": split for name, split in splits.items()}


# --- a labelled set -----------------------------------------------------------------------------------------------------


def test_a_labelled_set_with_everything_that_can_lie_in_it(tmp_path):
    save(tmp_path, "column/train_1.png", MASK * 255)
    save(tmp_path, "column/inspect_2.png", MASK[10:40, 15:55] * 255)
    save(tmp_path, "a b/ä.png", 255 - MASK * 255)
    save(tmp_path, "column/grey.png", (np.arange(3000).reshape(50, 60) % 256).astype(np.uint8))
    save(tmp_path, "loose.png", MASK * 255)
    save(tmp_path, "column/deeper/train_3.png", MASK * 255)
    (tmp_path / "column" / "notes.txt").write_text("counted by hand")
    found = labelled_silhouettes(tmp_path)
    assert found.files.tolist() == ["a b/ä.png", "column/inspect_2.png", "column/train_1.png"]
    assert found.labels.tolist() == ["a b", "column", "column"] and found.splits.tolist() == ["", "inspection", "train"]
    assert found.masks.shape == (3, 50, 60) and found.masks.dtype == np.uint8
    assert np.array_equal(found.masks[0], MASK) and np.array_equal(found.masks[2], MASK)
    padded = np.zeros((50, 60), np.uint8)
    padded[10:40, 10:50] = MASK[10:40, 15:55]
    assert np.array_equal(found.masks[1], padded)
    assert found.report.set_index("file")["reason"].to_dict() == {
        "a b/ä.png": "",
        "column/deeper/train_3.png": "not in a folder of a class",
        "column/grey.png": "256 grey levels: expected the two of a silhouette",
        "column/inspect_2.png": "",
        "column/notes.txt": "cannot identify image file",
        "column/train_1.png": "",
        "loose.png": "not in a folder of a class",
    }


def test_an_empty_set(tmp_path):
    found = labelled_silhouettes(tmp_path)
    assert found.masks.shape == (0, 0, 0) and len(found.labels) == len(found.files) == len(found.report) == 0
    with pytest.raises(FileNotFoundError, match="no folder"):
        labelled_silhouettes(tmp_path / "absent")


def test_the_real_set_is_read_whole(shared_data):
    found = labelled_silhouettes(shared_data / "oap" / "2ds")
    assert found.masks.shape == (5502, 200, 200) and (found.report["reason"] == "").all()
    labels, counts = np.unique(found.labels, return_counts=True)
    assert len(labels) == 10 and counts.min() == (found.labels == "unidentified").sum() == 46
    assert (found.splits == "train").sum() == 5002 and (found.splits == "inspection").sum() == 500
    assert found.labels.tolist() == sorted(found.labels)
    drop = found.masks[(found.labels == "water_droplet").argmax()]
    (_, radius) = cv2.minEnclosingCircle(cv2.findNonZero(drop))
    assert 30 < 20 * radius < 1000  # um
    assert found.masks.any(axis=(1, 2)).all() and found.masks.max() == 1
