"""Results as rows: a table with a score, its value, its error, and the fields that say whose score it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lib.notebook import titles
from lib.notebook.titles import FIELDS

NUMBERS = ("value", "se", "sd")
COLUMNS = ("score", *NUMBERS, *FIELDS, "name")


def frame(records: Sequence[dict], columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Rows as a table: numbers are NaN and texts empty where they are not given."""
    texts = dict.fromkeys((column for column in columns if column not in NUMBERS), "")
    table = pd.DataFrame([texts | record for record in records], columns=list(columns))
    return table.astype({column: float if column in NUMBERS else object for column in columns})


def read(file: Path) -> pd.DataFrame:
    """The rows in a ``metrics.csv``.

    Raises
    ------
    ValueError
        If there is no such file, or it is damaged.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        if tuple(table) != COLUMNS or table.isna().to_numpy().any():  # NaN is what a line that breaks off lacks
            raise ValueError
        return frame(table.replace(dict.fromkeys(NUMBERS, {"": None})).to_dict("records"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is missing or damaged: run the notebook first.") from error


def flat(row: Mapping) -> dict[str, float]:
    """The numbers of a row under its flat name: the value, and its errors with ``_se`` and ``_sd`` where there are any."""
    names = {"value": row["name"], "se": f"{row['name']}_se", "sd": f"{row['name']}_sd"}
    return {names[kind]: row[kind] for kind in NUMBERS if pd.notna(row.get(kind))}


def select(rows: pd.DataFrame, **fields) -> pd.DataFrame:
    """The rows with these values of ``score`` or `FIELDS`, each one code or several; "" asks for rows without the field."""
    for field, codes in fields.items():
        rows = rows[rows[field].isin([codes] if isinstance(codes, str) else list(codes))]
    return rows


def text(row: pd.Series) -> str:
    """The value of a row as it is shown, with its standard error or deviation."""
    score = titles.score(row.score)
    error = row.se if pd.notna(row.se) else row.sd
    return score.number(row.value) + (f" ± {score.number(error)}" if pd.notna(error) else "")


def table(rows: pd.DataFrame, index: str | Sequence[str] = "model", columns: str | Sequence[str] = "score") -> pd.DataFrame:
    """Rows as a table to look at: titles in words with units, and in each cell ``value ± standard error``.

    Parameters
    ----------
    rows : as `select` gives them
    index, columns : fields (or ``score``) that become rows and columns of the table, in the order of first appearance

    Raises
    ------
    ValueError
        If two rows would stand in one cell.
    """
    index, columns = ([part] if isinstance(part, str) else list(part) for part in (index, columns))
    fields = [*index, *columns]
    twice = rows.duplicated(fields)
    if twice.any():
        names, shown = rows[twice].name, 4
        others = f" and {len(names) - shown} others" if len(names) > shown else ""
        raise ValueError(
            f"a table by {', '.join(fields)} has two values for {', '.join(names[:shown])}{others}: select fewer rows"
        )
    named = pd.DataFrame({field: [titles.title(field, code) for code in rows[field]] for field in fields})
    named["text"] = [text(row) for row in rows.itertuples()]
    whole = named.set_index(fields)["text"].unstack(columns, fill_value="")
    orders = [pd.MultiIndex.from_frame(named[part].drop_duplicates()) for part in (index, columns)]
    plain = [order.get_level_values(0) if order.nlevels == 1 else order for order in orders]
    return whole.reindex(index=plain[0], columns=plain[1]).rename_axis(index=[None] * len(index), columns=[None] * len(columns))
