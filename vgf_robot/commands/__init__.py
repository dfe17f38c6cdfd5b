"""Verbs of the robot side."""
