#!/usr/bin/env python3
"""200 npm packages with 500 versions between two verdaccios, and 200 PyPI files between two pypiservers, beside the least work there is.

Usage: packages.py [--runs 3] [--kinds npm,pypi] [--packages 200] [--waybill PATH] [--tools PATH] [--work DIR]

Needs what `scripts/needs.sh` installs into target/tools: verdaccio, pypiserver. Everything listens on 127.0.0.1 and is stopped at the
end. Prints a Markdown table; medians, with the range behind. Every row checks that everything arrived with its digest. The floor reads
and writes every file once, eight at a time, and verifies nothing. What bounds a row shows in the CPU of the servers: both run in one
thread, so a target that is busy for the whole time cannot be written faster.
"""
import argparse, base64, gzip, hashlib, html, http.client, io, json, os, random, re, resource, shutil, signal, socket, statistics
import subprocess, tarfile, tempfile, threading, time, urllib.parse, zipfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ARGS = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ARGS.add_argument("--runs", type=int, default=3)
ARGS.add_argument("--kinds", default="npm,pypi")
ARGS.add_argument("--packages", type=int, default=200, help="npm packages, and PyPI files")
ARGS.add_argument("--waybill", default=os.path.join(HERE, "../target/release/waybill"))
ARGS.add_argument("--tools", default=os.path.join(HERE, "../target/tools"))
ARGS.add_argument("--work", help="folder for data (default: a temporary one)")
LOCAL = threading.local()
TICK = os.sysconf("SC_CLK_TCK")
AT_ONCE = 8


def ask(port, method, path, body=None, **headers):
    connections = LOCAL.__dict__.setdefault("connections", {})
    connection = connections.setdefault(port, http.client.HTTPConnection("127.0.0.1", port))
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
    except (http.client.HTTPException, ConnectionError):
        connections.pop(port).close()
        if method != "GET":
            raise
        return ask(port, method, path, body, **headers)
    said = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{method} {path}: {answer.status} {said[:200]}")
    return said


class Server:
    """One process that listens on a port of its own, with a folder of its own."""

    def __init__(self, name):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.data = os.path.join(WORK, name)
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data)
        log = open(os.path.join(WORK, f"{name}.log"), "ab")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        for _ in range(1200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit(f"{name} does not answer, see {log.name}")

    def cpu(self):
        """CPU seconds it has used."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        LOCAL.__dict__.get("connections", {}).pop(self.port, None)


class Npm(Server):
    """A verdaccio that anybody may publish to."""

    scheme = "npm"
    named = "npm versions"

    def command(self):
        rights = "{access: $anonymous, publish: $anonymous, unpublish: $anonymous}"
        config = os.path.join(self.data, "config.yaml")
        with open(config, "w") as file:
            file.write(f"storage: {self.data}/storage\nauth: {{htpasswd: {{file: {self.data}/htpasswd}}}}\nuplinks: {{}}\n"
                       f"packages: {{'@*/*': {rights}, '**': {rights}}}\nmax_body_size: 100mb\nweb: {{enable: false}}\n"
                       f"log: {{type: stdout, format: pretty, level: warn}}\n")
        tool = os.path.join(ARGV.tools, "npm/node_modules/.bin/verdaccio")
        return [tool, "--config", config, "--listen", f"127.0.0.1:{self.port}"]

    def fill(self):
        numbers = random.Random(5)
        for number in range(ARGV.packages):
            name = f"bench-{number:03}" if number % 4 else f"@bench/scoped-{number:03}"
            # Two and three versions in turn: 500 of 200 packages.
            for minor in range(2 + number % 2):
                self.publish(*made(name, f"1.{minor}.0", numbers))

    def publish(self, name, version, entry, tarball):
        file = f"{name}-{version}.tgz"
        document = {"_id": name, "name": name, "dist-tags": {"latest": version}, "versions": {version: entry},
                    "_attachments": {file: {"content_type": "application/octet-stream", "length": len(tarball),
                                            "data": base64.b64encode(tarball).decode()}}}
        path = "/" + name.replace("/", "%2f")
        ask(self.port, "PUT", path, json.dumps(document).encode(), Content_Type="application/json")

    def names(self):
        return [name for name in json.loads(ask(self.port, "GET", "/-/all")) if not name.startswith("_")]

    def packument(self, name):
        return json.loads(ask(self.port, "GET", "/" + name.replace("/", "%2f")))

    def held(self):
        """Everything it has, by name and digest."""
        packuments = [self.packument(name) for name in self.names()]
        return {(each["name"], version, entry["dist"]["integrity"])
                for each in packuments for version, entry in each["versions"].items()}

    def floor(self, target):
        def move(name):
            for version, entry in self.packument(name)["versions"].items():
                path = urllib.parse.urlsplit(entry["dist"]["tarball"]).path
                target.publish(name, version, entry, ask(self.port, "GET", path))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(move, self.names()))


def made(name, version, numbers):
    """Makes the entry and the tarball of an npm version: 20 KiB that do not compress."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=1) as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            manifest = json.dumps({"name": name, "version": version, "main": "data.js"}).encode()
            for path, content in (("package/package.json", manifest), ("package/data.js", numbers.randbytes(20 << 10))):
                info = tarfile.TarInfo(path)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    tarball = packed.getvalue()
    base = name.rsplit("/", 1)[-1]
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    dist = {"integrity": integrity, "shasum": hashlib.sha1(tarball).hexdigest(),
            "tarball": f"http://127.0.0.1/{name}/-/{base}-{version}.tgz"}
    return name, version, {"name": name, "version": version, "main": "data.js", "dist": dist}, tarball


class Pypi(Server):
    """A pypiserver that anybody may upload to."""

    scheme = "pypi"
    named = "PyPI files"

    def command(self):
        self.files = os.path.join(self.data, "packages")
        os.makedirs(self.files)
        tool = os.path.join(ARGV.tools, "python/bin/pypi-server")
        return [tool, "run", "-i", "127.0.0.1", "-p", str(self.port), "-P", ".", "-a", ".", "--hash-algo", "sha256", self.files]

    def fill(self):
        numbers = random.Random(6)
        for number in range(ARGV.packages):
            name, version = f"bench_{number // 2:03}", "1.0"
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.8\n".encode()
            packed, content = io.BytesIO(), numbers.randbytes(80 << 10)
            if number % 2:
                file = f"{name}-{version}-py3-none-any.whl"
                with zipfile.ZipFile(packed, "w") as wheel:
                    wheel.writestr(f"{name}/data.bin", content)
                    wheel.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
                    wheel.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
                    wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")
            else:
                file = f"{name}-{version}.tar.gz"
                with tarfile.open(fileobj=packed, mode="w:gz") as tar:
                    for path, bytes in ((f"{name}-{version}/PKG-INFO", metadata), (f"{name}-{version}/data.bin", content)):
                        info = tarfile.TarInfo(path)
                        info.size = len(bytes)
                        tar.addfile(info, io.BytesIO(bytes))
            with open(os.path.join(self.files, file), "wb") as out:
                out.write(packed.getvalue())

    def held(self):
        """Everything it has, by name and digest."""
        def digest(name):
            with open(os.path.join(self.files, name), "rb") as file:
                return hashlib.sha256(file.read()).hexdigest()
        return {(name, digest(name)) for name in os.listdir(self.files)}

    def links(self, path):
        page = ask(self.port, "GET", path).decode()
        return [urllib.parse.urljoin(path, html.unescape(link)) for link in re.findall(r'href="([^"]+)"', page)]

    def upload(self, file, content):
        name, version = file.split("-")[:2]
        fields = {":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": name,
                  "version": version.removesuffix(".tar.gz"), "filetype": "bdist_wheel" if file.endswith("whl") else "sdist",
                  "pyversion": "py3", "sha256_digest": hashlib.sha256(content).hexdigest()}
        edge = "waybill-bench-" + hashlib.sha256(content).hexdigest()
        parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
        head = f'--{edge}\r\nContent-Disposition: form-data; name="content"; filename="{file}"\r\n\r\n'
        body = "".join(parts).encode() + head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        ask(self.port, "POST", "/", body, Content_Type=f"multipart/form-data; boundary={edge}")

    def floor(self, target):
        def move(project):
            for link in self.links(project):
                path = link.split("#")[0]
                target.upload(os.path.basename(path), ask(self.port, "GET", path))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(move, self.links("/simple/")))


