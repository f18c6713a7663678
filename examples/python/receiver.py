"""Receives webhooks behind Hookgate."""
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

done = set()  # in a real app: a unique column, written in the transaction that does the work


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "Hookgate-Source" not in self.headers:  # the one rule: only a verified webhook has it
            self.send_error(403, "not a verified webhook")
            return
        key = self.headers["Hookgate-Idempotency-Key"]
        if key not in done:
            done.add(key)
            print("processing", self.headers["Hookgate-Event-Type"], self.headers["Hookgate-Id"], flush=True)
        self.send_response(200)  # known or not
        self.end_headers()


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver).serve_forever()
