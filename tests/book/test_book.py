"""The built book, seen by a browser without network."""

import io
import json
import re
from base64 import b64decode

import numpy as np
import pdf
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from pypdf import PdfReader
from test_hover import COUNT_PICTURES

from lib.core.paths import ROOT

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1400, "height": 900}
#: How long a page of three-dimensional scenes may take to draw them without a GPU, beside other tests [ms].
PATIENCE_MS = 180_000
LOCAL = ("file:", "data:", "blob:", "about:")


@pytest.fixture(scope="module")
def pages(built_book):
    """Every page a reader can come to."""
    found = sorted([*built_book.glob("book/*.html"), *built_book.glob("notebooks/*.html")])
    return [*found, *(built_book / name for name in ("search.html", "genindex.html"))]


@pytest.fixture
def page(browser):
    """A desktop-sized page that lets no request out; what goes wrong is in its list `problems`."""
    opened = browser.new_page(viewport=DESKTOP)
    opened.set_default_timeout(PATIENCE_MS)
    opened.problems = []
    opened.on("console", lambda message: message.type == "error" and opened.problems.append(message.text))
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("requestfailed", lambda request: opened.problems.append(f"{request.url} failed: {request.failure}"))
    opened.on("request", lambda request: request.url.startswith(LOCAL) or opened.problems.append(f"goes out: {request.url}"))
    yield opened
    opened.close()


def visit(page, file):
    """Open `file`, scroll past its frames, which load then, to its end, and wait until all is quiet."""
    page.goto(file.as_uri())
    for frame in page.query_selector_all("iframe"):
        frame.scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")


def test_pages_load_whole_and_without_network(page, pages):
    wrong = {}
    for file in pages:
        page.problems.clear()
        visit(page, file)
        if page.problems:
            wrong[file.name] = list(page.problems)
    assert not wrong


def test_no_page_scrolls_sideways_on_a_phone(page, pages):
    page.set_viewport_size(PHONE)
    widths = {}
    for file in pages:
        visit(page, file)
        widths[file.name] = page.evaluate("document.documentElement.scrollWidth")
    assert {name: width for name, width in widths.items() if width > PHONE["width"]} == {}


def test_the_home_page_leads_to_the_intro(page, built_book):
    page.goto((built_book / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")


def test_equations_are_set(page, built_book):
    visit(page, built_book / "book" / "part-1.html")
    page.wait_for_selector("mjx-container svg")
    assert page.locator("mjx-container").count() >= page.locator(".math").count() > 0


def test_mathjax_is_loaded_once(page, built_book):
    scripts = []
    page.on("request", lambda request: scripts.append(request.url) if "mathjax" in request.url else None)
    visit(page, built_book / "book" / "part-1.html")
    assert len(scripts) == 1


@pytest.mark.parametrize(("words", "expected"), [("rosettes", "11-synthetic-rosettes"), ("effective density", ".html")])
def test_search_finds(page, built_book, words, expected):
    page.goto((built_book / "search.html").as_uri() + "?q=" + words.replace(" ", "+"))
    page.wait_for_selector(f"#search-results li a[href*='{expected}']")
    with page.expect_navigation():
        page.locator(f"#search-results li a[href*='{expected}']").first.click()
    assert words.lower() in page.inner_text("main").lower()


def test_dark_mode_turns_the_page_dark(page, built_book):
    page.emulate_media(color_scheme="dark")
    visit(page, built_book / "book" / "intro.html")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3]) < 80


def test_the_home_page_shows_a_picture_of_each_part(page, built_book):
    visit(page, built_book / "book" / "intro.html")
    tops = [box["y"] for box in boxes(page, ".parts .sd-card")]
    assert len(tops) == 3 and max(tops) - min(tops) < 2  # side by side
    widths = page.eval_on_selector_all(".parts img", "pictures => pictures.map(picture => picture.naturalWidth)")
    assert len(widths) == 3 and min(widths) > 100
    assert tops[0] < DESKTOP["height"] / 2  # what the book shows is said above, in half a screen
    page.set_viewport_size(PHONE)
    tops = [box["y"] for box in boxes(page, ".parts .sd-card")]
    assert tops[0] < tops[1] < tops[2]


def boxes(page, selector):
    """Where the elements of `selector` lie on the page."""
    return [element.bounding_box() for element in page.query_selector_all(selector)]


def test_notebook_pages_show_the_executed_copy(built_book, smoke_runs, page):
    for executed in smoke_runs.glob("[0-9]*.ipynb"):
        visit(page, built_book / "notebooks" / f"{executed.stem}.html")
        cells = json.loads(executed.read_text())["cells"]
        assert any(cell.get("outputs") for cell in cells)
        assert page.locator(".cell_output").count() > 0
        for name in (executed.name, "metrics.json"):
            assert page.locator(f"main a[download][href$='{name}']").count() > 0


def test_notebook_pages_lead_to_the_notebook_and_its_data(built_book, smoke_runs):
    for executed in smoke_runs.glob("[0-9]*.ipynb"):
        foot = BeautifulSoup((built_book / "notebooks" / f"{executed.stem}.html").read_text(), "html.parser").select_one(
            ".notebook-footer"
        )
        links = [link["href"] for link in foot.select("a")]
        for place in ("https://github.com/", "https://colab.research.google.com/github/", "https://mybinder.org/v2/gh/"):
            assert sum(link.startswith(place) and f"notebooks/{executed.name}" in link for link in links) == 1
        given = {link.rsplit("/", 1)[1]: built_book / "notebooks" / link for link in links if not link.startswith("https:")}
        assert all(file.resolve().stat().st_size for file in given.values())
        assert {executed.name, "metrics.json", "provenance.json"} <= set(given)
        assert {file.name for file in (smoke_runs / executed.stem).glob("*.csv")} <= set(given)
        assert ("cm1-cirrus-ensemble.nc" in given) == executed.name.startswith("3")


