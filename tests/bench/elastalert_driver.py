"""Runs inside the virtual environment of ElastAlert 2, never inside ours: its rules, once.

Takes a configuration, a start and an end; gives, as JSON on standard output, the names of the rules
that ElastAlert loaded, and how often each matched. Everything is ElastAlert's own: reading rules,
asking Elasticsearch, counting, sending. Only its scheduler, which waits for random times, is left
out: `run_all_rules` runs each rule once.
"""

import json
import sys

from elastalert.elastalert import ElastAlerter
from elastalert.util import ts_to_dt


def main() -> None:
    """Load the rules, and run each once where there is a start."""
    config, start, end = sys.argv[1:4]
    alerter = ElastAlerter(["--config", config, "--pin_rules", *(["--end", end] if end else [])])
    matches = {}
    names = sorted(rule["name"] for rule in alerter.rules)
    if start:
        counted(alerter, matches)
        for rule in alerter.rules:
            rule["initial_starttime"] = ts_to_dt(start)
        alerter.run_all_rules()
    disabled = [rule["name"] for rule in alerter.disabled_rules]
    json.dump({"rules": names, "matches": matches, "disabled": disabled}, sys.stdout)


def counted(alerter, matches):
    """Keep what `run_rule` returns: how many matches a rule had, whatever became of them."""
    run_rule = alerter.run_rule

    def counting(rule, *arguments):
        number = run_rule(rule, *arguments)
        matches[rule["name"]] = number
        return number

    alerter.run_rule = counting


if __name__ == "__main__":
    main()
