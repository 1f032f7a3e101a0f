"""Execute the book's notebooks with papermill, only where something changed.

A notebook's parameters are its own defaults, then ``notebooks/params/<profile>/<name>.yml``, then the folders of
real images (``--cpi-dir``, ``--oap-dir``), then ``-f`` and ``-p``. The executed copy goes to ``runs/<profile>/<name>.ipynb``
and what the notebook writes to ``runs/<profile>/<name>/``.
"""

import argparse
import ast
import contextlib
import hashlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import papermill
import yaml
from papermill.exceptions import PapermillExecutionError

from lib.core import paths

#: Scales of everything; the laptop profile is the notebooks' own defaults.
PROFILES = ("smoke", "laptop", "paper")

QUIET = {
    "PYVISTA_OFF_SCREEN": "true",
    "PYVISTA_JUPYTER_BACKEND": "static",
    "VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYTHONWARNINGS": "ignore:IProgress not found",  # bars are text, which a page and a log can keep
}


class NotebookFailed(RuntimeError):
    """One line: which notebook, which cell, which error, and where the failed copy is."""


class BadParameters(ValueError):
    """One line: which file of parameters can't be read, and why."""


class Unknown(ValueError):
    """One line: which profile or notebook there is not, and which there are."""


def notebooks_in_book() -> list[str]:
    """Names of the notebooks in the order of ``_toc.yml``."""
    return [file.removeprefix("notebooks/") for file in files_in(toc()) if file.startswith("notebooks/")]


def toc() -> dict:
    """The table of contents."""
    return yaml.safe_load((paths.ROOT / "_toc.yml").read_text())


def files_in(entry) -> list[str]:
    """Every ``file`` and ``root`` in a table of contents, in reading order."""
    if isinstance(entry, list):
        return [file for item in entry for file in files_in(item)]
    if not isinstance(entry, dict):
        return []
    own = [entry[key] for key in ("root", "file") if key in entry]
    return own + [file for value in entry.values() for file in files_in(value)]


def declared_parameters(name: str) -> dict:
    """What the parameters cell of notebook `name` declares: name -> type, default and help."""
    return papermill.inspect_notebook(paths.NOTEBOOKS / f"{name}.ipynb")


def profile_parameters(name: str, profile: str) -> dict:
    """What `profile` changes in notebook `name`; the laptop profile is the notebook's own defaults."""
    file = paths.PARAMS / profile / f"{name}.yml"
    return parameters_in(file) if file.exists() else {}


def parameters_in(file: Path) -> dict:
    """Parameters in a YAML file: name -> value.

    Raises
    ------
    BadParameters
        If the file can't be read, or holds something else.
    """
    try:
        found = yaml.safe_load(file.read_text())
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        said = getattr(error, "strerror", None) or getattr(error, "problem", None) or "it is no YAML"
        raise BadParameters(f"{file} can't be read: {said}") from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise BadParameters(f"{file} holds no parameters, which are lines of the form name: value")
    return found


def known(what: str, name: str, choices: Sequence[str]) -> str:
    """`name`, if it is one of the `choices` of `what`.

    Raises
    ------
    Unknown
        If it is none of them.
    """
    if name not in choices:
        raise Unknown(f"There is no {what} {name}; there are {', '.join(choices)}.")
    return name


