#!/usr/bin/env python3
"""Fifty images with shared layers from one registry to another, beside skopeo and the least work there is.

Usage: oci.py [--runs 3] [--waybill PATH] [--work DIR]

Needs on PATH: docker-registry, skopeo. Everything listens on 127.0.0.1 and is stopped at the end. Prints a Markdown table; medians,
with the range behind. Every row checks that all manifests arrived with their digests. The floor moves every blob once, mounts the rest
and writes the manifests, four at a time, and verifies nothing itself.
"""
import argparse, gzip, hashlib, http.client, io, json, os, random, shutil, signal, socket, statistics, subprocess
import tarfile, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor

ARGS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ARGS.add_argument("--runs", type=int, default=3)
ARGS.add_argument("--waybill", default=os.path.join(os.path.dirname(__file__), "../target/release/waybill"))
ARGS.add_argument("--work", help="folder for data (default: a temporary one)")
IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
NAMES = [f"bench/img{number:02}" for number in range(50)]
LOCAL = threading.local()


def ask(port, method, path, body=None, **headers):
    connections = LOCAL.__dict__.setdefault("connections", {})
    connection = connections.setdefault(port, http.client.HTTPConnection("127.0.0.1", port))
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def expect(status, wanted, what):
    if status != wanted:
        raise SystemExit(f"{what}: {status}, not {wanted}")


class Registry:
    """One `docker-registry` process with a folder of its own."""

    def __init__(self, name):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.data = os.path.join(WORK, name)
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data)
        config = os.path.join(WORK, f"{name}.yml")
        with open(config, "w") as file:
            file.write(f"version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\n"
                       f"storage: {{filesystem: {{rootdirectory: {self.data}}}, cache: {{blobdescriptor: inmemory}}}}\n"
                       f'http: {{addr: "127.0.0.1:{self.port}"}}\n')
        log = open(os.path.join(WORK, f"{name}.log"), "ab")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        for _ in range(600):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit("docker-registry does not answer")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def upload(self, name, digest, body):
        status, headers, _ = ask(self.port, "POST", f"/v2/{name}/blobs/uploads/", b"", Content_Length="0")
        expect(status, 202, "upload")
        location = headers["Location"].split(str(self.port), 1)[-1]
        sign = "&" if "?" in location else "?"
        status, _, _ = ask(self.port, "PUT", f"{location}{sign}digest={digest}", body,
                           Content_Type="application/octet-stream")
        expect(status, 201, "upload")

    def write(self, name, reference, body, kind):
        status, _, said = ask(self.port, "PUT", f"/v2/{name}/manifests/{reference}", body, Content_Type=kind)
        expect(status, 201, f"manifest ({said})")

    def manifest(self, name, reference):
        status, _, body = ask(self.port, "GET", f"/v2/{name}/manifests/{reference}", Accept=f"{IMAGE}, {INDEX}")
        expect(status, 200, f"manifest {name}")
        return body


def layer(tag, size, numbers):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=1) as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            content = numbers.randbytes(size)
            info = tarfile.TarInfo(tag)
            info.size = size
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def digest_of(body):
    return "sha256:" + hashlib.sha256(body).hexdigest()


def fill(registry):
    """Pushes fifty images (ten of them for two platforms) that share five bases and ten runtimes; returns their digests."""
    numbers = random.Random(4)
    bases = [layer(f"base{number}", 8 << 20, numbers) for number in range(5)]
    runtimes = [layer(f"runtime{number}", 3 << 20, numbers) for number in range(10)]

    def part(name, body, kind):
        registry.upload(name, digest_of(body), body)
        return {"mediaType": kind, "digest": digest_of(body), "size": len(body)}

    def image(name, number, platform):
        own = [layer(f"app{number}{platform}", 1 << 20, numbers), layer(f"conf{number}{platform}", 256 << 10, numbers)]
        layers = [bases[number % 5], runtimes[number % 10], *own]
        config = json.dumps({"architecture": platform, "os": "linux", "number": number}).encode()
        kind = "application/vnd.oci.image.layer.v1.tar+gzip"
        return json.dumps({"schemaVersion": 2, "mediaType": IMAGE,
                           "config": part(name, config, "application/vnd.oci.image.config.v1+json"),
                           "layers": [part(name, body, kind) for body in layers]}).encode()

    digests = {}
    for number, name in enumerate(NAMES):
        if number % 5 == 4:
            entries = []
            for platform in ("amd64", "arm64"):
                body = image(name, number, platform)
                registry.write(name, digest_of(body), body, IMAGE)
                entries.append({"mediaType": IMAGE, "digest": digest_of(body), "size": len(body),
                                "platform": {"os": "linux", "architecture": platform}})
            body, kind = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode(), INDEX
        else:
            body, kind = image(name, number, "amd64"), IMAGE
        registry.write(name, "v1", body, kind)
        digests[name] = digest_of(body)
    return digests


