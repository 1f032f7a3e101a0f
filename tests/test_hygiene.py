"""What must not be in git: outputs, large files, secrets, paths of one machine, reference data outside tests."""

import re
import subprocess

import pytest

from lib.core.paths import ROOT

LARGEST = 500_000  # bytes; one file of data may be larger
DATA = "data/cm1-cirrus-ensemble.nc"
SECRET = re.compile(
    r"BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_\w{30}|\bAKIA[0-9A-Z]{16}\b|\bsk-\w{32}"
    r"|(?i:password|token|secret)\s*[=:]\s*[\"'][^\"'{$]{8,}"
)
MACHINE = re.compile(r"(?<![\w.~/-])/(home|root|Users|work|mnt)/\w")
REGISTRY = re.compile(r"(?i:--(extra-)?index-url|index_url|find-links)\s*[= ]\s*\S*(://|/)")


def tracked():
    """Every file in git."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).exists()]


def texts():
    """Name -> text of every text file in git."""
    found = {}
    for file in tracked():
        content = file.read_bytes()
        if b"\0" not in content:
            found[file.relative_to(ROOT).as_posix()] = content.decode()
    return found


def test_no_large_files():
    large = {file.relative_to(ROOT).as_posix() for file in tracked() if file.stat().st_size > LARGEST}
    assert large <= {DATA} and (ROOT / DATA).stat().st_size < 20e6


@pytest.mark.parametrize(
    ("what", "pattern", "allowed"),
    [
        ("secrets", SECRET, ("tests/test_hygiene.py",)),
        ("paths of a machine", MACHINE, ("tests/test_hygiene.py", "tests/test_notebooks.py")),
        ("hosts of package registries", REGISTRY, ("tests/test_hygiene.py",)),
        ("reference data outside tests", re.compile(r"\.\./shared|ICE_SHARED"), ("tests/",)),
        ("conflicts", re.compile(r"^(<{7}|>{7}) ", re.MULTILINE), ()),
        ("blanks at the end of a line of code", re.compile(r"[ \t]+$", re.MULTILINE), (".md", ".ipynb", ".svg")),
        (
            "errors that are passed over",
            re.compile(r"except[^:\n]*:\s*(pass|\.\.\.)\s*$", re.MULTILINE),
            ("tests/test_hygiene.py",),
        ),
    ],
)
def test_nothing_in_git_that_should_not_be(what, pattern, allowed):
    found = [name for name, text in texts().items() if not any(part in name for part in allowed) and pattern.search(text)]
    assert not found, f"{what} in {', '.join(found)}"


def test_text_files_end_with_a_line():
    assert [name for name, text in texts().items() if text and not text.endswith("\n")] == []


def test_modules_are_a_page_or_three():
    sizes = {
        file.relative_to(ROOT).as_posix(): len(file.read_text().splitlines())
        for file in [*ROOT.glob("lib/**/*.py"), *ROOT.glob("book/**/*.py")]
    }
    assert {name: lines for name, lines in sizes.items() if lines > 300} == {}
