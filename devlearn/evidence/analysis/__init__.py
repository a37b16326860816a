"""Records in, typed results out."""