def test_scenes_are_published_where_the_pages_look_for_them(built_book, smoke_runs):
    scenes = sorted(smoke_runs.glob("*/*.html"))
    assert len(scenes) >= 3
    for scene in scenes:
        page = BeautifulSoup((built_book / "notebooks" / f"{scene.parent.name}.html").read_text(), "html.parser")
        frame, still = page.select_one("iframe.scene"), page.select_one("img.still")
        assert frame["loading"] == "lazy" and frame["title"] == still["alt"]
        assert frame["src"] == f"../scenes/{scene.parent.name}/{scene.name}"
        for address in (frame["src"], still["src"]):
            assert (built_book / "notebooks" / address).resolve().exists()


def test_the_scene_of_a_crystal_draws(page, built_book):
    page.goto((built_book / "scenes" / "11-synthetic-rosettes" / "scene.html").as_uri())
    canvas = page.locator("canvas").first
    canvas.wait_for()
    colours = 1
    for _ in range(100):  # the scene is unpacked first
        colours = len(np.unique(np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).reshape(-1, 3), axis=0))
        if colours > 20:
            break
        page.wait_for_timeout(100)
    assert colours > 20  # the shades of a lit crystal
    assert not page.problems


def test_the_map_of_habits_shows_a_picture_under_the_pointer(page, built_book):
    page.goto((built_book / "scenes" / "22-nine-habits" / "map.html").as_uri())
    page.wait_for_selector("canvas")
    assert page.evaluate(COUNT_PICTURES) == 0
    places = [(x, y) for y in range(20, 700, 8) for x in range(80, 1300, 8)]
    assert any(page.mouse.move(x, y) or page.evaluate(COUNT_PICTURES) for x, y in places)
    assert not page.problems


def test_paper_shows_the_still_and_not_the_scene(page, built_book):
    visit(page, built_book / "notebooks" / "11-synthetic-rosettes.html")
    frame, still = page.locator("iframe.scene"), page.locator("img.still")
    assert frame.is_visible() and not still.is_visible()
    page.emulate_media(media="print")
    assert still.is_visible() and not frame.is_visible()
    assert still.evaluate("picture => picture.naturalWidth") > 100


def test_every_picture_has_words(pages):
    wordless = {
        file.name: str(picture)[:200]
        for file in pages
        for picture in BeautifulSoup(file.read_text(), "html.parser").select("img")
        if not picture.get("alt", "").strip()
    }
    assert not wordless


def test_figures_are_drawn_on_white(smoke_runs):
    for executed in smoke_runs.glob("[0-9]*.ipynb"):
        for cell in json.loads(executed.read_text())["cells"]:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    alpha = np.asarray(Image.open(io.BytesIO(b64decode(output["data"]["image/png"]))).convert("RGBA"))[..., 3]
                    assert alpha.min() == 255, f"{executed.stem}: a figure that a dark page would show through"


def test_colour_maps_survive_colour_blindness():
    rainbows = re.compile(r"""["'](jet|hsv|rainbow|gist_rainbow|nipy_spectral|gist_ncar|turbo|RdYlGn)(_r)?["']""")
    sources = [*ROOT.glob("lib/**/*.py"), *ROOT.glob("notebooks/*.py"), *ROOT.glob("book/*.py")]
    assert {file.name: found[0] for file in sources if (found := rainbows.search(file.read_text()))} == {}


def test_the_book_is_printed(browser, built_book, tmp_path):
    files = [built_book / "book" / "intro.html", built_book / "notebooks" / "11-synthetic-rosettes.html"]
    sheets = pdf.write(browser, files, tmp_path / "book.pdf")
    printed = PdfReader(tmp_path / "book.pdf")
    texts = [sheet.extract_text() for sheet in printed.pages]
    assert sheets == len(texts) > 5
    assert all(text.strip().endswith(str(number)) for number, text in enumerate(texts, 1))
    assert "Ice crystals seen through" in texts[0] and any("The regular rosette" in text for text in texts)
    assert [part.title for part in printed.outline] == ["Ice crystals seen through machine learning", "Synthetic rosettes"]
    targets = [str(note.get_object().get("/A", "")) for sheet in printed.pages for note in sheet.get("/Annots", [])]
    assert any("/GoTo" in target for target in targets) and not any("file:" in target for target in targets)
    assert sum(len(sheet.images) for sheet in printed.pages) > 5  # figures, and the still picture of the scene


def test_generated_tables_are_filled(page, built_book, smoke_runs):
    provenance = json.loads(next(smoke_runs.glob("*/provenance.json")).read_text())
    visit(page, built_book / "book" / "provenance.html")
    text = page.inner_text("main")
    assert provenance["packages"]["numpy"] in text and provenance["started"] in text
    visit(page, built_book / "book" / "parameters.html")
    assert page.locator("main table").count() == len(list(smoke_runs.glob("[0-9]*.ipynb")))
