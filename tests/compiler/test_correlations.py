"""Correlations of every kind made ready for a profile: what is read where, epochs, chains."""

from pathlib import Path

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.rules import Compiled
from tests.compiler.test_rules import RULE_ID, compiled, rule

SECOND_ID = RULE_ID.replace("5f0e0e0a", "6f0e0e0a")
FIRST = rule("EventID: 4625", more="name: failed\n")
SECOND = rule("EventID: 4624", more="name: worked\n").replace(RULE_ID, SECOND_ID)


def joined(
    kind: str,
    *lines: str,
    rules: str = "[failed]",
    name: str = "many",
    number: int = 2,
    group_by: str = "[User]",
) -> str:
    """A correlation; its title and id are made of its number."""
    head = f"title: Number {number}\nid: {str(number) * 8}-2222-4222-8222-222222222222\n"
    body = "".join(f"    {line}\n" for line in lines)
    return (
        f"{head}name: {name}\nlevel: high\ncorrelation:\n    type: {kind}\n    rules: {rules}\n"
        f"    group-by: {group_by}\n    timespan: 10m\n{body}"
    )


COUNT = joined("event_count", "condition: {gte: 6}")


def codes(diagnostics: Diagnostics) -> list[str]:
    return [finding.code for finding in diagnostics]


def made(tmp_path: Path, name: str, *documents: str) -> Compiled:
    (tmp_path / name).mkdir()
    result, diagnostics = compiled(tmp_path / name, *documents)
    assert not list(diagnostics), [finding.message for finding in diagnostics]
    return result


def test_values_are_read_where_the_profile_has_them(tmp_path: Path) -> None:
    counted = joined("value_count", "condition: {gte: 3, field: IpAddress}")
    result = made(tmp_path, "a", FIRST, counted)
    ((name, by_rule),) = result.correlations[0].values
    assert name == "IpAddress"
    assert [field.path for field in by_rule[RULE_ID]] == ["src.ip", "data.IpAddress"]
    assert {field.path for field in result.correlations[0].fields_of(RULE_ID)} >= {"src.ip", "who"}


def test_an_alias_may_name_what_is_counted(tmp_path: Path) -> None:
    counted = joined(
        "value_count",
        "condition: {gte: 3, field: address}",
        "aliases: {address: {failed: IpAddress, worked: SourceIp}}",
        rules="[failed, worked]",
    )
    result = made(tmp_path, "a", FIRST, SECOND, counted)
    ((_, by_rule),) = result.correlations[0].values
    assert [by_rule[key][0].path for key in (RULE_ID, SECOND_ID)] == ["src.ip", "data.SourceIp"]


def test_counting_a_field_that_nobody_knows_is_told_with_the_nearest(tmp_path: Path) -> None:
    result, diagnostics = compiled(
        tmp_path, FIRST, joined("value_count", "condition: {gte: 3, field: IpAdress}")
    )
    assert len(result.correlations) == 1
    (finding,) = diagnostics
    assert (finding.severity, finding.code) == ("warning", "S2H209")
    assert "not counted" in finding.message
    assert "'IpAddress'" in finding.hint


def test_a_temporal_correlation_asks_for_all_of_its_rules(tmp_path: Path) -> None:
    bare = made(tmp_path, "a", FIRST, SECOND, joined("temporal", rules="[failed, worked]"))
    said = joined("temporal", "condition: {gte: 2}", rules="[failed, worked]")
    both = made(tmp_path, "b", FIRST, SECOND, said)
    assert [(b.operator, b.number) for b in bare.correlations[0].bounds] == [("gte", 2)]
    assert bare.correlations[0].epoch == both.correlations[0].epoch


@pytest.mark.parametrize("condition", ["{gte: 3}", "{gt: 1, neq: 2}"])
def test_more_rules_than_there_are_can_never_be_met(tmp_path: Path, condition: str) -> None:
    text = joined("temporal", f"condition: {condition}", rules="[failed, worked]")
    result, diagnostics = compiled(tmp_path, FIRST, SECOND, text)
    assert result.correlations == ()
    assert codes(diagnostics) == ["S2H209", "S2H217"]
    assert "2 at most" in next(iter(diagnostics)).message


def test_a_rule_by_name_and_by_id_has_no_order(tmp_path: Path) -> None:
    text = joined("temporal_ordered", rules=f"[failed, {RULE_ID}]")
    result, diagnostics = compiled(tmp_path, FIRST, text)
    assert result.correlations == ()
    assert codes(diagnostics) == ["S2H209", "S2H217"]


def test_what_a_kind_asks_is_its_epoch(tmp_path: Path) -> None:
    number = "gte: 3, field: Bytes"
    percentile = f"condition: {{{number}, percentile: 95}}"
    variants = [
        joined("value_count", "condition: {gte: 3, field: IpAddress}"),
        joined("value_count", "condition: {gte: 3, field: Bytes}"),
        joined("value_count", "condition: {gte: 3, field: [Bytes, IpAddress]}"),
        joined("value_sum", f"condition: {{{number}}}"),
        joined("value_sum", "condition: {gte: 3.5, field: Bytes}"),
        joined("value_avg", f"condition: {{{number}}}"),
        joined("value_median", f"condition: {{{number}}}"),
        joined("value_percentile", percentile),
        joined("value_percentile", percentile.replace("95", "99")),
        joined("temporal", rules="[failed, worked]"),
        joined("temporal", "condition: {gte: 1}", rules="[failed, worked]"),
        joined("temporal_ordered", rules="[failed, worked]"),
        joined("temporal_ordered", rules="[worked, failed]"),
    ]
    epochs = [
        made(tmp_path, f"{n}", FIRST, SECOND, text).correlations[0].epoch
        for n, text in enumerate(variants)
    ]
    assert len(set(epochs)) == len(variants)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            joined("value_count", "condition: {gte: 3, field: [Bytes, IpAddress]}"),
            joined("value_count", "condition: {field: [IpAddress, Bytes], gte: 3}"),
        ),
        (
            joined("value_sum", "condition: {gte: 3, field: Bytes}"),
            joined("value_sum", "condition: {gte: 3.00, field: Bytes}"),
        ),
        (
            joined("value_sum", "condition: {gte: 3.5, field: Bytes}"),
            joined("value_sum", "condition: {gte: 3.50, field: Bytes}"),
        ),
        (
            joined("temporal", rules="[failed, worked]"),
            joined("temporal", rules=f"[worked, {RULE_ID}]"),
        ),
    ],
)
def test_saying_the_same_otherwise_starts_no_epoch(tmp_path: Path, one: str, other: str) -> None:
    epochs = {
        made(tmp_path, name, FIRST, SECOND, text).correlations[0].epoch
        for name, text in (("one", one), ("other", other))
    }
    assert len(epochs) == 1


