"""School: learning from labels."""
