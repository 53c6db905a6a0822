"""New events of Elasticsearch, found by cursors: each is read once, and none is passed over."""

from sigma2hive.runner.reading.interface import Reader, Slice
from sigma2hive.runner.reading.reader import ElasticsearchReader, own_positions

__all__ = ["ElasticsearchReader", "Reader", "Slice", "own_positions"]
