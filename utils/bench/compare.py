#!/usr/bin/env python3
"""Compares servers of the Redis protocol on this machine, as ratios.

    utils/bench/compare.py --server ours=target/release/redis-server --server redis=/usr/bin/redis-server
    utils/bench/compare.py ... --only "GET"      only rows with that in their name
    utils/bench/compare.py ... --suite rates     or memory, expiry, latency, clients; without it, all of them
    utils/bench/compare.py ... --floor           also runs the bare mio echo loop (cargo bench --bench echo_floor)

Every server gets core 0 and the load generator (redis-benchmark) core 1. Servers take turns within a round, so that the
machine's mood meets all of them; a row shows the median of the rounds. The first server is the one judged: `ratio` is
its CPU time per request divided by the lowest of the others, `user` the same without the kernel's part.
Only Python's standard library, taskset and redis-benchmark are needed.
"""
import argparse
import glob
import multiprocessing
import os
import select
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
KEY = "key:__rand_int__"


def strings(count):
    return [("SET", f"key:{i:012}", "v" * 64) for i in range(count)]


def members(verb, key, count, *words):
    return [(verb, key, *(word.format(i) for word in words)) for i in range(count)]


# name, requests, clients, pipeline, range of __rand_int__ (0: none), command, what is there before
RATES = [
    ("PING P=1", 200_000, 50, 1, 0, "PING", lambda: []),
    ("PING P=16", 2_000_000, 50, 16, 0, "PING", lambda: []),
    ("ECHO 64 B P=16", 1_000_000, 50, 16, 0, "ECHO " + "x" * 64, lambda: []),
    ("GET P=1", 200_000, 50, 1, 0, "GET key:000000000001", lambda: strings(2)),
    ("SET P=1", 200_000, 50, 1, 0, "SET k xxx", lambda: []),
    ("GET hot P=16", 2_000_000, 50, 16, 0, "GET key:000000000001", lambda: strings(2)),
    ("SET hot P=16", 2_000_000, 50, 16, 0, "SET k xxx", lambda: []),
    ("GET 1M keys P=16", 1_500_000, 50, 16, 1_000_000, f"GET {KEY}", lambda: strings(1_000_000)),
    ("SET 1M keys P=16", 1_500_000, 50, 16, 1_000_000, f"SET {KEY} {'v' * 64}", lambda: strings(1_000_000)),
    ("INCR 1M keys P=16", 1_000_000, 50, 16, 1_000_000, "INCR n:__rand_int__", lambda: []),
    ("MGET 10 of 1M P=16", 300_000, 50, 16, 1_000_000, " ".join(["MGET", *[KEY] * 10]), lambda: strings(1_000_000)),
    ("DEL 1M keys P=16", 1_000_000, 50, 16, 1_000_000, f"DEL {KEY}", lambda: strings(1_000_000)),
    ("LPUSH P=16", 1_000_000, 50, 16, 0, "LPUSH l xxxxxxxx", lambda: []),
    ("RPOPLPUSH P=16", 1_000_000, 50, 16, 0, "RPOPLPUSH l l", lambda: members("RPUSH", "l", 1000, "element:{}")),
    ("LRANGE 100 P=16", 150_000, 50, 16, 0, "LRANGE l 0 99", lambda: members("RPUSH", "l", 1000, "element:{}")),
    ("SADD P=16", 1_000_000, 50, 16, 100_000, "SADD s element:__rand_int__", lambda: []),
    ("SISMEMBER P=16", 1_000_000, 50, 16, 100_000, "SISMEMBER s element:__rand_int__",
     lambda: members("SADD", "s", 50_000, "element:{:012}")),
    ("SINTER 1000 P=1", 20_000, 10, 1, 0, "SINTER a b",
     lambda: members("SADD", "a", 1000, "m{}") + [("SADD", "b", f"m{i}") for i in range(500, 1500)]),
    ("HSET small P=16", 1_000_000, 50, 16, 20, "HSET h f__rand_int__ value", lambda: []),
    ("HGET 100k P=16", 1_000_000, 50, 16, 100_000, "HGET h f:__rand_int__",
     lambda: members("HSET", "h", 100_000, "f:{:012}", "value")),
    ("HGETALL 20 P=16", 300_000, 50, 16, 0, "HGETALL h", lambda: members("HSET", "h", 20, "field{}", "value{}")),
    ("ZADD P=16", 1_000_000, 50, 16, 100_000, "ZADD z __rand_int__ element:__rand_int__", lambda: []),
    ("ZRANGE 100 P=16", 150_000, 50, 16, 0, "ZRANGE z 5000 5099", lambda: members("ZADD", "z", 10_000, "{}", "member:{}")),
    ("ZRANGEBYSCORE 10 P=16", 300_000, 50, 16, 0, "ZRANGEBYSCORE z 5000 +inf LIMIT 0 10",
     lambda: members("ZADD", "z", 10_000, "{}", "member:{}")),
    ("ZRANK P=16", 600_000, 50, 16, 0, "ZRANK z member:7777", lambda: members("ZADD", "z", 10_000, "{}", "member:{}")),
    ("XADD P=16", 600_000, 50, 16, 0, "XADD x MAXLEN ~ 100000 * sensor 1234 temp 19.8", lambda: []),
    ("SETBIT P=16", 1_000_000, 50, 16, 1_000_000, "SETBIT b:__rand_int__ 7 1", lambda: []),
    ("PFADD P=16", 600_000, 50, 16, 1_000_000, "PFADD h e:__rand_int__", lambda: []),
    ("PUBLISH to nobody P=16", 1_000_000, 50, 16, 0, "PUBLISH c message", lambda: []),
]


