"""For notebooks and the book alone: a run, its records, its provenance."""
