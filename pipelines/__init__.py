"""Runnable Beam pipelines; each may be run by itself, and `curate` runs them in order."""

import transforms  # noqa: F401  (before Beam: it keeps a warning of its import quiet)
