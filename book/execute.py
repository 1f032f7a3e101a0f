"""Execute the book's notebooks with papermill, two at a time, only where something changed.

A notebook's parameters are its own defaults, then ``notebooks/params/<profile>/<name>.yml``, then the folders of
real images (``--cpi-dir``, ``--oap-dir``), then ``-f`` and ``-p``. The executed copy goes to ``runs/<profile>/<name>.ipynb``
and what the notebook writes to ``runs/<profile>/<name>/``.
"""

import argparse
import contextlib
import logging
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
import yaml
from dependencies import digest
from papermill.exceptions import PapermillExecutionError
from progress import Cells, Lines

from lib.core import paths
from lib.core.device import YIELDING, BadEnvironment, thread_count
from lib.notebook.parameters import FOLDER, RunError, read, read_file

#: Scales of everything; the laptop profile is the notebooks' own defaults.
PROFILES = ("smoke", "laptop", "paper")

QUIET = {
    "PYVISTA_OFF_SCREEN": "true",
    "PYVISTA_JUPYTER_BACKEND": "static",
    "VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYTHONWARNINGS": "ignore:IProgress not found",  # bars are text, which a page and a log can keep
    "TQDM_NCOLS": "64",  # as wide whatever the terminal
}

#: The notebooks that take longest in the laptop profile, the longest first.
LONGEST = (
    "22-nine-habits", "31-cirrus-fields", "12-shape-descriptors", "14-two-views", "32-latent-fields",
    "16-posterior", "23-synthetic-vs-real", "13-image-networks", "17-cameras", "15-reconstruction", "18-which-pixels",
)  # fmt: skip


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
    return yaml.safe_load((paths.ROOT / "_toc.yml").read_text(encoding="utf-8"))


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
    return parameters_in(file, declared_parameters(name)) if file.exists() else {}


def parameters_in(file: Path, declared: dict | None = None) -> dict:
    """Parameters in a YAML file: name -> value, read as they are `declared`.

    Raises
    ------
    BadParameters
        If the file can't be read, or holds something else.
    """
    try:
        return read_file(file.read_text(encoding="utf-8"), declared or {})
    except RunError as error:
        raise BadParameters(f"{file} {error}") from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        said = getattr(error, "strerror", None) or getattr(error, "problem", None) or "it is no YAML"
        raise BadParameters(f"{file} can't be read: {said}") from error


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


def executed_digest(executed: Path) -> str | None:
    """Fingerprint kept in an `executed` notebook, None where there is no such notebook or it is damaged."""
    if not executed.exists():
        return None
    try:
        return nbformat.read(executed, as_version=4).metadata.get("digest")
    except Exception:  # nbformat raises anything for a damaged notebook, which is executed again
        return None


def execute(
    name: str,
    profile: str,
    runs: Path,
    parameters: dict,
    force: bool = False,
    folder: Path = paths.ROOT,
    threads: int = 1,
    tell: Callable[[str], None] = lambda line: None,
) -> bool:
    """Execute notebook `name` into `runs`, unless the copy there is current; True if it was executed.

    Its kernel works in `folder`, to which relative paths among the parameters refer, on this many `threads`. What it has
    come to is told to `tell`, line by line.

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
    cells = Cells(tell)
    try:
        with environment(run_environment(profile, runs, threads)):
            notebook = papermill.execute_notebook(
                paths.NOTEBOOKS / f"{name}.ipynb",
                running,
                parameters,
                cwd=folder,
                progress_bar={"file": cells, "bar_format": "{n_fmt}/{total_fmt} cells", "mininterval": 0},
                stderr_file=cells.kernel,
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


def run_environment(profile: str, runs: Path, threads: int) -> dict:
    """Environment variables of a notebook's kernel, which computes on this many `threads`."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    return {**QUIET, **YIELDING, **counts, "ICE_RUNS": str(runs.absolute()), "ICE_PROFILE": profile}


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


@dataclass(frozen=True)
class Job:
    """A notebook to execute, with the arguments of `execute`."""

    name: str
    profile: str
    runs: Path
    parameters: dict
    force: bool = False


