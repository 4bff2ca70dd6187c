"""(a) Links minted a second by one server thread over TLS keep-alive, everything on: token check,
limits machinery, store read, signing, audit on disk before the answer. Beside it, in turn, Debian's
nginx with one worker answering a fixed JSON of the same size over TLS 1.3. wrk, one thread, 64
connections, on the other core."""

import os
import re
import shutil
import subprocess

from common import (LIFTED, LOAD_CORE, SERVER_CORE, free_port, localrun, median, note, pinned,
                    wait_port)

CONNECTIONS = 64


class Nginx:
    """One worker, its own folder, loopback only."""

    def __init__(self, folder, answer_bytes, status=200, connections=1024, keepalive="60s"):
        self.folder = folder
        self.port = free_port()
        os.makedirs(folder)
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                        "-subj", "/CN=127.0.0.1", "-days", "1"], check=True, capture_output=True)
        body = '{"value":"' + "x" * (answer_bytes - len('{"value":""}')) + '"}'
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as out:
            out.write(f"""daemon off; master_process off; worker_processes 1; worker_rlimit_nofile {connections + 64};
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections {connections}; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout {keepalive};
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{self.port} ssl; ssl_protocols TLSv1.3;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{ default_type application/json; return {status} '{body}'; }}
  }}
}}
""")
        self.child = subprocess.Popen([*pinned(SERVER_CORE), program, "-p", folder, "-c", config,
                                       "-e", f"{folder}/error.log"], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        wait_port(self.port, self.child)

    def url(self):
        return f"https://127.0.0.1:{self.port}/"

    def stop(self):
        self.child.terminate()
        self.child.wait(10)


def wrk(url, seconds, headers=()):
    """(requests a second, answers other than 2xx)."""
    argv = [*pinned(LOAD_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    for header in headers:
        argv += ["-H", header]
    said = subprocess.run([*argv, url], capture_output=True, text=True, check=True).stdout
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)),
            int(errors.group(1)) if errors else 0)


def measure(folder, bin_dir, rounds, seconds):
    with localrun.World(os.path.join(folder, "mint"), bin_dir, LIFTED) as world:
        server = world.server
        server.init()
        server.serve(wrap=pinned(SERVER_CORE))
        agent = world.agent()
        api = server.api()
        api.upload("true.sh", "#!/bin/bash\ntrue\n")
        action, _ = api.run_script(agent.machine_id, "true.sh")
        agent.stop()
        answer = api.mint(action["id"], 0)
        if answer.status != 200:
            raise localrun.LocalError(f"the link cannot be minted: {answer}")
        path = f"/api/machineactions/{action['id']}/GetLiveResponseResultDownloadLink(index=0)"
        token = ["Authorization: Bearer " + api.token()]
        nginx = Nginx(os.path.join(folder, "nginx"), len(answer.body))
        try:
            wrk(server.url + path, 1, token)
            wrk(nginx.url(), 1, token)
            taken = []
            for number in range(rounds):
                theirs, _ = wrk(nginx.url(), seconds, token)
                ours, refused = wrk(server.url + path, seconds, token)
                if refused:
                    raise localrun.LocalError(f"{refused} answers were no 200")
                taken.append({"reachback": ours, "nginx": theirs, "ratio": ours / theirs})
                note(f"round {number + 1}/{rounds}: {ours:,.0f} links/s, nginx {theirs:,.0f}/s, "
                     f"ratio {ours / theirs:.2f}")
        finally:
            nginx.stop()
    return {
        "links_per_second": median([r["reachback"] for r in taken]),
        "nginx_per_second": median([r["nginx"] for r in taken]),
        "ratio": median([r["ratio"] for r in taken]),
        "ratio_min": min(r["ratio"] for r in taken), "ratio_max": max(r["ratio"] for r in taken),
        "answer_bytes": len(answer.body), "rounds": taken, "seconds": seconds,
        "connections": CONNECTIONS,
    }
