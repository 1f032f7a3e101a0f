"""Figures, scenes and meshes; their style in one place."""
