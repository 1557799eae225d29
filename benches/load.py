"""Load against the running service: requests a second and latency, bounded in time.

    python3 benches/load.py target/release/fenzhen

Starts the service with its default settings on a free loopback port and an empty data folder, and
drives it with wrk over keep-alive connections: /classify, /v1/route, then conversation turns, each
at 1, 8 and 64 connections. Prints a table and the service's memory, and stops it with SIGTERM.

Measured: the whole service, sockets, log lines (to a file) and SQLite included, while wrk takes its
share of the same cores. Left out: the network, TLS, other processes' load on the machine. wrk waits
for each answer before it sends the next on a connection, so a pause of the service delays requests
instead of piling them up: the 99th percentile is that of a patient client. Refusals (429) count
in the percentiles but not as requests a second.

Exit code: 0; 1 where the service failed or answered anything but 2xx and 429; 2 without wrk or
with wrong arguments.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "benches" / "load.lua"
CONNECTIONS = (1, 8, 64)
# Longest start: models, dictionary and the index of the knowledge base.
START_SECONDS = 60
# `http.shutdown_grace` is 10 s.
STOP_SECONDS = 15

TEXTS = [
    "我的快递三天没动了，到底还送不送！",
    "怎么改收货地址",
    "退款什么时候到账",
    "你好",
    "这件羽绒服有没有 L 码，我身高一米七五体重七十公斤",
    "什麼時候發貨？都等了一個星期了",
    "发票抬头写错了，能不能重新开一张",
    "你们这是第三次发错货了！！！我要投诉😡😡😡",
    "优惠券怎么用不了，提示不符合条件",
    "昨天买的今天就降价了，能退差价吗",
    "扫地机器人连不上 WiFi，指示灯一直闪红灯，说明书看了好几遍也没用，麻烦教一下",
    "我账号好像被盗了，刚刚有一笔不是我下的订单",
    "谢谢，问题解决了",
    "付款的时候一直转圈，钱扣了两次，订单还是待付款",
    "订单号 202611210012345，帮我看看到哪里了",
    "想退货，吊牌还在，运费谁出？",
    "有没有适合老人用的手机，字大声音大，价格一千以内的",
    "会员积分怎么兑换",
    "东西收到了，盒子压坏了，里面的杯子也碎了一个，怎么处理",
    "转人工",
    "你说的不对，没解决",
    "App 打不开，一点就闪退",
    "能不能上门安装，周末有师傅吗",
    "明天会下雨吗",
]

# Every group but one works then.
SATURDAY_MORNING = "2026-11-21T10:00:00+08:00"
CHECKS = {
    "classify": ("/classify", {}, lambda reply: reply["intent"]["label"]),
    "route": ("/v1/route", {"now": SATURDAY_MORNING}, lambda reply: reply["decision"]["skill_group"]["id"]),
    "turn": (
        "/v1/conversations/load-check/turns",
        {"turn_id": "t-1"},
        lambda reply: reply["classification"]["intent"]["label"],
    ),
}
EXPECTED = {"classify": "shipping.delay", "route": "logistics", "turn": "shipping.delay"}


def main():
    args = arguments()
    # Ends through the `finally` that stops the service.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if shutil.which("wrk") is None:
        print("wrk is not installed: on Debian and Ubuntu, `apt-get install wrk`.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="fenzhen-load-") as folder:
        folder = pathlib.Path(folder)
        with service(args.executable.resolve(), folder) as (process, url):
            results = measure(process, url, folder, args.seconds)
            peak_mib = memory_mib(process.pid, "VmHWM")
    print_table(results)
    print(f"\npeak memory of the service {peak_mib:.0f} MiB; stopped in order by SIGTERM")
    if any(result["refused"] or result["broken"] or result["timeouts"] for result in results):
        print("some requests failed: see the columns other, broken, timeout", file=sys.stderr)
        return 1
    return 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("executable", type=pathlib.Path, help="the fenzhen executable")
    parser.add_argument("--seconds", type=int, default=10, help="of each run (default 10)")
    args = parser.parse_args()
    if not 1 <= args.seconds <= 15:
        parser.error("--seconds lies outside 1 to 15: nine runs are to end within three minutes")
    if not args.executable.is_file():
        parser.error(f"there is no {args.executable}: run `make build`")
    return args


@contextlib.contextmanager
def service(executable, folder, settings=None):
    """The service, from ready to stopped; whatever happens, no process is left.

    `settings` go over the defaults, as environment variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    # The defaults are measured, whatever the caller's environment says.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FENZHEN_")}
    environment |= settings or {}
    command = [executable, "serve", "--listen", address, "--data-dir", folder / "data"]
    log = folder / "log"
    with log.open("wb") as lines:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=lines)
    try:
        url = f"http://{address}"
        wait_until_ready(process, url, log)
        yield process, url
        process.send_signal(signal.SIGTERM)
        code = process.wait(STOP_SECONDS)
        if code != 0:
            raise SystemExit(f"the service ended with {code} after SIGTERM")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def wait_until_ready(process, url, log):
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise SystemExit(f"the service did not start:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"the service is not ready after {START_SECONDS} s")


def measure(process, url, folder, seconds):
    texts = folder / "texts"
    texts.write_text("".join(json.dumps(text) + "\n" for text in TEXTS))
    results = []
    for scenario in CHECKS:
        check(scenario, url)
        for connections in CONNECTIONS:
            if sys.stderr.isatty():
                print(f"{scenario}, {connections} connections, {seconds} s", file=sys.stderr)
            result = run_wrk(scenario, connections, url, texts, seconds)
            results.append(result | {"rss_mib": memory_mib(process.pid, "VmRSS")})
    return results


def check(scenario, url):
    """One request by itself: figures of wrong answers would be worth nothing."""
    path, extra, read = CHECKS[scenario]
    body = json.dumps({"text": TEXTS[0]} | extra).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url + path, body, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = read(json.load(response))
    if answer != EXPECTED[scenario]:
        raise SystemExit(f"{path} answers {answer!r} instead of {EXPECTED[scenario]!r}")


def run_wrk(scenario, connections, url, texts, seconds):
    # One thread of wrk: its share of the cores is taken from the service.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s"]
    command += ["-s", SCRIPT, url, "--", scenario, f"{scenario}-{connections}", texts]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 10)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode != 0 or not lines:
        raise SystemExit(f"wrk failed:\n{done.stdout}{done.stderr}")
    result = json.loads(lines[0].removeprefix("RESULT "))
    if result["requests"] == 0:
        raise SystemExit(f"{scenario}: no request was answered")
    return result | {"scenario": scenario, "connections": connections}


def memory_mib(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the service is gone")


def print_table(results):
    names = ("", "connections", "requests/s", "p50 ms", "p99 ms", "max ms", "429/s", "other")
    names += ("broken", "timeout", "rss MiB")
    print(("{:10}" + "{:>12}" * 2 + "{:>9}" * 8).format(*names))
    for result in results:
        run_seconds = result["duration_us"] / 1e6
        # Refusals are quick and would flatter the figure.
        answered = result["requests"] - result["overloaded"] - result["refused"]
        print(
            f"{result['scenario']:10}{result['connections']:12}{answered / run_seconds:12.0f}"
            + "".join(f"{result[key] / 1e3:9.2f}" for key in ("p50_us", "p99_us", "max_us"))
            + f"{result['overloaded'] / run_seconds:9.0f}"
            + "".join(f"{result[key]:9}" for key in ("refused", "broken", "timeouts"))
            + f"{result['rss_mib']:9.0f}"
        )


if __name__ == "__main__":
    sys.exit(main())
