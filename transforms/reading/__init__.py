"""Readers of input shards: what lies in them, unit by unit, however broken."""
