"""The targets. Adding one is a module and a line here."""

from collections.abc import Mapping

from sigma2hive.compiler.dsl import DslTarget
from sigma2hive.compiler.elastalert import ElastalertTarget
from sigma2hive.compiler.eql import EQL
from sigma2hive.compiler.esql import ESQL
from sigma2hive.compiler.kibana import KibanaTarget
from sigma2hive.compiler.lucene import LUCENE
from sigma2hive.compiler.targets import Target

#: What `compile --target` takes.
TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        DslTarget(),
        LUCENE,
        EQL,
        ESQL,
        ElastalertTarget(),
        KibanaTarget(),
    )
}
