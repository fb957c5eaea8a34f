"""Authorities and certificates, made with the openssl command as docs/tls.md shows it."""
import pathlib
import ssl
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Certificate:
    """Files: `.cert`, its `.key`, and the `.ca` that made it."""

    def __init__(self, cert, key, ca):
        self.cert, self.key, self.ca = cert, key, ca

    def server(self, clients=ssl.CERT_NONE):
        """What Python's ssl serves with it; `clients` have to show certificates of the same authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        context.load_verify_locations(self.ca)
        context.verify_mode = clients
        return context


class Authority:
    def __init__(self, folder, name="ca"):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.key, self.ca = self.folder / "ca.key", self.folder / "ca.pem"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        openssl("req", "-x509", "-new", "-key", self.key, "-days", "10", "-subj", f"/CN={name}", "-out", self.ca)

    def issue(self, name, *names, days=100):
        """A certificate for these names ("IP:127.0.0.1", "DNS:localhost"); with days=-1 it has expired."""
        key, request, cert = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        names = ["-addext", "subjectAltName=" + ",".join(names)] if names else []
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", *names, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial",
                "-days", days, "-copy_extensions", "copy", "-out", cert)
        key.chmod(0o600)
        return Certificate(cert, key, self.ca)


class Certificates:
    """What the tests of a session need: ours, and all kinds that nobody should take."""

    def __init__(self, folder):
        authority, other = Authority(folder), Authority(folder, "other-ca")
        self.ca, self.other_ca = authority.ca, other.ca
        self.local = authority.issue("local", "IP:127.0.0.1", "DNS:localhost")
        self.client = authority.issue("client")
        self.expired = authority.issue("expired", "IP:127.0.0.1", "IP:127.0.0.31", days=-1)
        self.elsewhere = authority.issue("elsewhere", "IP:10.9.8.7", "DNS:elsewhere.example")
        self.foreign = other.issue("foreign", "IP:127.0.0.1", "IP:127.0.0.31")
        self.encrypted_key = self.local.key.with_name("encrypted.key")
        openssl("pkey", "-in", self.local.key, "-aes128", "-passout", "pass:secret", "-out", self.encrypted_key)
        self.authority = authority


def client_context(ca=None, certificate=None):
    """What Python's ssl connects with; without `ca` it believes anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = ca is not None
    context.verify_mode = ssl.CERT_NONE if ca is None else ssl.CERT_REQUIRED
    if ca is not None:
        context.load_verify_locations(ca)
    if certificate is not None:
        context.load_cert_chain(certificate.cert, certificate.key)
    return context


def outdated(context):
    """The same with nothing newer than TLS 1.1."""
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
