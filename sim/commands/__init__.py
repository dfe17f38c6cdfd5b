"""Verbs of the simulation side."""
