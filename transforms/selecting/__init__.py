"""Which samples a set can do without: pictures that mean the same, and texts that name the same."""
