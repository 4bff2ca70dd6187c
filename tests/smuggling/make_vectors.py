"""Writes vectors.jsonl: requests that two readers of HTTP could understand differently, each with its
one pinned answer, from RFC 9112 and the list of bad inputs (docs/compatibility.md), never from what
the server answered.

A vector is one connection. `raw` is sent as it is (latin-1), N in it is the vector's number. `answers`:
status and what becomes of the connection, one for each request that is answered. `seen`: how many
requests reach a handler. A body goes to /vN/oauth2/token, which reads it and knows no such tenant: a
well-framed one is "400 keep". The request "smuggled" must reach a handler only where `seen` says so.

    /usr/bin/python3 tests/smuggling/make_vectors.py        # rewrites the file
"""

import json
import os
import sys

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.jsonl")
GET = "GET /vN HTTP/1.1\r\nHost: x\r\n"
POST = "POST /vN/oauth2/token HTTP/1.1\r\nHost: x\r\n"
INNER = "GET /smuggledN HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
REFUSED = ["400 close"]
vectors = []


def add(name, raw, answers, seen):
    vectors.append({"name": name, "answers": answers, "seen": seen, "raw": raw})


def inner_bytes():
    """How long INNER is in the vector that comes next, with its number in it."""
    return len(INNER.replace("N", str(len(vectors))))


def refused(name, raw):
    """By its head: nothing reaches a handler, nothing behind it is read."""
    add(name, raw, REFUSED, 0)


def bad_body(name, raw):
    """The head is good, so the handler is called; the body is what is wrong."""
    add(name, raw, REFUSED, 1)


def good_body(name, raw, then=True):
    add(name, raw + (INNER if then else ""), ["400 keep"] + (["404 keep"] if then else []),
        2 if then else 1)


def both_lengths():
    for te in ("chunked", "Chunked", "CHUNKED", "xchunked", "identity", "gzip, chunked", "chunked, identity",
               "chunked\t", "", "chunked;q=0.5", ",chunked", '"chunked"'):
        refused(f"Content-Length, then Transfer-Encoding {te!r}",
                POST + f"Content-Length: 5\r\nTransfer-Encoding: {te}\r\n\r\n0\r\n\r\n" + INNER)
        refused(f"Transfer-Encoding {te!r}, then Content-Length",
                POST + f"Transfer-Encoding: {te}\r\nContent-Length: {5 + inner_bytes()}\r\n\r\n0\r\n\r\n" + INNER)
    refused("both, Content-Length 0", POST + "Content-Length: 0\r\n" + CHUNKED + "\r\n0\r\n\r\n" + INNER)
    refused("both, in a GET", GET + "Content-Length: 5\r\n" + CHUNKED + "\r\n0\r\n\r\n" + INNER)


def codings():
    for te in ("xchunked", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,",
               ",chunked", "", "chunked;q=1", "chunke", "chunkedd", '"chunked"', "chun ked", "'chunked'",
               "chunked, identity", "\x0bchunked"[1:] + "x", "deflate", "trailers", "chunked foo", "cow",
               "chunked\xa0", "\xefchunked"):
        add(f"coding {te!r}", POST + f"Transfer-Encoding: {te}\r\n\r\n0\r\n\r\n" + INNER, ["501 close"], 0)
    for te in ("chunked", "Chunked", "CHUNKED", "\tchunked", "  chunked", "chunked  ", "chunked\t"):
        good_body(f"chunked as {te!r}", POST + f"Transfer-Encoding:{te}\r\n\r\n3\r\na=b\r\n0\r\n\r\n")
    refused("two Transfer-Encodings, chunked twice", POST + CHUNKED * 2 + "\r\n0\r\n\r\n" + INNER)
    refused("two Transfer-Encodings, identity first",
            POST + "Transfer-Encoding: identity\r\n" + CHUNKED + "\r\n0\r\n\r\n" + INNER)
    refused("two Transfer-Encodings, identity last",
            POST + CHUNKED + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + INNER)
    refused("chunked in HTTP/1.0", POST.replace("1.1", "1.0") + CHUNKED + "\r\n0\r\n\r\n" + INNER)


