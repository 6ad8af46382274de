#!/usr/bin/env python3
"""hook.py PORT OUT: a receiver of notifications on loopback. A line of OUT for each request: path, Authorization, body. Answers 200; runs until it is ended."""
import http.server
import sys


class Told(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode().replace("\n", " ")
        with open(sys.argv[2], "a", encoding="utf-8") as out:
            out.write(f"{self.path}\t{self.headers.get('Authorization', '-')}\t{body}\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Told).serve_forever()
