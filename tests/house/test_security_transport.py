"""Between the service and its servers: what DATABASE_URL and REDIS_URL ask of TLS is really asked
(ASVS V12.3). A server stands in that speaks no TLS, or shows a certificate of nobody we know."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection
from kombu.exceptions import OperationalError

from backend import settings as source

SSL_REQUEST = 8  # bytes of PostgreSQL's question whether the server speaks TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "somebody.pem"
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain)
        + own.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def server(certificate: Path | None, *, postgres: bool) -> Iterator[tuple[int, list[bytes]]]:
    """A listener that offers TLS with this certificate, or none; and what it was sent in clear or
    under TLS after the handshake."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                peer, _ = listener.accept()
            except TimeoutError:
                continue
            try:
                peer.settimeout(2)
                if postgres:
                    peer.recv(SSL_REQUEST)
                    peer.sendall(b"S" if certificate else b"N")
                if certificate:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(certificate)
                    peer = context.wrap_socket(peer, server_side=True)
                heard.append(peer.recv(4_096))
            except OSError:
                pass
            finally:
                peer.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        over.set()
        thread.join(5)
        listener.close()


def _connect(port: int, query: str) -> None:
    """Connects as the service would, by the entry that Django is given."""
    entry = source._database(f"postgresql://app:secret-pw@127.0.0.1:{port}/tuike?{query}")
    options = {
        name: value
        for name, value in entry["OPTIONS"].items()
        if name in source.TLS_OPTIONS | {"connect_timeout"}
    }
    psycopg.connect(
        host=entry["HOST"],
        port=entry["PORT"],
        user=entry["USER"],
        password=entry["PASSWORD"],
        dbname=entry["NAME"],
        **options,
    )


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_database_without_tls_is_not_talked_to(mode: str, certificate: Path) -> None:
    """No falling back: neither name nor password is sent."""
    with server(None, postgres=True) as (port, heard):
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            _connect(port, f"sslmode={mode}&sslrootcert={certificate}")
        assert not any(heard)


def test_a_database_with_a_strangers_certificate_is_not_talked_to(
    certificate: Path, tmp_path: Path
) -> None:
    with server(certificate, postgres=True) as (port, heard):
        with pytest.raises(psycopg.OperationalError, match="certificate"):
            _connect(port, "sslmode=verify-full&sslrootcert=system")
        assert not any(heard)


def test_a_database_whose_certificate_is_known_is_talked_to(certificate: Path) -> None:
    """The control: with this authority the same server is believed, and is told who we are."""
    with server(certificate, postgres=True) as (port, heard):
        with pytest.raises(psycopg.OperationalError):
            _connect(port, f"sslmode=verify-full&sslrootcert={certificate}")
        assert any(b"user\x00app\x00" in said for said in heard)


@pytest.mark.parametrize("query", ["sslmod=require", "options=-c%20x", "password=x"])
def test_a_word_that_nobody_knows_is_refused(query: str) -> None:
    """A misspelt sslmode would be no encryption at all."""
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL knows no"):
        source._database(f"postgresql://app@db.example/tuike?{query}")


# ---------------------------------------------------------------- Redis
TLS_REDIS = "rediss://:secret-pw@127.0.0.1:{port}/0?ssl_cert_reqs=required"


def test_a_redis_with_a_strangers_certificate_is_not_talked_to(certificate: Path) -> None:
    with server(certificate, postgres=False) as (port, heard):
        with pytest.raises(redis.ConnectionError, match=r"certificate|CERTIFICATE"):
            redis.Redis.from_url(TLS_REDIS.format(port=port), socket_timeout=2).ping()
        assert not any(heard)


def test_the_broker_is_asked_for_its_certificate_too(certificate: Path) -> None:
    with server(certificate, postgres=False) as (port, heard):
        url = source._broker(TLS_REDIS.format(port=port))
        with pytest.raises(OperationalError), Connection(url) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
        assert not any(b"secret-pw" in said for said in heard)


def test_a_redis_whose_certificate_is_known_is_talked_to(certificate: Path) -> None:
    with server(certificate, postgres=False) as (port, heard):
        url = f"{TLS_REDIS.format(port=port)}&ssl_ca_certs={certificate}"
        with pytest.raises(redis.RedisError):
            redis.Redis.from_url(url, socket_timeout=1).ping()
        assert any(heard)
