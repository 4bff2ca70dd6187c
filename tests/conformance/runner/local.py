"""A server and an agent of this tree to run the cases against, made when the first case asks."""

import os
import shutil
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import harness  # noqa: E402
from harness import localrun  # noqa: E402

from .cases import NEEDS  # noqa: E402
from .client import Application, Client  # noqa: E402
from .running import Session, Settings  # noqa: E402

# Applications with a part of the permissions; docs/conformance.md names them for --app.
APPS = {"reader": ["Machine.Read.All"], "librarian": ["Library.Manage"],
        "responder": ["Machine.LiveResponse"], "isolator": ["Machine.Isolate"]}
# Permissions of other actions, so that one application may try all cases.
MAIN = ["Machine.Read.All", "Machine.ReadWrite.All", "Machine.LiveResponse", "Library.Manage",
        "Machine.CollectForensics", "Machine.Isolate", "Machine.RestrictExecution", "Machine.Scan",
        "Machine.Offboard", "Machine.StopAndQuarantine", "Alert.Read.All"]
LIFTED = "[limits]\nenabled = false\n"


class LocalServers:
    """Servers by profile and configuration; close() ends them all."""

    def __init__(self, fixtures, scripts, bin_dir=None, folder=None):
        self.fixtures, self.scripts = fixtures, scripts
        self.bin_dir = bin_dir or localrun.find_bin(("asan", "debug", "release"))
        self._own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="reachback-conformance-")
        self.worlds = []
        self._sessions = {}

    def session_for(self, case, profile=None):
        """The session that a case runs in: on a server of a profile that it is about."""
        profile = profile or (case.profiles[-1] if case.profiles else "2026")
        config = f'profile = "{profile}"\n' + (case.config or LIFTED)
        if config not in self._sessions:
            self._sessions[config] = self._make(config, profile, limits=bool(case.config))
        return self._sessions[config]

    def _make(self, config, profile, limits):
        world = harness.World(os.path.join(self.folder, f"w{len(self.worlds)}"), self.bin_dir,
                              config)
        self.worlds.append(world)
        world.up()
        agent = world.agent(name="conformance.example")
        server = world.server

        def application(name, roles):
            words = [word for role in roles for word in ("--role", role)]
            made = server.admin("app", "create", "--name", name, *words)
            return Application(made["clientId"], made["clientSecret"])

        apps = {name: application(name, roles) for name, roles in APPS.items()}
        apps["main"] = application("main", MAIN)
        tenant = server.credentials["tenantId"]
        fetched = os.path.join(world.folder, "fetched.txt")
        with open(fetched, "w", encoding="utf-8") as out:
            out.write("fetched by conformance\n")
        settings = Settings(
            url=server.url, tenant=tenant, token_url=f"{server.url}/{tenant}/oauth2/v2.0/token",
            machine=agent.machine_id, profile=profile, scripts=self.scripts["sh"],
            has=set(NEEDS) - (set() if limits else {"limits"}), poll_s=0.1, file_path=fetched,
            folder_path=world.folder)
        return Session(settings, Client(server.url, server.ca_file), apps, self.fixtures)

    def close(self, keep=False):
        """The names of library files that could not be removed. A finding of a sanitizer in a
        program's log is an AssertionError."""
        left = [name for session in self._sessions.values() for name in session.close()]
        for world in self.worlds:
            world.close()
        if self._own_folder and not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        return left
