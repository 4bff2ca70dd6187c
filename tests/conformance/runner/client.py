"""HTTP to the server under test: exact requests, whole answers, tokens of applications."""

import base64
import http.client
import json
import select
import ssl
import urllib.parse
import uuid
import zlib

ANSWER_BYTES_MAX = 64 * 1024 * 1024


class NoAnswer(Exception):
    """The server did not answer, or not with HTTP."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", errors="replace")

    def header(self, name):
        return self.headers.get(name)


class Client:
    """One connection an origin, kept alive; used by one thread."""

    def __init__(self, url, ca_file=None, timeout_s=60):
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self.ca_file = ca_file
        self._context = None  # reading the system's certificates takes its time
        self._connections = {}

    def close(self):
        for connection in self._connections.values():
            connection.close()
        self._connections = {}

    def _connection(self, scheme, netloc):
        key = (scheme, netloc)
        there = self._connections.get(key)
        if there is None:
            if scheme == "https":
                if self._context is None:
                    self._context = ssl.create_default_context(cafile=self.ca_file)
                there = http.client.HTTPSConnection(netloc, timeout=self.timeout_s,
                                                    context=self._context)
            else:
                there = http.client.HTTPConnection(netloc, timeout=self.timeout_s)
            self._connections[key] = there
        elif there.sock and select.select([there.sock], [], [], 0)[0]:
            there.close()  # the other end closed it while idle
        return there

    def send(self, method, target, headers, body=None):
        """target: a path below the URL, or a whole address. headers: pairs, sent as they are, with
        Host and Content-Length added where missing. Errors: NoAnswer."""
        if not target.startswith("/"):
            parts = urllib.parse.urlsplit(target)
            scheme, netloc = parts.scheme, parts.netloc
            target = target[len(f"{scheme}://{netloc}"):] or "/"
        else:
            scheme, netloc = urllib.parse.urlsplit(self.url)[:2]
        if scheme not in ("http", "https") or not netloc:
            raise NoAnswer(f"'{target}' is not an address")
        given = {name.lower() for name, _ in headers}
        try:
            connection = self._connection(scheme, netloc)
        except OSError as error:  # the CA's file
            raise NoAnswer(f"{self.ca_file}: {error}") from error
        try:
            connection.putrequest(method, target, skip_host="host" in given,
                                  skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            framed = {"content-length", "transfer-encoding"} & given
            if not framed and (body is not None or method in ("POST", "PATCH")):
                connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read(ANSWER_BYTES_MAX))
        except (http.client.HTTPException, OSError, ValueError) as error:
            connection.close()
            raise NoAnswer(f"no answer: {error!r}") from error


class Application:
    """Credentials that get tokens; or one token that was given."""

    def __init__(self, client_id="", secret="", token=None):
        self.client_id, self.secret = client_id, secret
        self.given = token is not None
        self._token = token
        self._permissions = None

    def token(self, client, token_url, scope, fresh=False):
        """Errors: NoAnswer, when there is no token to be had."""
        if self._token is None or (fresh and not self.given):
            form = {"grant_type": "client_credentials", "client_id": self.client_id,
                    "client_secret": self.secret, "scope": scope}
            answer = client.send("POST", token_url,
                                 [("Content-Type", "application/x-www-form-urlencoded")],
                                 urllib.parse.urlencode(form).encode())
            try:
                self._token = json.loads(answer.body)["access_token"]
            except (ValueError, KeyError, TypeError) as error:
                raise NoAnswer(f"no token for {self.client_id} from {token_url}: "
                               f"{answer.status} {answer.text[:300]}") from error
            self._permissions = None
        return self._token

    def permissions(self, client, token_url, scope):
        """What the token says that it may; None when it cannot be read."""
        token = self.token(client, token_url, scope)
        if self._permissions is None:
            self._permissions = (claims_of(token),)
        claims = self._permissions[0]
        if claims is None:
            return None
        scopes = {name if name.endswith(".All") or not name.startswith("Machine.Read")
                  else name + ".All" for name in str(claims.get("scp", "")).split()}
        roles = claims.get("roles")
        return scopes | set(roles if isinstance(roles, list) else [])


def claims_of(token):
    """The claims of a JWT, unchecked; None for what is none."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return claims if isinstance(claims, dict) else None
    except (IndexError, ValueError):
        return None


def multipart(parts, boundary=None):
    """(content type, bytes) of a form. parts: dicts with name, content and, for a file, filename;
    `type` adds a part's Content-Type, `disposition` replaces the whole Content-Disposition."""
    boundary = boundary or "conformance" + uuid.uuid4().hex
    out = []
    for part in parts:
        disposition = part.get("disposition") or f'form-data; name="{part["name"]}"' + (
            f'; filename="{part["filename"]}"' if "filename" in part else "")
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
        if "type" in part:
            head += f"Content-Type: {part['type']}\r\n"
        out.append(head.encode() + b"\r\n" + part.get("content", "").encode() + b"\r\n")
    out.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(out)


def unpack(body, how):
    """The bytes in a gzip stream. Errors: ValueError."""
    if how != "gzip":
        raise ValueError(f"'{how}' is no way to unpack")
    try:
        return zlib.decompress(body, wbits=zlib.MAX_WBITS | 16)
    except zlib.error as error:
        raise ValueError(f"not a gzip stream: {error}") from error
