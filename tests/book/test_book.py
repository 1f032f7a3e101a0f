"""The built book, seen by a browser without network."""

import io
import json
import re
from base64 import b64decode
from contextlib import contextmanager

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
#: A page is at rest that asked for nothing for so long, by its own clock [ms].
REST_MS = 500
LOCAL = ("file:", "data:", "blob:", "about:")

#: Before anything else on a page: it remembers which of its frames have loaded.
REMEMBER = """document.addEventListener("load", event => { event.target.hasLoaded = true; }, true)"""
#: Whether a page, or a frame of it, is there with scripts, equations, fonts and pictures.
LOADED = """async () => {
  if (document.readyState != "complete") return false;
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  return [...document.images].every(picture => picture.complete);
}"""
FRAMES_LOADED = """[...document.querySelectorAll("iframe")].every(frame => frame.hasLoaded)"""
REST = "rest => new Promise(over => setTimeout(() => over(true), rest))"


@pytest.fixture(scope="module")
def pages(built_book):
    """Every page a reader can come to."""
    found = sorted([*built_book.glob("book/*.html"), *built_book.glob("notebooks/*.html")])
    return [*found, *(built_book / name for name in ("search.html", "genindex.html"))]


@pytest.fixture(scope="module")
def offline(browser):
    """Chromium without network."""
    with browser.new_context(viewport=DESKTOP, offline=True) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(REMEMBER)
        yield context


@contextmanager
def watched(context):
    """A new page of `context`: what it asks for is in its list `asked`, what goes wrong in its list `problems`."""
    page = context.new_page()
    page.asked, page.problems = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("request", lambda request: request.url.startswith(LOCAL) or page.problems.append(f"goes out: {request.url}"))
    page.on("websocket", lambda socket: page.problems.append(f"goes out: {socket.url}"))
    page.on("requestfailed", lambda request: page.problems.append(f"{request.url} failed: {request.failure}"))
    page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    page.close()


@pytest.fixture
def page(offline):
    """A desktop-sized page without network, watched."""
    with watched(offline) as page:
        yield page


def open_whole(page, file):
    """Open `file` and wait until it is there, whatever the frames on it do."""
    page.goto(file.as_uri())
    page.wait_for_function(LOADED, polling=100)


def visit(page, file, rounds=20):
    """Open `file`, scroll past all that loads late, in frames too, to its end, and wait until nothing more is asked for."""
    open_whole(page, file)
    for _ in range(rounds):
        before = len(page.asked)
        for frame in page.frames:
            for late in frame.query_selector_all("[loading=lazy]"):
                late.scroll_into_view_if_needed()
            frame.wait_for_function(LOADED, polling=100)
            frame.wait_for_function(FRAMES_LOADED, polling=100)
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function(REST, arg=REST_MS)  # what the page is busy with comes first
        if len(page.asked) == before:
            return
    page.problems.append(f"does not come to rest: {page.asked[-1]}")


FAULTS = """
<img src="https://example.org/outside.png">
<script>new WebSocket("ws://example.org/socket")</script>
<img src="missing.png">
<link rel="stylesheet" href="missing.css">
<iframe loading="lazy" src="missing.html"></iframe>
<script>console.error("a complaint")</script>
<script>throw Error("a slip")</script>
<p style="height: 20000px"><img loading="lazy" src="far.png"><p style="height: 20000px">"""
TOLD = ("outside.png", "ws://example.org/socket", "missing.png", "missing.css", "missing.html", "complaint", "slip", "far.png")
LATE = "<script>onload = () => setTimeout(() => { new Image().src = 'late.png'; }, 400)</script>"


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize(("faults", "told"), [(FAULTS, TOLD), (LATE, ("late.png",))], ids=["at once", "late"])
def test_what_is_wrong_on_a_page_or_in_a_frame_is_seen(page, tmp_path, faults, told, depth):
    for number in range(depth):
        frame = f"<p style='height: 20000px'><iframe loading='lazy' src='{number + 1}.html'></iframe>"
        (tmp_path / f"{number}.html").write_text(f"<!doctype html>{frame}")
    (tmp_path / f"{depth}.html").write_text(f"<!doctype html>{faults}")
    visit(page, tmp_path / "0.html")
    assert [words for words in told if not any(words in problem for problem in page.problems)] == []


def test_a_page_that_never_rests_is_no_endless_wait(page, tmp_path):
    (tmp_path / "page.html").write_text("<script>setInterval(() => { new Image().src = `x.png?${Math.random()}`; }, 50)</script>")
    visit(page, tmp_path / "page.html", rounds=2)
    assert "does not come to rest" in page.problems[-1]


def test_what_is_right_on_a_page_is_no_problem(page, tmp_path):
    (tmp_path / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "frame.html").write_text("<!doctype html><img src='picture.svg'>")
    (tmp_path / "page.html").write_text("<!doctype html><iframe loading='lazy' src='frame.html'></iframe><iframe></iframe>")
    visit(page, tmp_path / "page.html")
    assert [url.rsplit("/", 1)[1] for url in page.asked] == ["page.html", "frame.html", "picture.svg"] and not page.problems


def test_pages_load_whole_and_without_network(offline, pages):
    wrong = {}
    for file in pages:
        with watched(offline) as page:  # so that no page hears of another's end
            visit(page, file)
            if page.problems:
                wrong[file.name] = list(page.problems)
    assert not wrong


def test_no_page_scrolls_sideways_on_a_phone(page, pages):
    page.set_viewport_size(PHONE)
    widths = {}
    for file in pages:
        open_whole(page, file)
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
