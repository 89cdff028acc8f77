"""Beam transforms, one a file, each beside the pure typed function that it lifts."""
