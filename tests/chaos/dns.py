"""A name server on port 53 of this network namespace's loopback, in a thread; it is told what to answer by its attributes. IPv4 addresses only."""
import socket
import struct
import threading
import time

NXDOMAIN = 3


class Names:
    """`address`: {name: address}; other names do not exist. `silent`: nothing is answered; `delay_s`: every answer waits."""

    def __init__(self, address=()):
        self.address, self.silent, self.delay_s, self.asked = dict(address), False, 0, 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            data, peer = self._socket.recvfrom(2048)
            self.asked += 1
            if not self.silent:
                threading.Thread(target=self._answer, args=(data, peer), daemon=True).start()

    def _answer(self, data, peer):
        time.sleep(self.delay_s)
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        question = data[12:at + 5]
        address = self.address.get(".".join(labels))
        wants_a = struct.unpack(">H", question[-4:-2])[0] == 1
        answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + socket.inet_aton(address) if address and wants_a else b""
        flags = 0x8580 | (0 if address else NXDOMAIN)
        self._socket.sendto(data[:2] + struct.pack(">HHHHH", flags, 1, 1 if answer else 0, 0, 0) + question + answer, peer)
