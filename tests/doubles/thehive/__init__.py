"""A stand-in for TheHive 5.7: stateful, its own process, checked against TheHive's API description.

    python -m tests.doubles.thehive --port 0

Takes HTTP as TheHive does (thehive4py 2.x works with it as it is) and a control interface under
/double; gives TheHive's answers, and failures on command. README.md says what is known of TheHive,
from where, and what is a guess. Never an authority: the same tests run against a real TheHive.
"""
