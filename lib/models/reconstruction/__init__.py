"""Ways from silhouettes to a solid."""
