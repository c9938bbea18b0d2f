#!/usr/bin/env python3
"""A step of a spec here and in PyTorch, in turns: pair.py experiments/bench/S.yaml --rounds 9

All contestants stay loaded and one works at a time, so that whatever the machine does hits them alike. README.md says
what has to be installed, and how to read the table.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
TICKS = os.sysconf("SC_CLK_TCK")
NOISY = 0.05  # share of the CPUs' time that others may take before the table says that it means little


# --- the contestants ----------------------------------------------------------------------------------

def tuned_environment(o):
    """What PyTorch reads before it starts: one pool of threads for all its libraries, each thread on a core of its own;
    the widest vectors, which 1.13 leaves alone; and a malloc that keeps large blocks, where it would map, clear and
    unmap each of them at every step."""
    malloc = {"mmap_max": 0, "top_pad": 64 << 20, "trim_threshold": 1 << 40}
    env = {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores",
           "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in malloc.items())}
    with open("/proc/cpuinfo", encoding="utf-8") as cpu:
        if "avx512f" in cpu.read():
            env["ATEN_CPU_CAPABILITY"] = "avx512"
    if os.path.isdir(o.blas):
        env["LD_LIBRARY_PATH"] = ":".join([o.blas] + os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    return env


@dataclass
class Kind:
    label: str
    flags: tuple
    tuned: bool = True


NHWC, BF16 = "--channels-last", "--bfloat16"
PYTORCH = [
    Kind("as it comes", (), tuned=False),
    Kind("float32", ()),
    Kind("float32 channels-last", (NHWC,)),
    Kind("bfloat16 channels-last", (NHWC, BF16)),
    Kind("compiled float32", ("--compile",)),
    Kind("compiled float32 channels-last", (NHWC, "--compile")),
    Kind("compiled bfloat16 channels-last", (NHWC, BF16, "--compile")),
]


def pytorch_version(o):
    done = subprocess.run([o.python, "-c", "import torch; print(torch.__version__)"], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        sys.exit(f"pair.py: {o.python} has no PyTorch; Debian's package is python3-torch")
    return done.stdout.strip()


def chosen(kinds, o):
    """Those that --only asks for, of those that this PyTorch can be."""
    if not o.only:
        return kinds
    wanted = o.only.split(",")
    unknown = set(wanted) - {k.label for k in kinds}
    if unknown:
        sys.exit(f"pair.py: --only: {', '.join(sorted(unknown))}: there is " + ", ".join(k.label for k in kinds))
    return [k for k in kinds if k.label in wanted]


def sets_of(o):
    return [word for s in o.set for word in ("--set", s)]


def torch_command(kind, o):
    flush = ("--flush-denormals",) if kind.tuned else ()
    return [o.python, os.path.join(HERE, "torch_step.py"), o.spec, "--mode", o.mode, "--threads", str(o.threads),
            *kind.flags, *flush, *sets_of(o)]


def precisions(o):
    """Both, unless the command says which."""
    named = [s.partition("=")[2].strip() for s in o.set if s.startswith("precision=")]
    return named[-1:] or ["float32", "bf16"]


def runner_command(runner, precision, o):
    return [runner, "bench", o.spec, "--serve", "--mode", o.mode, "--threads", str(o.threads), *sets_of(o),
            "--set", f"precision={precision}"]


# --- a step server and what the machine does while it works -------------------------------------------

def busy_seconds():
    """CPU time of the whole machine that was not idle; what a host took away counts."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _wait, irq, soft, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + soft + steal) / TICKS


