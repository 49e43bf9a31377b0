#!/usr/bin/env python3
"""Keeps a Redis exactly in step with a model. Needs nothing but Python 3.8.

    HEADWATER=http://127.0.0.1:8080 HEADWATER_TOKEN=… REDIS=redis://:password@127.0.0.1:6379 \
        ./to_redis.py redis leaderboard /api/leaderboard

follows the model `leaderboard` as the consumer group `redis`, and reads it as a whole under /api/leaderboard. In Redis,
`leaderboard` is a hash with a field for each row, and `leaderboard:position` says up to where it is right.

Both are written in one transaction, so neither is ever without the other. Whatever is killed before the commit to
Headwater, the same entries come again, and those that Redis has are left out.
"""
import json
import os
import socket
import ssl
import sys
import time
import urllib.parse
import urllib.request

GROUP, MODEL, PAGE = sys.argv[1:4]
ROWS, POSITION = MODEL, f"{MODEL}:position"
# The same name after a restart: the partition is still its own.
MEMBER = os.environ.get("MEMBER", socket.gethostname())


def step(redis):
    """Brings Redis from where it is to where the log is."""
    entries = consumer("poll", max=1000, wait=20)["entries"]
    # Where somebody else writes after this moment, this one's transaction will do nothing.
    _, here = redis.send(["WATCH", POSITION], ["GET", POSITION])
    here, commands = place(here), []
    if here is None or any(entry["op"] == "reset" for entry in entries):
        here, rows = whole_model(entries)
        commands = [["DEL", ROWS], *(["HSET", ROWS, key, row] for key, row in rows)]
    for entry in entries:
        if place(entry["position"]) > here:
            put = entry["op"] == "put"
            commands.append(["HSET", ROWS, text(entry["key"]), text(entry["row"])] if put else ["HDEL", ROWS, text(entry["key"])])
            here = place(entry["position"])
    if not commands:
        redis.send(["UNWATCH"])
    else:
        position = "{}.{}".format(*here)
        if redis.send(["MULTI"], *commands, ["SET", POSITION, position], ["EXEC"])[-1] is None:
            raise ConnectionError("another member has written: it goes on, this one looks again")
    if entries:
        consumer("commit", partition=0, position=entries[-1]["position"])


def whole_model(entries):
    """All rows, and the position of the first page: what has happened since comes as entries."""
    after = {"after": entries[-1]["position"]} if entries else {}
    rows, first, cursor = [], None, {}
    while True:
        page, position = headwater("GET", PAGE, limit=10000, **after, **cursor)
        first = first or place(position)
        rows += zip(map(text, page["keys"]), map(text, page["items"]))
        if page["next_cursor"] is None:
            return first, rows
        cursor = {"cursor": page["next_cursor"]}


def place(position):
    """As positions are ordered; the epoch comes first."""
    return position and tuple(map(int, position.split(".")))


def text(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def consumer(action, **parameters):
    path = f"/v1/consumers/{GROUP}/{MODEL}/{action}"
    return headwater("POST", path, member=MEMBER, **parameters)[0]


def headwater(method, path, **parameters):
    url = f"{os.environ['HEADWATER']}{path}?{urllib.parse.urlencode(parameters)}"
    head = {"Authorization": f"Bearer {os.environ['HEADWATER_TOKEN']}"}
    with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=head), timeout=60) as answer:
        # Numbers with a fraction stay as they are written, digit by digit, as texts.
        return json.load(answer, parse_float=str), answer.headers["headwater-position"]


class Redis:
    """A connection. Its protocol is short enough to do without a library."""

    def __init__(self, url):
        url = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((url.hostname, url.port or 6379), timeout=60)
        if url.scheme == "rediss":
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=url.hostname)
        self.answers = self.socket.makefile("rb")
        if url.password:
            self.send(["AUTH", urllib.parse.unquote(url.password)])

    def send(self, *commands):
        """Sends commands at once; gives what each one answers."""
        bytes = bytearray()
        for command in commands:
            bytes += b"*%d\r\n" % len(command)
            for word in map(str.encode, command):
                bytes += b"$%d\r\n%b\r\n" % (len(word), word)
        self.socket.sendall(bytes)
        return [self.answer() for _ in commands]

    def answer(self):
        line = self.answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis went away")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise ConnectionError(rest)
        if kind == b"$" and rest != "-1":
            length = int(rest) + 2
            value = self.answers.read(length)
            if len(value) < length:
                raise ConnectionError("Redis went away")
            return value[:-2].decode()
        if kind == b"*" and rest != "-1":
            return [self.answer() for _ in range(int(rest))]
        return None if rest == "-1" else rest


while True:
    try:
        redis = Redis(os.environ["REDIS"])
        while True:
            step(redis)
    except (OSError, ValueError) as problem:  # Either side is away: all that matters is kept by the two of them.
        print(problem, file=sys.stderr)
        time.sleep(0.5)
