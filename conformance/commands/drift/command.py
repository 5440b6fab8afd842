"""`attach-conformance drift`: a published OpenAPI document compared with the contract."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.commands.drift.operation import compare_documents
from conformance.commands.drift.page import Report, headline, json_page, markdown_page, report_of, text_page
from conformance.commands.drift.reading import read_document
from conformance.commands.drift.schemas import UnusableDocument
from conformance.evidence.files import write_whole
from conformance.evidence.foreign import one_line
from conformance.paths import program_here
from conformance.reports.markdown import NoPlace, with_table
from conformance.verdict.misuse import Misuse
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue, published_contract

BEGIN, END = "<!-- drift -->\n", "<!-- /drift -->\n"
"""The lines of a page between which the Markdown is written."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `drift`."""
    command = commands.add_parser(
        "drift",
        help="compare a published OpenAPI document with the contract",
        description="Say what differs between the operation of a published OpenAPI document, such as Stripe's, and "
        "the contract that the suite judges by, and which clauses speak of it.",
        epilog=f"example: {program_here()} drift spec3.json",
    )
    command.add_argument("document", type=Path, metavar="SPEC", help="the OpenAPI 3 document, as JSON or YAML")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the differences for programs, too")
    command.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write the report as Markdown, too; in a page with the lines <!-- drift --> and <!-- /drift --> between "
        "them",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    report = _compare(options.document)
    if options.json is not None:
        write_whole(options.json, json_page(report).encode())
    if options.markdown is not None:
        write_whole(options.markdown, _page_with(options.markdown, markdown_page(report)).encode())
    written = options.json is not None or options.markdown is not None
    print(headline(report) if written else text_page(report).rstrip("\n"))
    return ExitStatus.DOES_NOT_CONFORM if report.lines else ExitStatus.CONFORMS


def _compare(path: Path) -> Report:
    """Return the report about the document in a file. Raises UnreadableDocument and UnusableDocument."""
    contract = published_contract()
    published = read_document(path)
    try:
        differences = compare_documents(contract, published)
    except UnusableDocument as error:
        raise UnusableDocument(one_line(f"{path} cannot be compared: {error}")) from None
    return report_of(differences, published, contract, load_catalogue())


def _page_with(path: Path, report: str) -> str:
    """Return the content of a Markdown file: the page that is there with the report in its place, or the report."""
    try:
        page = path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise Misuse(f"{path} is no page to write into: {error}") from None
    try:
        return with_table(page, BEGIN, END, report)
    except NoPlace:
        return report