def names():
    for name in ("Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding", "\tTransfer-Encoding",
                 "Transfer\x00-Encoding", "Transfer Encoding", "Transfer-Encoding\x0b", "Transfer-Encoding\xa0",
                 "(Transfer-Encoding)", "Transfer-Encoding,", "@Transfer-Encoding", '"Transfer-Encoding"',
                 "Transfer/Encoding", "Transfer[-]Encoding", "Transfer{Encoding}", "Transfer=Encoding", "",
                 "Transfer\\Encoding", "Transfer?Encoding", "<Transfer>Encoding", "Transfer-Encoding\x7f",
                 "Tr\xe4nsfer-Encoding"):
        refused(f"header name {name!r}", POST + f"{name}: chunked\r\n\r\n0\r\n\r\n" + INNER)
    for name in ("Content-Length ", "Content-Length\t", " Content-Length", "Content\x00-Length", "Content Length",
                 "Content-Length\x0b", "Content-Length\x01"):
        refused(f"header name {name!r}", POST + f"{name}: {inner_bytes()}\r\n\r\n" + INNER)
    # Another name is another header: no body, and what follows is the next request.
    for name in ("Transfer_Encoding", "X-Transfer-Encoding", "TransferEncoding", "Transfer-Encodin"):
        add(f"header {name}", GET + f"{name}: chunked\r\n\r\n" + INNER, ["404 keep", "404 keep"], 2)
    refused("a line without a colon", GET + "Transfer-Encoding chunked\r\n\r\n")
    refused("a line of spaces", GET + "   \r\n\r\n")


def lengths():
    for value in ("+5", "-5", "5,5", "5, 5", "5 5", "0x5", "5.0", "5e0", "", "5;", "1_0", "five", "\u0665".encode()
                  .decode("latin-1"), "5\xa0", "9" * 19, "18446744073709551616", "4294967296" + "0" * 10, "5\x00",
                  "-0", "+0", "0x", "5/5", "'5'", '"5"', "5,", ",5", "\uff15".encode().decode("latin-1")):
        refused(f"length {value!r}", POST + f"Content-Length: {value}\r\n\r\na=b&c" + INNER)
    for value in ("5", " 5 ", "\t5\t", "05", "0005"):
        good_body(f"length {value!r}", POST + f"Content-Length:{value}\r\n\r\na=b&c")
    for first, second in (("5", "5"), ("5", "6"), ("0", str(inner_bytes())), (str(inner_bytes()), "0"), ("5", "")):
        refused(f"two lengths {first!r} and {second!r}",
                POST + f"Content-Length: {first}\r\nContent-Length: {second}\r\n\r\n" + INNER)
    refused("two lengths, other case", POST + "Content-Length: 5\r\ncontent-length: 6\r\n\r\na=b&cd" + INNER)
    good_body("a request inside a body", POST + f"Content-Length: {inner_bytes()}\r\n\r\n{INNER}", then=False)
    good_body("a chunked request inside a chunk",
              POST + CHUNKED + f"\r\n{inner_bytes():x}\r\n{INNER}\r\n0\r\n\r\n", then=False)
    add("length 0 and a request behind it", POST + "Content-Length: 0\r\n\r\n" + INNER, ["400 keep", "404 keep"], 2)
    add("a GET with a body, and a request behind it", GET + "Content-Length: 5\r\n\r\nabcde" + INNER,
        ["404 keep", "404 keep"], 2)


