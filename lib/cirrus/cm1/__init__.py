"""NCAR's cloud model CM1: its files, its runs."""
