#!/usr/bin/env python3
"""Node to node against real peers, side by side in one run.

Usage: node_to_node.py [--runs 3] [--only small|big] [--waybill PATH] [--work DIR] [--no-s3]

Needs on PATH: curl, openssl, dd, nginx (with its DAV module), rclone; and s3s-fs (a cargo install) for the S3 rows.
Everything listens on 127.0.0.1 and is stopped at the end. Prints a Markdown table; medians, with the range behind.
What is measured: the wall time of a whole run as a user sees it, from asking for it to its record being closed.
"""
import argparse, base64, hashlib, json, os, random, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
import urllib.request

ARGS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ARGS.add_argument("--runs", type=int, default=3)
ARGS.add_argument("--only", choices=["small", "big"])
ARGS.add_argument("--waybill", default=os.path.join(os.path.dirname(__file__), "../target/release/waybill"))
ARGS.add_argument("--work", help="folder for data (default: a temporary one)")
ARGS.add_argument("--files", type=int, default=10_000)
ARGS.add_argument("--big-mib", type=int, default=2048)
ARGS.add_argument("--no-s3", action="store_true")
PASSWORD = "benchmark-only"
PROCESSES = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, process, hang_guard_s=60):
    end = time.time() + hang_guard_s
    while time.time() < end:
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended with {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args[0]} never opened port {port}")


def spawn(name, port, command, env=None):
    log = open(os.path.join(WORK, f"{name}.log"), "ab")
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
    PROCESSES.append(process)
    wait_port(port, process)
    return process


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in PROCESSES:
        PROCESSES.remove(process)


def peak_mib(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024


def reset_peak(process):
    with open(f"/proc/{process.pid}/clear_refs", "w") as refs:
        refs.write("5")


def cpu_s(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(command, **more):
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **more)
    return time.perf_counter() - begin


class Node:
    """One `waybill serve` process."""

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.data = os.path.join(WORK, name)
        env = dict(os.environ, WAYBILL_ADMIN_PASSWORD=PASSWORD)
        command = [ARGV.waybill, "serve", "--name", name, "--listen", f"127.0.0.1:{self.port}", "--data", self.data]
        self.process = spawn(name, self.port, command, env)

    def call(self, method, path, body=None, raw=None):
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method)
        token = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        if raw is None:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read())["data"]

    def make_repository(self, project, repository):
        self.call("POST", "/repository/api/project/create", {"name": project, "displayName": project, "description": ""})
        self.call("POST", "/repository/api/repo/create", {
            "projectId": project, "name": repository, "type": "GENERIC", "category": "LOCAL", "public": False,
            "description": ""})

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"


def make_task(centre, edge, name):
    centre.call("POST", "/replication/api/cluster/create", {
        "name": f"{edge.name}-{name}", "url": edge.url(), "type": "STANDALONE", "username": "admin",
        "password": PASSWORD})
    cluster = centre.call("GET", f"/replication/api/cluster/info?name={edge.name}-{name}")
    task = centre.call("POST", "/replication/api/task/create", {
        "name": name, "localProjectId": "bench", "replicaObjectType": "REPOSITORY", "replicaType": "RUN_ONCE",
        "replicaTaskObjects": [{"localRepoName": name, "remoteProjectId": "bench", "remoteRepoName": name,
                                "repoType": "GENERIC", "packageConstraints": None, "pathConstraints": None}],
        "setting": {"conflictStrategy": "OVERWRITE", "errorStrategy": "CONTINUE"},
        "remoteClusterIds": [cluster["id"]], "description": None})
    return task["key"]


def run_task(centre, key):
    begin = time.perf_counter()
    centre.call("POST", f"/replication/api/task/execute/{key}")
    while True:
        records = centre.call("GET", f"/replication/api/task/record/page/{key}?pageNumber=1&pageSize=1")["records"]
        if records and records[0]["status"] != "RUNNING":
            took = time.perf_counter() - begin
            if records[0]["status"] != "SUCCESS":
                raise SystemExit(f"run failed: {records[0]['errorReason']}")
            return took, centre.call("GET", f"/replication/api/task/record/overview/{records[0]['id']}")
        time.sleep(0.01)


def nginx(name, root):
    port = free_port()
    os.makedirs(root, exist_ok=True)
    conf = os.path.join(WORK, f"{name}.conf")
    with open(conf, "w") as f:
        f.write(f"""user root; worker_processes 2; daemon off; pid {WORK}/{name}.pid; error_log {WORK}/{name}.err warn;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
 client_body_temp_path {root}.t1; proxy_temp_path {root}.t2; fastcgi_temp_path {root}.t3; uwsgi_temp_path {root}.t4; scgi_temp_path {root}.t5;
 server {{ listen 127.0.0.1:{port} reuseport; root {root}; client_max_body_size 0;
  location / {{ dav_methods PUT DELETE MKCOL; create_full_put_path on; dav_access user:rw group:r all:r; }} }} }}
""")
    return port, spawn(name, port, ["nginx", "-c", conf])


