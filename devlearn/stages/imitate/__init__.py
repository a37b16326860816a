"""Imitation: doing as somebody else does."""
