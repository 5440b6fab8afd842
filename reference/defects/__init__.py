"""The catalogue of seeded defects: mistakes that a suite has to find, each by its one clause."""

from __future__ import annotations

from . import (
    api_keys,
    cards,
    codes,
    customer,
    eighth_field_error_handlers,
    eighth_field_handlers,
    eighth_field_idempotency,
    eighth_field_middleware,
    eighth_field_objects,
    eighth_field_parsers,
    eighth_field_serializers,
    encodings,
    errors,
    expand_answers,
    expand_requests,
    field_answers,
    field_requests,
    fifth_field_answers,
    fifth_field_errors,
    fifth_field_keys,
    fifth_field_requests,
    fifth_field_state,
    first_try_answers,
    first_try_requests,
    fourth_field_answers,
    fourth_field_requests,
    headers,
    idempotency,
    lookups,
    media_types,
    methods_and_paths,
    natural_forms,
    natural_middleware,
    natural_servers,
    ninth_field_answers,
    ninth_field_state,
    ninth_field_transport,
    ninth_field_values,
    odd_requests,
    owners,
    payment_method,
    races,
    response_text,
    robustness,
    schema,
    seventh_field_error_handlers,
    seventh_field_forms,
    seventh_field_handlers,
    seventh_field_idempotency,
    seventh_field_middleware,
    seventh_field_objects,
    seventh_field_serializers,
    side_effects,
    sixth_field_errors,
    sixth_field_expand,
    sixth_field_keys,
    sixth_field_requests,
    sixth_field_state,
    steadiness,
    storage,
    tenth_field_answers,
    tenth_field_stores,
    tenth_field_transport,
    third_field,
    third_field_answers,
    unknown_parameters,
    values,
)
from .registry import Defect, Topic, catalogue

__all__ = ["CATALOGUE", "Defect", "get"]

REQUESTS = (customer, unknown_parameters, encodings, values, media_types, methods_and_paths, expand_requests)
ANSWERS = (expand_answers, response_text, schema, payment_method, errors)
STRANGE = (robustness, steadiness)
STATEFUL = (storage, side_effects, owners, lookups, races)
STRIPE = (api_keys, idempotency, codes, cards, headers)
NATURAL = (
    natural_forms,
    natural_servers,
    natural_middleware,
    first_try_requests,
    first_try_answers,
    field_requests,
    field_answers,
    third_field,
    third_field_answers,
    fourth_field_requests,
    fourth_field_answers,
    odd_requests,
    fifth_field_requests,
    fifth_field_keys,
    fifth_field_errors,
    fifth_field_answers,
    fifth_field_state,
    sixth_field_requests,
    sixth_field_expand,
    sixth_field_keys,
    sixth_field_errors,
    sixth_field_state,
    seventh_field_forms,
    seventh_field_middleware,
    seventh_field_error_handlers,
    seventh_field_handlers,
    seventh_field_idempotency,
    seventh_field_objects,
    seventh_field_serializers,
    eighth_field_handlers,
    eighth_field_idempotency,
    eighth_field_objects,
    eighth_field_serializers,
    eighth_field_parsers,
    eighth_field_middleware,
    eighth_field_error_handlers,
    ninth_field_transport,
    ninth_field_values,
    ninth_field_answers,
    ninth_field_state,
    tenth_field_stores,
    tenth_field_answers,
    tenth_field_transport,
)

MODULES = (*REQUESTS, *ANSWERS, *STRANGE, *STATEFUL, *STRIPE, *NATURAL)

CATALOGUE = catalogue(topic for module in MODULES for topic in vars(module).values() if isinstance(topic, Topic))
"""Every defect by its name, topic after topic."""


def get(name: str) -> Defect:
    """Return the defect of that name; raise `KeyError` where there is none."""
    return CATALOGUE[name]