def s3(name):
    port, root = free_port(), os.path.join(WORK, name)
    os.makedirs(os.path.join(root, "bucket1"), exist_ok=True)
    binary = shutil.which("s3s-fs") or os.environ.get("S3S_FS")
    process = spawn(name, port, [binary, "--host", "127.0.0.1", "--port", str(port), "--access-key", "bench",
                                 "--secret-key", "benchbench", root])
    remote = (f":s3,provider=Other,access_key_id=bench,secret_access_key=benchbench,region=us-east-1,"
              f"endpoint='http://127.0.0.1:{port}',force_path_style=true:bucket1")
    return remote, process, root


def rclone(*arguments):
    env = {k: v for k, v in os.environ.items() if k != "AWS_CA_BUNDLE"}
    env["RCLONE_CONFIG"] = "/dev/null"
    return timed(["rclone", "--stats", "0", "-q", "--transfers", "64", "--checkers", "16", *arguments], env=env)


def count(folder):
    return sum(len(files) for _, _, files in os.walk(folder))


def make_small():
    folder, draw = os.path.join(WORK, "corpus-small"), random.Random(20251122)
    for i in range(ARGV.files):
        path = os.path.join(folder, f"d{i // 1000:02d}", f"s{i // 100 % 10}")
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, f"f{i:05d}.bin"), "wb") as f:
            f.write(draw.randbytes(draw.randint(1024, 16384)))
    return folder


def make_big():
    folder = os.path.join(WORK, "corpus-big")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "big.bin")
    subprocess.run(f"openssl enc -aes-128-ctr -nosalt -K {1:032x} -iv 0 -in /dev/zero 2>/dev/null | head -c "
                   f"{ARGV.big_mib << 20} > {path}", shell=True, check=False)
    return folder


def curl_put_config(folder, base, path):
    with open(path, "w") as config:
        for root, _, files in os.walk(folder):
            for file in files:
                full = os.path.join(root, file)
                config.write(f'upload-file = "{full}"\nurl = "{base}/{os.path.relpath(full, folder)}"\noutput = /dev/null\n')


def fill(node, repository, folder):
    node.make_repository("bench", repository)
    target = f"waybill+http://admin@127.0.0.1:{node.port}/bench/{repository}"
    env = dict(os.environ, WAYBILL_PASSWORD=PASSWORD)
    subprocess.run([ARGV.waybill, "copy", folder, target, "--state", os.path.join(WORK, "copy-state")], check=True,
                   env=env, stdout=subprocess.DEVNULL)


ROWS = []


def row(what, values, unit="s", note=""):
    median = statistics.median(values)
    ROWS.append((what, median, unit, f"{min(values):.2f}-{max(values):.2f}", note))
    print(f"{what:58s} {median:8.2f} {unit}  ({min(values):.2f}-{max(values):.2f}) {note}", file=sys.stderr)
    return median


