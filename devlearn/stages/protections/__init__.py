"""Protections: small plug-ins that keep what was learned before, composed around the objective of any stage."""
