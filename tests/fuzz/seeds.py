#!/usr/bin/env python3
"""Seeds for the fuzzers, made by a reference server that is installed: snapshots, payloads of DUMP, append-only files,
nodes of streams, HyperLogLogs, requests. `seeds.py redis-server CORPUS` fills one folder per target below CORPUS.

A target with several inputs reads the lengths of all but the last from the end of the file, as the crate `arbitrary` does;
`joined` writes them so."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PORT = int(os.environ.get("SEEDS_PORT", "24999"))

COMMANDS = """
SET s value
SETRANGE big 3000 x
SET n 12345
RPUSH l a b 1 -200 70000 5000000000
SADD ints 1 2 3 70000 -5000000000
SADD set a b 1
ZADD z 1 a 2.5 b inf c
HSET h f v g 17
PFADD hll a b c d e f g
XADD x 1-1 f v g w
XADD x 2-1 f v g w
XADD x 2-2 other 1
XDEL x 2-1
XGROUP CREATE x grp 0
XREADGROUP GROUP grp me COUNT 1 STREAMS x >
GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
SET volatile v PX 100000000
"""


class Server:
    def __init__(self, program, folder):
        args = ["--port", str(PORT), "--save", "", "--appendonly", "yes", "--dir", folder, "--loglevel", "warning"]
        self.process = subprocess.Popen([program, *args], stdout=subprocess.DEVNULL)
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", PORT))
                break
            except OSError:
                assert self.process.poll() is None, "the server did not start"
                time.sleep(0.05)
        self.file = self.socket.makefile("rb")

    def run(self, *words):
        self.socket.sendall(request(words))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return rest

    def end(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


def request(words):
    words = [word if isinstance(word, bytes) else word.encode() for word in words]
    parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n%s" % (len(words), b"".join(parts))


def joined(first, last):
    """Two byte strings, the length of the first at the end."""
    both = first + last
    width = 1 if len(both) + 1 <= 256 else 2 if len(both) + 2 <= 65536 else 4
    return both + len(first).to_bytes(width, "big")


def main():
    program, corpus = sys.argv[1], pathlib.Path(sys.argv[2])

    def seed(target, name, content):
        folder = corpus / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    folder = tempfile.mkdtemp()
    server = Server(program, folder)
    requests = [line.split(" ") for line in COMMANDS.split("\n") if line]
    for words in requests:
        server.run(*words)
    seed("request", "pipeline", b"\x01\x20\x00" + b"".join(map(request, requests)))
    seed("request", "inline", b"\x01\x07\x00" + COMMANDS.replace("\n", "\r\n").encode())
    versions = {10: 1, 11: 3, 12: 5, 80: 7}
    for key in server.run("KEYS", "*"):
        payload = server.run("DUMP", key)
        version = int.from_bytes(payload[-10:-8], "little")
        seed("rdb", "dump-" + key.decode(), bytes([versions.get(version, 5)]) + payload[:-10])
        if key == b"x":
            # Kind, count of nodes, length and bytes of the identifier, length in one or two bytes, the node.
            at = 2 + 1 + 16
            wide = payload[at] >> 6
            node = payload[at + 1 + wide:][: int.from_bytes(payload[at:at + 1 + wide], "big") & 0x3FFF]
            seed("stream_node", "node", payload[3:11][::-1] + payload[11:19][::-1] + node)
    seed("hyperloglog", "sparse", joined(server.run("GET", "hll")[4:], bytes(range(60))))
    server.run("SAVE")
    server.end()
    snapshots = [*(ROOT / "golden" / "rdb").glob("*.rdb"), pathlib.Path(folder, "dump.rdb")]
    for snapshot in snapshots:
        for kind in [0, 2]:
            seed("rdb", f"{snapshot.name}-{kind}", bytes([kind]) + snapshot.read_bytes())
    files = {path.suffix: path.read_bytes() for path in pathlib.Path(folder, "appendonlydir").iterdir()}
    seed("aof", "increment", joined(files[".manifest"], files[".aof"]))
    shutil.rmtree(folder)
    config = (ROOT.parent / "redis.conf").read_bytes()
    lines = [line for line in config.split(b"\n") if line and not line.startswith(b"#")]
    seed("config", "defaults", joined(b"\n".join(lines), b"--port\x00\x01"))
    scripts = {
        "json": (b'{"a":[1,2.5e3,true,null,"\\u00e9\\n"],"b":{}}', b">I4 s c3 h d"),
        "pack": (b"\x93\x01\xa3abc\x82\xa1a\xcb\x40\x04\x00\x00\x00\x00\x00\x00\xa1b\xc0", b"<bBhHiIlL"),
        "lua": (b"local t = {1, 2, x = 3} for k, v in pairs(t) do t[k] = #tostring(v) end return t", b"(%w+)%b()"),
    }
    for name, pair in scripts.items():
        seed("script_libraries", name, joined(*pair))


main()
