"""One plug-in of every kind, a file each."""
