"""Stages in which somebody who knows says something: of guesses, and in words."""
