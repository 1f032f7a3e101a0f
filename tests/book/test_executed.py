"""Notebook pages as executed: words for pictures, ways to open them, data, and figures for other pages."""

import json

import executed
import nbformat
import pytest
import yaml

from lib.core.paths import NOTEBOOKS, ROOT


def cell(figure=None, alt=None, data=None):
    """A code cell with one output, and words for its picture."""
    options = {key: value for key, value in {"figure": figure, "image": alt and {"alt": alt}}.items() if value}
    output = nbformat.v4.new_output("display_data", data or {"image/png": "iVBORw0KGgo="})
    return nbformat.v4.new_code_cell("draw()", outputs=[output], metadata={"mystnb": options} if options else {})


def notebook(*cells):
    """A notebook of these `cells`."""
    return nbformat.v4.new_notebook(cells=list(cells))


def words(*cells):
    """The alternative text of the last of these `cells` on its page."""
    made = notebook(*cells)
    executed.describe_pictures(made)
    return made.cells[-1].metadata.get("mystnb", {}).get("image", {}).get("alt")


def test_a_picture_is_described_by_the_nearest_words():
    text = nbformat.v4.new_markdown_cell("Before.\n\nThe *map* of {numref}`fig-x` and [this](that.md), in $x$:")
    assert words(text, cell({"caption": "A caption."}, "Own words.")) == "Own words."
    assert words(text, cell({"caption": "A caption."})) == "A caption."
    assert words(text, cell()) == "The map of and this, in x"
    assert words(cell()) is None


def test_pictures_in_html_get_the_same_words():
    made = notebook(cell({"caption": 'A "film".'}, data={"text/html": '<div><img id="a"><img alt="has one" id="b"></div>'}))
    executed.describe_pictures(made)
    assert made.cells[0].outputs[0].data["text/html"] == (
        '<div><img alt="A &quot;film&quot;." id="a"><img alt="has one" id="b"></div>'
    )


def test_words_with_formulas_are_taken_as_they_are():
    html = nbformat.v4.new_output("display_data", {"text/html": "<img>"})
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(r"With $\mathcal{N}$ and \1:"), cell()])
    made.cells[1].outputs = [html]
    executed.describe_pictures(made)
    assert made.cells[1].outputs[0].data["text/html"] == r'<img alt="With \mathcal{N} and \1">'


@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_every_figure_has_words_of_its_own_beside_its_caption(file):
    options = [found.metadata.get("mystnb", {}) for found in nbformat.read(file, 4).cells]
    figures = [option for option in options if "figure" in option]
    assert figures
    for option in figures:
        alt = option.get("image", {}).get("alt", "")
        assert 20 < len(alt) < 200 and alt != option["figure"]["caption"], option["figure"]["name"]


def test_the_foot_leads_to_the_notebook_and_its_data(tmp_path):
    (tmp_path / "book" / "notebooks").mkdir(parents=True)
    (tmp_path / "runs" / "31-x").mkdir(parents=True)
    for name in ("metrics.json", "pictures.csv", "map.html", "map.png", "half.json.part"):
        (tmp_path / "runs" / "31-x" / name).write_text("{}")
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    theme = {
        "repository_url": settings["repository"]["url"],
        "repository_branch": "main",
        "launch_buttons": settings["launch_buttons"],
    }

    class Config:
        html_theme_options = theme
        notebook_inputs = settings["sphinx"]["config"]["notebook_inputs"]

    foot = executed.footer(Config, "31-x", tmp_path / "runs", tmp_path / "book" / "notebooks")
    for expected in (
        f"{theme['repository_url']}/blob/main/notebooks/31-x.ipynb",
        "https://colab.research.google.com/github/ice-crystals-ml/ice-crystals-ml/blob/main/notebooks/31-x.ipynb",
        "https://mybinder.org/v2/gh/ice-crystals-ml/ice-crystals-ml/main?urlpath=lab/tree/notebooks/31-x.ipynb",
        "{download}`cm1-cirrus-ensemble.nc <../data/cm1-cirrus-ensemble.nc>` (input)",
        "{download}`metrics.json <../../runs/31-x/metrics.json>`",
        "{download}`pictures.csv <../../runs/31-x/pictures.csv>`",
        "{download}`map.html <../../runs/31-x/map.html>`",
    ):
        assert expected in foot
    assert "map.png" not in foot and ".part" not in foot


def test_a_figure_is_found_by_its_name():
    made = nbformat.writes(notebook(cell({"name": "fig-a"}), cell({"name": "fig-b"}, data={"text/html": "a film"})))
    assert [found.metadata.mystnb.figure.name for found in executed.cells_that_draw("fig-a", made)] == ["fig-a"]
    assert executed.cells_that_draw("fig-b", made) == [] == executed.cells_that_draw("fig-c", made)
    assert json.loads(made)["cells"]
