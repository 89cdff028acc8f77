"""The evaluations that a configuration can name: each reads and checks its data, then measures a model."""
