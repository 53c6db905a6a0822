"""Rules said exactly or refused, for languages whose hits nobody decides again."""

from sigma2hive.compiler.exact.addresses import Address
from sigma2hive.compiler.exact.margins import Margin, Unsayable
from sigma2hive.compiler.exact.rules import Statement, say_rule
from sigma2hive.compiler.exact.target import TextTarget

__all__ = ["Address", "Margin", "Statement", "TextTarget", "Unsayable", "say_rule"]
