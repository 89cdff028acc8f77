"""Runnable Beam pipelines; each may be run by itself, and `curate` runs them in order."""