def waybill(source, target):
    return [ARGV.waybill, "copy", f"{source.scheme}+http://127.0.0.1:{source.port}",
            f"{target.scheme}+http://127.0.0.1:{target.port}", "--state", os.path.join(WORK, "state")]


def timed(command):
    """Runs it; returns seconds, CPU seconds and peak MiB of the process."""
    log = open(os.path.join(WORK, "run.log"), "ab")
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=log, stderr=log)
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    if status:
        raise SystemExit(f"{command[0]} failed, see {log.name}")
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def floor(source, target):
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    source.floor(target)
    took, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, float("nan")


def measured(kind):
    """Returns the rows of one kind of registry: what, and a tuple of figures for each run."""
    rows = {}
    source = kind(f"{kind.scheme}-source")
    source.fill()
    wanted = source.held()

    def note(what, target, work):
        before = source.cpu(), target.cpu()
        figures = work()
        rows.setdefault(f"{len(wanted)} {kind.named}, {what}", []).append(
            (*figures, source.cpu() - before[0], target.cpu() - before[1]))
        if target.held() != wanted:
            raise SystemExit(f"{what}: what arrived is not what was sent")

    for run in range(ARGV.runs):
        target = kind(f"{kind.scheme}-floor{run}")
        note("floor", target, lambda: floor(source, target))
        target.stop()
        shutil.rmtree(os.path.join(WORK, "state"), ignore_errors=True)
        target = kind(f"{kind.scheme}-target{run}")
        note("Waybill", target, lambda: timed(waybill(source, target)))
        note("Waybill, nothing changed", target, lambda: timed(waybill(source, target)))
        target.stop()
    source.stop()
    return rows


def main():
    kinds = {"npm": Npm, "pypi": Pypi}
    rows = {}
    for kind in ARGV.kinds.split(","):
        rows |= measured(kinds[kind])
    print("| what | seconds | range | CPU s of the client | peak MiB | CPU s of the source | CPU s of the target | target busy |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- |")
    for what, results in rows.items():
        seconds, cpu, peak, source, target = ([result[place] for result in results] for place in range(5))
        took, busy = statistics.median(seconds), statistics.median(target)
        print(f"| {what} | {took:.2f} | {min(seconds):.2f}-{max(seconds):.2f} | {statistics.median(cpu):.2f} | {max(peak):.0f} "
              f"| {statistics.median(source):.2f} | {busy:.2f} | {100 * busy / took:.0f}% |")


if __name__ == "__main__":
    ARGV = ARGS.parse_args()
    WORK = ARGV.work or tempfile.mkdtemp(prefix="waybill-packages-")
    os.makedirs(WORK, exist_ok=True)
    try:
        main()
    finally:
        if not ARGV.work:
            shutil.rmtree(WORK, ignore_errors=True)
