"""Learning by looking, without labels."""
