"""The book's tables of recorded numbers: a file of numbers that is damaged is an error that names it, whatever is in it."""

import json
import os
import subprocess
import sys

import pytest

from lib.core import paths

CONF = """
extensions = ["myst_parser", "generated"]

def setup(app):
    app.add_config_value("executed_runs", "", "env")
"""
PAGE = "# Numbers\n\n```{results-table} rho_e\n```\n\n```{records-table}\n```\n"
METRICS = b"score,value,se,sd,model,views,quantity,data,split,name\nr2,0.9,,,rf,single,rho_e,,,rf_single_r2_rho_e\n"
RECORD = {
    "notebook": "12-fake", "profile": "laptop", "device": "cpu", "date": "2026-01-02", "commit": None, "inputs": "tiles",
    "rows": [{"score": "n_used", "value": 3.0, "data": "cpi", "name": "cpi_n_used"}],
}  # fmt: skip


@pytest.fixture
def said(tmp_path):
    """Function that builds a book with this text of metrics and of a record; returns what Sphinx said."""
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(PAGE)
    run, records = tmp_path / "runs" / "12-fake", tmp_path / "book" / "records"
    for folder in (run, records, tmp_path / "notebooks"):
        folder.mkdir(parents=True)
    (tmp_path / "notebooks" / "12-fake.md").write_text("# A notebook\n")

    def build(metrics, record):
        (run / "metrics.csv").write_bytes(metrics)
        (records / "12-fake-cpi.json").write_bytes(record)
        command = [sys.executable, "-m", "sphinx", "-b", "pseudoxml", "-q", "-E", "-D", f"executed_runs={tmp_path / 'runs'}"]
        path = {**os.environ, "PYTHONPATH": str(paths.ROOT / "book" / "_ext")}
        return subprocess.run([*command, tmp_path, tmp_path / "out"], env=path, capture_output=True, text=True, check=True).stderr

    return build


def test_damaged_numbers_are_named(said, tmp_path):
    record = json.dumps(RECORD).encode()
    assert "is damaged" not in said(METRICS, record)
    lacking = json.dumps({"notebook": "12-fake"}).encode()
    bad_value = METRICS.replace(b"0.9", b"good")
    for bad_metrics, bad_record in ((METRICS[:20], record[:-9]), (b"\x89PNG\r\n\xff", b""), (bad_value, lacking)):
        errors = said(bad_metrics, bad_record)
        for file in ("runs/12-fake/metrics.csv", "book/records/12-fake-cpi.json"):
            assert f"ERROR: {tmp_path / file} is damaged: make it again" in errors