def execute_all(jobs: list[Job], at_once: int) -> list[str]:
    """Execute the notebooks of `jobs`, so many at once, each in a process of its own; one sentence for each that failed.

    Those at work share the cores: the last one has them all.
    """
    failures, running, left, lines = [], {}, sorted(jobs, key=lambda job: turn(job.name)), Lines()
    news = multiprocessing.get_context("spawn").SimpleQueue()
    with ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn"), listen_to, (news,)) as pool:
        while left or running:
            while left and len(running) < at_once:
                threads = max(1, thread_count() // min(at_once, len(running) + len(left)))
                job = left.pop(0)
                lines.begin(job.name)
                running[pool.submit(execute_and_tell, job, threads)] = job.name
            ended, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            while not news.empty():
                lines.tell(*news.get())
            lines.show()
            for future in ended:
                how = outcome(future)
                lines.end(running.pop(future), how or "done")
                failures += [how] if how else []
    return failures


def jobs_at_once(profile: str) -> int:
    """How many notebooks are executed at once: two, but one where there is one core, or one GPU for the profile paper."""
    return 1 if profile == "paper" else min(2, thread_count())


def current(job: Job) -> bool:
    """Whether the executed copy of a notebook is what `job` would make."""
    return executed_digest(job.runs / f"{job.name}.ipynb") == digest(job.name, job.parameters)


def turn(name: str) -> int:
    """When notebook `name` has its turn: those that take long begin first, so that no core is idle at the end."""
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def outcome(future: Future) -> str:
    """Why a notebook failed in one sentence, or ""."""
    try:
        future.result()
    except NotebookFailed as error:
        return str(error)
    return ""


_NEWS = None


def listen_to(news) -> None:
    """Begin a process whose notebooks put what they have come to into the queue `news`."""
    global _NEWS
    _NEWS = news
    quiet_papermill()


def execute_and_tell(job: Job, threads: int) -> None:
    """Execute one notebook in a process begun by `listen_to`."""

    def tell(line: str) -> None:
        _NEWS.put((job.name, line))

    execute(job.name, job.profile, job.runs, job.parameters, job.force, threads=threads, tell=tell)


def make_folder(runs: Path) -> None:
    """Make the folder of the executed copies.

    Raises
    ------
    BadEnvironment
        If it cannot be written to.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=runs).close()
    except OSError as error:
        raise BadEnvironment(f"{runs} cannot be written to ({error.strerror}): name another folder in ICE_RUNS.") from error


def quiet_papermill() -> None:
    """Have papermill say nothing of parameters that a notebook does not declare: `lib.notebook.run.start` refuses them."""
    logging.getLogger("papermill").setLevel(logging.ERROR)


def given_parameters(name: str, profile: str, folders: dict, file: Path | None, typed: Sequence[tuple[str, str]]) -> dict:
    """Parameters of notebook `name`: of the profile, then image `folders` that it can use, then a file's, then `typed` ones.

    Folders become absolute paths, since the kernel works in a folder of its own.
    """
    declared = declared_parameters(name)
    found = profile_parameters(name, profile) | {key: value for key, value in folders.items() if value and key in declared}
    found |= parameters_in(file, declared) if file else {}
    found |= {key: read(text, declared[key]["inferred_type_name"] if key in declared else "") for key, text in typed}
    named = {key: value for key, value in found.items() if key.endswith(FOLDER) and isinstance(value, str) and value}
    for key, value in named.items():
        if any("\udc80" <= letter <= "\udcff" for letter in value):  # how Python keeps bytes that it cannot read
            raise BadParameters(f"{key}: the name {value!r} is no text in the encoding of this terminal: give the folder another")
    return found | {key: str(paths.absolute(value)) for key, value in named.items()}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="laptop", help="smoke, laptop (default) or paper")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these notebooks instead of all in _toc.yml")
    parser.add_argument("--runs", type=paths.absolute, metavar="DIR", help="where to, instead of ICE_RUNS or runs/<profile>")
    parser.add_argument("--cpi-dir", help="folder of CPI images, for the notebooks that can use it")
    parser.add_argument("--oap-dir", help="folder of OAP images, for the notebooks that can use it")
    parser.add_argument("-f", dest="file", type=paths.absolute, metavar="YML", help="parameters from a file")
    parser.add_argument("-p", dest="values", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    parser.add_argument("--jobs", type=int, metavar="N", help="notebooks at a time; 2, but 1 with one core or profile paper")
    parser.add_argument("--force", action="store_true", help="execute even if nothing changed")
    return parser.parse_args()


def main() -> None:
    """Execute every notebook asked for; end with one line for each that failed."""
    options = arguments()
    try:
        known("profile", options.profile, PROFILES)
        names = [known("notebook", name, notebooks_in_book()) for name in options.only or notebooks_in_book()]
        folders = {"cpi_dir": options.cpi_dir, "oap_dir": options.oap_dir}
        runs = options.runs or paths.absolute(os.environ.get("ICE_RUNS") or paths.ROOT / "runs" / options.profile)
        jobs = []
        for name in names:
            parameters = given_parameters(name, options.profile, folders, options.file, options.values)
            jobs.append(Job(name, options.profile, runs, parameters, options.force))
        at_once = options.jobs or jobs_at_once(options.profile)
        make_folder(runs)
    except (Unknown, BadParameters, BadEnvironment) as error:
        sys.exit(str(error))
    due = [job for job in jobs if options.force or not current(job)]
    for job in jobs:
        if job not in due:
            print(f"{job.name:28} is up to date")
    failures = execute_all(due, at_once) if due else []
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
