"""Runnable Beam pipelines; each may be run by itself, and `curate` runs them in order."""

import logging

# Beam says on import that a client for BigQuery, which nothing here uses, is not installed.
logging.getLogger().addFilter(lambda record: "apitools not found" not in record.getMessage())
