#!/usr/bin/env python3
"""Compares servers of the Redis protocol on this machine, as ratios.

    utils/bench/compare.py --server ours=target/release/redis-server --server redis=/usr/bin/redis-server
    utils/bench/compare.py ... --floor           also runs the bare mio echo loop (cargo bench --bench echo_floor)

Every server gets core 0 and the load generator (redis-benchmark) core 1. Servers take turns within a round, so that the
machine's mood meets all of them; a row shows the median of the rounds. The first server is the one judged: `ratio` is
its CPU time per request divided by the lowest of the others, `user` the same without the kernel's part.
Only Python's standard library, taskset and redis-benchmark are needed.
"""
import argparse
import glob
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
# name, requests, clients, pipeline, command
RATES = [
    ("PING P=1", 200_000, 50, 1, "PING"),
    ("PING P=16", 2_000_000, 50, 16, "PING"),
    ("ECHO 64 B P=16", 1_000_000, 50, 16, "ECHO " + "x" * 64),
]


class Running:
    """A server process on core 0, in a folder of its own."""

    def __init__(self, command, port, is_floor=False):
        self.port, self.folder = port, tempfile.mkdtemp(prefix="bench-")
        flags = ["--port", str(port)]
        if not is_floor:
            flags += ["--save", "", "--dir", self.folder, "--protected-mode", "no", "--maxclients", "12000"]
        argv = ["taskset", "-c", "0", os.path.abspath(command), *flags]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        until = time.monotonic() + 30
        while True:
            try:
                self.connect().close()
                return
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise SystemExit(f"{command} does not listen on port {port}")
                time.sleep(0.02)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port))

    def cpu(self):
        """User and system seconds so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICKS, int(fields[12]) / TICKS

    def used_memory(self):
        with self.connect() as s:
            s.sendall(b"INFO memory\r\n")
            text = b""
            while b"used_memory:" not in text or not text.endswith(b"\r\n"):
                text += s.recv(65536)
        return int(text.split(b"used_memory:")[1].split(b"\r\n")[0])

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def rate(server, row):
    """CPU microseconds per request, all and user only."""
    _, requests, clients, pipeline, command = row
    user, system = server.cpu()
    subprocess.run(
        ["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-n", str(requests), "-c", str(clients),
         "-P", str(pipeline), "-q", *command.split()],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    user_after, system_after = server.cpu()
    spent = user_after - user
    return (spent + system_after - system) / requests * 1e6, spent / requests * 1e6


def idle_clients(server, count=10_000):
    """Bytes of used_memory per connection that has said PING once and rests."""
    before = server.used_memory()
    sockets = [server.connect() for _ in range(count)]
    for s in sockets:
        s.sendall(b"PING\r\n")
        s.recv(16)
    time.sleep(6)  # Other servers give buffers back after a while; ours needs no grace.
    used = (server.used_memory() - before) / count
    for s in sockets:
        s.close()
    return used


def fairness(server, count=1_000, requests=200_000):
    """The longest wait of any request of many busy clients, as a multiple of the median wait."""
    out = subprocess.run(
        ["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-n", str(requests), "-c", str(count),
         "--csv", "PING"], check=True, capture_output=True, text=True).stdout
    # "test","rps","avg","min","p50","p95","p99","max"
    fields = [f.strip('"') for f in out.splitlines()[-1].split('","')]
    return float(fields[7]) / float(fields[4])


def floor_binary():
    subprocess.run(["cargo", "bench", "--bench", "echo_floor", "--no-run"], check=True)
    built = [p for p in glob.glob("target/release/deps/echo_floor-*") if os.access(p, os.X_OK) and "." not in p[8:]]
    return max(built, key=os.path.getmtime)


def show(name, unit, figures, names):
    cells = "  ".join(f"{n} {figures[n]:.3f}" for n in names if n in figures)
    others = [figures[n] for n in names[1:] if n in figures and n != "floor"]
    ratio = f"  ratio {figures[names[0]] / min(others):.2f}" if others and min(others) > 0 else ""
    if figures.get("floor"):
        ratio += f"  of the floor {figures[names[0]] / figures['floor']:.2f}"
    print(f"{name:24} {unit:6} {cells}{ratio}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--floor", action="store_true")
    parser.add_argument("--only", default="", help="part of a row's name")
    options = parser.parse_args()
    servers = [s.split("=", 1) for s in options.server]
    if options.floor:
        servers.append(["floor", floor_binary()])
    names = [n for n, _ in servers]

    for row in RATES:
        if options.only not in row[0]:
            continue
        seen = {n: [] for n in names}
        for _ in range(options.rounds):
            for i, (name, path) in enumerate(servers):
                server = Running(path, 17900 + i, name == "floor")
                try:
                    seen[name].append(rate(server, row))
                finally:
                    server.stop()
        for unit, part in (("us", 0), ("us user", 1)):
            show(row[0], unit, {n: statistics.median(f[part] for f in seen[n]) for n in names}, names)
    for label, unit, measure in (("idle client", "bytes", idle_clients), ("1000 busy, worst wait", "x med.", fairness)):
        if options.only not in label:
            continue
        figures = {}
        for i, (name, path) in enumerate(servers):
            if name == "floor":
                continue
            server = Running(path, 17900 + i)
            try:
                figures[name] = measure(server)
            finally:
                server.stop()
        show(label, unit, figures, names)


if __name__ == "__main__":
    main()
