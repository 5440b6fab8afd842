"""Servers for tests of the transport: each does with a connection what a function says; a CA of their own; a proxy."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Serve = Callable[[socket.socket], None]

OK = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def read_request(sock: socket.socket) -> bytes:
    """Read one request with a Content-Length or without a body; empty at the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := sock.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """Serve on a free port of this machine, a thread for each connection; the port."""
    stopping = threading.Event()

    def handle(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.settimeout(5)
            serve(sock)

    def accept() -> None:
        while not stopping.is_set():
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                threading.Thread(target=handle, args=(sock,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopping.set()
            thread.join()


def answering(*pieces: bytes, pause: float = 0, keep: bool = False) -> Callable[[socket.socket], None]:
    """A server that answers each connection's first request with the pieces, and hangs up unless it is to `keep`."""

    def serve(sock: socket.socket) -> None:
        read_request(sock)
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(pause)
        if keep:
            time.sleep(2)

    return serve


def forever(piece: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    """A server that answers with the first line of a head, and then the piece for 3 seconds."""

    def serve(sock: socket.socket) -> None:
        read_request(sock)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            sock.sendall(piece)
            time.sleep(pause)

    return serve


@dataclass(frozen=True)
class Authority:
    """A private CA: the file of its certificate, and the TLS settings of a server that it vouches for."""

    file: Path
    server: ssl.SSLContext


def private_authority(folder: Path, *names: str) -> Authority:
    """Make a CA, and a certificate of it for 127.0.0.1 and the names."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)

    def certificate(
        subject: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, is_ca: bool
    ) -> x509.CertificateBuilder:
        def named(name: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

        return (
            x509.CertificateBuilder()
            .subject_name(named(subject))
            .issuer_name(named("test CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = certificate("test CA", authority_key, authority_key, is_ca=True).add_extension(usage, critical=True)
    known = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *map(x509.DNSName, names)]
    own = certificate("server", key, authority_key, is_ca=False)
    own = own.add_extension(x509.SubjectAlternativeName(known), critical=False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.sign(authority_key, hashes.SHA256()).public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + own.sign(authority_key, hashes.SHA256()).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return Authority(folder / "ca.pem", context)


@dataclass
class Proxy:
    """A proxy that reaches one server, by any name that a client asks for; `asked` are its request lines."""

    target: int
    refusal: bytes = b""
    asked: list[bytes] = field(default_factory=list)
    authorized: list[bool] = field(default_factory=list)

    def serve(self, sock: socket.socket) -> None:
        """Open a tunnel, or forward requests in absolute form in the form of an origin."""
        while request := read_request(sock):
            line, _, rest = request.partition(b"\r\n")
            self.asked.append(line)
            self.authorized.append(b"Proxy-Authorization: Basic dTpw" in request)
            if self.refusal:
                sock.sendall(self.refusal)
                return
            with socket.create_connection(("127.0.0.1", self.target), 5) as target:
                if line.startswith(b"CONNECT"):
                    sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    _splice(sock, target)
                    return
                method, url, version = line.split(b" ")
                path = b"/" + url.split(b"/", 3)[3]
                target.sendall(b" ".join((method, path, version)) + b"\r\n" + rest)
                sock.sendall(target.recv(65536))


def _splice(one: socket.socket, other: socket.socket) -> None:
    while True:
        readable, _, _ = select.select([one, other], [], [], 5)
        for side in readable:
            data = side.recv(65536)
            if not data:
                return
            (other if side is one else one).sendall(data)
        if not readable:
            return
