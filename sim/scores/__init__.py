"""Results that others made, put together: from evaluations, bundles and runs to tables."""

from sim.scores.document import Document, Table, as_html, as_markdown
from sim.scores.page import results_document
from sim.scores.policy import Evaluated, Policy
from sim.scores.score import RETURN_KEYS, SUCCESS_KEYS, Score, over_trainings
from sim.scores.sources import read_sources

__all__ = [
    "RETURN_KEYS",
    "SUCCESS_KEYS",
    "Document",
    "Evaluated",
    "Policy",
    "Score",
    "Table",
    "as_html",
    "as_markdown",
    "over_trainings",
    "read_sources",
    "results_document",
]