def bench_small():
    folder = make_small()
    centre = Node("centre-small")
    fill(centre, "small", folder)
    waybill, again, put, s3_copy, s3_again, peaks = [], [], [], [], [], []
    for run in range(ARGV.runs):
        port, server = nginx(f"dav{run}", os.path.join(WORK, f"dav{run}"))
        config = os.path.join(WORK, "put.cfg")
        curl_put_config(folder, f"http://127.0.0.1:{port}/s", config)
        put.append(timed(["curl", "-s", "-Z", "--parallel-max", "8", "-K", config]))
        assert count(os.path.join(WORK, f"dav{run}")) == ARGV.files
        stop(server)
        shutil.rmtree(os.path.join(WORK, f"dav{run}"))

        edge = Node(f"edge-small-{run}")
        key = make_task(centre, edge, "small")
        reset_peak(centre.process), reset_peak(edge.process)
        before = cpu_s(centre.process) + cpu_s(edge.process)
        took, overview = run_task(centre, key)
        used = cpu_s(centre.process) + cpu_s(edge.process) - before
        assert overview["success"] == ARGV.files and overview["failed"] == 0, overview
        waybill.append(took)
        took, overview = run_task(centre, key)
        assert overview["success"] == ARGV.files and overview["fileSuccess"] == 0, overview
        again.append(took)
        peaks.append(max(peak_mib(centre.process), peak_mib(edge.process)))
        print(f"run {run}: waybill {waybill[-1]:.2f} s ({used:.2f} CPU s), again {again[-1]:.2f} s, curl {put[-1]:.2f} s",
              file=sys.stderr)
        centre.call("DELETE", f"/replication/api/task/delete/{key}")
        cluster = centre.call("GET", f"/replication/api/cluster/info?name={edge.name}-small")
        centre.call("DELETE", f"/replication/api/cluster/delete/{cluster['id']}")
        stop(edge.process)
        shutil.rmtree(edge.data)

        if not ARGV.no_s3:
            source, source_process, source_root = s3(f"s3-source-{run}")
            target, target_process, target_root = s3(f"s3-target-{run}")
            rclone("copy", folder, f"{source}/small/")
            s3_copy.append(rclone("copy", f"{source}/small/", f"{target}/small/"))
            s3_again.append(rclone("sync", "--checksum", f"{source}/small/", f"{target}/small/"))
            stop(source_process), stop(target_process)
            shutil.rmtree(source_root), shutil.rmtree(target_root)
    stop(centre.process)
    ours = row(f"Waybill, {ARGV.files} files of 1-16 KiB", waybill)
    ours_again = row("Waybill, again, nothing changed", again)
    curl = row("curl -Z, 8 parallel PUTs to nginx", put)
    ROWS.append(("curl / Waybill (at least 2)", curl / ours, "x", "", ""))
    if s3_copy:
        ROWS.append(("rclone / Waybill (at least 8)", row("rclone S3 to S3, 64 transfers", s3_copy) / ours, "x", "", ""))
        ROWS.append(("rclone / Waybill, again (at least 8)",
                     row("rclone S3 to S3 again, --checksum", s3_again) / ours_again, "x", "", ""))
    row("Waybill, peak memory of a node", peaks, "MiB")


def bench_big():
    folder = make_big()
    big = os.path.join(folder, "big.bin")
    centre = Node("centre-big")
    fill(centre, "big", folder)
    waybill, write, digest, put, peaks = [], [], [], [], []
    for run in range(ARGV.runs):
        out = os.path.join(WORK, "dd.bin")
        write.append(timed(["dd", "if=/dev/zero", f"of={out}", "bs=1M", f"count={ARGV.big_mib}", "conv=fdatasync"],
                           stderr=subprocess.DEVNULL))
        os.unlink(out)
        digest.append(timed(["openssl", "dgst", "-sha256", big]))
        port, server = nginx(f"davbig{run}", os.path.join(WORK, f"davbig{run}"))
        put.append(timed(["curl", "-s", "-T", big, "-o", "/dev/null", f"http://127.0.0.1:{port}/big.bin"]))
        stop(server)
        shutil.rmtree(os.path.join(WORK, f"davbig{run}"))

        edge = Node(f"edge-big-{run}")
        key = make_task(centre, edge, "big")
        reset_peak(centre.process), reset_peak(edge.process)
        took, overview = run_task(centre, key)
        assert overview["success"] == 1 and overview["fileSuccess"] == 1, overview
        waybill.append(took)
        peaks.append(max(peak_mib(centre.process), peak_mib(edge.process)))
        print(f"run {run}: waybill {took:.2f} s, dd {write[-1]:.2f}, openssl {digest[-1]:.2f}, curl {put[-1]:.2f}", file=sys.stderr)
        centre.call("DELETE", f"/replication/api/task/delete/{key}")
        cluster = centre.call("GET", f"/replication/api/cluster/info?name={edge.name}-big")
        centre.call("DELETE", f"/replication/api/cluster/delete/{cluster['id']}")
        stop(edge.process)
        shutil.rmtree(edge.data)
    stop(centre.process)
    ours = row(f"Waybill, one file of {ARGV.big_mib} MiB", waybill)
    limits = [row("durable write (dd, fdatasync)", write), row("sha256 (openssl)", digest), row("curl PUT to nginx", put)]
    ROWS.append(("Waybill / slowest limit (at most 1.3)", ours / max(limits), "x", "", ""))
    row("Waybill, peak memory of a node", peaks, "MiB")


def main():
    try:
        if ARGV.only != "big":
            bench_small()
        if ARGV.only != "small":
            bench_big()
    finally:
        for process in list(PROCESSES):
            stop(process)
        if not ARGV.work:
            shutil.rmtree(WORK, ignore_errors=True)
    print("| what | median | range |\n| --- | --- | --- |")
    for what, median, unit, spread, _ in ROWS:
        print(f"| {what} | {median:.2f} {unit} | {spread} |")


ARGV = ARGS.parse_args()
WORK = ARGV.work or tempfile.mkdtemp(prefix="waybill-bench-")
os.makedirs(WORK, exist_ok=True)
if __name__ == "__main__":
    main()
