#!/usr/bin/env python3
"""S3 to S3 beside rclone, WebDAV to WebDAV beside the limits that curl shows, side by side in one run.

Usage: files.py [--runs 3] [--only s3|dav] [--size small|big] [--waybill PATH] [--work DIR]

Needs on PATH: curl, openssl, nginx (with its DAV modules), rclone, and s3s-fs (a cargo install) or its path in S3S_FS.
Everything listens on 127.0.0.1 and is stopped at the end. Prints a Markdown table; medians, with the range behind. What is
measured is a whole `waybill copy`, from its start to its end, with its own peak memory and CPU time.
"""
import argparse, os, random, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

ARGS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ARGS.add_argument("--runs", type=int, default=3)
ARGS.add_argument("--only", choices=["s3", "dav"])
ARGS.add_argument("--size", choices=["small", "big"])
ARGS.add_argument("--waybill", default=os.path.join(os.path.dirname(__file__), "../target/release/waybill"))
ARGS.add_argument("--work", help="folder for data (default: a temporary one)")
ARGS.add_argument("--files", type=int, default=10_000)
ARGS.add_argument("--big-mib", type=int, default=2048)
PROCESSES, ROWS = [], []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def spawn(name, port, command):
    log = open(os.path.join(WORK, f"{name}.log"), "ab")
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    PROCESSES.append(process)
    end = time.time() + 60
    while time.time() < end:
        if process.poll() is not None:
            raise SystemExit(f"{name} ended with {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    raise SystemExit(f"{name} never opened port {port}")


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    PROCESSES.remove(process)


def timed(command, env=None):
    """Runs `command`; returns its wall time, CPU time and peak memory in MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def waybill(source, target, state):
    env = {k: v for k, v in os.environ.items() if not k.startswith("WAYBILL_")}
    return timed([ARGV.waybill, "copy", source, target, "--state", state, "--output", "json"],
                 dict(env, WAYBILL_PASSWORD="benchbench"))


def rclone(*arguments):
    env = {k: v for k, v in os.environ.items() if k != "AWS_CA_BUNDLE"}
    command = ["rclone", "--stats", "0", "-q", "--transfers", "64", "--checkers", "16", *arguments]
    return timed(command, dict(env, RCLONE_CONFIG="/dev/null"))


class Store:
    """One s3s-fs with the bucket `bucket1`; with `is_open` nobody has to sign."""

    def __init__(self, name, is_open=False):
        self.port, self.root = free_port(), os.path.join(WORK, name)
        os.makedirs(os.path.join(self.root, "bucket1"), exist_ok=True)
        binary = shutil.which("s3s-fs") or os.environ["S3S_FS"]
        keys = [] if is_open else ["--access-key", "bench", "--secret-key", "benchbench"]
        self.process = spawn(name, self.port, [binary, "--host", "127.0.0.1", "--port", str(self.port), *keys, self.root])
        self.rclone = (f":s3,provider=Other,access_key_id=bench,secret_access_key=benchbench,region=us-east-1,"
                       f"endpoint='http://127.0.0.1:{self.port}',force_path_style=true:bucket1")
        self.waybill = f"s3+http://bench@127.0.0.1:{self.port}/bucket1"
        self.files = os.path.join(self.root, "bucket1")


class Dav:
    """One nginx that takes files."""

    def __init__(self, name):
        self.port, self.files = free_port(), os.path.join(WORK, name)
        os.makedirs(self.files, exist_ok=True)
        conf, root = os.path.join(WORK, f"{name}.conf"), self.files
        with open(conf, "w") as f:
            f.write(f"""load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;
user root; worker_processes 2; daemon off; pid {root}.pid; error_log {root}.err warn;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
 client_body_temp_path {root}.t1; proxy_temp_path {root}.t2; fastcgi_temp_path {root}.t3; uwsgi_temp_path {root}.t4; scgi_temp_path {root}.t5;
 server {{ listen 127.0.0.1:{self.port} reuseport; root {root}; client_max_body_size 0;
  location / {{ dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS; create_full_put_path on; dav_access user:rw group:r all:r; }} }} }}