def chunks():
    for size in ("+3", "-3", "0x3", " 3", "\t3", "3 ", "3\t", "g", "", "3_", "3.0", "3,3", "'3'", "\x003", "3\x00",
                 "F" * 17, "1" + "0" * 16, "FFFFFFFFFFFFFFFF", "3\xa0"):
        bad_body(f"chunk size {size!r}", POST + CHUNKED + f"\r\n{size}\r\na=b\r\n0\r\n\r\n" + INNER)
    for size in ("3", "03", "0000003", "3;", "3;a", "3;a=b", '3;a="b"', "3; a = b", "3;\ta"):
        good_body(f"chunk size {size!r}", POST + CHUNKED + f"\r\n{size}\r\na=b\r\n0\r\n\r\n")
    for name, body in (
            ("a chunk that is longer than it says", "3\r\na=bc\r\n0\r\n\r\n"),
            ("a chunk without its end", "3\r\na=b0\r\n\r\n"),
            ("a chunk that ends in a bare LF", "3\r\na=b\n0\r\n\r\n"),
            ("a chunk that ends in a bare CR", "3\r\na=b\r0\r\n\r\n"),
            ("a size that ends in a bare LF", "3\na=b\r\n0\r\n\r\n"),
            ("a size that ends in a bare CR", "3\ra=b\r\n0\r\n\r\n"),
            ("a last chunk that ends in a bare LF", "3\r\na=b\r\n0\n\r\n"),
            ("an end that is a bare LF", "3\r\na=b\r\n0\r\n\nX"),
            ("an extension with a bare LF", "3;a\nb\r\na=b\r\n0\r\n\r\n"),
            ("an extension with a bare CR", "3;a\rb\r\na=b\r\n0\r\n\r\n"),
            ("an extension with NUL", "3;\0\r\na=b\r\n0\r\n\r\n"),
            ("an extension of 20 KB", "3;" + "a" * 20000 + "\r\na=b\r\n0\r\n\r\n"),
            ("20 KB of zeros", "0" * 20000 + "3\r\na=b\r\n0\r\n\r\n"),
            ("a trailer without a colon", "0\r\nX\r\n\r\n"),
            ("a trailer with a space before the colon", "0\r\nX : a\r\n\r\n"),
            ("a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"),
            ("a trailer that ends in a bare LF", "0\r\nX: a\n\r\n"),
            ("a trailer with NUL", "0\r\nX: \0\r\n\r\n"),
            ("trailers of 20 KB", "0\r\nX: " + "a" * 20000 + "\r\n\r\n")):
        bad_body(name, POST + CHUNKED + "\r\n" + body + INNER)
    for trailer in ("X: a", "Content-Length: 5", "Transfer-Encoding: identity", "Host: y"):
        good_body(f"trailer {trailer!r}", POST + CHUNKED + f"\r\n3\r\na=b\r\n0\r\n{trailer}\r\n\r\n")


