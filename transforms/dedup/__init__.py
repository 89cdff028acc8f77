"""Deduplication and decontamination across shards, from facts alone."""
