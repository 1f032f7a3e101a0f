"""The pages of prose: their examples run, and what they name and cite is in the helper package and the bibliography."""

import pkgutil
import re

import pytest

from lib.core import cache
from lib.core.paths import ROOT

PAGES = sorted(ROOT.glob("book/*.md"))
EXAMPLES = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_examples_run(code, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cache.paths, "CACHE", tmp_path)
    exec(compile(code, "example", "exec"), {})
    assert capsys.readouterr().out.strip()


NAMES = sorted(
    {
        name
        for file in [*PAGES, *ROOT.glob("*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("notebooks/*.py")]
        for name in re.findall(r"(?<![\w/.])lib(?:\.\w+)+", file.read_text())
    }
)


@pytest.mark.parametrize("name", NAMES)
def test_what_pages_name_is_in_the_helper_package(name):
    assert pkgutil.resolve_name(name)


def test_what_is_cited_is_in_the_bibliography_and_the_reverse():
    text = "\n".join(file.read_text() for file in [*PAGES, *ROOT.glob("notebooks/*.py")])
    cited = {key.strip() for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text) for key in keys.split(",")}
    assert cited == set(re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE))
