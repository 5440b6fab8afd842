"""Judgement: pure functions of an episode and the contract, without I/O, clock or globals.

A verdict can thus be reached again from a record, without the target. Each chapter of clauses has a module of
expectations; all of them can be given by reference (`judge.rejected`), and `expectation_name` returns the name that a
record keeps.
"""

from conformance.judge.auth import (
    challenged,
    either_scheme,
    identified,
    key_first,
    locked_out,
    told_apart,
    uncached,
    versioned,
)
from conformance.judge.expand import (
    every_entry,
    inlined,
    inlined_or_rejected,
    nested,
    nested_where_asked,
    object_or_rejected,
    unexpanded,
)
from conformance.judge.expectations import Expectation, expectation_name
from conformance.judge.general import answered, answered_well
from conformance.judge.idempotency import (
    executed_once,
    not_answered_for_another,
    not_replayed,
    replayed,
    usable_again,
)
from conformance.judge.model import as_modelled
from conformance.judge.outage import outlived
from conformance.judge.race import all_kept, one_winner
from conformance.judge.request import (
    accepted,
    accepted_again,
    body_decides,
    not_obeyed,
    not_taken_for_known,
    one_of_two,
    path_taken_as_sent,
    refused_if_broken,
    rejected,
    reported,
    same_answer,
    same_answer_at_its_length,
    same_answer_by_path,
    taken_as_sent,
)
from conformance.judge.response import has_hash_of_its_type, not_in_gzip, well_formed
from conformance.judge.robustness import enveloped, served_again, survived
from conformance.judge.state import (
    absent,
    attached_again,
    deleted_customer_rejected,
    detached,
    listed,
    nothing_changed,
    only_this_one,
    persisted,
    refused_undone,
    same_object,
    stays_with_first,
)
from conformance.judge.steadiness import steady
from conformance.judge.stripe import cloned, cloned_and_listed, rejected_as_required
from conformance.judge.verdict import judge