def lines():
    refused("bare LF everywhere", GET.replace("\r\n", "\n") + "\n")
    refused("request line with a bare LF", "GET /vN HTTP/1.1\nHost: x\r\n\r\n" + INNER)
    refused("request line with a bare CR", "GET /vN HTTP/1.1\rHost: x\r\n\r\n" + INNER)
    refused("a header with a bare LF", GET + "X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER)
    refused("a header with a bare CR", GET + "X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER)
    refused("CR CR LF", GET + "X: a\r\r\n\r\n" + INNER)
    refused("LF CR", GET + "X: a\n\r\r\n\r\n" + INNER)
    refused("a head that ends in a bare LF", GET + "\n" + INNER)
    refused("an empty line before the request line", "\r\n" + GET + "\r\n")
    refused("an empty LF before the request line", "\n" + GET + "\r\n")
    for fold in (" ", "\t", "  \t"):
        refused(f"folded with {fold!r}", POST + f"Transfer-Encoding:\r\n{fold}chunked\r\n\r\n0\r\n\r\n" + INNER)
        refused(f"a folded first line with {fold!r}", f"GET /vN HTTP/1.1\r\n{fold}Host: x\r\n\r\n" + INNER)
        refused(f"a folded length with {fold!r}", POST + f"Content-Length: 4\r\n{fold}4\r\n\r\n" + INNER)
    for code in [c for c in range(0x20) if c not in (9, 10, 13)] + [0x7f]:
        refused(f"control {code:#04x} in a value", GET + f"X: a{chr(code)}b\r\n\r\n" + INNER)


def request_lines():
    for name, line in (("two spaces before the target", "GET  /vN HTTP/1.1"),
                       ("two spaces before the version", "GET /vN  HTTP/1.1"),
                       ("a tab between", "GET\t/vN\tHTTP/1.1"), ("no version", "GET /vN"),
                       ("a space at the front", " GET /vN HTTP/1.1"), ("a space at the end", "GET /vN HTTP/1.1 "),
                       ("a version in lower case", "GET /vN http/1.1"), ("no method", " /vN HTTP/1.1"),
                       ("a space in the target", "GET /vN x HTTP/1.1"), ("a method with a colon", "GET: /vN HTTP/1.1"),
                       ("a method with a slash", "G/T /vN HTTP/1.1"), ("NUL in the method", "GE\0T /vN HTTP/1.1"),
                       ("a fragment", "GET /vN#x HTTP/1.1"), ("no slash", "GET vN HTTP/1.1"),
                       ("another scheme", "GET ftp://x/vN HTTP/1.1"), ("a backslash start", "GET \\vN HTTP/1.1"),
                       ("8-bit in the target", "GET /vN\xff HTTP/1.1"), ("DEL in the target", "GET /vN\x7f HTTP/1.1"),
                       ("version HTTP/11", "GET /vN HTTP/11"), ("version HTTP/1.10", "GET /vN HTTP/1.10"),
                       ("version HTTP/+1.1", "GET /vN HTTP/+1.1")):
        refused(name, line + "\r\nHost: x\r\n\r\n" + INNER)
    for version in ("HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"):
        add(f"version {version}", f"GET /vN {version}\r\nHost: x\r\n\r\n" + INNER, ["505 close"], 0)
    for target in ("http://x/vN", "https://evil.example/vN", "HTTPS://x/vN?q=1"):
        add(f"absolute form {target}", f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n" + INNER, ["404 keep", "404 keep"], 2)
    add("HTTP/1.0 and a request behind it", "GET /vN HTTP/1.0\r\nHost: x\r\n\r\n" + INNER, ["404 close"], 1)
    add("HTTP/1.0 keep-alive", "GET /vN HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + INNER, ["404 close"], 1)
    add("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["505 close"], 0)


def hosts():
    refused("no host", "GET /vN HTTP/1.1\r\n\r\n" + INNER)
    for value in ("", "x y", "x,y", "x/y", "x@y", "x\\y", "x?y", "x#y", '"x"', "<x>", "x\xff", "x|y", "x^y"):
        refused(f"host {value!r}", f"GET /vN HTTP/1.1\r\nHost: {value}\r\n\r\n" + INNER)
    for second in ("x", "y", ""):
        refused(f"two hosts, {second!r} second", GET + f"Host: {second}\r\n\r\n" + INNER)
    refused("two hosts, other case", GET + "hOST: y\r\n\r\n" + INNER)


def connections():
    add("two requests", GET + "\r\n" + INNER, ["404 keep", "404 keep"], 2)
    add("close and a request behind it", GET + "Connection: close\r\n\r\n" + INNER, ["404 close"], 1)
    add("close among others", GET + "Connection: keep-alive, Close\r\n\r\n" + INNER, ["404 close"], 1)
    add("an upgrade to h2c", GET + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        + INNER, ["404 keep", "404 keep"], 2)
    add("an upgrade to a WebSocket", GET + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + INNER, ["404 keep", "404 keep"], 2)
    add("Transfer-Encoding named hop by hop", POST + CHUNKED + "Connection: Transfer-Encoding\r\n\r\n3\r\na=b\r\n0\r\n\r\n"
        + INNER, ["400 keep", "404 keep"], 2)
    add("Content-Length named hop by hop", POST + "Content-Length: 5\r\nConnection: Content-Length\r\n\r\na=b&c" + INNER,
        ["400 keep", "404 keep"], 2)
    add("a method in the query of another", "GET /vN?_method=DELETE HTTP/1.1\r\nHost: x\r\n"
        "X-HTTP-Method-Override: DELETE\r\n\r\n" + INNER, ["404 keep", "404 keep"], 2)
    add("headers that other servers believe", GET + "X-Original-URL: /smuggledN\r\nX-Rewrite-URL: /smuggledN\r\n"
        "X-Forwarded-Host: evil.example\r\n\r\n", ["404 keep"], 1)


def make():
    for group in (both_lengths, codings, names, lengths, chunks, lines, request_lines, hosts, connections):
        group()
    for number, vector in enumerate(vectors):
        vector["raw"] = vector["raw"].replace("/vN", f"/v{number}").replace("/smuggledN", f"/smuggled{number}")
    return "".join(json.dumps(vector, ensure_ascii=True) + "\n" for vector in vectors)


if __name__ == "__main__":
    text = make()
    if "--check" in sys.argv:
        with open(PATH, encoding="ascii") as old:
            sys.exit(0 if old.read() == text else "tests/smuggling/vectors.jsonl is not what make_vectors.py writes")
    with open(PATH, "w", encoding="ascii") as out:
        out.write(text)
    print(len(vectors), "vectors")