def chain(kind: str = "temporal_ordered", *lines: str, rules: str = "[many, worked]") -> str:
    return joined(kind, *lines, rules=rules, name="chain", number=3)


def test_a_correlation_that_another_one_counts_is_silent_and_comes_first(tmp_path: Path) -> None:
    result = made(tmp_path, "a", chain(), COUNT, FIRST, SECOND)
    inner, outer = result.correlations
    assert (inner.silent, outer.silent) == (True, False)
    assert outer.rules == (inner.info.id, SECOND_ID)
    assert set(outer.leaves) == {RULE_ID, SECOND_ID}
    assert all(entry.silent for entry in result.rules)
    loud = chain("temporal_ordered", "generate: true")
    result = made(tmp_path, "b", loud, COUNT, FIRST, SECOND)
    assert [entry.silent for entry in result.correlations] == [False, False]
    assert [entry.silent for entry in result.rules] == [True, False]


def test_a_chain_changes_with_what_it_counts(tmp_path: Path) -> None:
    epochs = {
        made(tmp_path, name, chain(), FIRST, SECOND, inner).correlations[1].epoch
        for name, inner in (
            ("plain", COUNT),
            ("retitled", COUNT.replace("Number", "No.")),
            ("more", COUNT.replace("6", "7")),
        )
    }
    assert len(epochs) == 2


def test_a_chain_reads_a_name_as_the_counted_correlation_means_it(tmp_path: Path) -> None:
    inner = joined(
        "event_count",
        "condition: {gte: 6}",
        "aliases: {who: {failed: User}}",
        group_by="[who]",
    )
    outer = joined(
        "temporal",
        "aliases: {account: {many: who, worked: SubjectUser}}",
        rules="[many, worked]",
        name="chain",
        number=3,
        group_by="[account, IpAddress]",
    )
    result = made(tmp_path, "a", FIRST, SECOND, inner, outer)
    (chained,) = result.correlations[1].chained.values()
    assert chained.inherited == {"account": "who"}
    assert chained.fields["account"][RULE_ID][0].path == "who"
    assert chained.fields["IpAddress"][RULE_ID][0].path == "src.ip"


def test_correlations_that_count_each_other_are_refused_and_their_rules_stay_silent(
    tmp_path: Path,
) -> None:
    one = joined("temporal", rules="[chain, failed]")
    result, diagnostics = compiled(tmp_path, FIRST, SECOND, one, chain(), rule_of_its_own())
    assert result.correlations == ()
    assert codes(diagnostics)[:2] == ["S2H209", "S2H209"]
    assert "'Number 2' → 'Number 3' → 'Number 2'" in next(iter(diagnostics)).message
    assert [entry.silent for entry in result.rules] == [True, True, False]
    assert len(result.left_out) == 2


def rule_of_its_own() -> str:
    return rule("EventID: 1102").replace(RULE_ID, RULE_ID.replace("5f0e", "8f0e"))


def test_a_correlation_of_itself_is_a_circle(tmp_path: Path) -> None:
    _, diagnostics = compiled(
        tmp_path, FIRST, joined("event_count", "condition: {gte: 2}", rules="[failed, many]")
    )
    assert codes(diagnostics) == ["S2H209", "S2H217"]


def test_a_chain_falls_with_what_it_counts(tmp_path: Path) -> None:
    bad = COUNT.replace("gte: 6", "lte: 6")
    result, diagnostics = compiled(tmp_path, FIRST, SECOND, bad, chain())
    assert result.correlations == ()
    assert sorted(codes(diagnostics)) == ["S2H209", "S2H210", "S2H217", "S2H217"]
    assert all(entry.silent for entry in result.rules)


def test_a_silent_correlation_that_nothing_counts_any_more_is_named(tmp_path: Path) -> None:
    result, diagnostics = compiled(tmp_path, FIRST, SECOND, COUNT, chain().replace("worked", "x"))
    assert [entry.silent for entry in result.correlations] == [True]
    assert codes(diagnostics) == ["S2H210", "S2H217"]
    assert "'Number 2'" in list(diagnostics)[1].message


def test_a_filter_may_name_a_chain(tmp_path: Path) -> None:
    mute = (
        "title: Mute\nid: 99999999-2222-4222-8222-222222222222\n"
        "logsource: {product: windows}\nfilter:\n    rules: [chain]\n"
        "    selection: {User: svc}\n    condition: not selection\n"
    )
    result = made(tmp_path, "a", FIRST, SECOND, COUNT, chain(), mute)
    assert set(result.correlations[1].only) == {RULE_ID, SECOND_ID}
    assert result.correlations[0].only == {}
