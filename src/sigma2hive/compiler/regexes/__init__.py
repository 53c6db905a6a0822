"""Regular expressions taken apart, and written for Lucene.

Takes a `Regex` of the condition tree; gives trees and Lucene's syntax. Knows no fields.
"""

from sigma2hive.compiler.regexes.backtracking import may_explode
from sigma2hive.compiler.regexes.joining import joined_literals, spelt_out
from sigma2hive.compiler.regexes.lucene import Language, language_of, texts_with

__all__ = [
    "Language",
    "joined_literals",
    "language_of",
    "may_explode",
    "spelt_out",
    "texts_with",
]
