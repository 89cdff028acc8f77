"""What a CLIP says of pictures and texts, and what is kept for it."""
