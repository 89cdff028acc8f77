"""Readers of the sets that a checkpoint is measured on."""
