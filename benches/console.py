#!/usr/bin/env python3
"""Pages of the console with a million details and five hundred tasks: first byte over HTTP, whole page in a browser, and
whether a run that settles a thousand artifacts a second makes a page that shows it stutter.

Usage: console.py [--rows 1000000] [--tasks 500] [--asks 30] [--waybill PATH]

Needs chromium, node, and playwright-core below target/tools/npm (`make test` puts it there). Everything listens on 127.0.0.1
and is stopped at the end. Prints Markdown tables; medians and the slowest.
"""
import argparse, http.client, json, os, shutil, statistics, subprocess, sys, time, urllib.parse

sys.argv, OWN = [sys.argv[0]], sys.argv[1:]
import node_to_node as nodes
import pages

ARGS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ARGS.add_argument("--rows", type=int, default=1_000_000)
ARGS.add_argument("--tasks", type=int, default=500)
ARGS.add_argument("--asks", type=int, default=30)
ARGS.add_argument("--files", type=int, default=20_000)
ARGS.add_argument("--waybill", default=os.path.join(os.path.dirname(__file__), "../target/release/waybill"))
HERE = os.path.dirname(os.path.abspath(__file__))


def log_in(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    form = urllib.parse.urlencode({"user": "admin", "password": nodes.PASSWORD})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://127.0.0.1:{port}"}
    connection.request("POST", "/login", form, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 303:
        raise SystemExit(f"login: {answer.status}")
    return answer.headers["Set-Cookie"].split(";")[0]


def first_bytes(port, cookie, places):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    print("\n| page | first byte, ms | slowest | bytes |\n| --- | --- | --- | --- |")
    for what, path in places:
        times = []
        for _ in range(ARGV.asks):
            begin = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": cookie})
            answer = connection.getresponse()
            answer.read(1)
            times.append((time.perf_counter() - begin) * 1000)
            size = 1 + len(answer.read())
            if answer.status != 200:
                raise SystemExit(f"{path}: {answer.status}")
        print(f"| {what} | {statistics.median(times):.1f} | {max(times):.1f} | {size} |", flush=True)


def browser(script, base, *facts):
    env = dict(os.environ, PASSWORD=nodes.PASSWORD, NPM_PACKAGES=os.path.join(HERE, "../target/tools/npm"))
    command = ["node", os.path.join(HERE, "console.mjs"), base, script, *facts]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def whole_pages(base, places):
    process = browser("pages", base, str(ARGV.asks), *(path for _, path in places))
    answers = [json.loads(line) for line in process.stdout]
    if process.wait():
        raise SystemExit("the browser failed")
    print("\n| page | in the browser: loaded, ms | slowest |\n| --- | --- | --- |")
    for (what, _), times in zip(places, answers):
        print(f"| {what} | {statistics.median(times):.0f} | {max(times):.0f} |")


def live_run(centre, cluster):
    folder = nodes.make_small()
    nodes.fill(centre, "small", folder)
    # About a thousand artifacts a second: the mean is 8.5 KiB.
    key = centre.call("POST", "/replication/api/task/create", {
        "name": "live", "localProjectId": "bench", "replicaObjectType": "REPOSITORY", "replicaType": "RUN_ONCE",
        "replicaTaskObjects": [{"localRepoName": "small", "remoteProjectId": "bench", "remoteRepoName": "small",
                                "repoType": "GENERIC", "packageConstraints": None, "pathConstraints": None}],
        "setting": {"conflictStrategy": "OVERWRITE", "errorStrategy": "CONTINUE", "rateLimit": 8_704_000},
        "remoteClusterIds": [cluster], "description": None})["key"]
    centre.call("POST", f"/replication/api/task/execute/{key}")
    while not (records := centre.call("GET", f"/replication/api/task/record/page/{key}?pageNumber=1&pageSize=1")["records"]):
        time.sleep(0.01)
    watching = browser("live", f"http://127.0.0.1:{centre.port}", records[0]["id"])
    seen = json.loads(watching.stdout.readline())
    watching.wait()
    settled, seconds = nodes.ARGV.files, seen["runS"]
    print(f"\nA live run: {settled} artifacts in {seconds:.1f} s ({settled / seconds:.0f}/s), page open: "
          f"{seen['updates']} updates, {seen['longTasks']} tasks over 50 ms, longest {seen['longestMs']:.0f} ms, "
          f"{seen['framesPerS']:.0f} frames/s, slowest frame {seen['slowestFrameMs']:.0f} ms.")


def main():
    centre, edge = nodes.Node("centre"), nodes.Node("edge")
    base = f"http://127.0.0.1:{centre.port}"
    file = os.path.join(nodes.WORK, "rows.jsonl")
    pages.ARGV.rows = ARGV.rows
    pages.write_rows(file)
    env = dict(os.environ, WAYBILL_PASSWORD=nodes.PASSWORD)
    subprocess.run([ARGV.waybill, "record", "import", file, "--server", base, "--user", "admin"], env=env, check=True,
                   stdout=subprocess.DEVNULL)
    centre.call("POST", "/replication/api/cluster/create", {"name": "edge", "url": edge.url(), "type": "STANDALONE",
                                                            "username": "admin", "password": nodes.PASSWORD})
    cluster, key = centre.call("GET", "/replication/api/cluster/info?name=edge")["id"], None
    centre.call("POST", "/repository/api/project/create", {"name": "many", "displayName": "many", "description": ""})
    for number in range(ARGV.tasks):
        centre.call("POST", "/repository/api/repo/create", {
            "projectId": "many", "name": f"files-{number}", "type": "GENERIC", "category": "LOCAL", "public": False,
            "description": ""})
        key = centre.call("POST", "/replication/api/task/create", {
            "name": f"nightly-{number:03d}", "localProjectId": "many", "replicaObjectType": "REPOSITORY",
            "replicaTaskObjects": [{"localRepoName": f"files-{number}", "remoteProjectId": "many",
                                    "remoteRepoName": f"files-{number}", "repoType": "GENERIC",
                                    "packageConstraints": [], "pathConstraints": []}],
            "replicaType": "SCHEDULED", "setting": {"executionStrategy": "CRON_EXPRESSION",
                                                    "executionPlan": {"cronExpression": "0 0 3 * * ?"}},
            "remoteClusterIds": [cluster], "enabled": True})["key"]
    record = pages.RECORD
    places = [
        ("home", "/"), ("tasks", "/tasks"), ("tasks, sought", "/tasks?q=nightly-42"), ("a task", f"/tasks/{key}"),
        ("new task", "/tasks/new"), ("a record of a million", f"/records/{record}"),
        ("its failures", f"/records/{record}?status=failed"), ("its details below a folder", f"/records/{record}?path=%2Fd07%2F"),
        ("its details, sought in errors", f"/records/{record}?q=made"), ("clusters", "/clusters"),
        ("repositories", "/repositories"), ("a project of 500 repositories", "/repositories/many"),
        ("webhooks", "/webhooks"), ("account", "/account"),
    ]
    first_bytes(centre.port, log_in(centre.port), places)
    whole_pages(base, places)
    live_run(centre, cluster)


if __name__ == "__main__":
    ARGV = ARGS.parse_args(OWN)
    own = ["--waybill", ARGV.waybill, "--files", str(ARGV.files)]
    nodes.ARGV, pages.ARGV = nodes.ARGS.parse_args(own), pages.ARGS.parse_args(own[:2])
    try:
        main()
    finally:
        for process in list(nodes.PROCESSES):
            nodes.stop(process)
        shutil.rmtree(nodes.WORK, ignore_errors=True)
