"""From a solid to its silhouette."""
