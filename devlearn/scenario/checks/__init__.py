"""What a file says that no single key can say wrong: between stages, arms, probes and the comparison."""
