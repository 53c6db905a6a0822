"""Sigma documents to our own model: the only package that meets pySigma.

pySigma's rule objects change when a pipeline is applied to them, and tell no places. What leaves
this package is frozen and knows its file, line and column.
"""

from sigma2hive.sigma.documents import SigmaDocument, is_sigma_document, parse_document
from sigma2hive.sigma.tallies import Placeholders
from sigma2hive.sigma.unused import unused_selections

__all__ = [
    "Placeholders",
    "SigmaDocument",
    "is_sigma_document",
    "parse_document",
    "unused_selections",
]
