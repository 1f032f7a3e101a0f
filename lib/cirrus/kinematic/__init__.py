"""A cirrus of our own, in three schemes of microphysics."""
