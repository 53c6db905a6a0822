"""The target `elastalert`: rules that ElastAlert 2 runs, which send alerts to TheHive by itself."""

from sigma2hive.compiler.elastalert.alerts import CHANNELS
from sigma2hive.compiler.elastalert.target import ElastalertTarget

__all__ = ["CHANNELS", "ElastalertTarget"]
