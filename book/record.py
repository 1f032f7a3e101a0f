"""Keep numbers of a run in git: those of runs on images that may not be redistributed.

``python book/record.py 12-shape-descriptors cpi --inputs "120 CPI tiles of bullet rosettes"`` copies the metrics
whose name has the word ``cpi``, as in ``cpi_n_used``, with their provenance, to ``book/records/12-shape-descriptors-cpi.json``.
"""

import argparse
import json
import sys
from pathlib import Path

from lib.core import paths

RECORDS = paths.ROOT / "book" / "records"


def record(folder: Path, what: str, inputs: str) -> dict:
    """The metrics in run `folder` whose names have the word `what`, or all, with the run's provenance and its `inputs`.

    Raises
    ------
    ValueError
        If the run has not recorded them, or a file is damaged.
    """
    metrics, origin = content(folder / "metrics.json"), content(folder / "provenance.json")
    return {
        "notebook": origin["notebook"],
        "profile": origin["profile"],
        "device": origin["device"],
        "date": origin["started"][:10],
        "commit": origin["commit"],
        "inputs": inputs,
        "metrics": {name: number for name, number in metrics.items() if what in ("all", *name.split("_"))},
    }


def content(file: Path) -> dict:
    """What a run wrote into a JSON file."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{file} is missing or damaged: run the notebook first.")
    return found


def main() -> None:
    """Write one record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook")
    parser.add_argument("what", help="word in the metrics' names, such as cpi or 2ds; or all")
    parser.add_argument("--inputs", required=True, help="what images these were, in words")
    parser.add_argument("--profile", default="laptop")
    options = parser.parse_args()
    try:
        kept = record(paths.ROOT / "runs" / options.profile / options.notebook, options.what, options.inputs)
    except ValueError as error:
        sys.exit(str(error))
    if not kept["metrics"]:
        sys.exit(f"The {options.profile} run of {options.notebook} recorded no metric with the word {options.what} in its name.")
    RECORDS.mkdir(exist_ok=True)
    file = RECORDS / f"{options.notebook}-{options.what}.json"
    file.write_text(json.dumps(kept, indent=1) + "\n")
    print(file.relative_to(paths.ROOT))


if __name__ == "__main__":
    main()
