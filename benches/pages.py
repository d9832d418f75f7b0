#!/usr/bin/env python3
"""Contract pages of a record with a million rows: latency of every filter, over HTTP.

Usage: pages.py [--rows 1000000] [--asks 200] [--waybill PATH] [--work DIR]

Imports a made-up historical record, then asks for pages one after the other on one connection, as a console does.
Prints a Markdown table: median and 99th percentile in milliseconds, and the total that was answered beside the true one.
"""
import argparse, base64, http.client, json, os, random, shutil, signal, socket, statistics, subprocess, tempfile, time, urllib.parse

ARGS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ARGS.add_argument("--rows", type=int, default=1_000_000)
ARGS.add_argument("--asks", type=int, default=200)
ARGS.add_argument("--waybill", default=os.path.join(os.path.dirname(__file__), "../target/release/waybill"))
ARGS.add_argument("--work")
PASSWORD = "benchmark-only"
RECORD, TASK = "65b07d7eb69e4404f9ba4a4e", "651095dfe0524ce9b3ab53d13532361c"


def row(i, draw):
    package = i % 10 == 9
    name = f"pkg-{i % 997}" if package else f"/d{i % 100:02d}/s{i // 100 % 100:02d}/file-{i:07d}.bin"
    failed = draw.random() < 0.005
    at = 1706065261000 + i * 7
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000)) + f".{at % 1000:03d}"
    return {
        "id": f"{at // 1000:08x}{i:016x}", "recordId": RECORD, "localCluster": "center",
        "remoteCluster": f"edge-{i % 3}", "localRepoName": f"repo-{i % 5}", "repoType": "NPM" if package else "GENERIC",
        "packageConstraint": {"packageKey": f"npm://{name}", "versions": [f"1.{i % 50}.0"]} if package else None,
        "pathConstraint": None if package else {"path": name},
        "artifactName": name, "version": f"1.{i % 50}.0" if package else None, "conflictStrategy": None, "size": 646,
        "sha256": None if package else f"{i:064x}", "status": "FAILED" if failed else "SUCCESS",
        "progress": {"success": 0 if failed else 1, "skip": 0, "failed": 1 if failed else 0, "totalSize": 646},
        "startTime": stamp, "endTime": stamp, "errorReason": "made up" if failed else None}


def write_rows(path):
    draw, tally = random.Random(7), {}
    with open(path, "w") as out:
        record = {"id": RECORD, "taskKey": TASK, "status": "FAILED", "startTime": "2024-01-24T11:01:01",
                  "endTime": "2024-01-24T14:01:01", "errorReason": "made up"}
        out.write(json.dumps({"record": record}) + "\n")
        for i in range(ARGV.rows):
            detail = row(i, draw)
            out.write(json.dumps({"detail": detail}) + "\n")
            for what, query in QUERIES:
                tally[what] = tally.get(what, 0) + all(matches(detail, k, v) for k, v in query.items())
    return tally


def matches(detail, member, value):
    key = (detail["packageConstraint"] or {}).get("packageKey", "")
    if member == "packageName":
        return key.startswith(value) or key.removeprefix("npm://").startswith(value)
    if member == "path":
        return ((detail["pathConstraint"] or {}).get("path") or "").startswith(value)
    if member == "artifactName":
        return detail["artifactName"].startswith(value)
    return detail[{"clusterName": "remoteCluster", "repoName": "localRepoName"}.get(member, member)] == value


QUERIES = [
    ("no filter", {}), ("status=FAILED", {"status": "FAILED"}), ("status=SUCCESS", {"status": "SUCCESS"}),
    ("clusterName", {"clusterName": "edge-1"}), ("repoName", {"repoName": "repo-2"}),
    ("clusterName and status", {"clusterName": "edge-1", "status": "FAILED"}),
    ("path, about 9,000 rows", {"path": "/d07/"}), ("path, about 90,000 rows", {"path": "/d1"}),
    ("path, nearly all", {"path": "/"}), ("artifactName, about 9,000 rows", {"artifactName": "/d07/"}),
    ("artifactName, about 90,000 rows", {"artifactName": "/d1"}), ("artifactName, one row", {"artifactName": "/d07/s00/file-0000007"}),
    ("packageName, few rows", {"packageName": "npm://pkg-123"}), ("packageName, all packages", {"packageName": "npm://"}),
    ("version", {"version": "1.9.0"}), ("path and status", {"path": "/d07/", "status": "FAILED"}),
]


def main():
    work = ARGV.work or tempfile.mkdtemp(prefix="waybill-pages-")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = dict(os.environ, WAYBILL_ADMIN_PASSWORD=PASSWORD, WAYBILL_PASSWORD=PASSWORD)
    node = subprocess.Popen([ARGV.waybill, "serve", "--name", "center", "--listen", f"127.0.0.1:{port}", "--data",
                             os.path.join(work, "data")], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
        file = os.path.join(work, "rows.jsonl")
        tally = write_rows(file)
        begin = time.perf_counter()
        subprocess.run([ARGV.waybill, "record", "import", file, "--server", f"http://127.0.0.1:{port}", "--user", "admin"],
                       env=env, check=True, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - begin
        print(f"{ARGV.rows} rows imported in {took:.1f} s ({ARGV.rows / took:.0f} rows/s)\n")
        print("| filter | page | median ms | p99 ms | total answered | true total |\n| --- | --- | --- | --- | --- | --- |")
        connection = http.client.HTTPConnection("127.0.0.1", port)
        login = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        for what, query in QUERIES:
            for page in (1, 10_000):
                if (page - 1) * 20 >= max(tally[what], 1):
                    continue
                path = f"/replication/api/task/record/detail/page/{RECORD}?" + urllib.parse.urlencode(
                    {"pageNumber": page, "pageSize": 20, **query})
                times, total = [], None
                for _ in range(ARGV.asks):
                    begin = time.perf_counter()
                    connection.request("GET", path, headers={"Authorization": login})
                    answer = json.loads(connection.getresponse().read())
                    times.append((time.perf_counter() - begin) * 1000)
                    total = answer["data"]["totalRecords"]
                times.sort()
                p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
                exact = "" if total == tally[what] else " WRONG"
                print(f"| {what} | {page} | {statistics.median(times):.1f} | {p99:.1f} | {total}{exact} | {tally[what]} |", flush=True)
        with open(f"/proc/{node.pid}/status") as status:
            peak = next(line for line in status if line.startswith("VmHWM")).split()[1]
        print(f"\npeak memory of the node: {int(peak) / 1024:.0f} MiB")
    finally:
        node.send_signal(signal.SIGTERM)
        node.wait()
        if not ARGV.work:
            shutil.rmtree(work, ignore_errors=True)


ARGV = ARGS.parse_args()
if __name__ == "__main__":
    main()
