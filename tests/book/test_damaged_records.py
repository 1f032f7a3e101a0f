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
METRICS = {"rf_single_r2_rho_e": 0.9}
RECORD = {
    "notebook": "12-fake", "profile": "laptop", "device": "cpu", "date": "2026-01-02", "commit": None, "inputs": "tiles",
    "metrics": {"cpi_n": 3.0},
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
        (run / "metrics.json").write_bytes(metrics)
        (records / "12-fake-cpi.json").write_bytes(record)
        command = [sys.executable, "-m", "sphinx", "-b", "pseudoxml", "-q", "-E", "-D", f"executed_runs={tmp_path / 'runs'}"]
        path = {**os.environ, "PYTHONPATH": str(paths.ROOT / "book" / "_ext")}
        return subprocess.run([*command, tmp_path, tmp_path / "out"], env=path, capture_output=True, text=True, check=True).stderr

    return build


def test_damaged_numbers_are_named(said, tmp_path):
    metrics, record = json.dumps(METRICS).encode(), json.dumps(RECORD).encode()
    assert "is damaged" not in said(metrics, record)
    lacking = json.dumps({"notebook": "12-fake"}).encode()
    for bad_metrics, bad_record in ((metrics[:-9], record[:-9]), (b"\x89PNG\r\n\xff", b""), (b"[1]", lacking)):
        errors = said(bad_metrics, bad_record)
        for file in ("runs/12-fake/metrics.json", "book/records/12-fake-cpi.json"):
            assert f"ERROR: {tmp_path / file} is damaged: make it again" in errors
