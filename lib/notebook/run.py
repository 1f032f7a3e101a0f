"""One run of one notebook: its parameters, seeds, device, folder, provenance and recorded numbers.

>>> run = start("12-shape-descriptors", globals())  # doctest: +SKIP
>>> run.record("r2", 0.94, se=0.01, model="rf", views="single", quantity="rho_e")  # doctest: +SKIP
"""

import html
import json
import math
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from myst_nb import glue

from lib.core import paths
from lib.core.cache import written
from lib.core.device import available_device, seed_everything, set_threads
from lib.core.stores import refuse_unknown_scheduler
from lib.figures import style
from lib.notebook import rows, titles
from lib.notebook.parameters import RunError, as_declared, declared_parameters, injected_names, refuse_misfit, refuse_unknown
from lib.notebook.provenance import provenance


@dataclass(repr=False)
class Run:
    """What `start` hands to a notebook. Shown in a cell, it is the table of the parameters in effect."""

    name: str
    folder: Path
    parameters: dict
    declared: dict
    device: str
    metrics: dict = field(default_factory=dict)
    records: dict = field(default_factory=dict)

    def require(self, condition, sentence: str) -> None:
        """Stop the notebook with `sentence` unless `condition` holds."""
        if not condition:
            raise RunError(sentence)

    def at_least(self, **limits) -> None:
        """Stop the notebook in one sentence if a parameter is below its limit."""
        for name, limit in limits.items():
            value = self.parameters[name]
            self.require(value >= limit, f"{name} must be at least {limit}, got {value}.")

    def at_most(self, **limits) -> None:
        """Stop the notebook in one sentence if a parameter is above its limit."""
        for name, limit in limits.items():
            value = self.parameters[name]
            self.require(value <= limit, f"{name} must be at most {limit}, got {value}.")

    def one_of(self, **choices) -> None:
        """Stop the notebook in one sentence if a parameter is none of its choices."""
        for name, allowed in choices.items():
            value = self.parameters[name]
            self.require(value in allowed, f"{name} must be one of {', '.join(allowed)}, got {value!r}.")

    def ranges(self, *names, most=math.inf) -> None:
        """Stop the notebook in one sentence if a parameter is not two positive numbers, the smaller one first, up to `most`."""
        limit = f" and none above {most}" if math.isfinite(most) else ""
        for name in names:
            value = self.parameters[name]
            right = len(value) == 2 and 0 < value[0] < value[1] <= most
            self.require(right, f"{name} must be two positive numbers, the smaller one first{limit}, got {value}.")

    def counts(self, *names, of) -> None:
        """Stop the notebook in one sentence unless these parameters give whole numbers, 0 or more, to some of the names `of`."""
        for name in names:
            counts = self.parameters[name]
            refuse_misfit(name, counts, "dict[str, int]")
            unknown = set(counts) - set(of)
            self.require(not unknown, f"{name} names {', '.join(unknown)}; there are {', '.join(of)}.")
            self.require(min(counts.values(), default=0) >= 0, f"{name} must not be negative, got {counts}.")

    def angles(self, *names) -> None:
        """Stop the notebook in one sentence unless these parameters begin with 0 and differ, all from 0 to below 360 [deg]."""
        for name in names:
            angles = self.parameters[name]
            right = angles[:1] == [0] and len(set(angles)) == len(angles) and all(0 <= angle < 360 for angle in angles)
            self.require(right, f"{name} must begin with 0 and differ from each other, from 0 to below 360, got {angles}.")

    def folders(self, *names) -> None:
        """Stop the notebook in one sentence if one of these parameters is neither empty nor a folder."""
        for name in names:
            value = self.parameters[name]
            self.require(not value or Path(value).is_dir(), f"{name}: there is no folder {value!r}.")

    def record(self, score, value, se=None, *, sd=None, model=None, views=None, quantity=None, data=None, split=None) -> None:
        """Keep a result as a row of the run folder's ``metrics.csv``, and under its flat name for the prose and ``metrics.json``.

        Parameters
        ----------
        score : its code, see `lib.notebook.titles`
        value, se, sd : the number, its standard error, and its standard deviation over seeds
        model, views, quantity, data, split : codes that say whose score it is, where they have something to tell

        Raises
        ------
        RunError
            If a number is not finite, or this run has recorded another row under the same flat name.
        """
        fields = {"model": model, "views": views, "quantity": quantity, "data": data, "split": split}
        self._keep([self._row(score, value, se, sd, **fields)])

    def record_table(self, values, errors=None, rows="score", columns="", *, deviations=None, **fields) -> None:
        """Record each number of a table, whose row labels and column heads are codes.

        Parameters
        ----------
        values, errors, deviations : DataFrame, or Series or mapping where there is one column only: the numbers, their standard
            errors, and their standard deviations over seeds
        rows, columns : what the labels of rows and the heads of columns are: ``score`` or a field
        fields : the fields that all share, and `score` where neither rows nor columns are scores
        """
        whole = pd.DataFrame(values) if columns else pd.Series(values).to_frame("")
        others = [table if table is None or columns else pd.Series(table).to_frame("") for table in (errors, deviations)]
        found = []
        for column in whole:
            for label, value in whole[column].items():
                se, sd = (None if table is None else table[column][label] for table in others)
                own = {rows: label} | ({columns: column} if columns else {})
                found.append(self._row(**{"value": value, "se": se, "sd": sd} | fields | own))
        self._keep(found)

    def _row(self, score, value, se=None, sd=None, **fields) -> dict:
        """A row as it is kept: fields as texts, plain numbers, and the flat name."""
        unknown = ", ".join(set(fields) - set(titles.FIELDS))
        self.require(not unknown, f"a result has no field {unknown}; it has {', '.join(titles.FIELDS)}.")
        score, quantity = titles.PARTS.get(score, (score, ""))
        given = {field: str(code) for field, code in fields.items() if code is not None}
        row = {"score": score} | dict.fromkeys(titles.FIELDS, "") | {"quantity": quantity} | given
        name = titles.flat_name(row)
        numbers = {kind: number for kind, number in (("se", se), ("sd", sd)) if number is not None} | {"value": value}
        return row | {kind: plain_number(name, number) for kind, number in numbers.items()} | {"name": name}

    def _keep(self, found: list[dict]) -> None:
        """Add these rows to the run's, write its files and glue what is new."""
        for row in found:
            known = self.records.setdefault(row["name"], row)
            already = f"{row['name']} is already recorded as {known['value']}"
            self.require(known == row, f"{already}, so it cannot become {row['value']}.")
            for name, number in rows.flat(row).items():
                if name not in self.metrics:  # a page warns of a name that is glued twice
                    self.metrics[name] = number
                    glue(name, number, display=False)
        write_json(self.file("metrics.json"), self.metrics)
        written(self.file("metrics.csv"), partial(self.rows.to_csv, index=False))

    @property
    def rows(self) -> pd.DataFrame:
        """All rows recorded so far, with the columns of ``metrics.csv``."""
        return rows.frame(list(self.records.values()))

    def table(self, index="model", columns="score", **fields) -> pd.DataFrame:
        """Recorded rows with these `fields` as a table to look at: titles in words with units, ``value ± standard error``.

        See `lib.notebook.rows.select` for the fields and `lib.notebook.rows.table` for index and columns.
        """
        return rows.table(rows.select(self.rows, **fields), index, columns)

    def keep(self, **tables) -> None:
        """Write each table as ``<name>.csv`` in the run folder, which the page of the notebook offers for download."""
        for name, table in tables.items():
            written(self.file(f"{name}.csv"), partial(table.to_csv, float_format="%.6g"))

    def file(self, name: str) -> Path:
        """Path of `name` in the run folder."""
        return self.folder / name

    def url(self, name: str) -> str:
        """Address of `name` as seen from the notebooks folder, for an ``<iframe>`` or a link."""
        return quote(Path(os.path.relpath(self.file(name), paths.NOTEBOOKS)).as_posix())

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"Run({self.name!r}, {values})"

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><th>{name}</th><td>{html.escape(repr(value))}</td><td>{html.escape(self.declared[name]['help'])}</td></tr>"
            for name, value in self.parameters.items()
        )
        head = "<tr><th>parameter</th><th>value</th><th>meaning</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def start(name: str, namespace: dict) -> Run:
    """Begin the run of notebook `name`, whose variables are in `namespace` (pass ``globals()``).

    Checks the parameters, gives them their declared type (also in `namespace`), seeds every random
    generator, resolves ``device = "auto"`` (also in `namespace`), sets threads and figure style, and opens the run folder with
    a fresh ``provenance.json``.

    Raises
    ------
    RunError
        If a parameter was passed that the notebook does not declare, or a value does not fit its type.
    """
    declared = declared_parameters(paths.NOTEBOOKS / f"{name}.ipynb")
    refuse_unknown(injected_names(namespace.get("In", [])), declared, name)
    parameters = {key: namespace[key] for key in declared}
    for key, value in parameters.items():
        annotation = declared[key]["inferred_type_name"]
        namespace[key] = parameters[key] = as_declared(key, value, annotation)
        refuse_misfit(key, parameters[key], annotation)
    try:
        device = available_device(parameters.get("device", "cpu"))
        refuse_unknown_scheduler(parameters.get("scheduler", "synchronous"))
        seed_everything(parameters.get("seed", 0))
        set_threads()
    except ValueError as error:
        raise RunError(f"{error}") from None
    if "device" in parameters:
        namespace["device"] = parameters["device"] = device
    style.set_style()
    folder = paths.RUNS / name
    try:
        clear(folder)
        write_json(folder / "provenance.json", provenance(name, parameters, device))
    except OSError as error:
        raise RunError(f"{paths.RUNS} cannot be written to ({error.strerror}): name another folder in ICE_RUNS.") from None
    return Run(name, folder, parameters, declared, device)


def clear(folder: Path) -> None:
    """Make the folder of a run, and remove numbers and tables of an earlier one, but not what another run is writing now."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = [file for file in folder.glob("*.csv") if not file.name.startswith("part-")]
    for stale in (folder / "metrics.json", *tables):
        stale.unlink(missing_ok=True)


def plain_number(name: str, value) -> int | float:
    """`value` as a finite Python number: numpy and torch scalars have an ``item()``, which `glue` cannot do without."""
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise RunError(f"{name} must be a finite number to be recorded, got {value!r}.")
    return number


def write_json(path: Path, content: dict) -> None:
    """Write `content` to `path` so that a reader never sees half of it."""
    written(path, lambda part: part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8"))
