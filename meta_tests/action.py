"""The GitHub action, executed as a runner does: its steps in their order, with its expressions filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from conformance.paths import SUITE
from meta_tests.commands import Workplace

ACTION = SUITE / "action.yml"
_EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")


@dataclass(frozen=True)
class ActionRun:
    """The result of the action: the status of its last step, its output, its outputs and the job's summary."""

    status: int
    printed: str
    outputs: Mapping[str, str]
    summary: str
    artifacts: tuple[str, ...]


def run_action(place: Workplace, given: Mapping[str, str], secrets: Mapping[str, str] | None = None) -> ActionRun:
    """Run the action in `place` with the inputs `given`."""
    action: dict[str, Any] = yaml.safe_load(ACTION.read_text())
    unknown = given.keys() - action["inputs"].keys()
    assert not unknown, f"the action has no inputs {unknown}"
    assert all(name in given for name, declared in action["inputs"].items() if declared.get("required"))
    values = {f"inputs.{name}": str(declared.get("default", "")) for name, declared in action["inputs"].items()}
    values |= {f"inputs.{name}": value for name, value in given.items()}
    values |= {"github.action_path": str(SUITE), "steps.python.outputs.python-path": str(place.shims / "python3")}
    summary, printed, artifacts = place.folder / "summary.md", "", []
    summary.touch()
    status = 0
    for number, step in enumerate(action["runs"]["steps"]):
        if "run" not in step:
            if step["uses"].startswith("actions/upload-artifact@") and values["inputs.artifact"]:
                artifacts.append(filled(step["with"]["path"], values))
            continue
        assert "${{" not in step["run"], "an input in a script's text could be a command"
        output = place.folder / f"output-{number}"
        output.touch()
        environment = {name: filled(value, values) for name, value in step.get("env", {}).items()}
        files = {"RUNNER_TEMP": str(place.folder), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        done = place.run(step["run"], **files, **environment)
        printed += done.stdout
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            values[f"steps.{step['id']}.outputs.{name}"] = value
        status = done.returncode
        if status:
            break
    outputs = {name: filled(declared["value"], values) for name, declared in action["outputs"].items()}
    return ActionRun(status, printed, outputs, summary.read_text(), tuple(artifacts))


def filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with its expressions replaced by their values. Raises KeyError for one that is not known."""
    return _EXPRESSION.sub(lambda match: values[match[1]], str(text))
