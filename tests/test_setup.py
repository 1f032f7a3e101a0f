"""The files around the code agree with each other."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import execute
import pytest
import yaml
from _ext.modules import PLACE, modules, name_of
from record import RECORDS, record

from lib.core.paths import ROOT
from lib.notebook import rows

CONDA_NAMES = {"pytorch": "torch", "py-opencv": "opencv-python-headless"}


def requirement(text):
    """Name and bounds of one requirement, the way pip writes them."""
    name, bounds = re.match(r"([\w.-]+)\s*(.*)", text).groups()
    return CONDA_NAMES.get(name, name), re.sub(r"^=(?!=)", "==", bounds)


def project():
    """The project table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def toc_files():
    """Every page of the book."""
    return execute.files_in(execute.toc())


def test_environment_has_the_packages_and_bounds_of_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    *conda, (_, pip) = [entry if isinstance(entry, str) else ("pip", entry["pip"]) for entry in environment["dependencies"]]
    assert pip.pop() == "-e ."
    found = dict(requirement(entry) for entry in [*conda, *pip])
    assert found.pop("python") == project()["requires-python"] and found.pop("pip") == ""
    assert found == dict(requirement(entry) for entry in project()["dependencies"])


def test_constraints_pin_every_direct_dependency():
    pins = dict(requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#"))
    direct = project()["dependencies"] + sum(project()["optional-dependencies"].values(), [])
    assert set(pins) == {requirement(entry)[0] for entry in direct}
    assert all(re.fullmatch(r"==[\w.]+", bounds) for bounds in pins.values())


def test_what_is_imported_is_declared():
    distributions = packages_distributions()
    declared = {requirement(entry)[0].lower() for entry in project()["dependencies"] + project()["optional-dependencies"]["test"]}
    declared |= {
        "sphinx",
        "docutils",
        "ipython",
        "click",
        "myst-nb",
        "pyro-ppl",
        "beautifulsoup4",
        project()["name"],
    }  # what other packages bring
    files = [
        file for pattern in ("lib/**/*.py", "book/**/*.py", "notebooks/*.py", "tests/**/*.py") for file in ROOT.glob(pattern)
    ]
    for file in files:
        for module in imported(ast.parse(file.read_text())) - sys.stdlib_module_names:
            owners = {name.lower() for name in distributions.get(module, [])}
            assert not owners or owners & declared, f"{file.name} imports {module}, which pyproject.toml does not name"


def imported(tree):
    """Names of the packages that a module imports."""
    plain = {name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return plain | {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def test_every_page_of_the_toc_exists_and_is_used_once():
    files = toc_files()
    assert len(files) == len(set(files))
    assert set(files) == {
        file.relative_to(ROOT).with_suffix("").as_posix() for file in [*ROOT.glob("book/*.md"), *ROOT.glob("notebooks/*.ipynb")]
    }


def test_every_module_is_in_the_api_reference():
    listed = [name for package in PLACE.findall((ROOT / "book" / "api.md").read_text()) for name in modules(ROOT, package)]
    files = {name_of(file, ROOT) for file in (ROOT / "lib").rglob("*.py") if not file.name.startswith("_")}
    assert len(listed) == len(set(listed)) and files <= set(listed)
    assert {"lib.crystals.habits", "lib.models.networks"} <= set(listed)  # packages that say something


@pytest.mark.parametrize("path", ["lib/notebook/run.py", "lib/new/new.py", "notebooks/99-new.ipynb", "book/records/new.json"])
def test_git_ignores_no_source(path):
    assert subprocess.run(["git", "check-ignore", "--quiet", "--no-index", path], cwd=ROOT, check=False).returncode == 1


@pytest.mark.parametrize("path", [".venv/x", "_build/x", "runs/x", "cache/x", "out.ipynb"])
def test_git_ignores_what_is_made(path):
    assert subprocess.run(["git", "check-ignore", "--quiet", "--no-index", path], cwd=ROOT, check=False).returncode == 0


def test_the_workflow_is_whole_and_safe():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())
    jobs = workflow["jobs"]
    assert {"push", "pull_request", "schedule", "workflow_dispatch"} == set(workflow[True])  # YAML reads `on` as true
    assert all("runs-on" in job and job["steps"] for job in jobs.values())
    assert all({"run", "uses"} & set(step) for job in jobs.values() for step in job["steps"])
    assert {need for job in jobs.values() for need in [job.get("needs")] if need} <= set(jobs)
    assert "GPU_RUNNER" in jobs["execute"]["runs-on"] and "!= 'pull_request'" in jobs["execute"]["if"]
    assert "!github.event.repository.fork" in jobs["execute"]["if"] and jobs["publish"]["needs"] == "execute"
    assert "GPU_RUNNER" not in jobs["test"]["runs-on"]
    checkout, *_, upload = jobs["execute"]["steps"]
    assert checkout["with"] == {"clean": False}  # a runner of one's own keeps its cache
    assert "path" in upload["with"] and all(jobs[name]["concurrency"]["group"] for name in ("execute", "publish"))


def test_workflow_and_ci_use_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = [(ROOT / name).read_text() for name in (".github/workflows/book.yml", ".ci/run")]
    for text in used:
        found = set(re.findall(r"\bmake ([a-z-]+)", text))
        assert found and found <= targets


def test_kept_records_are_complete():
    for file in RECORDS.glob("*.json"):
        kept = json.loads(file.read_text())
        assert set(kept) == {"notebook", "profile", "device", "date", "commit", "inputs", "rows"}
        assert kept["rows"] and f"notebooks/{kept['notebook']}" in toc_files()


def test_a_record_keeps_the_chosen_numbers(tmp_path):
    found = [{"score": "n_used", "value": 3, "data": data, "name": "n"} for data in ("cpi", "2ds", "")]
    rows.frame(found).to_csv(tmp_path / "metrics.csv", index=False)
    origin = {"notebook": "12", "profile": "laptop", "device": "cpu", "started": "2026-01-02T03:04:05", "commit": "abc", "x": 1}
    (tmp_path / "provenance.json").write_text(json.dumps(origin))
    kept = record(tmp_path, "cpi", "three tiles")
    assert type(kept["rows"][0]["value"]) is int  # a page may format it as a count
    assert kept == {
        "notebook": "12", "profile": "laptop", "device": "cpu", "date": "2026-01-02", "commit": "abc",
        "inputs": "three tiles", "rows": found[:1],
    }  # fmt: skip