""")
        self.process = spawn(name, self.port, ["nginx", "-c", conf])
        self.waybill = f"dav+http://127.0.0.1:{self.port}"


def make(size):
    folder = os.path.join(WORK, f"corpus-{size}")
    if os.path.exists(folder):
        return folder
    os.makedirs(folder)
    if size == "big":
        path = os.path.join(folder, "big.bin")
        subprocess.run(f"openssl enc -aes-128-ctr -nosalt -K {1:032x} -iv 0 -in /dev/zero 2>/dev/null | head -c "
                       f"{ARGV.big_mib << 20} > {path}", shell=True, check=False)
        return folder
    draw = random.Random(20251122)
    for i in range(ARGV.files):
        path = os.path.join(folder, f"d{i // 1000:02d}", f"s{i // 100 % 10}")
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, f"f{i:05d}.bin"), "wb") as f:
            f.write(draw.randbytes(draw.randint(1024, 16384)))
    return folder


def same(folder, other):
    subprocess.run(["diff", "-r", "-q", "-x", ".*", folder, other], check=True)


def row(what, values, unit="s"):
    median = statistics.median(values)
    ROWS.append((what, median, unit, f"{min(values):.2f}-{max(values):.2f}"))
    print(f"{what:60s} {median:8.2f} {unit} ({min(values):.2f}-{max(values):.2f})", file=sys.stderr)
    return median


def compare(what, ours, theirs, least):
    ROWS.append((f"{what} (at least {least})", theirs / ours, "x", ""))


def drop(*servers):
    for server in servers:
        stop(server.process)
        shutil.rmtree(getattr(server, "root", server.files), ignore_errors=True)


def bench_s3(size):
    folder = make(size)
    ours, ours_again, theirs, theirs_again, gets, puts = [], [], [], [], [], []
    for run in range(ARGV.runs):
        bare = Store(f"s3-{size}-bare-{run}", is_open=True)
        puts.append(curl(folder, f"http://127.0.0.1:{bare.port}/bucket1", True, 128))
        same(folder, bare.files)
        gets.append(curl(folder, f"http://127.0.0.1:{bare.port}/bucket1", False, 128))
        drop(bare)
        source = Store(f"s3-{size}-source-{run}")
        rclone("copy", folder, f"{source.rclone}/data/")
        peer = Store(f"s3-{size}-rclone-{run}")
        theirs.append(rclone("copy", f"{source.rclone}/data/", f"{peer.rclone}/data/"))
        theirs_again.append(rclone("sync", "--checksum", f"{source.rclone}/data/", f"{peer.rclone}/data/"))
        drop(peer)
        target, state = Store(f"s3-{size}-target-{run}"), os.path.join(WORK, f"state-s3-{size}-{run}")
        ours.append(waybill(f"{source.waybill}/data", f"{target.waybill}/data", state))
        same(folder, os.path.join(target.files, "data"))
        ours_again.append(waybill(f"{source.waybill}/data", f"{target.waybill}/data", state))
        drop(source, target)
    name = f"S3 to S3, {ARGV.files} small files" if size == "small" else f"S3 to S3, one object of {ARGV.big_mib} MiB"
    report(name, ours, ours_again)
    peer = row(f"rclone, 64 transfers: {name}", [run[0] for run in theirs])
    row("rclone, CPU", [run[1] for run in theirs])
    least = [get[0] + put[0] for get, put in zip(gets, puts)]
    row("curl -Z, 128 at once: GET, then PUT, nothing signed, compared or logged", least)
    row("curl, CPU", [get[1] + put[1] for get, put in zip(gets, puts)])
    again = row("rclone again, --checksum", [run[0] for run in theirs_again])
    compare(f"rclone / Waybill: {name}", statistics.median(run[0] for run in ours), peer, 2 if size == "small" else 1)
    ROWS.append((f"rclone / curl: {name}", peer / statistics.median(least), "x", ""))
    compare("rclone / Waybill, again", statistics.median(run[0] for run in ours_again), again, 1)


def curl(folder, base, upload, at_once):
    """Gets all of `folder` from `base`, or puts it there."""
    path = os.path.join(WORK, "curl.cfg")
    with open(path, "w") as config:
        for root, _, files in os.walk(folder):
            for file in files:
                full = os.path.join(root, file)
                way = f'upload-file = "{full}"\n' if upload else ""
                config.write(f'{way}url = "{base}/{os.path.relpath(full, folder)}"\noutput = /dev/null\n')
    return timed(["curl", "-s", "-f", "-Z", "--parallel-max", str(at_once), "-K", path])


def bench_dav(size):
    folder = make(size)
    ours, ours_again, gets, puts = [], [], [], []
    for run in range(ARGV.runs):
        source = Dav(f"dav-{size}-source-{run}")
        shutil.copytree(folder, source.files, dirs_exist_ok=True)
        peer = Dav(f"dav-{size}-curl-{run}")
        gets.append(curl(folder, f"http://127.0.0.1:{source.port}", False, 8))
        puts.append(curl(folder, f"http://127.0.0.1:{peer.port}", True, 8))
        same(folder, peer.files)
        drop(peer)
        target, state = Dav(f"dav-{size}-target-{run}"), os.path.join(WORK, f"state-dav-{size}-{run}")
        ours.append(waybill(source.waybill, target.waybill, state))
        same(folder, target.files)
        ours_again.append(waybill(source.waybill, target.waybill, state))
        drop(source, target)
    name = f"WebDAV to WebDAV, {ARGV.files} small files" if size == "small" else f"WebDAV to WebDAV, {ARGV.big_mib} MiB"
    report(name, ours, ours_again)
    get, put = row("curl -Z, GET", [run[0] for run in gets]), row("curl -Z, PUT", [run[0] for run in puts])
    ROWS.append((f"Waybill / (GET + PUT + GET to read back): {name}",
                 statistics.median(run[0] for run in ours) / (2 * get + put), "x", ""))


def report(name, ours, ours_again):
    row(f"Waybill: {name}", [run[0] for run in ours])
    row("Waybill, CPU", [run[1] for run in ours])
    row("Waybill, peak memory", [run[2] for run in ours], "MiB")
    row("Waybill again, nothing changed", [run[0] for run in ours_again])


def main():
    try:
        for size in [ARGV.size] if ARGV.size else ["small", "big"]:
            if ARGV.only != "dav":
                bench_s3(size)
            if ARGV.only != "s3":
                bench_dav(size)
    finally:
        for process in list(PROCESSES):
            stop(process)
        if not ARGV.work:
            shutil.rmtree(WORK, ignore_errors=True)
    print("| what | median | range |\n| --- | --- | --- |")
    for what, median, unit, spread in ROWS:
        print(f"| {what} | {median:.2f} {unit} | {spread} |")


if __name__ == "__main__":
    ARGV = ARGS.parse_args()
    WORK = ARGV.work or tempfile.mkdtemp(prefix="waybill-bench-")
    os.makedirs(WORK, exist_ok=True)
    main()
