"""The built executable from outside, as a newcomer would use it: start, ask, hand over, kill, go on.

Usage: python3 tests/smoke.py target/release/fenzhen
Needs Python's standard library only. Every check prints a line; the exit status is 1 if one fails.
"""

import concurrent.futures
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

LATE = "我的快递三天没动了，到底还送不送！"
# Turns that did not help, whatever the model: three of them hand over.
UNHELPFUL = ["今天天气怎么样", "没用，还是不行", "答非所问，没解决"]
START_SECONDS = 60  # the first start turns some 15,000 ways of asking into vectors; later ones read them


class Service:
    """One process of the service with its data folder."""

    def __init__(self, executable: str, data_dir: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        started = time.monotonic()
        self.process = subprocess.Popen(
            [executable, "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", str(data_dir)],
            stderr=subprocess.DEVNULL,
        )
        while time.monotonic() - started < START_SECONDS:
            try:
                if self.get("/readyz")[0] == 200:
                    self.start_seconds = time.monotonic() - started
                    return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"not ready after {START_SECONDS} s")

    def send(self, method: str, path: str, body: object = None, raw: bytes | None = None):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def get(self, path: str):
        return self.send("GET", path)

    def post(self, path: str, body: object):
        return self.send("POST", path, body)

    def turn(self, conversation: str, turn: str, text: str):
        return self.post(f"/v1/conversations/{conversation}/turns", {"turn_id": turn, "text": text})[1]

    def stop(self, how: int) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=20)


failures = 0


def check(holds: bool, what: str, got: object = "") -> None:
    """Prints one line; counts failures."""
    global failures
    failures += not holds
    print(f"{'ok    ' if holds else 'FAILED'} {what}" + ("" if holds else f": {got}"), flush=True)


def understands_and_routes(service: Service) -> None:
    _, answer = service.post("/classify", {"text": LATE})
    check(answer["intent"]["label"] == "shipping.delay", "/classify reads shipping.delay", answer)
    check(answer["sentiment"]["label"] == "negative", "/classify reads negative", answer)
    check(abs(sum(answer["sentiment"]["scores"].values()) - 1) < 1e-3, "scores add up to 1")
    body = {"text": LATE, "customer": {"tags": ["vip"]}, "explain": True}
    _, routed = service.post("/v1/route", body)
    decision = routed["decision"]
    check(decision["skill_group"]["id"] in ("vip", "logistics"), "a VIP goes to VIP or logistics", decision)
    check(decision["priority"] in ("P0", "P1"), "with P0 or P1", decision)
    rows = [row for section in routed["trace"]["sections"] for row in section["rows"]]
    check({"matched", "passed_over"} <= {row["result"] for row in rows}, "and says why and why not")
    query = urllib.parse.quote("怎么改收货地址")
    _, found = service.get(f"/v1/kb/search?q={query}")
    check("地址" in found["hits"][0]["title"], "the search finds the article first", found["hits"][:1])


def hands_over_once(service: Service, conversation: str) -> None:
    for i, text in enumerate(UNHELPFUL[:2]):
        reply = service.turn(conversation, f"t{i}", text)
        check(reply["strikes"] == i + 1, f"strike {i + 1}", reply)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        retries = [pool.submit(service.turn, conversation, "t2", UNHELPFUL[2]) for _ in range(20)]
        replies = [retry.result() for retry in retries]
    check(all(reply == replies[0] for reply in replies), "twenty parallel retries get one reply")
    check(replies[0]["action"] == "transfer", "the third failed turn hands over", replies[0])
    check(service.turn(conversation, "t3", "你好")["action"] == "silent", "then the bot is silent")


def refuses_politely(service: Service) -> None:
    table = [
        (b"", 400), (b"{", 400), (b'{"text":"\xff"}', 400), (b'{"text":""}', 422),
        (b'{"text":7}', 422), (b'{"texts":"a"}', 422), (b'{"text":"' + b"a" * 2_000_000 + b'"}', 413),
    ]
    for raw, status in table:
        got, answer = service.send("POST", "/classify", raw=raw)
        well = got == status and {"error", "request_id"} == set(answer) and answer["error"]["code"]
        check(bool(well), f"{raw[:20]!r} is refused with {status}", (got, answer))


def main(executable: str) -> int:
    data_dir = Path(tempfile.mkdtemp(prefix="fenzhen-smoke-"))
    try:
        service = Service(executable, data_dir)
        check(True, f"ready {service.start_seconds:.1f} s after the start")
        understands_and_routes(service)
        hands_over_once(service, "c1")
        refuses_politely(service)
        service.turn("c2", "t0", UNHELPFUL[0])
        service.turn("c2", "t1", UNHELPFUL[1])
        service.stop(signal.SIGKILL)
        service = Service(executable, data_dir)
        _, view = service.get("/v1/conversations/c2")
        check((view["strikes"], len(view["turns"])) == (2, 2), "kill -9 between turns loses nothing", view)
        check(service.turn("c2", "t1", UNHELPFUL[1])["strikes"] == 2, "a retry after it counts nothing")
        third = service.turn("c2", "t2", UNHELPFUL[2])
        check(third["action"] == "transfer", "and the third turn hands over", third)
        _, first = service.get("/v1/conversations/c1")
        check(first["state"] == "handed_off" and first["handoff"]["episode"] == 1, "once only", first)
        check(service.stop(signal.SIGTERM) == 0, "stops cleanly")
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
    print(f"{'FAILED' if failures else 'passed'}: {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
