"""One HTML file about suites: what to choose, what it costs, what breaks it first, and how to repeat it.

- What is read: a suite's folder as a `suite_result`, split into its `task`s, and the rows of `tune` as a `tuning`.
- What is found: the `choice` of a budget by the `difference` on the same seeds, the `severity_curve` of each fault, the
  `frontier`, `timing`, `caution` and `limits`; and in words the `answers`.
- What is shown: `figures`, `severity_figures`, `tables` and a `film` of episodes in `chapters`, and the commands for
  `repeating` it.
"""

from sim.report.report import Wishes, rows_of, write_report

__all__ = ["Wishes", "rows_of", "write_report"]
