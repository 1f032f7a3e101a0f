"""The built book, seen by a browser without network."""

import json

import pytest

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1400, "height": 900}
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
    opened.problems = []
    opened.on("console", lambda message: message.type == "error" and opened.problems.append(message.text))
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("requestfailed", lambda request: opened.problems.append(f"{request.url} failed: {request.failure}"))
    opened.on("request", lambda request: request.url.startswith(LOCAL) or opened.problems.append(f"goes out: {request.url}"))
    yield opened
    opened.close()


def visit(page, file):
    """Open `file`, scroll to its end so that lazy frames load, and wait until all is quiet."""
    page.goto(file.as_uri())
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


def test_search_finds_the_notebooks(page, built_book):
    page.goto((built_book / "search.html").as_uri() + "?q=rosettes")
    page.wait_for_selector("#search-results li a[href*='11-synthetic-rosettes']")


def test_dark_mode_turns_the_page_dark(page, built_book):
    page.emulate_media(color_scheme="dark")
    visit(page, built_book / "book" / "intro.html")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3]) < 80


def test_notebook_pages_show_the_executed_copy(built_book, smoke_runs, page):
    for executed in smoke_runs.glob("[0-9]*.ipynb"):
        visit(page, built_book / "notebooks" / f"{executed.stem}.html")
        cells = json.loads(executed.read_text())["cells"]
        assert any(cell.get("outputs") for cell in cells)
        assert page.locator(".cell_output").count() > 0
        for name in (executed.name, "metrics.json"):
            assert page.locator(f"main a[download][href$='{name}']").count() > 0


def test_scenes_are_published_where_the_pages_look_for_them(built_book, smoke_runs):
    for scene in smoke_runs.glob("*/*.html"):
        name = scene.parent.name
        assert (built_book / "scenes" / name / scene.name).exists()
        assert f"../scenes/{name}/{scene.name}" in (built_book / "notebooks" / f"{name}.html").read_text()


def test_generated_tables_are_filled(page, built_book, smoke_runs):
    provenance = json.loads(next(smoke_runs.glob("*/provenance.json")).read_text())
    visit(page, built_book / "book" / "provenance.html")
    text = page.inner_text("main")
    assert provenance["packages"]["numpy"] in text and provenance["started"] in text
    visit(page, built_book / "book" / "parameters.html")
    assert page.locator("main table").count() == len(list(smoke_runs.glob("[0-9]*.ipynb")))
