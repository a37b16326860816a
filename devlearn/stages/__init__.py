"""Ways of learning, one a file, found through the registry. Stages never import each other."""
