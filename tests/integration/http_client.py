"""A small HTTP client for the tests: statuses are results, not exceptions; TCP or a unix socket."""
import collections
import http.client
import socket

Answer = collections.namedtuple("Answer", "status headers body")


class _Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


class Client:
    """Where: a port of 127.0.0.1 or the path of a unix socket. Every request has a connection of its own."""

    def __init__(self, where, token=None):
        self.where, self.token = where, token

    def get(self, path, headers=None, method="GET"):
        connection = _Unix(self.where) if isinstance(self.where, str) else http.client.HTTPConnection("127.0.0.1", self.where, timeout=20)
        sent = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        try:
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (ConnectionError, http.client.HTTPException, FileNotFoundError):
            return Answer(0, {}, b"")
        finally:
            connection.close()

    def status(self, path, headers=None, method="GET"):
        return self.get(path, headers, method).status

    def text(self, path, headers=None):
        return self.get(path, headers).body.decode()


def raw(port, bytes_, seconds=5):
    """What comes back to these bytes until the connection ends or nothing comes any more."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as s:
        try:
            s.sendall(bytes_)
            s.settimeout(1)
            while piece := s.recv(65536):
                got += piece
        except OSError:
            pass
    return got
