"""What all requests have in common: the key, repeated requests, Stripe's headers."""

import base64
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from shop.models import SavedAnswer


class StripeError(Exception):
    """A request that is refused."""

    def __init__(self, status: int, message: str, **more: str) -> None:
        self.status = status
        self.error = {"type": "invalid_request_error", "message": message, **more}


def given_key(request: HttpRequest) -> str:
    """Return the key of the request."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value
    try:
        return base64.b64decode(value).decode().partition(":")[0] if scheme.lower() == "basic" else ""
    except ValueError:
        return ""


class StripeMiddleware:
    """Ask for the key, and answer a repeated request as the first time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        response = self.answer(request)
        response["Request-Id"] = "req_" + secrets.token_hex(8)
        return response

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Return the saved answer, or a new one."""
        if given_key(request) != settings.API_KEY:
            error = {"type": "invalid_request_error", "message": "Invalid API Key provided."}
            return JsonResponse({"error": error}, status=401, headers={"WWW-Authenticate": 'Basic realm="Stripe"'})
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or not key:
            return self.get_response(request)
        described = f"{request.path} {sorted(request.POST.lists())}"
        saved = SavedAnswer.objects.filter(key=key).first()
        if saved is None:
            response = self.get_response(request)
            if response.status_code < 400:
                body = response.content.decode()
                first = {"request": described, "status": response.status_code, "body": body}
                SavedAnswer.objects.get_or_create(key=key, defaults=first)
            return response
        if saved.request != described:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            return JsonResponse({"error": {"type": "idempotency_error", "message": message}}, status=400)
        headers = {"Idempotent-Replayed": "true"}
        return HttpResponse(saved.body, status=saved.status, content_type="application/json", headers=headers)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a refusal as Stripe does."""
        if not isinstance(exception, StripeError):
            return None
        return JsonResponse({"error": exception.error}, status=exception.status)
