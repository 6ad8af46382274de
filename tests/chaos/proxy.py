"""A TCP proxy on loopback that can delay, slice, swallow and cut. One thread per direction; it is told what to do by its attributes."""
import random
import socket
import struct
import threading
import time


class Proxy:
    """`target_port` may be set later, and changed: it counts for connections made from then on."""

    def __init__(self, target_port=None, host="127.0.0.1", port=0):
        self.target_port = target_port
        self.delay_s, self.piece, self.cut_after = 0, 65536, None
        self.cuts = 0
        self._hole, self._pairs, self._lock = False, [], threading.Lock()
        self._listener = socket.create_server((host, port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hole(self, on):
        """While on, bytes vanish in both directions and connections stay open."""
        self._hole = on

    def cut(self):
        """Resets all connections."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            self._reset(pair)

    def close(self):
        """Takes no more connections, and resets those there are."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _reset(self, pair):
        self.cuts += 1
        for sock in pair:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = (client, server)
            with self._lock:
                self._pairs.append(pair)
            threading.Thread(target=self._pump, args=(pair, client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(pair, server, client, True), daemon=True).start()

    def _pump(self, pair, source, sink, answers):
        try:
            while data := source.recv(65536):
                if self._hole:
                    continue
                if self.delay_s:
                    time.sleep(self.delay_s * random.uniform(0.5, 1.5))
                if answers and self.cut_after is not None:
                    sink.sendall(data[:self.cut_after])
                    self.cut_after = None
                    self._reset(pair)
                    return
                for at in range(0, len(data), self.piece):
                    sink.sendall(data[at:at + self.piece])
        except OSError:
            pass
        for sock in pair:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