class Server:
    """A process that makes one step for each line that it is sent."""

    def __init__(self, label, command, env, float32=True):
        self.label, self.float32 = label, float32
        self.seconds, self.peak_mib, self.taken = [], 0.0, 0.0
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        try:
            self.ready = json.loads(line)
            self.flop, self.images = self.ready["step_flop"], self.ready["step_images"]
        except (ValueError, KeyError, TypeError):
            self.close()
            sys.exit(f"pair.py: {label}: did not get ready; it said {line!r}")

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            after_name = stat.read().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def step(self):
        """Seconds; how much CPU time all others used meanwhile is added to `taken`."""
        before = busy_seconds() - self.cpu_seconds()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) < 2:
            sys.exit(f"pair.py: {self.label}: ended before it answered")
        self.taken += max(0.0, busy_seconds() - self.cpu_seconds() - before)
        self.peak_mib = float(answer[1])
        return float(answer[0])

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def runner_json(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"pair.py: {' '.join(command)}: ended with {done.returncode}")
    return json.loads(done.stdout)


def peak_flop_per_s(o):
    """Of float32 multiply-adds: what `runner bench` measures between its steps, here of one image, to be soon done."""
    return runner_json([o.runner[0][1], "bench", o.spec, "--mode", "sample", "--steps", "3", "--json", "--threads",
                        str(o.threads), *sets_of(o), "--set", "evaluate.batch=1"])["peak_flop_per_s"]


def start(o, version):
    """All servers, ours last; exits if they would not do the same work."""
    compiled = int(version.split(".")[0]) >= 2
    kinds = chosen([k for k in PYTORCH if compiled or "--compile" not in k.flags], o)
    plain = dict(os.environ, OMP_NUM_THREADS=str(o.threads))
    torch_servers, ours = [], []
    for kind in kinds:
        env = {**plain, **tuned_environment(o)} if kind.tuned else plain
        label = f"PyTorch {'tuned ' if kind.tuned else ''}{kind.label}"
        torch_servers.append(Server(label, torch_command(kind, o), env, float32=BF16 not in kind.flags))
    for label, runner in o.runner:
        for precision in precisions(o):
            ours.append(Server(f"{label} {precision}", runner_command(runner, precision, o), plain, precision == "float32"))
    plan = runner_json([o.runner[0][1], "plan", o.spec, "--json", *sets_of(o)])
    variant = next(v for v in plan["variants"] if v["baseline"])
    for s in torch_servers:
        for what in ("parameters", "flop_per_image"):
            if s.ready[what] != variant[what]:
                sys.exit(f"pair.py: {s.label}: {what} {s.ready[what]}, but `runner plan` says {variant[what]}")
    for s in torch_servers + ours:
        if (s.flop, s.images) != (ours[0].flop, ours[0].images):
            sys.exit(f"pair.py: {s.label}: a step of {s.images} images and {s.flop:.0f} FLOP; that of {ours[0].label} "
                     f"has {ours[0].images} and {ours[0].flop:.0f}")
    return torch_servers, ours, plan["name"], variant


# --- rounds and table ---------------------------------------------------------------------------------

def play(servers, o):
    """A step of each in every round; each round begins with another one, and one step of each goes uncounted. Returns
    the machine's peaks, one a round."""
    peaks = []
    for s in servers:
        s.step()
        s.taken = 0.0
    for r in range(o.rounds):
        peaks.append(peak_flop_per_s(o))
        first = r % len(servers)
        for s in servers[first:] + servers[:first]:
            time.sleep(o.pause)
            s.seconds.append(s.step())
    return peaks


def quantile(values, share):
    v, at = sorted(values), share * (len(values) - 1)
    low = int(at)
    return v[low] + (at - low) * (v[min(low + 1, len(v) - 1)] - v[low])


def speed(s, bar):
    """How many steps s makes in the time of one of bar: the median of the rounds' ratios, and their 10 to 90 %."""
    if s is bar:
        return "1"
    ratios = [theirs / mine for theirs, mine in zip(bar.seconds, s.seconds)]
    return f"{statistics.median(ratios):.2f} ({quantile(ratios, 0.1):.2f}–{quantile(ratios, 0.9):.2f})"


def bars(torch_servers):
    """The best PyTorch of each type: (name of the column, server)."""
    fastest = sorted(torch_servers, key=lambda s: statistics.median(s.seconds))
    of_type = {"× best float32": [s for s in fastest if s.float32], "× best bfloat16": [s for s in fastest if not s.float32]}
    return [(name, servers[0]) for name, servers in of_type.items() if servers]


