"""The operations."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from shop.middleware import StripeError
from shop.models import Customer, PaymentMethod

CARDS = {"visa": "4242", "mastercard": "4444", "amex": "8431"}
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def check_parameters(request: HttpRequest, *known: str) -> None:
    """Refuse parameters that the operation does not know."""
    for name in request.POST:
        if name.split("[")[0] not in known:
            raise StripeError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def hash_of(request: HttpRequest, name: str) -> dict[str, str]:
    """Return the parameters name[…]."""
    return {key[len(name) + 1 : -1]: value for key, value in request.POST.items() if key.startswith(f"{name}[")}


def find(model: Any, kind: str, id: str, status: int = 404) -> Any:
    """Return a customer or payment method that exists."""
    try:
        return model.objects.get(pk=id)
    except model.DoesNotExist:
        raise StripeError(status, f"No such {kind}: '{id}'", code="resource_missing", param=kind) from None


def wants_customer(request: HttpRequest) -> bool:
    """Say whether `expand` names the customer, and refuse what else it names."""
    paths = [*request.GET.getlist("expand[]"), *request.POST.getlist("expand[]")]
    for given in paths:
        if given != "customer":
            raise StripeError(400, f"This property cannot be expanded ({given}).", param="expand")
    return bool(paths)


@csrf_exempt
@require_POST
def create_customer(request: HttpRequest) -> HttpResponse:
    """Create a customer."""
    known = {name: request.POST.get(name) for name in ("email", "name", "description")}
    return JsonResponse(Customer.objects.create(**known, metadata=hash_of(request, "metadata")).as_dict())


@csrf_exempt
@require_http_methods(["GET", "DELETE"])
def customer(request: HttpRequest, id: str) -> HttpResponse:
    """Return or delete a customer."""
    found = find(Customer, "customer", id)
    if request.method == "GET":
        return JsonResponse(found.as_dict())
    found.delete()
    return JsonResponse({"id": id, "object": "customer", "deleted": True})


@require_GET
def list_payment_methods(request: HttpRequest, id: str) -> HttpResponse:
    """Return the cards of a customer."""
    data = [method.as_dict() for method in find(Customer, "customer", id).payment_methods.all()]
    return JsonResponse({"object": "list", "url": request.path, "has_more": False, "data": data})


@csrf_exempt
@require_POST
def create_payment_method(request: HttpRequest) -> HttpResponse:
    """Make a payment method of a test card."""
    brand = request.POST.get("card[token]", "").removeprefix("tok_")
    if number := request.POST.get("card[number]"):
        brand = next((brand for brand, last4 in CARDS.items() if number.endswith(last4)), "")
    if request.POST.get("type") != "card" or brand not in CARDS:
        raise StripeError(400, "Only test cards are supported.", param="card")
    owner = hash_of(request, "billing_details")
    billing: dict[str, Any] = {name: owner.get(name) for name in ("email", "name", "phone")}
    billing["address"] = {name: owner.get(f"address][{name}") for name in ADDRESS}
    method = PaymentMethod(brand=brand, last4=CARDS[brand], billing_details=billing)
    method.metadata = hash_of(request, "metadata")
    method.save()
    return JsonResponse(method.as_dict())


@require_GET
def retrieve_payment_method(request: HttpRequest, id: str) -> HttpResponse:
    """Return a payment method."""
    return JsonResponse(find(PaymentMethod, "payment_method", id).as_dict(wants_customer(request)))


@csrf_exempt
@require_POST
@transaction.atomic
def attach(request: HttpRequest, id: str) -> HttpResponse:
    """Attach a payment method to a customer."""
    check_parameters(request, "customer", "expand")
    given = request.POST.get("customer")
    if not given:
        raise StripeError(400, "Missing required param: customer.", code="parameter_missing", param="customer")
    if len(given) > 5000:
        raise StripeError(400, "Invalid string: must be at most 5000 characters", param="customer")
    expand = wants_customer(request)
    method = find(PaymentMethod, "payment_method", id)
    owner = find(Customer, "customer", given, status=400)
    if method.customer not in (None, owner):
        raise StripeError(400, "The payment method you provided has already been attached to a customer.")
    method.customer = owner
    method.save()
    return JsonResponse(method.as_dict(expand))


@csrf_exempt
@require_POST
def detach(request: HttpRequest, id: str) -> HttpResponse:
    """Detach a payment method from its customer."""
    method = find(PaymentMethod, "payment_method", id)
    if method.customer is None:
        raise StripeError(400, "The payment method you provided is not attached to a customer.")
    method.customer = None
    method.save()
    return JsonResponse(method.as_dict())


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an unknown address, or a request that Django refuses."""
    message = f"Unrecognized request URL ({request.method}: {request.path})."
    return JsonResponse({"error": {"type": "invalid_request_error", "message": message}}, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer a mistake of the program."""
    return JsonResponse({"error": {"type": "api_error", "message": "An error occurred."}}, status=500)
