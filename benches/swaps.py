"""Memory and lost requests while the models of the running service are replaced again and again.

    python3 benches/swaps.py target/release/fenzhen

Starts the service as benches/load.py does and swaps both shipped bundles and a shadow for copies
under other names and back, while four clients send /classify, explained, in batches, and routed.
Prints resident memory, threads and requests answered every twenty swaps.

Left out: bundles larger than the shipped ones, other settings than the defaults.

The threads of each set come and go, and glibc gives back what they freed only where it lies at the
end of one of its arenas: memory goes up and down by about one set of models. A leak would go on
rising, so the second half of the swaps is compared with the first.

Exit code: 0; 1 where a request or a swap failed, an answer came from a bundle that is neither the
old nor the new one, or memory or threads were higher by a tenth in the second half than ever in the
first; 2 with wrong arguments.
"""

import argparse
import http.client
import json
import pathlib
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.parse

import load

REPORT_EVERY = 20
GROWTH = 1.1
# A copy's name is its kind and a letter.
KNOWN = {"intent-fast", "intent-a", "intent-b"}

REQUESTS = [
    lambda text: ("/classify", {"text": text}),
    lambda text: ("/classify", {"text": text, "explain": True}),
    lambda text: ("/v1/classify/batch", {"texts": load.TEXTS}),
    lambda text: ("/v1/route", {"text": text}),
]


def main():
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="fenzhen-swaps-") as folder:
        folder = pathlib.Path(folder)
        copies = {name: copy(name, folder) for name in ("a", "b")}
        settings = {"FENZHEN_MODEL__ROOT": str(folder), "FENZHEN_LOG__LEVEL": "warn"}
        with load.service(args.executable.resolve(), folder, settings) as (process, url):
            clients = [Client(url, request) for request in REQUESTS]
            for client in clients:
                client.start()
            try:
                faults = swap(process, url, copies, args.swaps, clients)
            finally:
                for client in clients:
                    client.stopping = True
                for client in clients:
                    client.join()
    faults += [fault for client in clients for fault in client.faults]
    for fault in faults[:10]:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("executable", type=pathlib.Path, help="the fenzhen executable")
    parser.add_argument("--swaps", type=int, default=200, help="how many (default 200)")
    args = parser.parse_args()
    if args.swaps < 2 * REPORT_EVERY:
        parser.error(f"--swaps must be at least {2 * REPORT_EVERY}")
    if not args.executable.is_file():
        parser.error(f"there is no {args.executable}: run `make build`")
    return args


def copy(name, folder):
    """Both shipped bundles under other names, hence ids."""
    bundles = {}
    for kind in ("intent", "sentiment"):
        bundle = folder / f"{kind}-{name}"
        shutil.copytree(load.ROOT / "models" / kind, bundle)
        manifest = bundle / "fenzhen.toml"
        named = re.sub(r'^name = ".*"', f'name = "{bundle.name}"', manifest.read_text(), count=1)
        manifest.write_text(named)
        bundles[kind] = str(bundle)
    return bundles


def swap(process, url, copies, n_swaps, clients):
    load_ms, figures = [], []
    print(f"{'swaps':>6}{'rss MiB':>9}{'threads':>9}{'answered':>10}{'load ms':>9}{'drain ms':>9}")
    for n_swap in range(1, n_swaps + 1):
        new, other = ("ab", "ba")[n_swap % 2]
        body = copies[new] | {"shadow": copies[other]["intent"]}
        status, reply = post(http.client.HTTPConnection(host(url)), "/v1/admin/models/reload", body)
        if status != 200:
            return [f"swap {n_swap}: {status} {reply}"]
        load_ms.append(reply["load_ms"])
        if n_swap % REPORT_EVERY == 0:
            # The clients that were slowed down by the swap get their turn.
            time.sleep(0.5)
            rss_mib = load.memory_mib(process.pid, "VmRSS")
            threads = len(list(pathlib.Path(f"/proc/{process.pid}/task").iterdir()))
            answered = sum(client.answered for client in clients)
            mean_ms = sum(load_ms[-REPORT_EVERY:]) / REPORT_EVERY
            drain_ms = reply["drain_ms"]
            print(f"{n_swap:6}{rss_mib:9.0f}{threads:9}{answered:10}{mean_ms:9.0f}{drain_ms:9.1f}")
            figures.append((rss_mib, threads))
    half = len(figures) // 2
    faults = []
    for what, values in zip(("memory in MiB", "threads"), zip(*figures)):
        before, after = max(values[:half]), max(values[half:])
        if after > before * GROWTH:
            faults.append(f"{what} went on growing: {before:.0f}, then {after:.0f}")
    return faults


class Client(threading.Thread):
    """Sends one kind of request over one connection until told to stop."""

    def __init__(self, url, request):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(host(url), timeout=30)
        self.request = request
        self.answered = 0
        self.faults = []
        self.stopping = False

    def run(self):
        while not self.stopping:
            path, body = self.request(load.TEXTS[self.answered % len(load.TEXTS)])
            try:
                status, reply = post(self.connection, path, body)
            except OSError as error:
                self.faults.append(f"{path}: {error!r}")
                return
            names = {model(result) for result in results(reply)}
            if status != 200 or len(names) != 1 or not names <= KNOWN:
                self.faults.append(f"{path}: {status} {names} {str(reply)[:200]}")
            self.answered += 1


def results(reply):
    return reply.get("results") or [reply.get("classification", reply)]


def model(result):
    """Name of the intent bundle; what failed has none."""
    return result.get("models", {}).get("intent", "").split("@")[0]


def host(url):
    return urllib.parse.urlsplit(url).netloc


def post(connection, path, body):
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


if __name__ == "__main__":
    sys.exit(main())
