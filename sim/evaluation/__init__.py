"""Closed-loop evaluation of a bundle: episodes, sweeps, statistics and rows."""
