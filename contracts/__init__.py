"""Obligations: the published operation, its response schemas, and the clauses of the catalogue."""

from contracts.catalogue import Catalogue, CatalogueError, Clause, load_catalogue
from contracts.contract import Contract, ContractError, load_contract, published_contract
from contracts.schema import SchemaViolation

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Clause",
    "Contract",
    "ContractError",
    "SchemaViolation",
    "load_catalogue",
    "load_contract",
    "published_contract",
]
