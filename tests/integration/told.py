"""A receiver of notifications for the tests: takes what it is told, or fails as a plan says."""
import http.server
import json
import ssl
import threading
import time


class Receiver:
    """An HTTP server that answers as `plan` says, one entry a request (then 200): a status, ("retry", seconds), "hang", "close". Keeps the bodies it has taken."""

    def __init__(self, certificate=None):
        self.plan, self.taken, self.refused, self.times, self.headers = [], [], [], [], []
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.lock:
                    step = outer.plan.pop(0) if outer.plan else 200
                    outer.headers.append((self.path, dict(self.headers)))
                    (outer.taken if step == 200 else outer.refused).append(json.loads(body))
                    outer.times.append((time.monotonic(), step))
                if step == "close":
                    self.connection.close()
                    return
                if step == "hang":
                    time.sleep(1.5)
                    return
                status, after = (429, step[1]) if isinstance(step, tuple) else (step, None)
                self.send_response(status)
                if after is not None:
                    self.send_header("Retry-After", str(after))
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                connection, address = super().get_request()
                connection.settimeout(5)
                return connection, address

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def alerts(self):
        with self.lock:
            return [alert for body in self.taken for alert in body["alerts"]]

    def ids(self):
        return [alert["annotations"]["transition"] for alert in self.alerts()]

    def texts(self):
        with self.lock:
            return [body["text"] for body in self.taken]
