"""What a probe adds to a silhouette: optics, sensor and the effects of the instrument."""
