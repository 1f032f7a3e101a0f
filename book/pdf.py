"""Print the built book into one PDF: its pages in the order of ``_toc.yml``, numbered, with bookmarks and links inside the file.

``python book/pdf.py`` prints ``_build/html`` to ``_build/ice-crystals.pdf`` through Chromium. Scenes are replaced by their still
pictures and films by their last frame; links to downloads are left out.
"""

import argparse
import shutil
import sys
from io import BytesIO
from pathlib import Path

import execute
import yaml
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, Fit, NameObject

from lib.core import paths

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAPER = {"format": "A4", "margin": {"top": "18mm", "bottom": "20mm", "left": "16mm", "right": "16mm"}, "scale": 0.78}

#: Ready for paper: what is folded is opened, films show their end, and equations, fonts and pictures are there.
PREPARE = """async () => {
  document.querySelectorAll("details").forEach(fold => fold.open = true);
  document.querySelectorAll('.animation button[title="Last frame"]').forEach(button => button.click());
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  await Promise.allSettled([...document.images].map(picture => picture.decode()));
}"""


def pages_of_book(html: Path) -> list[Path]:
    """The built pages in reading order."""
    return [html / f"{name}.html" for name in execute.files_in(execute.toc())]


def print_page(page: Page, file: Path) -> tuple[str, PdfReader]:
    """Title and PDF of one built page."""
    page.goto(file.as_uri(), wait_until="load")
    page.emulate_media(media="print", color_scheme="light")
    page.evaluate(PREPARE)
    title = page.locator("main h1").first.text_content().removesuffix("#").strip()
    return title, PdfReader(BytesIO(page.pdf(**PAPER, print_background=True)))


def filled(pdf: PdfReader) -> int:
    """How many sheets of `pdf` have something on them: a last one may hold nothing but the end of a margin."""
    last = pdf.pages[-1]
    return len(pdf.pages) - (not last.extract_text().strip() and not last.images)


def numbers(page: Page, count: int) -> PdfReader:
    """`count` empty sheets with their numbers at the foot, to be laid over those of the book."""
    sheet = '<div style="height: 297mm; position: relative; break-after: page">{}</div>'
    foot = '<span style="position: absolute; bottom: 9mm; width: 100%; text-align: center; font: 9pt sans-serif">{}</span>'
    page.set_content(
        "<style>body { margin: 0 }</style>" + "".join(sheet.format(foot.format(number)) for number in range(1, count + 1))
    )
    return PdfReader(BytesIO(page.pdf(format="A4")))


def bound(browser: Browser, files: list[Path]) -> PdfWriter:
    """The built pages `files` as one document."""
    page, book, starts = browser.new_page(), PdfWriter(), {}
    for file in files:
        title, pdf = print_page(page, file)
        starts[file.as_uri()] = len(book.pages)
        book.append(pdf, outline_item=title, pages=(0, filled(pdf)), import_outline=False)
    for sheet, foot in zip(book.pages, numbers(page, len(book.pages)).pages, strict=True):
        sheet.merge_page(foot)
        link_inside(sheet, book, starts)
    page.close()
    return book


def link_inside(sheet, book: PdfWriter, starts: dict[str, int]) -> None:
    """Turn links of a `sheet` to other pages of the book into links inside it, and drop those to files beside the book."""
    kept = ArrayObject()
    for note in sheet.get("/Annots", []):
        action = note.get_object().get("/A", {})
        target, _, _ = str(action.get("/URI", "")).partition("#")
        if target in starts:
            place = ArrayObject([book.pages[starts[target]].indirect_reference, NameObject(Fit.fit().fit_type)])
            note.get_object()[NameObject("/A")] = DictionaryObject(
                {NameObject("/S"): NameObject("/GoTo"), NameObject("/D"): place}
            )
        if target in starts or not target.startswith("file:"):
            kept.append(note)
    sheet[NameObject("/Annots")] = kept


def write(browser: Browser, files: list[Path], target: Path) -> int:
    """Print the built pages `files` to `target`; returns the number of sheets."""
    settings = yaml.safe_load((paths.ROOT / "_config.yml").read_text(encoding="utf-8"))
    book = bound(browser, files)
    book.add_metadata({"/Title": settings["title"], "/Author": settings["author"]})
    book.compress_identical_objects()
    part = target.with_suffix(".part")
    book.write(part)
    part.replace(target)
    return len(book.pages)


def main() -> None:
    """Print the book, or say what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--html", type=Path, default=paths.ROOT / "_build" / "html", help="the built book")
    parser.add_argument("--out", type=Path, default=paths.ROOT / "_build" / "ice-crystals.pdf", help="the file to write")
    options = parser.parse_args()
    files = pages_of_book(options.html.absolute())
    missing = [file for file in files if not file.exists()]
    if missing:
        sys.exit(f"There is no {missing[0]}: run `make book` first.")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)  # else the one that playwright has installed
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        sheets = write(browser, files, options.out)
        browser.close()
    print(f"{options.out}: {sheets} pages, {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
