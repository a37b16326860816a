"""Built-in probes, found through the registry."""
