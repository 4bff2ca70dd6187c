"""./dev conformance: MDE's live response API, case by case, against any server. See
docs/conformance.md; --help lists the options."""

import argparse
import os
import sys

from runner import cases
from runner.client import Application, Client, NoAnswer
from runner.report import Report
from runner.running import DEFAULT_SCOPE, FAILED, Result, Session, Settings


def parse(words):
    p = argparse.ArgumentParser(prog="./dev conformance", description=__doc__)
    p.add_argument("--url", help="base address of the server; without it, one of ours is started")
    p.add_argument("--tenant", default="", help="tenant id")
    p.add_argument("--client-id", default="")
    p.add_argument("--client-secret", default=os.environ.get("REACHBACK_CLIENT_SECRET", ""),
                   help="better given as $REACHBACK_CLIENT_SECRET: a command line is no secret")
    p.add_argument("--token", default=os.environ.get("REACHBACK_TOKEN"),
                   help="use this token instead ($REACHBACK_TOKEN)")
    p.add_argument("--token-url", help="where tokens come from, the v2.0 address "
                                       "(URL/TENANT/oauth2/v2.0/token)")
    p.add_argument("--scope", default=DEFAULT_SCOPE)
    p.add_argument("--app", action="append", default=[], metavar="NAME=ID:SECRET",
                   help="an application with fewer permissions: reader, librarian, responder, isolator")
    p.add_argument("--ca", help="file with the CA's certificate (default: the system's)")
    p.add_argument("--machine", default="", metavar="ID",
                   help="a machine that harmless scripts may run on and whose tags may be changed")
    p.add_argument("--only-machine", action="store_true",
                   help="nobody else has a machine in this tenant: lists may be compared whole")
    p.add_argument("--shell", choices=("sh", "ps1"), default="sh", help="what its scripts are")
    p.add_argument("--file", default="/etc/hostname", help="a small file there, to be fetched")
    p.add_argument("--folder", default="/etc", help="a folder there")
    p.add_argument("--harmless", action="store_true",
                   help="isolate, scan, offboard and the like do nothing on this server: try them")
    p.add_argument("--limits", action="store_true",
                   help="also use call rates up, which keeps others of this application out")
    p.add_argument("--only", metavar="GLOB", help='of "topic/name", or a topic')
    p.add_argument("--confidence", default="", metavar="WORDS",
                   help="documented, observed, ours; several with commas")
    p.add_argument("--profile", choices=cases.PROFILES)
    p.add_argument("--json", metavar="FILE", help="write a report")
    p.add_argument("--list", action="store_true", help="list the cases, run nothing")
    p.add_argument("-v", "--verbose", action="store_true", help="name the cases that passed too")
    args = p.parse_args(words)
    args.confidence = [word for word in args.confidence.split(",") if word]
    unknown = set(args.confidence) - set(cases.CONFIDENCES)
    if unknown:
        p.error(f"--confidence: '{sorted(unknown)[0]}' is none of {', '.join(cases.CONFIDENCES)}")
    if args.url and not args.url.startswith(("https://", "http://")):
        p.error(f"--url: '{args.url}' must begin with https:// or http://")
    if args.url and not args.token and not (args.client_id and args.client_secret
                                            and (args.tenant or args.token_url)):
        p.error("--url needs --tenant, --client-id and --client-secret, or --token")
    return p, args


def remote_session(p, args, fixtures):
    url = args.url.rstrip("/")
    apps = {"main": Application(args.client_id, args.client_secret, args.token)}
    for text in args.app:
        name, _, credentials = text.partition("=")
        client_id, _, secret = credentials.partition(":")
        if not (name and client_id and secret):
            p.error("--app must be NAME=ID:SECRET")
        apps[name] = Application(client_id, secret)
    has = {"machine"} if args.machine else set()
    has |= {"secret"} if args.client_secret else set()
    has |= {"limits"} if args.limits else set()
    has |= {"harmless"} if args.harmless else set()
    has |= {"one machine"} if args.only_machine else set()
    settings = Settings(
        url=url, tenant=args.tenant, scope=args.scope, machine=args.machine, has=has,
        token_url=args.token_url or f"{url}/{args.tenant}/oauth2/v2.0/token",
        profile=args.profile or "2026", script_ext=args.shell,
        scripts=cases.load_scripts()[args.shell], file_path=args.file, folder_path=args.folder)
    return Session(settings, Client(url, args.ca), apps, fixtures)


def main(words):
    p, args = parse(words)
    everything, fixtures = cases.load()
    profile = args.profile or ("2026" if args.url else None)
    chosen = cases.choose(everything, args.only, args.confidence, profile)
    if args.list:
        for case in chosen:
            print(f"{case.id} [{case.confidence}: {case.source}]")
        return 0
    if not chosen:
        p.error("no case fits --only, --confidence and --profile")
    report = Report(verbose=args.verbose)
    if args.url:
        session = remote_session(p, args, fixtures)
        try:
            session.token_of("main")
            session.client.send("HEAD", "/", [])  # any answer will do
        except NoAnswer as error:
            print(f"conformance: {session.hidden(str(error))}", file=sys.stderr)
            return 1
        session_for, close = (lambda case: session), session.close
    else:
        from runner.local import LocalServers  # needs built programs
        servers = LocalServers(fixtures, cases.load_scripts())
        session_for, close = (lambda case: servers.session_for(case, args.profile)), servers.close
    left = []
    try:
        for case in chosen:
            try:
                report.add(session_for(case).result(case))
            except NoAnswer as error:
                report.add(Result(case, FAILED, got=str(error), expected="an answer"))
    finally:
        left = close()
    if args.json:
        report.write_json(args.json)
    return report.end(left)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except cases.BadCase as bad:
        sys.exit(f"conformance: {bad}")
    except KeyboardInterrupt:
        sys.exit(130)
