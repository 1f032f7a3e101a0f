"""Keep numbers of a run in git: those of runs on images that may not be redistributed.

``python book/record.py 12-shape-descriptors cpi --inputs "120 CPI tiles of bullet rosettes"`` copies the rows of ``metrics.csv``
whose data are ``cpi``, with their provenance, to ``book/records/12-shape-descriptors-cpi.json``.
"""

import argparse
import json
import sys
from pathlib import Path

from lib.core import paths
from lib.notebook import rows

RECORDS = paths.ROOT / "book" / "records"


def record(folder: Path, what: str, inputs: str) -> dict:
    """The rows in run `folder` whose data are `what`, or ``all``, with the run's provenance and its `inputs`.

    Raises
    ------
    ValueError
        If the run has not recorded them, or a file is damaged.
    """
    found, origin = rows.read(folder / "metrics.csv"), provenance_in(folder / "provenance.json")
    chosen = found if what == "all" else rows.select(found, data=what)
    return {
        "notebook": origin["notebook"],
        "profile": origin["profile"],
        "device": origin["device"],
        "date": origin["started"][:10],
        "commit": origin["commit"],
        "inputs": inputs,
        "rows": [plain(row) for row in chosen.to_dict("records")],
    }


def plain(row: dict) -> dict:
    """What a row tells: neither empty texts nor numbers that are not there, and counts as whole numbers."""
    told = {key: value for key, value in row.items() if value != "" and value == value}
    return {key: int(value) if isinstance(value, float) and value.is_integer() else value for key, value in told.items()}


def provenance_in(file: Path) -> dict:
    """Where the run in whose folder `file` lies comes from."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{file} is missing or damaged: run the notebook first.")
    return found


def as_text(kept: dict) -> str:
    """A record as JSON with a line for each row."""
    head = json.dumps({key: value for key, value in kept.items() if key != "rows"}, indent=1).removesuffix("\n}")
    return f'{head},\n "rows": [\n  ' + ",\n  ".join(map(json.dumps, kept["rows"])) + "\n ]\n}\n"


def main() -> None:
    """Write one record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook")
    parser.add_argument("what", help="data of the rows, such as cpi or 2ds; or all")
    parser.add_argument("--inputs", required=True, help="what images these were, in words")
    parser.add_argument("--profile", default="laptop")
    options = parser.parse_args()
    try:
        kept = record(paths.ROOT / "runs" / options.profile / options.notebook, options.what, options.inputs)
    except ValueError as error:
        sys.exit(str(error))
    if not kept["rows"]:
        sys.exit(f"The {options.profile} run of {options.notebook} recorded nothing of the data {options.what}.")
    RECORDS.mkdir(exist_ok=True)
    file = RECORDS / f"{options.notebook}-{options.what}.json"
    file.write_text(as_text(kept), encoding="utf-8")
    print(file.relative_to(paths.ROOT))


if __name__ == "__main__":
    main()
