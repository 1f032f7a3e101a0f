"""The pages of prose: their examples run, and they cite what the bibliography holds."""

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


def test_what_is_cited_is_in_the_bibliography_and_the_reverse():
    text = "\n".join(file.read_text() for file in [*PAGES, *ROOT.glob("notebooks/*.py")])
    cited = {key.strip() for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text) for key in keys.split(",")}
    assert cited == set(re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE))
