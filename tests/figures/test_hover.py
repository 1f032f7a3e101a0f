"""The map whose points show their picture."""

import base64
import re

import cv2
import numpy as np
import pytest

from lib.figures.hover import data_address, write_hover_map

PICTURES = np.random.default_rng(0).integers(0, 255, (6, 16, 16), np.uint8)


def test_an_address_holds_the_picture():
    address = data_address(PICTURES[0])
    png = np.frombuffer(base64.b64decode(address.removeprefix("data:image/png;base64,")), np.uint8)
    assert (cv2.imdecode(png, cv2.IMREAD_GRAYSCALE) == PICTURES[0]).all()


def test_the_file_needs_nothing_else(tmp_path):
    path = tmp_path / "map.html"
    write_hover_map(np.zeros((6, 2)), ["a", "b"] * 3, PICTURES, path, ("first", "second"))
    text = path.read_text()
    assert all(data_address(picture) in text for picture in PICTURES)
    assert not re.search(r"<(script|link)[^>]+(src|href)=", text)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["map.html", "map.png"]


def test_the_still_shows_a_picture_of_each_label(tmp_path):
    dark, light = np.zeros((2, 1, 16, 16), np.uint8) + np.array([40, 200], np.uint8).reshape(2, 1, 1, 1)
    write_hover_map(
        np.array([[0.0, 0.0], [9.0, 9.0]]), ["a", "b"], np.concatenate([dark, light]), tmp_path / "map.html", ("x", "y")
    )
    levels, counts = np.unique(cv2.imread(str(tmp_path / "map.png"), cv2.IMREAD_GRAYSCALE), return_counts=True)
    assert all(counts[levels == level].sum() > 1000 for level in (40, 200))


def test_lengths_must_agree(tmp_path):
    with pytest.raises(ValueError, match="6 points, 5 labels"):
        write_hover_map(np.zeros((6, 2)), ["a"] * 5, PICTURES, tmp_path / "map.html", ("x", "y"))


COUNT_PICTURES = """async () => {
  await new Promise(requestAnimationFrame);  // what the pointer's move brings is drawn by then
  const count = root => [...root.querySelectorAll("*")].reduce((n, node) =>
    n + (node.tagName == "IMG" && node.src.startsWith("data:image/png")) + (node.shadowRoot ? count(node.shadowRoot) : 0), 0);
  return count(document);
}"""


def test_a_point_shows_its_picture_under_the_pointer(tmp_path, browser):
    path = tmp_path / "map.html"
    write_hover_map(np.zeros((6, 2)), ["a"] * 6, PICTURES, path, ("first", "second"))
    page, trouble = browser.new_page(viewport={"width": 700, "height": 600}), []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: trouble.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_selector("canvas")
    assert page.evaluate(COUNT_PICTURES) == 0
    around = [(x, y) for y in range(200, 340, 4) for x in range(200, 400, 4)]  # the middle of the plot, whatever its legend needs
    places = iter(sorted(around, key=lambda place: abs(place[0] - 370) + abs(place[1] - 260)))
    shown = 0
    while not shown:
        page.mouse.move(*next(places))
        shown = page.evaluate(COUNT_PICTURES)
    assert shown >= 1 and not trouble
    page.close()
