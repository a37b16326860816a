"""The run folder: its schema, the paths in it, who writes and who reads it. Knows no tensor."""