def request(words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def flush(s, answers, chunk):
    s.sendall(b"".join(chunk))
    for _ in chunk:
        line = answers.readline()
        if line[:1] in (b"-", b""):
            raise SystemExit(f"refused: {line!r}")
        if line[:1] == b"$" and line != b"$-1\r\n":
            answers.read(int(line[1:]) + 2)
    chunk.clear()


class Running:
    """A server process on core 0, in a folder of its own."""

    def __init__(self, command, port, is_floor=False, more=()):
        self.port, self.folder = port, tempfile.mkdtemp(prefix="bench-")
        self.command = command
        self.begin([*(["--save", ""] if not is_floor else []), *more], is_floor)

    def begin(self, more, is_floor=False):
        command, port = self.command, self.port
        flags = ["--port", str(port)]
        if not is_floor:
            flags += ["--dir", self.folder, "--protected-mode", "no", "--maxclients", "12000", *more]
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

    def again(self, *more):
        """Ends the process and begins it anew, in the same folder."""
        self.ask("SHUTDOWN", "NOSAVE")
        self.process.wait()
        self.begin(["--save", "", *more])

    def resident(self):
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def figure(self, section, name):
        """A number of INFO."""
        with self.connect() as s, s.makefile("rb") as answers:
            s.sendall(request(("INFO", section)))
            text = answers.read(int(answers.readline()[1:]))
        return int(text.split(name.encode() + b":")[1].split(b"\r\n")[0])

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def send_all(self, commands, batch=500):
        """Sends commands with short answers of one line each, in pipelines."""
        with self.connect() as s, s.makefile("rb") as answers:
            chunk = []
            for i, words in enumerate(commands, 1):
                chunk.append(request(words))
                if i % batch == 0:
                    flush(s, answers, chunk)
            flush(s, answers, chunk)

    def ask(self, *words):
        """One command and the line of its answer."""
        with self.connect() as s, s.makefile("rb") as answers:
            s.sendall(request(words))
            return answers.readline()

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


def benchmark(server, requests, clients, pipeline, *words):
    subprocess.run(
        ["taskset", "-c", "1", "redis-benchmark", "-p", str(server.port), "-n", str(requests), "-c", str(clients),
         "-P", str(pipeline), "-q", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def rate(server, row):
    """CPU microseconds per request, all and user only."""
    _, requests, clients, pipeline, spread, command, before = row
    server.send_all(before())
    user, system = server.cpu()
    benchmark(server, requests, clients, pipeline, *(["-r", str(spread)] if spread else []), *command.split())
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


MILLION = 1_000_000
# name, elements that share the memory, commands
SHAPES = [
    ("key 16 B, value 8 B", MILLION, lambda: (("SET", f"key:{i:012}", f"val:{i % 10_000:04}") for i in range(MILLION))),
    ("key 16 B, value 64 B", MILLION, lambda: (("SET", f"key:{i:012}", "x" * 64) for i in range(MILLION))),
    ("key 16 B, integer", MILLION, lambda: (("SET", f"key:{i:012}", i) for i in range(MILLION))),
    ("the same, 16 B and a TTL", MILLION,
     lambda: (("SET", f"key:{i:012}", "x" * 16, "EX", 100_000) for i in range(MILLION))),
    ("hash of 10 fields", MILLION // 10, lambda: (
        ("HSET", f"h:{i:012}", *(f"{word}{j}" for j in range(10) for word in ("field", "value")))
        for i in range(MILLION // 10))),
    ("field of a large hash", MILLION, lambda: (("HSET", "h", f"field:{i:012}", f"value:{i:08}") for i in range(MILLION))),
    ("member of a large set", MILLION, lambda: (("SADD", "s", f"member:{i:012}") for i in range(MILLION))),
    ("of a large sorted set", MILLION, lambda: (("ZADD", "z", i, f"member:{i:012}") for i in range(MILLION))),
    ("entry of a stream", MILLION // 2,
     lambda: (("XADD", "x", "*", "sensor", i, "temp", "19.8") for i in range(MILLION // 2))),
    ("element of a long list", MILLION, lambda: (("RPUSH", "l", f"element:{i:08}") for i in range(MILLION))),
]


def memory(server, shape):
    """Bytes of used_memory per key or element."""
    _, count, commands = shape
    before = server.used_memory()
    server.send_all(commands())
    return (server.used_memory() - before) / count


def expiry_lag(server, far=MILLION, due=40_000, span=4.0):
    """Median milliseconds by which keys outlive their deadlines, beside a million volatile keys that are not due."""
    server.send_all(("SET", f"far:{i}", "x", "EX", 36_000) for i in range(far))
    start = time.time() + 1.5
    server.send_all(("SET", f"due:{i}", "x", "PXAT", int((start + span * i / due) * 1000)) for i in range(due))
    lags = []
    while time.time() < start + span:
        now, keys = time.time(), int(server.ask("DBSIZE")[1:])
        if now > start + 0.5:
            late = keys - far - (due - (now - start) * due / span)
            lags.append(max(late, 0) / (due / span) * 1000)
        time.sleep(0.1)
    return statistics.median(lags)


def growth_stall(server, count=4 * MILLION, batch=16):
    """The worst milliseconds of a batch of SETs while the table grows from nothing."""
    worst, value = 0.0, "x" * 32
    os.sched_setaffinity(0, {1})
    with server.connect() as s, s.makefile("rb") as answers:
        for first in range(0, count, batch):
            chunk = b"".join(request(("SET", f"grow:{i:012}", value)) for i in range(first, first + batch))
            begin = time.perf_counter()
            s.sendall(chunk)
            answers.read(5 * batch)
            worst = max(worst, time.perf_counter() - begin)
    os.sched_setaffinity(0, set(range(os.cpu_count())))
    return worst * 1000


def flush_stall(server, count=4 * MILLION):
    """Milliseconds that FLUSHALL ASYNC of four million keys takes."""
    server.send_all(("SET", f"key:{i:012}", "x" * 32) for i in range(count))
    begin = time.perf_counter()
    server.ask("FLUSHALL", "ASYNC")
    return (time.perf_counter() - begin) * 1000


def spent(server, work, times):
    """CPU microseconds of the server per piece of work, all and user only."""
    user, system = server.cpu()
    work()
    user_after, system_after = server.cpu()
    only_user = user_after - user
    return (only_user + system_after - system) / times * 1e6, only_user / times * 1e6


def transactions(server, batches=4_000, pipeline=16):
    """MULTI, ten SETs, EXEC: several of them sent at once."""
    one = [("MULTI",), *(("SET", f"k{i}", "value") for i in range(10)), ("EXEC",)]
    sent = b"".join(map(request, one)) * pipeline
    answer = (b"+OK\r\n" + b"+QUEUED\r\n" * 10 + b"*10\r\n" + b"+OK\r\n" * 10) * pipeline
    with server.connect() as s, s.makefile("rb") as answers:
        def work():
            for _ in range(batches):
                s.sendall(sent)
                if answers.read(len(answer)) != answer:
                    raise SystemExit("a transaction was refused")
        return spent(server, work, batches * pipeline)


def subscribe(server, listeners):
    sockets = [server.connect() for _ in range(listeners)]
    for s in sockets:
        s.sendall(request(("SUBSCRIBE", "c")))
    confirmed = len(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
    for s in sockets:
        s.recv(confirmed, socket.MSG_WAITALL)
    return sockets


def fan_out(server, pipeline=1, listeners=1_000, messages=1_000):
    """Messages of 100 bytes to many subscribers, the next when all have the last: for each message that arrives."""
    subscribers = subscribe(server, listeners)
    size = len(request(("message", "c", "m" * 100))) * pipeline
    with server.connect() as s, s.makefile("rb") as answers:
        def work():
            for _ in range(messages // pipeline):
                s.sendall(request(("PUBLISH", "c", "m" * 100)) * pipeline)
                for _ in range(pipeline):
                    if answers.readline() != b":%d\r\n" % listeners:
                        raise SystemExit("a message was lost")
                for subscriber in subscribers:
                    subscriber.recv(size, socket.MSG_WAITALL)
        return spent(server, work, messages // pipeline * pipeline * listeners)


def listen(server, listeners, total, ready):
    """Reads until so many bytes have arrived at all listeners together."""
    os.sched_setaffinity(0, {1})
    with select.epoll() as poll:
        subscribers = {s.fileno(): s for s in subscribe(server, listeners)}
        for number in subscribers:
            poll.register(number, select.EPOLLIN)
        ready.set()
        while total > 0:
            for number, _ in poll.poll():
                total -= len(subscribers[number].recv(1 << 20))


def broadcast(server, publishers, pipeline, messages, listeners=1_000):
    """The same from publishers that wait for their answers only."""
    ready, size = multiprocessing.Event(), len(request(("message", "c", "m" * 100)))
    reader = multiprocessing.Process(target=listen, args=(server, listeners, size * messages * listeners, ready))
    reader.start()
    ready.wait()

    def work():
        benchmark(server, messages, publishers, pipeline, "PUBLISH", "c", "m" * 100)
        reader.join()
    return spent(server, work, messages * listeners)


def wait_beside(server, listeners=5_000, messages=20):
    """Milliseconds that a PING takes which comes while a message goes to many."""
    subscribers, waits = subscribe(server, listeners), []
    with server.connect() as publisher, server.connect() as other:
        for _ in range(messages):
            publisher.sendall(request(("PUBLISH", "c", "m" * 100)))
            time.sleep(0.005)
            begin = time.perf_counter()
            other.sendall(b"PING\r\n")
            other.recv(7, socket.MSG_WAITALL)
            waits.append(time.perf_counter() - begin)
            publisher.recv(100)
            for subscriber in subscribers:
                subscriber.recv(4096)
    return statistics.median(waits) * 1000


def remembered(server, keys=MILLION):
    """Memory for each key that a client with tracking has read."""
    server.send_all(strings(keys))
    with server.connect() as s, s.makefile("rb") as answers:
        s.sendall(request(("HELLO", 3)))
        while b"modules" not in answers.readline():
            pass
        answers.readline()
        s.sendall(request(("CLIENT", "TRACKING", "ON")))
        answers.readline()
        s.sendall(request(("CONFIG", "SET", "tracking-table-max-keys", 0)))
        answers.readline()
        before = server.used_memory()
        chunk = []
        for i in range(keys):
            chunk.append(request(("GET", f"key:{i:012}")))
            if len(chunk) == 500:
                flush(s, answers, chunk)
        flush(s, answers, chunk)
        return (server.used_memory() - before) / keys


PLAIN = ("--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--auto-aof-rewrite-percentage", "0")


def sets(server):
    """CPU microseconds of a SET in a pipeline."""
    return rate(server, ("", 1_500_000, 50, 16, 100_000, f"SET {KEY} {'v' * 64}", lambda: []))[0]


def aof_cost(server):
    """What an append-only file synced every second adds to that."""
    without = sets(server)
    server.again("--appendonly", "yes", "--appendfsync", "everysec")
    return sets(server) - without


def aof_load(server, count=2 * MILLION):
    """Seconds for an append-only file of plain commands."""
    server.again(*PLAIN, "--appendfsync", "no")
    server.send_all(("SET", f"key:{i % MILLION:012}", "v" * 64) for i in range(count))
    began = time.monotonic()
    server.again(*PLAIN)
    while server.figure("persistence", "loading"):
        time.sleep(0.01)
    return time.monotonic() - began


def growth_while_saving(server, keys=MILLION):
    """Megabytes by which the parent and its child grow when all keys are written anew during a save."""
    server.send_all(strings(keys))
    before = server.resident()
    server.ask("CONFIG", "SET", "rdb-key-save-delay", 20)
    server.ask("BGSAVE")
    rate(server, ("", 1_000_000, 50, 16, keys, f"SET {KEY} {'w' * 64}", lambda: []))
    grown = server.resident() - before
    server.ask("CONFIG", "SET", "rdb-key-save-delay", 0)
    return grown / 1e6


# suite, name, unit, measure
FIGURES = [
    *(("memory", name, "bytes", lambda server, row=row: memory(server, row)) for row in SHAPES for name in row[:1]),
    ("expiry", "lag beside 1M volatile", "ms", expiry_lag),
    ("latency", "worst growing to 4M keys", "ms", growth_stall),
    ("latency", "FLUSHALL ASYNC of 4M", "ms", flush_stall),
    ("clients", "idle client", "bytes", idle_clients),
    ("clients", "1000 busy, worst wait", "x med.", fairness),
    ("broker", "MULTI 10 SET EXEC P=16", "us", transactions),
    ("broker", "PUBLISH to 1000, by turns", "us", fan_out),
    ("broker", "the same, P=16", "us", lambda server: fan_out(server, 16, messages=8_000)),
    ("broker", "one publisher", "us", lambda server: broadcast(server, 1, 1, 1_000)),
    ("broker", "10 publishers", "us", lambda server: broadcast(server, 10, 1, 3_000)),
    ("broker", "50 publishers", "us", lambda server: broadcast(server, 50, 1, 5_000)),
    ("broker", "50 publishers, P=16", "us", lambda server: broadcast(server, 50, 16, 20_000)),
    ("broker", "PING beside 5000 listeners", "ms", wait_beside),
    ("broker", "key remembered", "bytes", remembered),
    ("files", "AOF everysec, extra per SET", "us", aof_cost),
    ("files", "load of a plain AOF", "s", aof_load),
    ("files", "growth while saving", "MB", growth_while_saving),
]


def floor_binary():
    subprocess.run(["cargo", "bench", "--bench", "echo_floor", "--no-run"], check=True)
    built = [p for p in glob.glob("target/release/deps/echo_floor-*") if os.access(p, os.X_OK) and "." not in p[8:]]
    return max(built, key=os.path.getmtime)


def in_turns(servers, rounds, measure):
    """What is measured of each server, round by round."""
    seen = {name: [] for name, _ in servers}
    for _ in range(rounds):
        for i, (name, path) in enumerate(servers):
            server = Running(path, 17900 + i, name == "floor")
            try:
                seen[name].append(measure(server))
            finally:
                server.stop()
    return seen


def show_all(label, unit, seen, names):
    """The medians: one row, or two where the program's part is known."""
    if isinstance(seen[names[0]][0], tuple):
        for part, of in enumerate((unit, f"{unit} user")):
            show(label, of, {n: statistics.median(f[part] for f in all) for n, all in seen.items()}, names)
    else:
        show(label, unit, {n: statistics.median(all) for n, all in seen.items()}, names)


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
    parser.add_argument("--suite", choices=["rates", *sorted({f[0] for f in FIGURES})])
    parser.add_argument("--only", default="", help="part of a row's name")
    options = parser.parse_args()
    servers = [s.split("=", 1) for s in options.server]
    if options.floor:
        servers.append(["floor", floor_binary()])
    names = [n for n, _ in servers]

    for row in RATES:
        if options.only in row[0] and options.suite in (None, "rates"):
            seen = in_turns(servers, options.rounds, lambda server: rate(server, row))
            show_all(row[0], "us", seen, names)
    for suite, label, unit, measure in FIGURES:
        if options.only in label and options.suite in (None, suite):
            # Time is at the mercy of the machine's mood; the others would only take long.
            rounds = options.rounds if unit == "us" else 1
            kept = [server for server in servers if server[0] != "floor"]
            show_all(label, unit, in_turns(kept, rounds, measure), names)


if __name__ == "__main__":
    main()
