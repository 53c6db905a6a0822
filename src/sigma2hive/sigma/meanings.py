"""What kinds of values mean in our own model, whoever read them.

Takes expressions, networks and tests as they are written; gives frozen tests, or refuses what would
mean something else than it says.
"""

from __future__ import annotations

import re
import warnings
from ipaddress import IPv4Network, IPv6Network

from sigma2hive.model.conditions import Boolean, Number, Regex, Test, Text
from sigma2hive.model.values import canonical_text
from sigma2hive.sigma.patterns import open_at_both
from sigma2hive.sigma.posix import refuse_posix_classes
from sigma2hive.sigma.problems import ValueProblem
from sigma2hive.sigma.regexes import NotFoldable, without_case

#: Bits before an IPv4 address that stands inside an IPv6 one.
_MAPPED_BITS = 96


def regex_of(
    pattern: str, *, ignore_case: bool = False, multiline: bool = False, dotall: bool = False
) -> Regex:
    """Return what an expression that Python can compile means in Sigma.

    Raises:
        ValueProblem: it has what means something else in other kinds of expressions, or letters
            whose case cannot be ignored.
    """
    refuse_posix_classes(pattern)
    try:
        with warnings.catch_warnings():
            # Python warns of patterns that a future version may read otherwise.
            warnings.simplefilter("ignore", FutureWarning)
            inline = re.compile(pattern, re.ASCII).flags
        ignore_case = ignore_case or bool(inline & re.IGNORECASE)
        pattern = without_case(pattern, ignore_case)
    except NotFoldable as error:
        raise ValueProblem("S2H215", str(error), error.hint) from None
    except ValueError as error:
        # Among others the flag u, which with re.ASCII does not go together.
        raise ValueProblem("S2H215", str(error), "see the modifier in Sigma's manual") from None
    return Regex(pattern, ignore_case=ignore_case, multiline=multiline, dotall=dotall)


def network_of(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return IPv4 where it is IPv4 inside IPv6 (::ffff:10.0.0.0/104), as of addresses."""
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


def keyword_test(test: Test) -> Test:
    """Return the test without a field: found anywhere in a value, as a word in a log line would be.

    Raises:
        ValueProblem: such a test needs a field.
    """
    if isinstance(test, (Number, Boolean)):
        number_or_boolean = test.number if isinstance(test, Number) else test.boolean
        test = Text((canonical_text(number_or_boolean),))
    if isinstance(test, Text):
        return Text(open_at_both(test.pattern), test.cased)
    if isinstance(test, Regex):
        return test
    raise ValueProblem(
        "S2H207", "a keyword without field takes text, numbers and |re only", "name a field"
    )
