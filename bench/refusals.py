"""What targets that say rules exactly make of all of SigmaHQ: written, and refused by reason.

    python -m bench.refusals [--profile winlogbeat] [--target elastalert]

Takes the reference data (CONTRIBUTING.md); prints a table in Markdown, which docs/targets.md has.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from sigma2hive.compiler import TARGETS, Refusal, compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile

PROFILES = ["winlogbeat", "elastic-agent", "ecs"]
ROOT = Path(__file__).resolve().parents[2] / "shared" / "data" / "sigmahq"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=Path, default=ROOT)
    parser.add_argument("--profile", action="append", choices=PROFILES)
    parser.add_argument("--target", action="append")
    given = parser.parse_args()
    repository = load_repository([given.rules], given.rules, {}, Diagnostics())
    for name in given.profile or PROFILES[:2]:
        profile = load_profile(name, None, Diagnostics())
        if profile is None:
            parser.error(f"no profile {name}")
        rules = compile_all(repository, profile, Diagnostics()).rules
        for target in given.target or ["lucene", "eql", "esql"]:
            reasons: Counter[str] = Counter()
            for rule in rules:
                made = TARGETS[target].emit(rule)
                if isinstance(made, Refusal):
                    reasons[_reason(made)] += 1
            written = len(rules) - reasons.total()
            print(f"\n{name}, {target}: {len(rules):,} rules, {written:,} written")
            for reason, count in reasons.most_common():
                print(f"| {count:,} | {reason} |")


def _reason(refusal: Refusal) -> str:
    """Return the first reason; a rule with several counts once."""
    first = refusal.findings[0]
    return "too many clauses" if first.code == "S2H303" else first.message.rpartition(": ")[2]


if __name__ == "__main__":
    main()
