"""From a particle to numbers."""
