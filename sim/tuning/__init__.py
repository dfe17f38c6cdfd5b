"""Tuning: a deadline and an allowed miss rate to the setting that is worth most on a device."""
