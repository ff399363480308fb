"""Who holds a new report, and why: the pure rule, its values and its words. How it is told: docs/routing.md."""

from apps.issues.routing.rules import ask, catches_all_of
from apps.issues.routing.values import (
    ALARMING,
    DISTRICT,
    FAULTS,
    Answer,
    Cell,
    Decision,
    Department,
    Hop,
    Matter,
    NoChain,
    Power,
    Powers,
    Reason,
    Rule,
    Staff,
    State,
    Trace,
)
from apps.issues.routing.way import default_decision, nearest_power, route
from apps.issues.routing.words import ANSWERS, SENTENCES, answer_sentence, sentence

__all__ = [
    "ALARMING",
    "ANSWERS",
    "DISTRICT",
    "FAULTS",
    "SENTENCES",
    "Answer",
    "Cell",
    "Decision",
    "Department",
    "Hop",
    "Matter",
    "NoChain",
    "Power",
    "Powers",
    "Reason",
    "Rule",
    "Staff",
    "State",
    "Trace",
    "answer_sentence",
    "ask",
    "catches_all_of",
    "default_decision",
    "nearest_power",
    "route",
    "sentence",
]