def print_table(head, rows):
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    for row in [head, ["-" * widths[0]] + ["-" * (w - 1) + ":" for w in widths[1:]]] + rows:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("| " + " | ".join(cells) + " |")


def others_share(servers):
    """Of the machine's CPU time during the steps of these servers."""
    return sum(s.taken for s in servers) / (os.cpu_count() * sum(sum(s.seconds) for s in servers))


def report(torch_servers, ours, peaks):
    peak, columns = statistics.median(peaks), bars(torch_servers) if torch_servers else []
    rows = []
    for s in torch_servers + ours:
        m = statistics.median(s.seconds)
        rows.append([s.label, f"{1e3 * m:.1f}", f"{1e3 * min(s.seconds):.1f}", f"{s.images / m:.1f}",
                     f"{s.flop / m / 1e9:.1f}", f"{100 * s.flop / m / peak:.0f} %", f"{s.peak_mib:.0f}",
                     f"{100 * others_share([s]):.0f} %"] + [speed(s, bar) for _, bar in columns])
    head = ["contestant", "step ms", "least", "images/s", "GFLOP/s", "of peak", "peak MiB", "others"]
    print_table(head + [name for name, _ in columns], rows)
    print(f"\nfloat32 peak: {peak / 1e9:.0f} GFLOP/s ({min(peaks) / 1e9:.0f} to {max(peaks) / 1e9:.0f}), measured in "
          "every round")
    if others_share(torch_servers + ours) > NOISY:
        print("others used the CPUs as well, or a contestant spins while it waits: these figures are rough")


# --- the command --------------------------------------------------------------------------------------

def labelled(text):
    """LABEL=PATH, or PATH, which then is the label as well"""
    label, equals, path = text.partition("=")
    return (label, path) if equals else (text, text)


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("spec", metavar="SPEC")
    p.add_argument("--rounds", type=int, default=9, help="(default: 9)")
    p.add_argument("--mode", choices=("train", "sample"), default="train")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: all CPUs)")
    p.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="override a value of the spec")
    p.add_argument("--runner", type=labelled, action="append", metavar="[LABEL=]PATH",
                   help="ours (repeatable, to compare builds; default: build/runner)")
    p.add_argument("--only", metavar="A,B", help="these PyTorch contestants: 'float32,bfloat16 channels-last'")
    p.add_argument("--python", default="/usr/bin/python3", help="the one that has PyTorch (default: Debian's)")
    p.add_argument("--blas", default=f"/usr/lib/{os.uname().machine}-linux-gnu/openblas-openmp", metavar="DIR",
                   help="an OpenBLAS that shares PyTorch's threads (default: that of libopenblas0-openmp)")
    p.add_argument("--pause", type=float, default=0.05, metavar="S", help="before each step: threads fall asleep")
    o = p.parse_args()
    if o.rounds < 1 or o.threads < 1:
        p.error("--rounds and --threads are at least 1")
    o.runner = o.runner or [("runner", "build/runner")]
    return o


def main():
    o = options()
    version = pytorch_version(o)
    if not os.path.isdir(o.blas):
        print(f"no {o.blas}: without Debian's libopenblas0-openmp its PyTorch multiplies on a second pool of threads\n")
    torch_servers, ours, name, variant = start(o, version)
    servers = torch_servers + ours
    try:
        peaks = play(servers, o)
    finally:
        for s in servers:
            s.close()
    print(f"{name}{''.join(' ' + s for s in o.set)}: a {'training' if o.mode == 'train' else 'denoising'} step of "
          f"{ours[0].images} images, {o.threads} threads, {o.rounds} rounds, PyTorch {version}")
    print(f"PyTorch's network and ours agree: {variant['parameters']:,} parameters, "
          f"{variant['flop_per_image'] / 1e9:.3f} GFLOP forward for an image\n")
    report(torch_servers, ours, peaks)


if __name__ == "__main__":
    main()
