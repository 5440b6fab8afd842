"""The findings of a run as SARIF 2.1.0, the format of code scanning.

Clauses are its rules and findings its results; one that is expected is suppressed, with the reason. A result stands in
the expectations file of the run; without such a file no file of the project speaks of it, and it names the operation
alone. Source: SARIF 2.1.0, OASIS Standard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conformance.evidence.episode import Finding, Outcome
from conformance.evidence.harmless import json_text
from conformance.reports.details import finding_in_full
from conformance.reports.reproduction import Reached, replay_in_folder
from conformance.verdict.expectations import Expectations
from conformance.verdict.expectations.gate import decides
from conformance.verdict.naming import Name, finding_name
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import ExitStatus, Run
from contracts import Clause

SARIF_FILE = "results.sarif"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
NAME = "attach-conformance"
OPERATION = {"fullyQualifiedName": "POST /v1/payment_methods/{payment_method}/attach", "kind": "function"}
BROKEN = (Outcome.FAIL, Outcome.DEVIATION, Outcome.EXPECTED)
ENDED_BY_A_VERDICT = (ExitStatus.CONFORMS, ExitStatus.DOES_NOT_CONFORM)


def sarif_of(run: Run) -> str:
    """Return the findings of a run as a SARIF log."""
    broken = [result for result in run.results.values() if result.outcome in BROKEN and result.findings]
    driver = {"name": NAME, "semanticVersion": run.versions[NAME], "rules": [_rule(result.clause) for result in broken]}
    log = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{NAME}/{run.settings.profile}/"},
        "invocations": [_invocation(run)],
        "results": [_result(run, result, finding) for result in broken for finding in result.findings],
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [log]}, indent=1) + "\n"


def _rule(clause: Clause) -> Mapping[str, Any]:
    admissible = "\n".join(f"- {one}" for one in clause.admissible)
    return {
        "id": clause.slug,
        "shortDescription": {"text": clause.statement},
        "help": {
            "text": f"{clause.statement}\nSource: {clause.source}.",
            "markdown": f"{clause.statement}\n\n{admissible}\n\nSource: {clause.source}.",
        },
        "defaultConfiguration": {"level": "error" if clause.level == "MUST" else "warning"},
        "properties": {"tags": list(dict.fromkeys([clause.profile, clause.chapter, clause.level]))},
    }


def _result(run: Run, result: ClauseResult, finding: Finding) -> Mapping[str, Any]:
    name = finding_name(finding)
    again = f"{replay_in_folder(finding.id)}, in the folder of the results"
    lines = finding_in_full(finding, result.clause, Reached.by(run), again)
    reason = result.listed.get(name) or (result.expected if result.outcome is Outcome.EXPECTED else "")
    expectations = run.gate.expectations if run.gate else None
    return {
        "ruleId": result.clause.slug,
        "level": "error" if decides(result, run.settings.level) else "warning",
        "message": {"text": "\n".join([finding.observed, "", *lines])},
        "locations": [_location(expectations, result.clause, name)],
        "partialFingerprints": {"finding/v1": hashlib.sha256(f"{result.clause.slug}\n{name}".encode()).hexdigest()},
        **({"suppressions": [{"kind": "external", "justification": reason}]} if reason else {}),
    }


def _location(expectations: Expectations | None, clause: Clause, name: Name) -> Mapping[str, Any]:
    """Return the place of a finding: the line of its entry, the file that lacks one, or none but the operation."""
    where: dict[str, Any] = {"logicalLocations": [OPERATION]}
    if expectations is not None:
        lines = [entry.line for entry in expectations.of(clause.slug) if entry.fits(name)]
        file = Path(expectations.file)
        where["physicalLocation"] = {
            "artifactLocation": {"uri": file.as_uri() if file.is_absolute() else quote(file.as_posix())},
            "region": {"startLine": lines[0] if lines else 1},
        }
    return where


def _invocation(run: Run) -> Mapping[str, Any]:
    """Return how the run ended; one that could not give a verdict was no successful execution."""
    texts = [str(run.diagnosis)] if run.diagnosis else []
    texts += [f"{error.where}: {error.what}" for error in run.errors]
    return {
        "executionSuccessful": run.exit_status in ENDED_BY_A_VERDICT,
        "exitCode": int(run.exit_status),
        "toolExecutionNotifications": [{"level": "error", "message": {"text": text}} for text in texts],
    }
