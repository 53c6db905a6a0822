"""What a repository holds: rules, correlations, filters, placeholders and mappings."""

from sigma2hive.repository.mappings import load_mappings
from sigma2hive.repository.rules import load_placeholders, load_repository

__all__ = ["load_mappings", "load_placeholders", "load_repository"]
