"""Verbs of the workstation side."""
