"""Runs inside the virtual environment of ElastAlert 2: what `post2` would send for given events.

Takes the path of a rule's file, and events as JSON lines on standard input; gives a JSON line each,
made by ElastAlert's own loader and by the functions that its alerter calls before it sends.
"""

import json
import sys
from datetime import timedelta

from elastalert.alerters.httppost2 import _escape_all_values, _render_json_template
from elastalert.loaders import FileRulesLoader


def main() -> None:
    """Render each event, as `HTTPPost2Alerter.alert` does."""
    conf = {"buffer_time": timedelta(minutes=15), "run_every": timedelta(minutes=1)}
    rule = FileRulesLoader(conf).load_configuration(sys.argv[1], conf)
    alerter = rule["alert"][0]
    for line in sys.stdin:
        escaped = _escape_all_values(json.loads(line))
        arguments = {**escaped, alerter.jinja_root_name: escaped}
        print(json.dumps(_render_json_template(alerter.post_payload, arguments)))


if __name__ == "__main__":
    main()
