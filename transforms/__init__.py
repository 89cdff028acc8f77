"""Beam transforms, one a file, each beside the pure typed function that it lifts."""

import logging

# Beam says on import that a client for BigQuery, which nothing here uses, is not installed.
logging.getLogger().addFilter(lambda record: "apitools not found" not in record.getMessage())
