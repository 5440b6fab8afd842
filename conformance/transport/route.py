"""The way to a base URL: direct or through a proxy, and the CAs that TLS trusts. Both come from the environment."""

from __future__ import annotations

import base64
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote, urlsplit

import certifi
from requests.utils import get_environ_proxies, select_proxy

from conformance.evidence.failure import ExchangeFailed, Failure

DEFAULT_PORTS = {"http": 80, "https": 443}
DEFAULT_PROXY_PORT = 3128
"""The port that curl assumes, too."""


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy, and the header that authenticates to it (empty for none)."""

    host: str
    port: int
    authorization: str = ""

    @classmethod
    def at(cls, url: str) -> Proxy:
        """Return the proxy of a variable such as HTTPS_PROXY. Raises ExchangeFailed where it is no http:// proxy."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port
        except ValueError as error:
            raise ExchangeFailed(Failure.PROXY_FAILED, f"the proxy's URL cannot be read: {error}") from None
        if parts.scheme != "http" or not parts.hostname:
            why = f"{parts.scheme}:// proxies are not supported: give an http:// one"
            raise ExchangeFailed(Failure.PROXY_FAILED, why)
        authorization = ""
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = "Basic " + base64.b64encode(credentials.encode()).decode()
        return cls(parts.hostname, port or DEFAULT_PROXY_PORT, authorization)


@dataclass(frozen=True)
class Route:
    """The route to the host of a base URL. `proxy_url` and `ca_bundle` are empty where the environment sets none."""

    scheme: str
    host: str
    port: int
    proxy_url: str = ""
    ca_bundle: str = ""

    @classmethod
    def to(cls, base_url: str) -> Route:
        """Return the route to a base URL, by the environment: proxies are not used for names of this machine."""
        parts = urlsplit(base_url)
        host = parts.hostname or "127.0.0.1"
        proxy = "" if is_this_machine(host) else select_proxy(base_url, get_environ_proxies(base_url)) or ""
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or ""
        return cls(parts.scheme, host, parts.port or DEFAULT_PORTS[parts.scheme], proxy, bundle)

    @property
    def is_secure(self) -> bool:
        """Return whether TLS is spoken."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @cached_property
    def proxy(self) -> Proxy | None:
        """Return the proxy to go through, None for none."""
        return Proxy.at(self.proxy_url) if self.proxy_url else None

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Return the TLS settings: with the CA bundle of the environment, else with the system's CAs, or certifi's."""
        try:
            if self.ca_bundle:
                folder = self.ca_bundle if os.path.isdir(self.ca_bundle) else None
                file = None if folder else self.ca_bundle
                context = ssl.create_default_context(cafile=file, capath=folder)
            else:
                context = ssl.create_default_context()
                if not context.cert_store_stats()["x509_ca"]:
                    context.load_verify_locations(certifi.where())
        except OSError as error:  # ssl.SSLError is one
            why = f"the CA bundle {self.ca_bundle} cannot be loaded: {error}"
            raise ExchangeFailed(Failure.TLS_FAILED, why) from error
        context.set_alpn_protocols(["http/1.1"])
        return context


def is_this_machine(host: str) -> bool:
    """Return whether a host is this machine by its name or number."""
    name = host.rstrip(".").lower()
    number = number_of(name)
    if number is None:
        return name == "localhost" or name.endswith(".localhost") or name == socket.gethostname().lower()
    return number.is_loopback or number.is_unspecified


def number_of(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that `name` is, in any spelling (`127.1`, `0x7f000001`, `::ffff:127.0.0.1`); or None."""
    try:
        number = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(name))
        except (OSError, ValueError):
            return None
    return getattr(number, "ipv4_mapped", None) or number
