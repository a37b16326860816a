"""Learning by trial and error in environments."""