def digest(name: str, parameters: dict) -> str:
    """Fingerprint of all that decides a run: the notebook's cells, its parameters and the code of ``lib``."""
    cells = nbformat.read(paths.NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    seen = hashlib.sha256(json.dumps([[cell.cell_type, cell.source, cell.metadata] for cell in cells]).encode())
    seen.update(json.dumps(parameters, sort_keys=True).encode())
    for module in sorted((paths.ROOT / "lib").rglob("*.py")):
        seen.update(str(module.relative_to(paths.ROOT)).encode() + module.read_bytes())
    return seen.hexdigest()


def executed_digest(executed: Path) -> str | None:
    """Fingerprint kept in an `executed` notebook, None where there is no such notebook or it is damaged."""
    if not executed.exists():
        return None
    try:
        return nbformat.read(executed, as_version=4).metadata.get("digest")
    except Exception:  # nbformat raises anything for a damaged notebook, which is executed again
        return None


def execute(name: str, profile: str, runs: Path, parameters: dict, force: bool = False, folder: Path = paths.ROOT) -> bool:
    """Execute notebook `name` into `runs`, unless the copy there is current; True if it was executed.

    Its kernel works in `folder`, to which relative paths among the parameters refer.

    Raises
    ------
    NotebookFailed
        If a cell fails; the notebook up to there is kept as ``<name>.failed.ipynb``.
    """
    executed, running, failed = (runs / f"{name}{end}.ipynb" for end in ("", ".running", ".failed"))
    wanted = digest(name, parameters)
    if not force and executed_digest(executed) == wanted:
        return False
    runs.mkdir(parents=True, exist_ok=True)
    executed.unlink(missing_ok=True)
    try:
        with environment(run_environment(profile, runs)):
            notebook = papermill.execute_notebook(
                paths.NOTEBOOKS / f"{name}.ipynb",
                running,
                parameters,
                cwd=folder,
                progress_bar=progress(name),
                coalesce_streams=True,  # of a progress bar, its last state remains
                extra_arguments=["--log-level=ERROR"],
            )
    except PapermillExecutionError as error:
        running.replace(failed)
        where = f"{name}, cell [{error.exec_count}]: {error.ename}: {error.evalue}"
        raise NotebookFailed(f"{where} (see {failed})") from None
    notebook.metadata["digest"] = wanted
    notebook.metadata["papermill"].update(input_path=f"notebooks/{name}.ipynb", output_path=executed.name)  # whatever the machine
    nbformat.write(notebook, running)
    running.replace(executed)
    failed.unlink(missing_ok=True)
    return True


def run_environment(profile: str, runs: Path) -> dict:
    """Environment variables of a notebook's kernel; tests run on one thread, since two busy runs slow each other."""
    threads = {"OMP_NUM_THREADS": "1"} if profile == "smoke" else {}
    return {**QUIET, **threads, "ICE_RUNS": str(runs.absolute()), "ICE_PROFILE": profile}


@contextlib.contextmanager
def environment(variables: dict):
    """Set environment `variables` for a while."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def progress(name: str) -> dict:
    """Progress bar of one notebook: lively in a terminal, a line now and then in a log."""
    return {"desc": f"{name:28}", "mininterval": 0.1 if sys.stderr.isatty() else 30, "ascii": not sys.stderr.isatty()}


def folder_parameters(name: str, folders: dict) -> dict:
    """Those of the image `folders` that were given and that notebook `name` has a parameter for, as absolute paths."""
    declared = declared_parameters(name)
    return {key: str(Path(value).absolute()) for key, value in folders.items() if value and key in declared}


def literal(text: str):
    """The Python value written in `text`, or the text itself: ``3`` is a number, ``abc`` a string."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="laptop", help="smoke, laptop (default) or paper")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these notebooks instead of all in _toc.yml")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="where to, instead of runs/<profile>")
    parser.add_argument("--cpi-dir", help="folder of CPI images, for the notebooks that can use it")
    parser.add_argument("--oap-dir", help="folder of OAP images, for the notebooks that can use it")
    parser.add_argument("-f", dest="file", type=Path, metavar="YML", help="parameters from a file")
    parser.add_argument("-p", dest="values", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    parser.add_argument("--force", action="store_true", help="execute even if nothing changed")
    return parser.parse_args()


def main() -> None:
    """Execute every notebook asked for; end with one line for each that failed."""
    logging.getLogger("papermill").setLevel(logging.ERROR)  # run.start refuses what papermill only warns of
    options = arguments()
    try:
        known("profile", options.profile, PROFILES)
        names = [known("notebook", name, notebooks_in_book()) for name in options.only or notebooks_in_book()]
        typed = parameters_in(options.file) if options.file else {}
    except (Unknown, BadParameters) as error:
        sys.exit(str(error))
    runs = options.runs or paths.ROOT / "runs" / options.profile
    folders = {"cpi_dir": options.cpi_dir, "oap_dir": options.oap_dir}
    typed |= {name: literal(value) for name, value in options.values}
    failures = []
    for name in names:
        try:
            parameters = profile_parameters(name, options.profile) | folder_parameters(name, folders) | typed
            if not execute(name, options.profile, runs, parameters, options.force):
                print(f"{name:28}: up to date")
        except (NotebookFailed, BadParameters) as error:
            failures.append(str(error))
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