def floor(source, target):
    def read(name, reference):
        body = source.manifest(name, reference)
        document = json.loads(body)
        inner = [each for child in document.get("manifests", []) for each in read(name, child["digest"])]
        return inner + [(reference, body, document)]

    def move(item):
        digest, name = item
        status, _, body = ask(source.port, "GET", f"/v2/{name}/blobs/{digest}")
        expect(status, 200, "blob")
        target.upload(name, digest, body)

    def mount(item):
        name, digest, origin = item
        path = f"/v2/{name}/blobs/uploads/?mount={digest}&from={origin}"
        expect(ask(target.port, "POST", path, b"", Content_Length="0")[0], 201, "mount")

    with ThreadPoolExecutor(4) as pool:
        manifests = dict(zip(NAMES, pool.map(lambda name: read(name, "v1"), NAMES)))
        first, more = {}, []
        for name, found in manifests.items():
            parts = {part["digest"] for _, _, document in found
                     for part in [*document.get("layers", []), *filter(None, [document.get("config")])]}
            for digest in parts:
                if first.setdefault(digest, name) != name:
                    more.append((name, digest, first[digest]))
        list(pool.map(move, first.items()))
        list(pool.map(mount, more))
        list(pool.map(lambda name: [target.write(name, reference, body, document["mediaType"])
                                    for reference, body, document in manifests[name]], NAMES))


def skopeo(source, target):
    listed = os.path.join(WORK, "sync.yml")
    with open(listed, "w") as file:
        json.dump({f"127.0.0.1:{source.port}": {"tls-verify": False, "images": {name: [] for name in NAMES}}}, file)
    return ["skopeo", "sync", "--all", "--src", "yaml", "--dest", "docker", "--dest-tls-verify=false", listed,
            f"127.0.0.1:{target.port}/bench"]


def waybill(source, target):
    return [ARGV.waybill, "copy", f"oci+http://127.0.0.1:{source.port}/bench/*",
            f"oci+http://127.0.0.1:{target.port}/bench/*", "--state", os.path.join(WORK, "state")]


def timed(command):
    """Runs it; returns seconds, CPU seconds and peak MiB of the process."""
    log = open(os.path.join(WORK, "run.log"), "ab")
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=log, stderr=log)
    peaks = []
    watching = threading.Thread(target=watch, args=(process.pid, peaks))
    watching.start()
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    watching.join()
    if status:
        raise SystemExit(f"{command[0]} failed, see {log.name}")
    return took, used.ru_utime + used.ru_stime, max(peaks)


def watch(pid, peaks):
    """Notes the peak memory of a process (MiB) until it is gone; what `wait4` says counts this process before it became the other."""
    try:
        while True:
            with open(f"/proc/{pid}/status") as lines:
                peak = [line.split()[1] for line in lines if line.startswith("VmHWM")]
            if not peak:
                return
            peaks.append(int(peak[0]) / 1024)
            time.sleep(0.01)
    except (FileNotFoundError, ProcessLookupError):
        return


def check(target, digests):
    for name, digest in digests.items():
        if digest_of(target.manifest(name, "v1")) != digest:
            raise SystemExit(f"{name} arrived with another digest")


def main():
    rows = {}

    def note(what, result):
        rows.setdefault(what, []).append(result)

    source = Registry("source")
    digests = fill(source)
    for run in range(ARGV.runs):
        for what, command in (("floor", None), ("skopeo sync --all", skopeo), ("Waybill", waybill)):
            shutil.rmtree(os.path.join(WORK, "state"), ignore_errors=True)
            target = Registry(f"target{run}")
            if command is None:
                begin = time.perf_counter()
                floor(source, target)
                note(what, (time.perf_counter() - begin, float("nan"), float("nan")))
            else:
                note(what, timed(command(source, target)))
                check(target, digests)
                note(f"{what}, nothing changed", timed(command(source, target)))
            check(target, digests)
            target.stop()
            LOCAL.connections.pop(target.port, None)
    source.stop()
    print("| what | seconds | range | CPU s of the client | peak MiB |\n| --- | --- | --- | --- | --- |")
    medians = {}
    for what, results in rows.items():
        seconds, cpu, peak = ([result[place] for result in results] for place in range(3))
        medians[what] = statistics.median(seconds)
        print(f"| {what} | {medians[what]:.2f} | {min(seconds):.2f}-{max(seconds):.2f} "
              f"| {statistics.median(cpu):.2f} | {max(peak):.0f} |")
    print(f"\nWaybill / floor: {medians['Waybill'] / medians['floor']:.2f} (at most 1.25). "
          f"skopeo / Waybill: {medians['skopeo sync --all'] / medians['Waybill']:.2f}; nothing changed: "
          f"{medians['skopeo sync --all, nothing changed'] / medians['Waybill, nothing changed']:.2f} (at least 4).")


if __name__ == "__main__":
    ARGV = ARGS.parse_args()
    WORK = ARGV.work or tempfile.mkdtemp(prefix="waybill-oci-")
    os.makedirs(WORK, exist_ok=True)
    try:
        main()
    finally:
        if not ARGV.work:
            shutil.rmtree(WORK, ignore_errors=True)
