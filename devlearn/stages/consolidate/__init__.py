"""Consolidation: phases between others, in which nothing new is seen."""
