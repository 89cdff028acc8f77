"""Which of the boxes that a detector found become regions."""
