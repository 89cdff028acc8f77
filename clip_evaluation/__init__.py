"""What a checkpoint has learnt, measured on embeddings that are computed once."""
