#!/usr/bin/env python3
"""Writes the first inputs of every target to fuzz/corpus/NAME/seed-NN. What the fuzzers found later
stands beside them under its SHA-1. Run it again after a change here; it only rewrites its own."""

import base64
import glob
import hashlib
import hmac
import json
import os
import struct
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


# ---- protobuf wire format and journal records ----------------------------------------------------


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(*fields):
    """(number, int | bytes | str) each."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


ACTION, EPOCH = (1, b"A" * 16), (2, 7)
COMMAND = message((1, 1), (2, "a.sh"), (3, b"h" * 32), (4, 10), (5, "-x 'a b'"), (6, 1), (8, 600000), (9, 1 << 20))
PUT = message((1, 2), (2, "tool.bin"), (3, b"h" * 32), (4, 10), (8, 60000))
GET = message((1, 3), (7, "/var/log/auth.log"), (8, 60000))


def order(*commands, epoch=7):
    return message((1, b"T" * 16), (2, b"M" * 20), (3, b"A" * 16), (4, epoch), (5, b"G" * 16),
                   *[(6, c) for c in commands], (7, 900000), (8, b"S" * 16), (9, 3),
                   (10, 1800000000000000), (11, "ann@example.org"))


BODY = message((1, b"K" * 44), (2, b"G" * 16), (3, b"B" * 16), (4, b"N" * 16), (5, "0.1.0"),
               (6, "host-1"), (7, "Linux"), (8, "12"), (9, "x64"),
               (10, message((1, "192.0.2.7"), (2, b"\2\0\0\0\0\1"), (3, 2), (4, 1))), (10, message((1, "2001:db8::7"))),
               (11, b"C" * 16), (12, 1), (13, b"L" * 16), (14, 3), (15, "Debian GNU/Linux"), (16, 25), (17, "x64"))
BLOB = message((1, "0123456789abcdef" * 2), (2, 4711), (3, b"d" * 32))
SIGNED = message((1, order(COMMAND)), (2, b"s" * 64), (3, b"k" * 8))
RECEIPT = message((1, b"M" * 20), (2, 2), (3, b"p" * 32), (4, b"G" * 16), (5, b"A" * 16), (6, 7), (8, b"o" * 32),
                  (9, b"h" * 32), (10, "a.sh"), (11, 1), (12, 1000), (13, 2000), (14, 1), (15, 3), (16, b"d" * 32),
                  (17, 9), (18, b"e" * 32), (20, b"r" * 32), (21, 4711))
FETCHED = message((1, b"M" * 20), (2, 3), (4, b"G" * 16), (5, b"A" * 16), (6, 7), (7, 1), (8, b"o" * 32), (11, 1), (12, 1000),
                  (13, 2000), (22, "/var/log/auth.log"), (23, 9), (24, b"f" * 32))
ORDER_KEYS = message((1, 2), (2, b"k" * 44), (2, b"l" * 44))
ENDED = message(ACTION, EPOCH, (3, 0), (4, 1), (5, 1000), (6, 2000), (7, 3), (8, 1),
                (9, "OutputTruncated: 3 GiB"), (10, BLOB), (11, BLOB), (12, BLOB),
                (13, message((1, RECEIPT), (2, b"s" * 64))),
                (14, message((1, "/var/log/auth.log"), (2, 9), (3, b"f" * 32))))
FAILED = message(ACTION, EPOCH, (3, 0), (4, 2), (5, 1000), (6, 2000), (9, "TimedOut: 10 min"))


def typed(columns):
    return message((1, 7), (2, b"A" * 16), (3, 1), (5, 9), (6, "ls\r"), (7, 24), (8, columns), (9, b"s" * 64))


def agent_frames():
    to_server = [message((1, message((1, BODY), (2, b"s" * 64)))), message((2, message((1, 9)))),
                 message((3, message(ACTION, EPOCH))), 
                 message((4, message(ACTION, EPOCH, (3, "Expired: x"), (4, b"o" * 32), (5, 1)))),
                 message((5, message(ACTION, EPOCH))), message((6, message(ACTION, EPOCH))),
                 message((7, message(ACTION, EPOCH, (3, 0), (4, 1000)))), message((8, ENDED)),
                 message((8, FAILED)),
                 message((9, message(ACTION, EPOCH, (3, 0), (4, 2), (5, 4711), (6, b"d" * 32)))),
                 message((9, message(ACTION, EPOCH, (4, 1), (5, 9), (6, b"d" * 32), (7, "auth.log.gz")))),
                 message((10, message((1, b"C" * 16)))), message((11, message((1, 2)))),
                 message((12, message((1, 7), (2, 5), (3, b"out"), (5, b"err"), (6, 1)))),
                 message((13, message((1, 7), (2, 9)))), message((13, message((1, 7), (3, "NotThere: x")))),
                 message((20, b"of the future"))]
    file = message((1, b"#!/bin/sh\necho hi\n"), (2, 1))
    link = message((3, "https://rb.example/c/b?sp=r&sig=x"))
    to_agent = [message((1, message((1, b"M" * 20), (2, b"C" * 16), (3, 30000), (4, 500)))),
                message((2, message((1, SIGNED), (2, file), (2, link)))),
                message((9, message((1, ORDER_KEYS), (2, message((1, b"k" * 8), (2, b"s" * 64)))))),
                message((3, message(ACTION, EPOCH))),
                message((4, message(ACTION, EPOCH, (3, 0), (4, 1), (5, "https://rb.example/c/b?sp=cw")))),
                message((4, message(ACTION, EPOCH, (3, 0), (4, 3), (6, "gone")))),
                message((5, message(ACTION, EPOCH, (3, 0)))),
                message((6, message(ACTION, EPOCH, (3, "unknown")))),
                message((7, message((1, "restart"), (2, 1000), (3, 1)))),
                message((10, message((1, 7), (2, b"A" * 16), (3, 1), (5, 9)))), message((11, typed(80)))]
    spoilt = [message((8, message(ACTION, EPOCH, (3, 100)))), message((8, message((1, b"A" * 15), EPOCH))),
              message((8, message(ACTION, EPOCH, (3, 0), (4, 1), (7, 3)))),
              message((8, message(ACTION, EPOCH, (3, 0), (4, 1), (10, message((1, "XYZ")))))),
              message((8, message(ACTION, EPOCH, (3, 0), (4, 1), *[(9, "e")] * 9))),
              message((4, message(ACTION, EPOCH, (3, b"\xff\xfe")))),
              message((9, message(ACTION, EPOCH, (3, 0), (4, 9), (6, b"d" * 32)))),
              message((9, message(ACTION, (2, 0), (3, 0)))),
              message((9, message(ACTION, EPOCH, (4, 1), (6, b"d" * 32), (7, "../x")))),
              message((9, message(ACTION, EPOCH, (4, 1), (6, b"d" * 32), (7, "..")))),
              message((7, message(ACTION, EPOCH, (4, -1)))),
              message((8, message(ACTION, EPOCH, (4, 3)))), message((8, message(ACTION, EPOCH, (4, 1), (5, -1)))),
              message((8, message(ACTION, EPOCH, (4, 1), (9, "e" * 1025)))),
              message((8, message(ACTION, EPOCH, (4, 1), (13, message((1, RECEIPT), (2, b"s")))))),
              message((8, message(ACTION, EPOCH, (4, 1), (14, message((1, "x"), (3, b"f")))))),
              message((4, message(ACTION, EPOCH, (3, "x"), (4, b"o")))), message((11, message((1, 0)))),
              message((2, message((1, 9)))) * 2, message((1, 9)), message((8, b"\x0a\xff")), b"\x0a"]
    spoilt_agent = [message((11, typed(1001))), message((11, typed(0))),
                    message((4, message(ACTION, EPOCH, (3, 0), (4, 1), (5, "u"), (6, "e")))),
                    message((2, message((1, SIGNED), (2, message((1, b"x")))))),
                    message((2, message((1, SIGNED), (2, message((2, 1), (3, "u")))))),
                    message((1, message((1, b"M" * 20), (2, b"C" * 16), (3, 1)))),
                    message((2, message((1, SIGNED), *[(2, message((1, b"x" * 60), (2, 1)))] * 101))),
                    message((9, message((2, message((1, b"k" * 8), (2, b"s" * 64)))))), message((9, message((1, ORDER_KEYS)))),
                    message((9, message((1, ORDER_KEYS), (2, message((1, b"k"), (2, b"s" * 64)))))),
                    message((9, message((1, ORDER_KEYS), (2, message((1, b"k" * 8), (2, b"s")))))),
                    message((4, message(ACTION, EPOCH, (3, 0), (4, 0), (5, "u")))),
                    message((7, message((1, "r" * 1025)))), message((7, message((2, 3600001))))]
    orders = [order(COMMAND), order(PUT, COMMAND, GET), order(), order(COMMAND, epoch=0),
              order(message((1, 4))), order(message((1, 1), (2, "../x"), (3, b"h" * 32), (8, 1))),
              order(message((1, 1), (2, ".."), (3, b"h" * 32), (8, 1))), order(message((1, 3), (8, 1))),
              order(COMMAND) + message((11, "again")), order(GET).replace(b"ann@", b"ann\0")]
    facts = [BODY, message((1, b"K"), (10, b"\xff")), BODY[:-len(message((16, 25), (17, "x64")))] + b"\x81\x01" + b"\5" * 8,
             BODY.replace(b"192.0.2.7", b"192.0.2.x"), BODY.replace(b"192.0.2.7", b"192.00.27"),
             BODY.replace(message((2, b"\2\0\0\0\0\1")), message((2, b"\2\0\0\0\0\1"))[:-1] + b"\0"),
             BODY.replace(message((3, 2), (4, 1)), message((3, 2), (4, 9))), BODY.replace(message((3, 2), (4, 1)), message((3, 9), (4, 1))),
             BODY.replace(message((16, 25)), message((16, -1))), BODY + message((10, message((1, "x")))),
             BODY.replace(message((13, b"L" * 16)), message((13, b"L"))), BODY.replace(message((11, b"C" * 16)), message((11, b"C")))]
    receipts = [RECEIPT, FETCHED, message((1, b"M" * 20), (2, 0)), RECEIPT.replace(message((11, 1)), message((11, 3))),
                RECEIPT.replace(message((14, 1)), b""), RECEIPT.replace(message((12, 1000)), message((12, -1))),
                RECEIPT.replace(message((3, b"p" * 32)), message((3, b"p")))]
    keys = [ORDER_KEYS, message((1, 2)), message((1, 0), (2, b"k")), message((1, 2), *[(2, b"k")] * 9), message((1, 2), (2, b"k" * 257))]
    kinds = [to_server + spoilt, to_agent + spoilt_agent, orders, facts, receipts, keys]
    return [b"%d" % kind + m for kind, texts in enumerate(kinds) for m in texts]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def record(sequence, kind, payload):
    body = struct.pack("<QB", sequence, kind) + payload
    return struct.pack("<II", len(body), crc32c(body)) + body


def small_order(*commands):
    return message((3, b"A" * 16), (4, 7), *[(6, c) for c in commands or [b"\x08\x01"]])


RECEIVED = message((1, message((1, small_order(b"\x08\x01", b"\x08\x01")))), (2, 5), (3, b"B" * 16))
JOURNAL = [  # kind, payload
    (1, message((1, b"G" * 16), (2, 5))), (2, RECEIVED), (3, message(ACTION, (3, 5), (4, b"B" * 16))),
    (4, message((1, message(ACTION, EPOCH, (4, 1), (7, 1), (8, 1))), (2, 1), (3, 9), (4, b"d" * 32))),
    (5, message(ACTION, (3, 1), (4, BLOB))), (6, message(ACTION)),
    (3, message(ACTION, (2, 1), (3, 6), (4, b"B" * 16))),
    (4, message((1, message(ACTION, EPOCH, (3, 1), (4, 2))), (2, 1))), (6, message(ACTION, (2, 1))),
    (7, message(ACTION, (2, "done"), (4, 9))), (8, message((1, b"V" * 16), (2, 3))),
    (7, message((1, b"V" * 16), (2, "voided"), (4, 9))),
]
ENDED_SIGNED = message((1, message(ACTION, EPOCH, (4, 1), (13, message((1, message((2, 2))), (2, b"s"))))))


def journals():
    def entries(items, breaks):
        return b"".join(bytes([(kind - 1) | (0x80 if i % breaks == 0 else 0), len(p)]) + p
                        for i, (kind, p) in enumerate(items))

    def batch(items):
        return b"".join(struct.pack("<BI", kind, len(p)) + p for kind, p in items)

    out = [b"0" + bytes([0, 40, 1]) + entries(JOURNAL[:n], k) for n in (1, 3, 6, 9, 12) for k in (1, 3)]
    out += [b"0" + bytes([3, 7, 128]) + entries([JOURNAL[0]] + JOURNAL[10:] + JOURNAL[1:4], 1)]
    chain = [JOURNAL[0], (11, message((1, 1), (2, b"p" * 32))), (2, RECEIVED), (3, message(ACTION)), (4, ENDED_SIGNED)]
    out += [b"0" + bytes([0, 9, 1]) + entries([(9 if kind == 11 else kind, p) for kind, p in items], 1)
            for items in (chain, chain[:1] + chain[2:], chain[2:] + [(11, message((1, 7), (2, b"q" * 32)))],
                          chain[2:] + [(11, message((1, 1), (2, b"q" * 32)))])]
    whole = b"".join(record(i + 1, kind, p) for i, (kind, p) in enumerate(JOURNAL))
    grown = record(1, 10, struct.pack("<Q", 1024)) + record(2, 9, batch(JOURNAL[:4]))
    gap = record(1, 1, JOURNAL[0][1]) + b"\1" * 40 + record(9, 2, RECEIVED)
    wide = record(1, 1, message((1, b"G" * 16))) + record(2, 2, RECEIVED + message((9, b"x" * 900)))
    bad = [record(1, 9, b"\1\5\0\0\0a"), record(1, 10, b"short"), record(1, 9, batch([(9, b"")])),
           record(1, 9, batch([(10, b"12345678")])), record(1, 7, b"\xff"), record(1, 2, b"\xff"),
           record(1, 3, message(ACTION)), record(1, 2, message((1, message((1, b"\xff"))))),
           record(1, 2, message((1, message((1, message((4, 7))))))), record(1, 1, message((1, b"G"))),
           record(1, 7, message((1, b"x"))), record(1, 8, message((1, b"x"))),
           record(1, 2, RECEIVED) + record(2, 2, RECEIVED),
           record(1, 2, RECEIVED) + record(2, 3, message(ACTION, (2, 9))),
           record(1, 2, RECEIVED) + record(2, 3, message(ACTION)) + record(3, 3, message(ACTION)),
           record(1, 2, RECEIVED) + 2 * record(2, 4, message((1, message(ACTION)))),
           record(1, 2, RECEIVED) + record(2, 4, message((1, message(ACTION))))
           + record(3, 4, message((1, message(ACTION))))]
    bad += [record(1, 11, b"\xff"), record(1, 12, b""), record(1, 0, b""), record(1, 2, RECEIVED) + record(2, 4, message((1, message(
        ACTION, (13, message((1, b"\xff"), (2, b"s"))))))), record(1, 2, message((1, message((1, message((3, b"A"))))))),
            record(1, 8, message((1, b"V" * 16), (2, 7))) + record(2, 2, RECEIVED), record(1, 5, message(ACTION)),
            record(1, 6, b"\xff"), record(1, 3, b"\xff"), record(1, 4, b"\xff"), record(1, 5, b"\xff"), record(1, 8, b"\xff"),
            record(1, 7, message(ACTION, (2, "done"))) + record(2, 2, RECEIVED)]
    length_off = bytearray(record(1, 1, JOURNAL[0][1]) + record(2, 2, RECEIVED))
    length_off[len(record(1, 1, JOURNAL[0][1]))] ^= 1
    torn = wide[:512] + bytes(512) + wide[1024:]
    files = [whole, grown.ljust(1024, b"\0"), grown, gap, wide, torn.ljust(2048, b"\0"), wide[:700],
             wide[:512].ljust(2048, b"\0"), wide[:100] + b"\0" * 2000, b"", b"\0" * 600, b"garbage",
             bytes(length_off) + bytes(64), whole[:-3], whole + b"\7", wide[:600] + b"\0" * 600 + b"x" * 9,
             whole[:50] + b"\xff" + whole[51:]] + bad
    return out + [b"1" + bytes([1, 20]) + f for f in files]


# ---- text formats --------------------------------------------------------------------------------


def http_heads():
    host = "Host: h.example:8443\r\n"
    requests = [
        f"GET / HTTP/1.1\r\n{host}\r\n",
        f"POST /a/b?c=%20d HTTP/1.1\r\n{host}Content-Length: 12\r\nX-Padded: \t v \t\r\nX-Empty:\r\n"
        "Expect: 100-continue\r\nConnection: keep-alive, x\r\n\r\nbody",
        f"PUT / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "GET http://other.example:80/x?y HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET HTTPS://other.example?q HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n",
        "GET http://other.example HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", "\r\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n a: b\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\na : b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: \r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        "GET /\r\nHost: h\r\n\r\n", "GET  HTTP/1.1\r\nHost: h\r\n\r\n", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://a@b/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET /#f HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n" + "a: b\r\n" * 21 + "\r\n", "GET /" + "a" * 520, "G" * 600,
        "GET / HTTP/1.1\r\nHost: h\r\n" + "a: " + "b" * 2100,
        "GET / HTTP/1.1\r\nHost: h\r\nx: a\0b\r\n\r\n"]
    answers = ["HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "HTTP/1.1 206\r\nTransfer-Encoding: chunked\r\n\r\n",
               "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 999 x\r\n\r\n", "HTTP/1.9 200 OK\r\n\r\n",
               "HTTP/1.1 20 x\r\n\r\n", "HTTP/1.1 200 OK\r\na b\r\n\r\n",
               "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"]
    return ["0\3" + r for r in requests] + ["1\5" + a for a in answers]


def chunks():
    return ["\3" + c for c in (
        "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\nnext", "a;name=v;q=\"x\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
        "00005\r\nhello\r\n000\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\nhello\n0\n\n", "g\r\n", "-1\r\n", "\r\n",
        "fffffffffffffffff\r\n", "5 \r\nhello\r\n", "0\r\n bad: x\r\n\r\n", "0\r\na:b\rc\r\n\r\n", "0\r\n\rx",
        "1\rx", "1\r\nax", "1\r\na\rx", "3;\x01\r\n", "0;\r\nA:\t\r\n\r\n", "0" * 8300)]


def frame(first, payload, masked=True):
    size = len(payload)
    head = bytes([first]) + (bytes([(0x80 if masked else 0) | size]) if size < 126 else
                             bytes([0xFE if masked else 126]) + struct.pack(">H", size))
    if not masked:
        return head + payload
    mask = b"\1\2\3\4"
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def ws_frames():
    ours = [frame(0x82, b"hello"), frame(0x02, b"hel") + frame(0x89, b"ping") + frame(0x80, b"lo"),
            frame(0x8A, b""), frame(0x88, b""), frame(0x88, struct.pack(">H", 1001) + b"bye \xc3\xbc"),
            frame(0x88, b"\3"), frame(0x88, struct.pack(">H", 1005)), frame(0x88, struct.pack(">H", 1000) + b"\xff"),
            frame(0x81, b"text"), frame(0xC2, b"rsv"), frame(0x80, b"of nothing"), frame(0x83, b""),
            frame(0x02, b"a") + frame(0x82, b"b"), frame(0x82, b"y" * 300), frame(0x82, b"y" * 1100)[:40],
            frame(0x09, b"fragment"), b"\x82\xfe\0\5\1\2\3\4hello", b"\x82\xff\0\0\0\0\0\1\0\0\1\2\3\4",
            frame(0x89, b"x" * 125), b"\x89\xfe\0\x7e\1\2\3\4", frame(0x82, b"unmasked", masked=False),
            frame(0x02, b"z" * 600) + frame(0x80, b"z" * 600)]
    theirs = [frame(0x82, b"hello", False), frame(0x02, b"hel", False) + frame(0x80, b"lo", False),
              frame(0x88, struct.pack(">H", 3000) + b"x", False), frame(0x82, b"masked"),
              frame(0x82, b"y" * 300, False)]
    return [b"0\5" + f for f in ours] + [b"1\5" + f for f in theirs] + [b"0\xff" + b"wide", b"1\xff"]


def routes():
    guid = "11111111-2222-4333-8444-555555555555"
    return [f"/{guid}/oauth2/v2.0/token", f"/{guid}/oauth2/token", f"/{guid}/v2.0/.well-known/openid-configuration",
            f"/{guid}/.well-known/openid-configuration", f"/{guid}/discovery/v2.0/keys", "/common/discovery/instance",
            "/api/machines", "/API/Machines/" + "a" * 40, "/api/v1.0/machines/x/runliveresponse", "/api/machineactions",
            f"/api/machineactions/{guid}", f"/api/machineactions/{guid}/cancel",
            f"/api/machineactions/{guid}/GetLiveResponseResultDownloadLink(index=0)",
            f"/api/V1.0/machineactions/{guid}/getliveresponseresultdownloadlink(Index=99999)",
            f"/api/machineactions/{guid}/GetLiveResponseResultDownloadLink(index%3D1)",
            f"/api/machineactions/{guid}/GetLiveResponseResultDownloadLink()", "/api/libraryfiles",
            "/api/libraryfiles/a%20b.sh", "/api/libraryfiles/%2e%2e", "/api/libraryfiles/a%2fb", "/api/libraryfiles/a%5Cb",
            "/api/libraryfiles/%c3%bc", "/api/libraryfiles/%ff", "/api/libraryfiles/%00", "/api/libraryfiles/a;b",
            "/api/libraryfiles/a%0ab", "/api//machines", "/api/./machines", "/api/v1.0", "/", "", "api", "/api/alerts/",
            "/api/alerts", "/api/libraryfiles/%zz", "/%61pi/machines"]


def queries():
    return ["$top=5&$skip=10", "$TOP=100&$Skip=0", "$filter=status eq 'Pending'", "$top=101", "$top=-1", "$top=",
            "$top=1&$top=2", "$skip=5001", "%24top=7", "a=b&c=d+e&f=%C3%BC&&g", "a=%zz", "a=%00", "a=%ff", "=x&y",
            "waitFor=final&timeout=30s", "waitfor=final", "waitFor=other", "waitFor=final&timeout=61s",
            "waitFor=final&timeout=0s", "waitFor=final&timeout=5m", "waitFor=final&waitFor=final",
            "waitFor=final&timeout=1s&timeout=2s", "timeout=1s", "index=0", "INDEX=17", "index=-1", "index=-", "index=007",
            "index=100000", "index=", "indexes=1", "&".join("abcdefghi"), "$" + "%C3%BC" * 40 + "=1", "a=1&$expand=x",
            "$" + "a" * 70]


def odata():
    filters = ["name eq 'it''s'", "state eq 'Lost' and (count gt 1 or good)", "not (state in ('Open','Closed'))", "140 eq count",
               "startswith(name,'it') or endswith(dnsName,'E')", "contains(name,'x') eq false", "tags/any(t: t eq 'red')",
               "not tags/any(t: contains(t,'blue'))", "made gt 2018-08-01Z and made lt '2022-01-01T00:00:00+01:00'",
               "id eq 0f8fad5b-d9cb-469f-a165-70867728950e or id eq 'af8fad5b-d9cb-469f-a165-70867728950e'", "ended eq null",
               "ended in (null,2021-02-04T15:36:52Z)", "kind eq 'Ours' and scope eq null", "good ne true", "made eq 2021-02-04T15:36:52.7788848Z",
               "((((good))))", "(((((good)))))", "good or good or good or good or good or good or good or good or good", "count in (1,2,3,4,5,6)",
               "count eq 99999999999999999999", "state eq 'x'' or ''1''=''1'", "parts eq null", "1 eq 1", "name eq", "name eq 'x", "colour eq 1",
               "length(name) eq 1", "tags eq 'x'", "tags/all(t: t eq 'x')", "tags/any(t: t ne 'x')", "name eq 'x';", "id gt 'x'", "\u00fc eq 1",
               "'red' eq tags", "tags/any(t: t in ('a','b'))", "state eq null", "contains('x',name)", "name in ()", "good and", ")", "not", "()",
               "id eq af8fad5b-d9cb-469f-a165-70867728950e", "id eq 'x'", "id eq 'zf8fad5b-d9cb-469f-a165-70867728950e'", "made eq 'x'",
               "made eq 2021-02-0xZ", "good eq false", "good eq 1", "count eq +1", "name eq 5", "not (count ge 1 or count le 2)",
               "not (count lt 1 or count gt 2)", "ended gt null", "made ge 2021-02-04T15:36:52.7788848Z or made lt 2021-02-04T15:36:52.7788848Z",
               "'" + "\u00fc" * 40 + "' eq 1", "name eq " + "x" * 50, "good good", "(good", "contains(state,'x')", "contains(tags,'x')",
               "contains(name,5)", "contains(name,'x') eq 1", "contains(name 'x')", "tags/any(1: t)", "tags/any(t: name eq 'x')",
               "tags/any(t: t eq null)", "count in (" + "1," * 20 + "1)", "name has 'x'", "state eq 'Shut'", "state eq Open", "good" + " " * 2100]
    orders = ["made desc,count", "id", "kind", "name,count,made,good", "tags", "name down", "name,", ";", "ended asc , STATE DESC"]
    selections = ["id,NAME,parts", "*", "", "name,name", "name/x", "colour", "name count"]
    moments = ["2021-02-04T15:36:52.778884Z", "2021-02-04", "2021-02-04Z", "2021-02-04T15:36+01:30", "0001-01-01T00:00:00+14:00",
               "9999-12-31T23:59:59.999999999999-14:00", "2021-02-30Z", "2021-02-04T15:36:52.", "2021-13-45T25:61Z", "2020-02-29t00:00z"]
    return [f"{kind}{text}" for kind, texts in enumerate((filters, orders, selections, moments)) for text in texts]


def authorizes():
    challenge = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    base = "client_id=a&response_type=code&redirect_uri=https%3A%2F%2Fconsole.example%2Fback"
    scope = "&scope=openid+offline_access+https%3A%2F%2Frb.example%3A8443%2F.default"
    api, other = "https%3A%2F%2Frb.example%3A8443%2F", "https%3A%2F%2Fapi.securitycenter.microsoft.com%2F"
    home = base.replace("https%3A%2F%2Fconsole.example%2Fback", "http%3A%2F%2Flocalhost%3A5000%2Fhere")
    return [base + challenge + scope + "&state=s%26t&nonce=n", home + challenge + scope, home + challenge,
            base + challenge + "&scope=https%3A%2F%2Frb.example%3A8443%2FMachine.Read", base + scope, base + challenge + scope
            + "&response_mode=form_post&login_hint=ann&prompt=login", base + challenge + scope + "&response_mode=fragment",
            base + challenge + "&resource=https%3A%2F%2Frb.example%3A8443", base + challenge + scope + "&prompt=none",
            base + challenge + "&scope=" + "+".join(["profile"] * 20), base.replace("code", "token") + challenge + scope,
            base + challenge + scope + scope, base + "&code_challenge=x&code_challenge_method=plain" + scope,
            base + challenge + scope + "&state=%22%3E%3Cscript%3E%27", base + challenge + scope + "&response_mode=web",
            "redirect_uri=http://localhost.evil.example/here", "redirect_uri=http://localhost:123456/here",
            "redirect_uri=http://%5B::1%5D:1/here", "redirect_uri=http://127.0.0.1/here", base + challenge
            + "&scope=https%3A%2F%2Frb.example%3A8443%2F.default+https%3A%2F%2Fapi.securitycenter.microsoft.com%2F.default",
            base + challenge + "&scope=openid&nonce=" + "n" * 600, base + challenge + scope + "&state=" + "s" * 4100,
            base + challenge, base + challenge + "&scope=", base + challenge + "&scope=" + "+".join([api + "Machine.Read"] * 3) + "+email",
            base + challenge + "&scope=" + api + "Machine.LiveResponse+" + api + "Machine.Read++openid", base + challenge + "&scope=unknown",
            base + challenge + "&scope=" + api + "Library.Manage", base + challenge + "&scope=" + api + "Machine.Read+" + other + "Machine.Read",
            base + challenge + "&scope=https%3A%2F%2Fevil.example%2F.default", base + challenge + "&scope=" + "p" * 2100,
            base + challenge + scope + "&resource=" + other[:-3], base + challenge + scope + "&resource=https%3A%2F%2Fevil.example",
            base + challenge + scope + "&resource=https%3A%2F%2Frb.example%3A8443", base + challenge + "&resource=" + other,
            base + challenge + scope + "&login_hint=a" + "%C3%BC" * 140, base + challenge + "&scope=a" + "%C3%BC" * 60, base + challenge + "&scope=" + api + "a" + "%C3%BC" * 60,
            base + challenge + "&scope=https%3A%2F%2Fa" + "%C3%BC" * 60 + "%2F.default", base + challenge + "&resource=a" + "%C3%BC" * 70,
            base + challenge + "&scope=" + other + "%2F.default", "a=%3C%22%27%26%3E%C3%BC&redirect_uri=https%3A%2F%2Fconsole.example%2Fback"]


def token_requests():
    secret = "S3cr3t~of~the~seeds"
    form = "application/x-www-form-urlencoded"
    basic = base64.b64encode(f"aaaaaaaa:{secret}".encode()).decode()
    body = f"grant_type=client_credentials&client_id=aaaaaaaa&client_secret={secret}"
    scope = "&scope=https%3A%2F%2Fapi.securitycenter.microsoft.com%2F.default"
    jwt = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    return ["\n".join(lines) for lines in (
        ("", "", form, body + scope), ("", "", "", body + "&resource=https://rb.example:8443/"),
        ("", "", form, body + "&scope=https://alias.example//.default+https://rb.example:8443/.default"),
        ("", f"Basic {basic}", form, "grant_type=client_credentials" + scope),
        ("", f"Basic {basic}", form, "grant_type=client_credentials&client_id=AAAAAAAA" + scope),
        ("", f"Basic {basic}", form, "grant_type=client_credentials&client_id=other" + scope),
        ("", f"Basic {basic}", form, body + scope), ("", "Basic !!!!", form, body + scope),
        ("", "Basic YWJj", form, "grant_type=client_credentials" + scope),
        ("", "Basic YSVaWjpiJTQx", form, "grant_type=client_credentials" + scope),
        ("", "Bearer x", form, body + scope), ("", "Basic YTpi 2", form, body + scope),
        ("client_secret=x", "", form, body + scope), ("%zz", "", form, body), ("a=b", "", form, body),
        ("", "", "application/json", "{}"), ("", "", "", '  {"grant_type":1}'), ("", "", "", "[1]"),
        ("", "", form, "grant_type=authorization_code&client_id=a&code=b&code_verifier=c&redirect_uri=d"),
        ("", "", form, "grant_type=refresh_token&client_id=a&refresh_token=b&client_secret=c"),
        ("", "", form, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=a&device_code=b"),
        ("", "", form, "grant_type=device_code&client_id=a&code=b"), ("", "", form, "grant_type=device_code&client_id=a"),
        ("", "", form, "grant_type=password&client_id=a&client_secret=b"), ("", "", form, ""),
        ("", "", form, "client_id=a"), ("", "", form, body + "&client_id=b" + scope),
        ("", "", form, "grant_type=client_credentials&client_id=a" + scope),
        ("", "", form, "grant_type=client_credentials&client_secret=x" + scope),
        ("", "", form, body + "&client_assertion=x" + scope),
        ("", "", form, f"grant_type=client_credentials&client_id=a&client_assertion=x&{jwt}" + scope),
        ("", "", form, "grant_type=client_credentials&client_id=a&client_assertion=x" + scope),
        ("", "", form, "grant_type=client_credentials&client_id=a&client_assertion=x&client_assertion_type=y" + scope),
        ("", "", form, f"grant_type=client_credentials&client_id=a&{jwt}" + scope),
        ("", f"Basic {basic}", form, f"grant_type=client_credentials&client_assertion=x&{jwt}" + scope),
        ("", "", form, body + "&scope=https://evil.example/.default"),
        ("", "", form, body + "&scope=openid"), ("", "", form, body + "&resource=x"), ("", "", form, body + "&scope=+"),
        ("", "", form, body + "&scope=" + "+".join(["https://rb.example:8443/.default"] * 17)),
        ("", "", form, "client_id=a" + scope), ("", "", form, "client_id=a&token=rbrt_x"), ("", "", form, "client_id=a&token="),
        ("", f"Basic {basic}", form, "token=x&token_type_hint=refresh_token"), ("", "", form, "token=x"), ("", "", form, "client_id=a&token=x&token=y"),
        ("", "", form, "a=%ff"), ("", "", form, "&".join("abcdefghijklmno")),
        ("", "", form, f"grant_type=client_credentials&client_id={'i' * 256}&client_secret=x" + scope))]


def jsons():
    return ["{}", "[]", "null", "true", "-0", "1e400", "0.0e4279", "1.5e-3", "18446744073709551615", "-9223372036854775808",
            "9223372036854775808", '"a\\u00e9\\ud83d\\ude00\\n"', '{"a":1,"b":[true,false,null,{"c":"d"}]}', '{"a":1,"a":2}',
            '{"a":1,"\\u0061":2}', '{"a":{"b":1,"b":1}}', "[" * 16 + "]" * 16, "[" * 17 + "]" * 17, "{} x", "\ufeff{}", "",
            '{"a":1,}', "[1,]", "'a'", "// c\n1", '"\\ud800"', '"\\x"', b'"\xff"', b'"\xed\xa0\x80"', b"\xf0\x9f\x92\xa5\xc3",
            "0.1234567890123456789", "{\"" + "k" * 70 + "\":\"" + "v" * 300 + "\"}"]


def run_bodies():
    def body(*commands, **more):
        rest = "".join(f',"{key}":{value}' for key, value in more.items())
        return '0{"Commands":[' + ",".join(commands) + "]" + rest + "}"

    def command(kind, *pairs):
        params = ",".join(f'{{"key":"{key}","value":"{value}"}}' for key, value in pairs)
        return f'{{"type":"{kind}","params":[{params}]}}'

    script = command("RunScript", ("ScriptName", "a.sh"), ("Args", "--x 'a b'"))
    return [body(script, Comment='"first look"'), body(command("RunScript", ("scriptname", "b.ps1"))),
            body(command("PutFile", ("FileName", "tool.bin")), script, command("GetFile", ("Path", "/var/log/x")),
                 Title='"t"', ExternalId='"e-1"', RequestSource='"Portal"', Other="[1]"),
            body(script, command("PutFile", ("FileName", "x"))), body(), "0{}", '0{"Commands":null}', '0{"Commands":1}', "0[]",
            "0{", body(script, script, script, script), body("1"), body('{"type":"Isolate"}'), body('{"params":[]}'),
            body('{"type":"RunScript","params":1}'), body('{"type":"RunScript","params":null}'),
            body('{"type":"RunScript","params":[1]}'), body('{"type":"RunScript","params":[{"key":"ScriptName"}]}'),
            body('{"type":"RunScript","params":[{"value":"x"}]}'), body('{"type":"RunScript","params":[{"key":1,"value":"x"}]}'),
            body('{"type":"RunScript","params":[{"key":"k","value":1}]}'), body(command("RunScript", ("Nope", "x"))),
            body(command("RunScript", ("ScriptName", "a"), ("SCRIPTNAME", "b"))), body(command("RunScript", ("ScriptName", "../a"))),
            body(command("RunScript", ("ScriptName", "a"), ("Args", "x" * 40))), body(command("GetFile", ("Path", ""))),
            body(command("RunScript", ("ScriptName", "a\\u0000"))), body(command("PutFile", ("FileName", "con.txt"))),
            body(script, Comment="1"), body(script, Comment="null"), body(script, Comment='"' + "c" * 30 + '"'),
            body(script, Comment='"\\u0000"'), body(script, RequestSource='"Nobody"'), body(command("RunScript", ("Args", "x"))),
            body('{"type":"RunScript"}'), body(script, Title="1"), body(script, ExternalId='"' + "c" * 30 + '"'),
            '1{"Comment":"enough"}', '1{"Comment":""}', "1{}", "1[]", '1{"Comment":7}', "2key-1", "2", "2a\nb", "2has blank",
            "2" + "k" * 17]


def multiparts():
    simple = '--b\r\nContent-Disposition: form-data; name="File"; filename="a.sh"\r\nContent-Type: x/y\r\n\r\necho\r\n\r\n--b--\r\n'
    kind = "multipart/form-data; boundary=b\n"
    one = "--b\r\nContent-Disposition: form-data; name=x{}\r\n\r\nv\r\n--b--"
    return [kind + simple, kind + "\r\n" + simple, 'Multipart/Form-Data; charset=utf-8; BOUNDARY="b" ;\n' + simple,
            kind + "--b \t\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: binary\r\n\r\n1\r\n--b\r\n"
            "content-disposition:form-data;name=b\r\n\r\n--bb\r\n--bx\r\n--b--epilogue",
            kind + one.format("; filename*=UTF-8''%C3%BC.sh"), kind + one.format("; filename=a; filename*=utf-8'en'a"),
            kind + one.format("; filename=a; filename*=utf-8''b"), kind + one.format("; filename*=latin1''b"),
            kind + one.format('; filename="C:\\dir\\a\\"b\\\\"'), kind + one.format('; filename="open'), kind + one.format("; a"),
            kind + one.format("; name=y"), kind + one.format(" z"), kind + one.format(";"), "multipart/form-data\n" + simple,
            "multipart/form-data; boundary=\n" + simple, "multipart/form-data; boundary\n" + simple, "application/json\n{}",
            "multipart/form-data; boundary=" + "b" * 71 + "\n", kind, kind + "--c\r\n", kind + "--b\r\nno end",
            kind + "--b\r\nContent-Disposition: form-data; name=x\r\n\r\nopen",
            kind + "--b\r\nX: y\r\n\r\n\r\n--b--", kind + "--b\r\nContent-Disposition: inline\r\n\r\n\r\n--b--",
            kind + "--b\r\nContent-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--b--",
            kind + "--b\r\nContent-Disposition: form-data; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n--b--",
            kind + "--b\r\n folded: x\r\n\r\n\r\n--b--", kind + "--b\r\nbad \r\n\r\n", kind + "--b\r\nname : v\r\n\r\n\r\n--b--",
            kind + "--b\r\nContent-Disposition: form-data; name=\"a\x01\"\r\n\r\n\r\n--b--",
            kind + "--b\r\n" + ("Content-Disposition: form-data; name=x\r\n\r\n\r\n--b\r\n" * 5),
            kind + "--b\r\nX: " + "y" * 600 + "\r\n\r\n", "*%C3%BC", "*a.sh", "*%ff", "*%0a"]


def jwts():
    now = 1800000000
    url, tenant = "https://rb.example:8443", "11111111-2222-4333-8444-555555555555"
    app = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    own = (f'"aud":"{url}","iss":"{url}/{tenant}/v2.0","iat":{now},"nbf":{now},"exp":{now + 3599},"iat_us":{now}000000,'
           f'"appid":"{app}","azp":"{app}","sub":"{app}","tid":"{tenant}","roles":["Machine.LiveResponse"],"jti":"j1","ver":"2.0"')
    user = (f'"aud":["x","api://reachback"],"iss":"https://login.example/users","iat":{now},"exp":{now + 3600},"sub":"u1",'
            '"preferred_username":"ann@example.org"')
    good, plain = '{"alg":"ES256","typ":"at+jwt","kid":"@KID","seal":"@SEAL"}', '{"alg":"ES256","typ":"JWT","kid":"@KID"}'
    rsa_header = good.replace("ES256", "RS256")
    v1 = own.replace("/v2.0", "/").replace('"ver":"2.0"', '"ver":"1.0"')
    person = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    ours = (f'"sub":"{person}","oid":"{person}","sid":"dddddddd-bbbb-4ccc-8ddd-eeeeeeeeeeee",'
            '"scp":"Machine.LiveResponse"')
    headers = ['{"alg":"none","typ":"at+jwt","kid":"@KID"}', '{"alg":"RS256","typ":"at+jwt","kid":"@KID"}',
               '{"alg":"ES256","typ":"JWT","kid":"@KID"}', '{"alg":"ES256","typ":"at+jwt","kid":"k"}',
               '{"alg":"ES256","typ":"at+jwt","kid":"@KID","crit":[]}', '{"alg":"ES256","typ":"at+jwt"}', "[]", "{",
               '{"alg":1,"kid":"@KID"}']
    def changed(before, after):
        assert before in own, before
        return "0" + good + "\n{" + own.replace(before, after) + "}"
    out = ["0" + good + "\n{" + own + "}", "0" + good + "\n{" + own + ',"scp":"x"}', "0" + good + "\n[]"]
    out += ["0" + h + "\n{" + own + "}" for h in headers]
    out += ["0" + good + "\n{" + v1 + "}", "0" + rsa_header + "\n{" + own + "}", "0" + rsa_header + "\n{" + v1 + "}",
            "0" + good + "\n{" + own.replace("/v2.0", "/") + "}", changed('"ver":"2.0"', '"ver":"1.0"')]
    out += ["0" + good + "\n{" + said.replace(f'"sub":"{app}"', ours) + f',"{name}":"ann@example.org"}}'
            for said, name in ((own, "preferred_username"), (own, "upn"), (v1, "upn"))]
    out += [changed(f'"exp":{now + 3599}', f'"exp":{now}'), changed(f'"iat":{now}', f'"iat":{now + 61}'),
            changed(f'"nbf":{now}', f'"nbf":{now + 61}'), changed(f'"exp":{now + 3599}', f'"exp":{now + 3601}'),
            changed(f'"exp":{now + 3599}', '"exp":1.5'), changed(f'"exp":{now + 3599}', '"exp":-1'),
            changed('"aud":"' + url, '"aud":"https://other.example'), changed('"jti":"j1"', '"jti":""'),
            changed('"sub":"' + app, '"sub":"x'), changed('["Machine.LiveResponse"]', '"Machine.LiveResponse"'),
            changed('["Machine.LiveResponse"]', '[1]'), changed('["Machine.LiveResponse"]', '["Library.Manage","Machine.Read.All"]'),
            changed(f'"tid":"{tenant}"', '"tid":"common"'), changed(f'"iat_us":{now}000000,', "")]
    out += ["1" + plain + "\n{" + user + more + "}" for more in
            (',"scp":"Machine.LiveResponse Machine.Read"', ',"scp":["Machine.Read"]', ',"roles":["Machine.LiveResponse"]', "",
             ',"scp":7', ',"scope":"openid Machine.LiveResponse"', ',"scope":"openid","roles":["Machine.LiveResponse"],"client_id":"u1"',
             ',"scp":"Machine.Read","roles":["Machine.LiveResponse"],"idtyp":"app"', ',"idtyp":7,"scp":"","roles":[]',
             ',"upn":"a","email":"b","appid":"c","azp":"d"', f',"nbf":{now + 99}')]
    out += ["1" + good + "\n{" + user.replace("api://reachback", "y") + "}",
            "1" + good + "\n{" + user.replace("login", "other") + "}",
            "1" + '{"alg":"ES256","typ":"application/at+jwt","kid":"@KID"}' + "\n{" + user + "}",
            "1" + '{"alg":"ES256","typ":"id+jwt","kid":"@KID"}' + "\n{" + user + "}"]
    out += [b"2\0\5A", b"2\1\0x\1\1y", b"2"]
    parts = [b64url(b'{"alg":"ES256","typ":"at+jwt","kid":"k"}'), b64url(b"{" + own.encode() + b"}"), b64url(b"\1" * 64)]
    out += [b"3" + b".".join(parts), b"3" + b".".join(parts[:2]), b"3" + b".".join(parts + parts[:1]), b"3..", b"3a.b.c",
            b"3" + b".".join(parts) + b"=", b"3" + b".".join([b64url(b"{}"), b64url(b"{}"), b"AA"])]
    # The base point of P-256 and a modulus of 2048 bits: keys that parse.
    x = b64url(bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"))
    y = b64url(bytes.fromhex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"))
    ec = b'{"kty":"EC","crv":"P-256","kid":"%s","x":"' + x + b'","y":"' + y + b'"%s}'
    rsa = b'{"kty":"RSA","kid":"r","n":"' + b64url(b"\xc1" + b"\x55" * 254 + b"\x01") + b'","e":"AQAB","alg":"RS256"}'
    sets = [b'{"keys":[' + ec % (b"e", b"") + b"," + rsa + b"]}", b'{"keys":[' + ec % (b"e", b',"use":"enc"') + b"]}",
            b'{"keys":[' + ec % (b"e", b',"alg":"ES256","use":"sig"') + b"]}", b'{"keys":[' + ec % (b"e", b',"d":"x"') + b"]}",
            b'{"keys":[' + ec % (b"e", b"") + b"," + ec % (b"e", b"") + b"]}", b'{"keys":[]}', b'{"keys":[1]}', b"{}", b"x",
            b'{"keys":[' + ec.replace(y, x) % (b"e", b"") + b"]}", b'{"keys":[' + rsa.replace(b"AQAB", b"Ag") + b"]}",
            b'{"keys":[' + ec.replace(x, b"!!!") % (b"e", b"") + b"]}", b'{"keys":[' + ec % (b"", b"") + b"]}",
            b'{"keys":[{"kty":"oct","kid":"k","k":"AA"}]}', b'{"keys":[{"kty":"EC","crv":"P-384","kid":"k"}]}',
            b'{"keys":[{"kty":"RSA","kid":"k","alg":"PS256"}]}', b'{"keys":[' + b",".join([b"{}"] * 101) + b"]}",
            b'{"keys":[' + ec % (b"e", b',"alg":"ES384"') + b"]}", b'{"keys":[' + ec % (b"e", b',"key_ops":["sign"]') + b"]}",
            b'{"keys":[' + ec % (b"e", b',"key_ops":["sign","verify"]') + b"]}"]
    return out + [b"4" + s for s in sets]


def links():
    key = b"0123456789abcdef0123456789abcdef"
    names = ("sp", "st", "se", None, "si", "sip", "spr", "sv", "sr", "", "rscc", "rscd", "rsce", "rscl", "rsct")

    def query(**fields):
        return urllib.parse.urlencode(fields)

    def signed(**fields):
        lines = ["/blob/rbaccount/c/t/blob" if n is None else fields.get(n, "") for n in names]
        mac = base64.b64encode(hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).digest()).decode()
        return query(**fields, sig=mac)

    good = {"se": "2027-01-15T08:30:00Z", "sp": "r", "sv": "2019-07-07", "sr": "b"}
    more = [{}, {"sp": "cw"}, {"sp": "rcw"}, {"st": "2027-01-15T07:00:00Z"}, {"st": "2027-01-15T08:00:01Z"},
            {"se": "2027-01-15T08:00:00Z"}, {"se": "2027-1-15T8:00:00Z"}, {"se": "2028-13-01T00:00:00Z"}, {"sv": "2020-01-01"},
            {"sr": "c"}, {"si": "policy"}, {"spr": "https"}, {"spr": "https,http"}, {"spr": "http"}, {"sip": "192.0.2.7"},
            {"sip": "192.0.2.1-192.0.2.9"}, {"sip": "192.0.2.8-192.0.2.9"}, {"sip": "x-y"}, {"sip": "::ffff:192.0.2.7"},
            {"rscc": "no-cache", "rscd": "attachment; filename=a", "rsce": "gzip", "rscl": "en", "rsct": "text/plain"},
            {"rscc": "a\nb", "rscd": "c"}, {"sp": "r\n"}]
    out = ["!" + query(**{**good, **m}) for m in more] + [signed(**{**good, **m}) for m in more[:4]]
    whole = signed(**good)
    return out + [whole.replace("%3D", "="), whole + "&sp=r", whole + "&x=y", whole + "&st=", whole.replace("sp=r&", ""), "", "&",
                  "sig=AA", whole.replace("2019", "%zz"), whole.replace("sp=r", "sp=%ff"), whole.replace("se=", "SE="), "x" * 2000]


def blob_http():
    declared = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n'
    lists = [declared + "<BlockList>\n <Latest>YQ==</Latest><Uncommitted>YmI=</Uncommitted>\t</BlockList>\n", "<BlockList/>",
             "<BlockList />", "<BlockList></BlockList>", "<BlockList><Committed>YQ==</Committed></BlockList>",
             "<BlockList><Latest>YQ</Latest></BlockList>", "<BlockList><Latest></Latest></BlockList>",
             "<BlockList><Latest>YQ==</Uncommitted></BlockList>", "<BlockList>" + "<Latest>YQ==</Latest>" * 6 + "</BlockList>",
             "<BlockList><Other/></BlockList>", "<BlockList>x</BlockList>", "<BlockList></BlockList>x", '<?xml version="1.0"',
             "<BlockList><Latest>YQ==", "<Blocks/>", ""]
    ranges = ["bytes=0-0", "bytes=0-", "bytes=-5", "bytes=-0", "bytes=5-2", "bytes=99-", "bytes=0-1,3-4", "bytes=a-b", "bytes",
              "bytes= 1-2 ", "items=0-1", "bytes=18446744073709551615-", "bytes=0-18446744073709551616", "bytes=1", "bytes=-", ""]
    etags = ["*", '"5f1c"', 'W/"5f1c"', ' "a" ,\t"5f1c" ', "", ",,", "5f1c"]
    names = ["attachment", 'attachment; filename="a b.gz"', "inline; FileName=x.gz; size=3", "a ; filename=x; filename*=utf-8'en'%C3%BC",
             'attachment; filename="a\\"b\\\\c" ', "attachment;", "attachment; filename", "attachment; filename=", 'attachment; filename="x',
             'attachment; filename="x\\', "attachment; filename=a; filename=b", "attachment; filename*=x", "attachment; filename*=UTF-8''%0d",
             "attachment; filename*=UTF-8''%ff", "a b", ";", "", "attachment; filename=a/b%", "attachment; filename*=UTF-8''..%2F..%5Cx",
             "attachment; filename=" + "x" * 1030, b"attachment; filename=\xff", "a\x01"]
    return (["0" + x for x in lists] + ["1\x07" + r for r in ranges] + [b"1\xff" + ranges[1].encode()] + ["2" + e for e in etags]
            + [b"3" + (n if isinstance(n, bytes) else n.encode()) for n in names])


def orders():
    spki = bytes.fromhex("302a300506032b6570032100") + b"\x11" * 32
    signed = message((1, order(COMMAND)), (2, b"s" * 64), (3, b"k" * 8))
    hello = message((1, BODY), (2, b"s" * 64))
    own_key = message((1, BODY.replace(message((1, b"K" * 44)), message((1, spki)))), (2, b"s" * 64))
    pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(
        bytes.fromhex("302e020100300506032b657004220420") + b"\x22" * 32) + b"\n-----END PRIVATE KEY-----\n"
    ec = b"-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"
    return ([b"0\0\7" + o for o in (order(COMMAND), order(PUT, COMMAND, GET), order(), b"", b"\xff", order(COMMAND, epoch=0))]
            + [b"1\0" + n + BODY for n in (b"\6", b"\7", b"\x80")] + [b"1\0\1", b"1\0\2\xff"]
            + [b"2" + r for r in (signed, hello, own_key, message((1, RECEIPT), (2, b"s" * 64)),
                                  message((1, ORDER_KEYS), (2, message((1, b"k" * 8), (2, b"s" * 64)))), spki, spki + b"x", spki[:20], pem, ec, b"")]
            + [b"3enroll-token\nhost-1", b"3\n", b"3"]
            + [b"4\0" + n + r for r in (RECEIPT, FETCHED) for n in (b"\6", b"\x81")]
            + [b"4\0\3" + r for r in (message((2, 0)), b"", b"\xff")]
            + [b"5\0\7%d" % n + k for n in range(3) for k in (message((1, 2)), b"", message((1, 2), (2, spki)), ORDER_KEYS)]
            + [b"5\0\0001\xff"])


def results():
    texts = [(b"hi\n", b""), (b"a\0b\x01\x1f\x7f\b\f\t\r\"\\", b"oh \"no\"\\\n"), ("grüß € 💥".encode(), "日本".encode()),
             (b"\x80\xff\xc3", b"\xe2\x82"), (b"\xed\xa0\x80\xf4\x90\x80\x80", b"\xf0\x9f\x92\xf0\x9f"), (b"\xc0\xaf\xe0\x80\xaf", b"\xc3\x28"),
             (b"", b"")]
    out = [b"0" + bytes([seed]) + b"a.sh\n" + o + b"\0\0" + e for seed, (o, e) in enumerate(texts)]
    out += [bytes([ord("0") + 60 + p]) + b"\2n\xffame\"\n" + "€💥".encode() + b"\0\0e" for p in range(4)]
    return out


def words():
    return ["", "a b  c", "'a b' \"c d\" e\\ f", "--opt='x y'z", "''", '""', "a\\\nb", '"a\\$b\\x\\\nc"', "'", '"', "\\", "\"a\\", "a\0b",
            "$HOME *.txt; rm -rf / | x", "it's", "'it'\\''s'", "\t\n ", "ü 日本", "-_./:=@%+,", "'$`\"\\'", "a'b'\"c\"d\\e"]


def command_lines():
    return ["", "dir", "DIR /etc -full_path", "ls -path '/a b'", "dir json", "dir /etc json", "dir a b", "dir -path", "dir -path a -path b", "dir -depth 3",
            "dir -path ''", "dir -output xml", "dir -output json", "dir -OUTPUT Table", "findfile x -path / > 'my list' &", "findfile", "findfile '&'", "findfile \\&",
            "findfile a\\>b", "findfile 'a>b' -path \"/x &\"", "findfile -path -x *.sh", "dir > a b", "dir >", "dir > ''", "dir 'a", "dir \"a", "dir a\\", "dir&", " & ", "&",
            "processes 12", "processes json", "processes 1 json", "processes sshd", "processes -name sshd", "processes 12345678901234567890", "getfile x", "get /x", "getfile",
            "getfile ../x &", "putfile tool.tar", "put ../x", "run t.sh -parameters '--days 3'", "run t.sh", "run a/b", "fg 3", "fg", "fg 3 &", "fg -1", "help dir",
            "jobs", "library", "exit", "cd /", "fileinfo /etc/hostname > -", "frob", "'dir' \"/etc\"", "dir \0", "ü", "dir ü", "dir -", "dir --", "dir -1", "dir\n/etc\t", "netstat"]


def result_files():
    good = '{"script_name":"a.sh","exit_code":3,"script_output":"hi\\n\\u20ac","script_errors":"oh","script_error":"oh"}'
    return ["\3" + r for r in (
        good, " " + good + "\n", good + "x", good[:-1], "{}", "[]", "1", "", "null", '{"exit_code":"3"}', '{"exit_code":-1}',
        '{"exit_code":9223372036854775807}', '{"exit_code":1.5,"a":18446744073709551615,"b":true,"c":null}',
        '{"script_error":"first","script_errors":"second"}', '{"other":{"script_output":"inner","exit_code":9},"script_output":"outer"}',
        '{"script_output":["x"]}', '{"script_output":"' + "y" * 300 + '"}', '{"' + "k" * 80 + '":1}', "[" * 17, '{"a":' + "[" * 15 + "]" * 15 + "}",
        '{"script_output":"\\ud83d\\ude00\\u0000"}', '{"script_output":"a","script_output":"b"}', '{"script_output":""}', '[{"script_output":"x"}]')]


def system_files():
    units = ["[Service]\nExecStart=/bin/a -x\n", "[Service]\nExecStart=\nExecStart = /bin/a \\\n# note\n  --now\nUser=x\n", "[Timer]\r\nOnCalendar=daily\r\nOnBootSec=5min\r\n",
             "[Desktop Entry]\nExec=/bin/a %u\n", "ExecStart=x\n[Service\n[Service]\n=y\nExecStart\n;ExecStart=z\n", "[Service]\nExecStart=a\\\\\n\nExecStart=b\\", "",
             "[Socket]\nListenStream=/run/x\nExecStartPre=/bin/y\n[Path]\nPathExists=/x\n"]
    crontabs = ["17 *\t* * *  root  cd / && run-parts a=b\n@reboot www /bin/once\n", "SHELL=/bin/sh\nMAILTO = \"\"\n'a b'=c\n# x\n\n", "*/5 * * * * www\n", "nonsense",
                "@daily x=y\n*=1 * * * * r c\n", "7 10 weekly.job run-parts /etc/cron.weekly\n@monthly 15 m.job m\n", "0 4 * * 1 /home/ann/x.sh\r\n"]
    accounts = ["root:x:0:0:Root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh:more\n", "root:x:0:\nsudo:x:27:bob, ann,,\n", "a:b:c:d:e:f:g", "a:x:4294967296:0:::\n", "a:x:-1:", ":::", "x"]
    keys = ["ssh-ed25519 AAAAKEY ann@laptop at home\n", "from=\"10.0.0.1\",command=\"/bin/ssh me\" ssh-rsa AAAAOTHER", "command=\"a \\\" b\" x AAAA", "rubbish", "ssh-rsa BBBB", "\"", ""]
    rules = ["ACTION==\"add\", RUN+=\"/bin/x\", PROGRAM==\"/bin/p\", IMPORT{program}=\"/bin/i\"\n", "# RUN=\"no\"\nNAME=\"x\", \\\n# y\n RUN{builtin}=e\"a\\\\\"\n", "RUN=\"open", "RUN", "\"\"\"", ""]
    return ["0" + t for t in units] + [n + t for n in "12" for t in crontabs] + ["3" + t for t in accounts] + ["4" + t for t in keys] + ["5" + t for t in rules]


def event_streams():
    return ["\3" + t for t in (
        "data: a\n\n", "id: 7\nevent: output\ndata: {\"index\":0}\n\n", ":\n\n: keep\ndata\n\n", "data:a\rdata: b\r\rdata:  c\r\n\r\n",
        "\ufeffdata: x\n\n", "retry: 250\nretry: x\nretry: 99999999999\n", "id: a b\nid: 1\n\nid\ndata: y\n\n", "event: end\n\ndata: cut",
        "unknown: x\nevent\ndata: z\n\n")] + [b"\1\xef\xbb\xbfdata: \xff\0\n\n", "\2id: " + "x" * 1025 + "\ndata: a\n\n"]


def terminals():
    return ["\3" + t for t in (
        "plain", "a\tb\r\nc\rd\n", "\x1b[31mred\x1b[0m", "\x9b31m\x85", "ü 日本 💥", "\u202eabc\u2066x\u2069\u200e\u200f\u061c\ufeff\u2028", "\x7f\0\x07",
        "Succeeded", "Failed", "InProgress", "\r")] + [b"\3\xff\xc3", b"\3\xe2\x80", b"\3\xf0\x9f\x92\xa5\xf0\x9f", b"\3\xed\xa0\x80\xf5", b"\2\r\r\n\xc2\x9b"]


def screens():
    return ["\3" + t for t in (
        "plain\r\n\ttext\b\a", "ü 日本 💥\u00a0", "\x1b[1;31mred\x1b[0m", "\x1b[?1049h\x1b[?25l\x1b[?7;2004h\x1b[?25h\x1b[?1049l", "\x1b(0lqqk\x1b(B\x0e\x0f",
        "\x1b7\x1b8\x1b=\x1b>\x1bM", "\x1b]52;c;ZXZpbA==\x07b", "\x1b]0;title\x1b\\b", "\x1bP$qm\x1b\\b", "\x1b_a\x1b[1mb", "\x1b[21t\x1b[c\x1b[6n\x1b[x",
        "\x1bc\x1bZ\x1b[!p\x1b[61\"p\x1b[4 q", "\u009d0;t\u009c\u009b21t\u00e9", "\x05\0\x7f", "\x1b\x1b[m", "\x1b[1\x1b[2J", "\x1b[" + "1;" * 80 + "m",
        "\x1b[\x01m", "\x1b (", "\x1b#8", "\x1b[?99999999999h\x1b[?;h")]


# A self-signed certificate on P-256; nobody kept its key.
CERTIFICATE = ("MIIBdTCCARugAwIBAgIUYbu+WAAq2Kad64PB5XPLEVEsNVswCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEc2VlZDAgFw0yNjExMjgxOTE3MjRaGA"
               "8yMTI2MTEwNDE5MTcyNFowDzENMAsGA1UEAwwEc2VlZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCwGpmmiiuKx+aPHnHHQ2zUd2vr50FbX"
               "LnhL+6/ql4XaZD4+lbfq1kG5WGUMjV6UDBCemyluf+/qOzTZcZDQXDijUzBRMB0GA1UdDgQWBBSP2tvHO6vgKMw7cXfJPGEmt2tNezAfBgNVHS"
               "MEGDAWgBSP2tvHO6vgKMw7cXfJPGEmt2tNezAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIAIeGxS2vpePn86I1H2XC5CJR/HP"
               "DVI0BmsUpo78tOqVAiEAkdYW6H81nbXuQEZwxEi/MceGvqgwFULX7XfglVhK+3U=")


def der(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 0x80 else b"\x82" + struct.pack(">H", len(body))
    return bytes([tag]) + size + body


def oid(text):
    return der(0x06, bytes.fromhex(text))


def certificate(key, name=b"seed", times=(b"260101000000Z", b"360101000000Z")):
    """In PEM; its signature is 64 bytes of nothing, which the reader does not look at."""
    kind = der(0x30, oid("2a8648ce3d040302"))
    who = der(0x30, der(0x31, der(0x30, oid("550403"), der(0x0C, name))))
    when = der(0x30, *(der(0x18 if len(t) == 15 else 0x17, t) for t in times))
    body = der(0x30, der(0xA0, der(0x02, b"\2")), der(0x02, b"\1"), kind, who, when, who, key)
    text = base64.b64encode(der(0x30, body, kind, der(0x03, b"\0" + b"s" * 64))).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----"] + lines + ["-----END CERTIFICATE-----", ""])


def certificates():
    base = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                         "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
    curve = [oid("2a8648ce3d0201"), oid("2a8648ce3d030107")]
    p256 = der(0x30, der(0x30, *curve), der(0x03, b"\0" + base))
    off_curve = der(0x30, der(0x30, *curve), der(0x03, b"\0" + base[:-1] + b"\1"))
    unknown = der(0x30, der(0x30, oid("2a0304")), der(0x03, b"\0" + base))
    k256 = bytes.fromhex("0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
                         "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")
    other_curve = der(0x30, der(0x30, curve[0], oid("2b8104000a")), der(0x03, b"\0" + k256))
    ed = bytes.fromhex("302a300506032b6570032100") + b"\x11" * 32

    def rsa(bits):
        n = b"\0\xc1" + b"\x55" * (bits // 8 - 2) + b"\1"
        return der(0x30, der(0x30, oid("2a864886f70d010101"), b"\5\0"),
                   der(0x03, b"\0" + der(0x30, der(0x02, n), der(0x02, b"\1\0\1"))))

    plain = certificate(p256)
    return [plain, certificate(rsa(2048)), certificate(rsa(1024)), certificate(rsa(8200)), certificate(ed), certificate(unknown),
            certificate(off_curve), certificate(other_curve), certificate(p256, "\u00fc,\"+x\n".encode()), certificate(p256, b"x" * 600),
            certificate(p256, times=(b"20260101000000Z", b"99991231235959Z")), certificate(p256, times=(b"261301000000Z", b"x")),
            plain.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n", 1),
            plain + "\n" * (33 << 10)]


def assertions():
    client, url = "2f48b784-5da5-4e61-9957-012d2630f1e4", "https://rb.example:8443/t/oauth2/v2.0/token"
    sha1, sha256 = "AgICAgICAgICAgICAgICAgICAgI", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
    claims = f'"iss":"{client}","sub":"{client}","aud":"{url}","exp":1800000600,"nbf":1800000000,"jti":"j1"'
    header = '{"alg":"ES256","x5t":"' + sha1 + '"}'
    names = [f'"x5t":"{sha1}="', f'"x5t#S256":"{sha256}"', f'"x5t#S256":"x","x5t":"{sha1}"', f'"kid":"{sha1}"', f'"kid":"{sha256}"',
             '"kid":"' + "01" * 32 + '"', '"kid":"' + "02" * 20 + '"', '"kid":"../../etc/passwd"', '"kid":7', '"x5c":["MIIB"]', '"jku":"x"',
             '"crit":[]', '"x5t":"+/+/"', '"x5t":"' + "A" * 65 + '"']
    out = ["0" + header + "\n{" + claims + "}", "0" + header + "\n[]", "0[]\n{}", "0{\n{}"]
    out += ['0{"alg":"ES256",' + name + "}\n{" + claims + "}" for name in names]
    out += ["0" + header.replace("ES256", alg) + "\n{" + claims + "}" for alg in ("RS256", "PS256", "none", "HS256")]
    for before, after in ((f'"aud":"{url}"', f'"aud":["x","{url}/"]'), (url, url.upper()), (url, "https://x"), (f'"aud":"{url}",', ""),
                          (f'"aud":"{url}"', '"aud":[1]'), (f'"aud":"{url}"', '"aud":[]'), (f'"iss":"{client}"', '"iss":"x"'),
                          (f'"sub":"{client}",', ""), ("1800000600", "1800000600.5"), ("1800000600", "1800000000"), ("1800000600", "1e300"),
                          ("1800000600", "1800086701"), ("1800000600", '"x"'), ('"nbf":1800000000,', ""), ('"nbf":1800000000', '"nbf":1800000301'),
                          ('"nbf":1800000000', '"nbf":[]'), (',"jti":"j1"', ""), ('"j1"', "1"), ('"exp":1800000600,', "")):
        assert before in claims, before
        out.append("0" + header + "\n{" + claims.replace(before, after) + "}")
    out += [b"1", b"1\0\5A", "2", "2a.b.c", "2" + ".".join(b64url(part).decode() for part in (header.encode(), b"{" + claims.encode() + b"}", b"s"))]
    pem = "-----BEGIN CERTIFICATE-----\n" + CERTIFICATE + "\n-----END CERTIFICATE-----\n"
    lines = "\n".join(CERTIFICATE[i:i + 64] for i in range(0, len(CERTIFICATE), 64))
    out += ["3" + pem.replace(CERTIFICATE, lines), "3" + pem, "3text\n" + pem.replace(CERTIFICATE, lines) + "text", "3" + pem + pem,
            "3" + pem.replace(CERTIFICATE, lines) + "-----BEGIN PRIVATE KEY-----\n", "3" + pem.replace(CERTIFICATE, "AAAA"), "3"]
    out += ["3" + text for text in certificates()]
    return out


# ---- between our own programs --------------------------------------------------------------------


def seams():
    request = message((9, message(ACTION, EPOCH, (4, 1), (5, 9), (6, b"d" * 32), (7, "auth.log.gz"))))
    execute = message((2, message((1, SIGNED), (2, message((1, b"echo"), (2, 1))))))
    hello = message((1, message((1, BODY), (2, b"s" * 64))))
    challenge = message((1, b"N" * 32), (2, b"e" * 32), (3, 1), (4, 1800000000000000))
    up = [message((1, message((1, 998), (2, 1), (3, 1), (4, 3)))), message((1, message((1, 1 << 31)))), message((1, message((4, 1001)))),
          message((2, challenge)), message((2, message((1, b"N" * 31)))), message((2, message((1, b"N" * 32), (2, b"e" * 65)))),
          message((2, message((1, b"N" * 32), (4, 5)))), message((2, message((1, b"N" * 32), (3, 1), (4, -1)))), message((3, b"")),
          message((4, b"")), message((5, message((1, execute), (2, b"\1")))), message((5, message((1, execute), (2, b"\1\0" * 60)))),
          message((5, message((1, message((3, message(ACTION, EPOCH)))), (2, b"\1")))), message((5, message((1, b"\xff")))),
          message((5, message((1, message((7, message((1, "restart")))))))), message((5, message((1, message((3, message(ACTION, EPOCH))))))),
          message((6, request)), message((6, hello)), message((6, b"")), message((7, message((1, request), (2, "0123456789abcdef" * 2)))),
          message((7, message((1, request), (2, "X")))), message((7, message((1, b"\xff")))), message((8, "moved")), message((8, "m" * 1025)),
          message((8, b"a\0b")), message((9, b"")), b"", message((20, b"x")), b"\xff"]
    down = [message((1, message((1, "https://rb.example:8444"), (2, "-----BEGIN CERTIFICATE-----"), (3, 1), (4, 998), (5, 998)))),
            message((1, message((1, "h" * 513)))), message((1, message((2, b"a\0")))), message((2, hello)), message((3, 7)),
            message((4, message((1, "gone")))), message((4, b"")), message((4, message((1, "e" * 1025)))), message((5, request)),
            message((5, b"\xff")), b"", message((20, b"x"))]

    def piece(data, files=0):
        return bytes([len(data) - 1, files]) + data

    def head(size, files=0):
        return struct.pack("<II", size, files)

    pieces = [piece(head(2) + b"hi") + piece(head(0, 2), 2) + piece(head(3)[:5]) + piece(head(3)[5:] + b"abc"), piece(head(4, 1) + b"ab", 1) + piece(b"cd"),
              piece(head(0, 1)), piece(head(0, 101), 101), piece(head(0x00120000)), piece(head(0, 100), 200) + piece(head(0, 100)),
              piece(b"a", 150) + piece(b"b", 60), piece(head(1) + b"a" + head(1) + b"b" + head(9)), piece(head(200) + b"x" * 200) * 3, piece(b"a", 253)]
    return ([b"0" + m for m in up] + [b"1" + m for m in down] + [b"2" + m for m in (request, hello, b"")] + [b"3" + p for p in pieces]
            + [b"4" + bytes([times, more]) + b"x" * size for times, more, size in ((0, 0, 0), (3, 0, 300), (9, 2, 1), (255, 0, 1), (2, 31, 2000))])


def signer_frames():
    def one(kind, payload, number=7):
        return struct.pack("<IBQ", len(payload) + 9, kind, number) + payload

    return [bytes([seed]) + f for seed, f in enumerate((
        one(1, struct.pack("<Q", 2) + order(COMMAND)), one(2, b""), one(3, SIGNED) + one(4, b"no such key"),
        one(5, struct.pack("<I", len(ORDER_KEYS)) + ORDER_KEYS), one(6, b""), one(0, b""), struct.pack("<I", 8) + b"x" * 8,
        struct.pack("<I", 700 << 10), one(2, b"")[:-1], b"", b"\1\2\3", one(2, b"") * 5 + b"x"))]


def scripts():
    line = b"# reachback-signature: v1 " + base64.b64encode(b"s" * 64)
    return ([b"0\7" + t for t in (b"", b"#!/bin/sh\necho hi\n", b"echo hi", b"echo\n" + line + b"\n", b"echo" + line + b"\n", line, b"\r\n", b"x" * 300,
                                 line + b"\n" + line + b"\r\n")]
            + [b"1" + t for t in (line, b"x\n" + line + b"\n", line + b"\r\n", line + b"\n\n", line[:-4], line.replace(b"v1", b"v2"),
                                 line.replace(b"cw==", b"cx=="), b"y" * 200 + line, b"y" * 200 + b"\n" + line, b"\n" * 200, b"")])


def audits():
    def line(number, before, body='"at":"2027-01-15T08:00:00Z"'):
        hashed = f'{{"seq":{number},"prev":"{before}",{body}'
        digest = hashlib.sha256(hashed.encode()).hexdigest()
        return hashed + f',"hash":"{digest}"}}', digest

    first, one = line(1, "0" * 64)
    second, _ = line(2, one)
    fields = "mint\nann\nj1\na/0\n200\n192.0.2.7\n"
    return (["0\1\2\3" + fields * n for n in (0, 1, 2, 3)] + [b"0\0\7\0" + b"\xff\xc3\n\"\\\n\x01\x7f\n\xe2\x82\xac\n\n\n" * 2, "0\0\7\1" + "k" * 4000 + "\n" + fields]
            + ["1" + t for t in (first + "\n" + second, second, first + "\n" + first, first[:-1], first.replace("2027", "2028"), line(0, "0" * 64)[0],
                                 line(1, "1" * 64)[0], line(3, "0" * 64)[0], line("01", "0" * 64)[0], line("x", "0" * 64)[0],
                                 line(1, "0" * 64, '"kind":1')[0], line(1, "0" * 9)[0], line(1 << 64, "0" * 64)[0], "x" * 80, "",
                                 "x" + ',"hash":"' + "0" * 64 + '"}', line(1, "0" * 64)[0].replace("seq", "sqe"))]
            + ["2" + t for t in (f"7 {'ab' * 32}", f"07 {'ab' * 32}", f"7 {'AB' * 32}", "7", f"x {'ab' * 32}", f"7 {'ab' * 31}", "")])


def enrollments():
    def body(**more):
        texts = {"token": '"t0k3n"', "hostName": '"host-1"', "osPlatform": '"Linux"', "osVersion": '"12"', "osArchitecture": '"x64"',
                 "agentVersion": '"0.1.0"', **more}
        return "{" + ",".join(f'"{key}":{value}' for key, value in texts.items() if value) + "}"

    spki = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + b"\x11" * 32).decode()
    signature = base64.b64encode(b"s" * 64).decode()
    signed = [body(), body(token='" \\t"'), body(token=""), body(token="7"), body(token='"' + "t" * 513 + '"'), body(hostName='""'), body(hostName=""),
              body(hostName='"' + "h" * 254 + '"'), body(hostName='"\\u0000"'), body(osVersion="1"), body(osPlatform=""), body(osArchitecture='"\u00fc"'),
              body(agentVersion='"' + "v" * 254 + '"'), body(other="[]"), "[]", "{", "{}"]
    raw = [body(publicKey=f'"{spki}"', signature=f'"{signature}"'), body(publicKey='"AAAA"', signature=f'"{signature}"'),
           body(publicKey='"!"', signature='"!"'), body(publicKey=f'"{spki}"'), body(publicKey='""'), body(publicKey=f'"{spki}"', signature='"AA=="'), body(), ""]
    return ["0" + s for s in signed] + ["1" + r for r in raw]


def machine_bodies():
    ids = ["a" * 40, "0123456789" * 4, "b" * 40, "c" * 40]

    def tag(value='"blue"', action='"Add"', machines=None):
        more = "" if machines is None else ',"MachineIds":' + machines
        return f'{{"Value":{value},"Action":{action}{more}}}'

    one = [tag(), tag('" two words "', '"Remove"'), tag('" "'), tag('"a\\n"'), tag('""'), tag("7"), tag("null"), tag('"' + "\u00fc" * 12 + '"'),
           tag('"' + "x" * 13 + '"'), tag(action='"add"'), tag(action="1"), tag('"\\u0000"'), "{}", "[]", "{"]
    many = [tag(machines=json.dumps(some)) for some in (ids[:1], ids[:3], ids, [], ids[:1] * 2, ["x"], [1], [ids[0].upper()])]
    many += [tag(), tag(machines="null"), tag(machines="{}")]
    values = ['{"DeviceValue":"High"}', '{"DeviceValue":"Low"}', '{"DeviceValue":"Normal"}', '{"DeviceValue":"high"}', '{"DeviceValue":1}', "{}", "[]"]
    patches = ['{"machineTags":["a","b"],"deviceValue":"Low"}', '{"machineTags":[]}', '{"deviceValue":"High"}', '{"machineTags":["a","a"]}',
               '{"machineTags":["a","b","c","d"]}', '{"machineTags":[1]}', '{"machineTags":"a"}', '{"machineTags":["' + "x" * 13 + '"]}',
               '{"machineTags":[" "]}', '{"deviceValue":"x"}', '{"deviceValue":null}', '{"healthStatus":"Active"}', '{"x' + "\u00fc" * 60 + '":1}', "{}", "[]"]
    finds = ["ip='192.0.2.7',timestamp=2027-01-15T07:00:00Z", "timestamp=2027-01-15T08:15:00Z,IP='2001:DB8::7'", "ip='192.0.2.7'", "ip=192.0.2.7,timestamp=x",
             "ip='192.0.2.7',timestamp=x", "ip='192.0.2.7',timestamp=2026-12-01T00:00:00Z", "ip='192.0.2.7',timestamp=2027-01-15T08:15:01Z",
             "ip='x" + "\u00fc" * 60 + "',timestamp=2027-01-15T07:00:00Z", "ip='192.0.2.7',ip='192.0.2.7'", "x=1,y=2", "ip", "", "ip='',timestamp=,", "ip=',timestamp="]
    tags = ["tag=blue", "tag=blue&useStartsWithFilter=true", "tag=b%20c&useStartsWithFilter=FALSE", "tag=a&tag=b", "tag=", "", "tag=a&useStartsWithFilter=x",
            "tag=a&useStartsWithFilter=true&useStartsWithFilter=true", "TAG=a", "%zz"]
    return [f"{kind}{text}" for kind, texts in enumerate((one, many, values, patches, finds, tags)) for text in texts]


def receipts():
    def several(*some):
        return b"".join(struct.pack(">H", len(r)) + r for r in some)

    def numbered(number, r=RECEIPT):
        return r.replace(message((2, 2)), message((2, number)), 1)

    last = numbered((1 << 64) - 1)
    lists = [several(RECEIPT), several(RECEIPT, FETCHED), several(numbered(5), RECEIPT), several(RECEIPT, RECEIPT), several(RECEIPT, numbered(3)),
             several(RECEIPT, RECEIPT.replace(b"a.sh", b"b.sh")), several(last, RECEIPT), several(RECEIPT.replace(message((14, 1), (15, 3)), b"")),
             several(message((2, 1))), several(numbered(9), numbered(4), RECEIPT), several(FETCHED.replace(message((2, 3)), message((2, 9)), 1), RECEIPT), b"", b"\0\1\xff"]
    spki = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + b"\x11" * 32).decode()
    pair = f'{{"receipt":"{base64.b64encode(RECEIPT).decode()}","signature":"{base64.b64encode(b"s" * 64).decode()}"}}'
    documents = [f'{{"publicKey":"{spki}","value":[{pair}]}}', f'{{"publicKey":"{spki}","value":[]}}', '{"value":[]}', '{"publicKey":"AAAA","value":[]}',
                 f'{{"publicKey":"{spki}","value":[1]}}', f'{{"publicKey":"{spki}","value":[{{}}]}}', f'{{"publicKey":"{spki}","value":[{{"receipt":"!"}}]}}',
                 f'{{"publicKey":"{spki}","value":[{{"receipt":"AAAA"}}]}}', '{"publicKey":1,"value":[]}', '{"value":1}', "[]", "{", "{}"]
    keys = [spki, f"-----BEGIN PUBLIC KEY-----\r\n{spki}\r\n-----END PUBLIC KEY-----\r\n", spki[:30] + "\n" + spki[30:], "AAAA", "!", "", spki + spki]
    return [b"0%d" % f + r for r in lists for f in range(3)] + ["1" + d for d in documents] + ["2" + k for k in keys]


def urls():
    return ["https://rb.example", "https://rb.example:8443/a/b?c=d", "HTTP://RB.Example/", "ws://[2001:db8::7]:80/x", "wss://192.0.2.7?x", "https://[::1]",
            "https://rb.example:0/", "https://rb.example:65536", "https://rb.example:", "https://rb.example:000443/", "https://a@rb.example/", "https://rb.example#f",
            "https://rb.example/#f", "ftp://rb.example", "rb.example", "https://", "https://[::1", "https://[::1]x", "https://[]/", "https:///x", "https://a b/", "https://a/\n",
            "https://a/\u00fc", "https://\u00fc/", "https://a%2eb/", "https://a\\@b/", "https://a:1:2/", "://x", "https://rb.example:00443/"]


def handshakes():
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    asked = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    version = "Sec-WebSocket-Version: 13\r\n"
    get = "GET /agent/v1/session HTTP/1.1\r\nHost: rb.example\r\n"
    ok = "HTTP/1.1 101 Switching Protocols\r\n"
    accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    requests = [get + asked + key + version, get + asked + version, get + asked + key, get + key + version, get + asked + key + key + version,
                get + asked + key.replace("dGhl", "!!!!") + version, get + asked + key.replace("dGhlIHNh", "") + version, get + asked + key + version.replace("13", "8"),
                get + "Connection: close\r\nConnection: upgrade\r\nUpgrade: h2c\r\nUpgrade: WebSocket\r\n" + key + version,
                get.replace("GET", "POST") + asked + key + version + "Content-Length: 1\r\n"]
    answers = [ok + asked + accept, ok + asked + accept.replace("s3", "S3"), ok + asked, ok + accept, ok + asked + accept + accept,
               ok + asked + accept + "Sec-WebSocket-Extensions: permessage-deflate\r\n"]
    return ["0" + r + "\r\n" for r in requests] + ["1" + a + "\r\n" for a in answers]


SEEDS = {"http_head": http_heads, "chunk": chunks, "ws_frame": ws_frames, "route": routes, "query": queries, "odata": odata,
         "token_request": token_requests, "json": jsons, "run_body": run_bodies, "multipart": multiparts, "jwt": jwts, "sas": links,
         "blob_http": blob_http, "agent_frame": agent_frames, "order": orders, "journal": journals, "result_writer": results, "words": words,
         "command_line": command_lines, "system_files": system_files,
         "result_file": result_files, "terminal": terminals, "screen": screens, "events": event_streams, "assertion": assertions,
         "authorize": authorizes, "seam": seams, "enrollment": enrollments, "machine_body": machine_bodies, "receipts": receipts,
         "script": scripts, "signer_frame": signer_frames, "url": urls, "ws_handshake": handshakes, "audit": audits}


def main():
    for name, make in SEEDS.items():
        folder = os.path.join(HERE, "corpus", name)
        os.makedirs(folder, exist_ok=True)
        for old in glob.glob(os.path.join(folder, "seed-*")):
            os.remove(old)
        for number, seed in enumerate(make()):
            data = seed if isinstance(seed, bytes) else seed.encode("utf-8", "surrogatepass")
            with open(os.path.join(folder, f"seed-{number:02}"), "wb") as out:
                out.write(data)


if __name__ == "__main__":
    main()
