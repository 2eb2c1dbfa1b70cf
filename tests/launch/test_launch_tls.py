"""TLS to an EHR: the certificate is checked, against the name and not the dialled address (security D-8)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from launch.errors import CertificateRefused, EhrUnreachable, LaunchError
from launch.exchange import EhrClients, Reply, exchange
from launch.transport import Transports
from tests.ways_out import somewhere

pytestmark = pytest.mark.anyio
NAME = "ehr.example.org"
NOW = datetime.now(UTC)


class Papers:
    """A self-signed certificate for one name, with its key, in files."""

    def __init__(self, folder: Path, name: str = NAME, *, until: datetime = NOW + timedelta(days=1)) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=9))
            .not_valid_after(until)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def believed(self) -> ssl.SSLContext:
        """As the app's own context is, with this certificate for the only authority."""
        context = ssl.create_default_context(cafile=str(self.file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class Server:
    """Answers over TLS; `asked_for` are the names that clients said they want (SNI)."""

    def __init__(self, papers: Papers) -> None:
        self.asked_for: list[str | None] = []
        self.heads: list[bytes] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(papers.file)
        self.context.sni_callback = lambda _socket, name, _context: self.asked_for.append(name)  # type: ignore[assignment]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.context)
        async with server:
            yield server.sockets[0].getsockname()[1]


async def here(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def ask(port: int, *, name: str = NAME, tls: ssl.SSLContext | None = None) -> Reply:
    clients = EhrClients(Transports(resolve=here, tls=tls))
    try:
        there = somewhere(allow_loopback_http=True)
        return await exchange(clients.of(there), "GET", f"https://{name}:{port}/x", ehr="demo")
    finally:
        await clients.aclose()


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


async def test_the_name_is_shown_and_checked_though_an_address_is_dialled(papers: Papers) -> None:
    server = Server(papers)
    async with server.listening() as port:
        assert (await ask(port, tls=papers.believed())).status == 200
    assert server.asked_for == [NAME]
    assert f"\r\nHost: {NAME}:{port}\r\n".encode() in server.heads[0]


async def test_a_certificate_for_another_name_is_refused(papers: Papers) -> None:
    server = Server(papers)
    async with server.listening() as port:
        with pytest.raises(CertificateRefused):
            await ask(port, name="other.example.org", tls=papers.believed())
    assert server.heads == []


async def test_a_self_signed_certificate_is_refused(papers: Papers) -> None:
    server = Server(papers)
    async with server.listening() as port:
        with pytest.raises(CertificateRefused, match="could not prove"):
            await ask(port)
    assert server.heads == []


async def test_a_certificate_that_has_expired_is_refused(tmp_path: Path) -> None:
    papers = Papers(tmp_path, until=NOW - timedelta(days=1))
    server = Server(papers)
    async with server.listening() as port:
        with pytest.raises(CertificateRefused):
            await ask(port, tls=papers.believed())
    assert server.heads == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1.* is deprecated:DeprecationWarning")
async def test_tls_before_1_2_is_refused(papers: Papers) -> None:
    server = Server(papers)
    server.context.set_ciphers("ALL:@SECLEVEL=0")
    server.context.minimum_version = ssl.TLSVersion.TLSv1
    server.context.maximum_version = ssl.TLSVersion.TLSv1_1
    weak = papers.believed()
    weak.set_ciphers("ALL:@SECLEVEL=0")
    async with server.listening() as port:
        with pytest.raises(EhrUnreachable):
            await ask(port, tls=weak)
        weak.minimum_version = ssl.TLSVersion.TLSv1_1
        assert (await ask(port, tls=weak)).status == 200, "only the version stood in the way"


def test_the_app_s_own_context_verifies_and_begins_at_1_2() -> None:
    from launch.transport import _verifying

    context = _verifying()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_plain_http_at_a_tls_port_is_no_answer(papers: Papers) -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        with pytest.raises(LaunchError, match="could not be reached"):
            await ask(server.sockets[0].getsockname()[1], tls=papers.believed())
