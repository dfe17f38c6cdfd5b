"""Suites: tasks, faults, severities, budgets and seeds, every episode a row, to be gone on with after any end."""
