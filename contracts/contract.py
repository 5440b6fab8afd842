"""The operation under test, as the contract document publishes it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from contracts.schema import ResponseSchema

DEFAULT_CONTRACT = Path(__file__).with_name("attach.openapi.yaml")
FASTEST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader that reads the contract ten times as fast where PyYAML was built with libyaml, as its wheels are."""

FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"


class ContractError(ValueError):
    """An unusable contract document; the message says what it lacks."""


@dataclass(frozen=True, eq=False)
class Contract:
    """The one operation: its URL, the schema of its body, and the schemas of its responses.

    `document` is the parsed OpenAPI document, `path` its path template, `method` in capitals, `digest` the SHA-256 of
    the file in hexadecimal.
    """

    document: Mapping[str, Any]
    path: str
    method: str
    digest: str

    @cached_property
    def operation(self) -> Mapping[str, Any]:
        """The operation object of the document."""
        operation: Mapping[str, Any] = self.document["paths"][self.path][self.method.lower()]
        return operation

    @cached_property
    def body_schema(self) -> Mapping[str, Any]:
        """The schema of the form body."""
        schema: Mapping[str, Any] = self.operation["requestBody"]["content"][FORM_MEDIA_TYPE]["schema"]
        return schema

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the body's properties."""
        return tuple(self.body_schema["properties"])

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the properties that the body must hold."""
        return tuple(self.body_schema.get("required", ()))

    @cached_property
    def customer_max_length(self) -> int:
        """The most characters of `customer`."""
        return int(self.body_schema["properties"]["customer"]["maxLength"])

    @cached_property
    def expand_item_max_length(self) -> int:
        """The most characters of one entry of `expand`."""
        return int(self.body_schema["properties"]["expand"]["items"]["maxLength"])

    @cached_property
    def error_types(self) -> frozenset[str]:
        """The values that an error's `type` may have."""
        return frozenset(self._schemas["error_detail"]["properties"]["type"]["enum"])

    @cached_property
    def error_string_members(self) -> frozenset[str]:
        """The members of an error that are strings when they are present."""
        return self._error_members("string")

    @property
    def error_object_members(self) -> frozenset[str]:
        """The members of an error that are objects when they are present."""
        return self._error_members("object")

    @cached_property
    def payment_method(self) -> ResponseSchema:
        """The schema of a success."""
        return ResponseSchema(self._schemas, "payment_method")

    @cached_property
    def customer(self) -> ResponseSchema:
        """The schema of an expanded customer."""
        return ResponseSchema(self._schemas, "customer")

    def _error_members(self, kind: str) -> frozenset[str]:
        properties = self._schemas["error_detail"]["properties"]
        return frozenset(name for name, schema in properties.items() if schema.get("type") == kind)

    @property
    def _schemas(self) -> Mapping[str, Any]:
        schemas: Mapping[str, Any] = self.document["components"]["schemas"]
        return schemas


def load_contract(path: Path = DEFAULT_CONTRACT) -> Contract:
    """Read the contract document.

    Raises ContractError when it is not YAML or does not hold exactly one operation with a form body.
    """
    data = path.read_bytes()
    try:
        document = yaml.load(data, Loader=FASTEST_LOADER)
        ((template, item),) = document["paths"].items()
        (method,) = (key for key in item if key in {"get", "put", "post", "delete", "patch"})
        item[method]["requestBody"]["content"][FORM_MEDIA_TYPE]["schema"]["properties"]
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name} is not YAML: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ContractError(f"{path.name} must hold one path with one operation with a form body") from None
    return Contract(document, template, method.upper(), hashlib.sha256(data).hexdigest())


@cache
def published_contract() -> Contract:
    """Return the contract that the suite ships, read once."""
    return load_contract()
