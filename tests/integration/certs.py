"""What tests with TLS and users need: a CA with good and bad certificates, files with secrets, the shipped Redis users, the build whose hiredis knows TLS."""
import hashlib
import os
from pathlib import Path

import lib


def certificates(folder):
    """A CA; certificates for this machine, for another one, and one that has expired, each with its key as a PEM file for the broker."""
    def openssl(*words):
        lib.must(["openssl", *words], 30)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=ca", "-keyout", folder / "ca.key", "-out", folder / "ca.crt")
    for name, alternative, days in (("good", "IP:127.0.0.1", "2"), ("other", "DNS:kafka.example", "2"), ("expired", "IP:127.0.0.1", "-1")):
        openssl("req", *curve, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
        (folder / "san").write_text(f"subjectAltName={alternative}\n")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile",
                folder / "san", "-days", days, "-out", folder / f"{name}.crt")
        (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())


def secret_file(path, text):
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def users_file(folder, password):
    """The shipped user with a password; the default one stays for the test and the servers among themselves."""
    ours = (lib.REPO / "config/redis-users.acl").read_text().splitlines()[1]
    path = Path(folder) / "users.acl"
    path.write_text(f"user default on nopass ~* &* +@all\n{ours} #{hashlib.sha256(password.encode()).hexdigest()}\n")
    return path


def newest():
    """The program on the newest libraries; it has to be there."""
    path = Path(os.environ.get("CRMPULSE_NEWEST_BIN") or lib.REPO / "build/newest/crmpulse")
    if not path.exists():
        raise FileNotFoundError(f"{path}: cmake --preset newest && cmake --build --preset newest --target crmpulse")
    return str(path)
