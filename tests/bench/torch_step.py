#!/usr/bin/env python3
"""A step server in PyTorch for the training or the denoising step of a spec: what pair.py compares
`runner bench SPEC --serve` with.

When it is ready it prints a line of JSON; then it makes a step for each line of input, and answers "SECONDS PEAK_MIB".
"""
import argparse
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import bench_spec
import torch_network

WARM_UP = 3  # steps: code that is compiled at run time, threads, pages that are touched for the first time
LOGSNR_MAX = 15.0


class ProductFlop(TorchDispatchMode):
    """Counts two for each multiply-add of convolutions, linear layers and the products of attention, as `runner plan`
    does. It sees the operators that PyTorch runs, so it counts what is done and not what a module says."""

    def __init__(self):
        super().__init__()
        self.flop = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func.name().split("::")[-1].split(".")[0]
        if name in ("convolution", "_convolution"):
            self.flop += 2 * out.numel() * args[1][0].numel()  # each output is a sum over one filter
        elif name in ("mm", "bmm"):
            self.flop += 2 * out.numel() * args[0].shape[-1]
        elif name == "addmm":
            self.flop += 2 * out.numel() * args[1].shape[-1]
        elif name.startswith("_scaled_dot_product"):
            self.flop += 4 * args[0].numel() * args[1].shape[-2]  # q k' and the weights times v
        return out


def forward_flop(network, net):
    """Of one image."""
    with torch.no_grad(), ProductFlop() as count:
        network(torch.zeros(1, 3, net.height, net.width), torch.zeros(1))
    return count.flop


def logsnr_at(t):
    """The cosine schedule between logSNR 15 and -15."""
    low = math.atan(math.exp(-LOGSNR_MAX / 2))
    return -2 * torch.log(torch.tan(low + t * (math.pi / 2 - 2 * low)))


def alpha_sigma(logsnr):
    return (torch.sigmoid(s).sqrt().view(-1, 1, 1, 1) for s in (logsnr, -logsnr))


class TrainingStep:
    """Noise, network, loss at all scales, gradients, clipping, Adam, average of the weights."""
    passes = 3  # forward, and the gradients of inputs and of weights, each as many products

    def __init__(self, spec, network, predict, images):
        self.spec, self.predict = spec, predict
        self.x0 = images.clamp(-1, 1)
        self.weights = list(network.parameters())
        self.average = [w.detach().clone() for w in self.weights]
        options = {"lr": 1e-4, "betas": (0.9, 0.99)}
        try:
            self.adam = torch.optim.Adam(self.weights, fused=True, **options)
        except (RuntimeError, TypeError):  # before 2.4 on a GPU alone
            self.adam = torch.optim.Adam(self.weights, foreach=True, **options)

    def loss(self):
        logsnr, eps = logsnr_at(torch.rand(len(self.x0))), torch.randn_like(self.x0)
        alpha, sigma = alpha_sigma(logsnr)
        z = alpha * self.x0 + sigma * eps
        v = self.predict(z, logsnr).float()
        if self.spec.loss.on_eps:
            error = sigma * z + alpha * v - eps
        else:
            error = v - (alpha * eps - sigma * self.x0)
        terms = zip(self.spec.loss.scales, self.spec.loss.weights)
        return sum(w * (F.avg_pool2d(error, s) if s > 1 else error).square().mean() for s, w in terms)

    def __call__(self):
        self.adam.zero_grad(set_to_none=True)
        self.loss().backward()
        if self.spec.clip:
            nn.utils.clip_grad_norm_(self.weights, self.spec.clip)
        self.adam.step()
        if self.spec.ema:
            with torch.no_grad():
                torch._foreach_mul_(self.average, self.spec.ema)
                torch._foreach_add_(self.average, self.weights, alpha=1 - self.spec.ema)


class DenoisingStep:
    """The network, its estimate of the image, and a DDIM step, at logSNR 0 each time: it takes as long as any other."""
    passes = 1

    def __init__(self, spec, network, predict, images):
        self.predict, self.z = predict, images
        self.logsnr = torch.zeros(len(images))
        network.eval()

    @torch.no_grad()
    def __call__(self):
        alpha, sigma = alpha_sigma(self.logsnr)
        x0 = alpha * self.z - sigma * self.predict(self.z, self.logsnr).float()
        eps = (self.z - alpha * x0) / sigma
        self.z = alpha * x0.clamp(-1, 1) + sigma * eps


def peak_resident_mib():
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def predictor(network, o):
    """network(z, logsnr), in bfloat16 and compiled where that is asked for"""
    call = torch.compile(network) if o.compile else network

    def predict(z, logsnr):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=o.bfloat16):
            return call(z, logsnr)
    return predict


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("spec", metavar="SPEC")
    p.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="override a value of the spec")
    p.add_argument("--mode", choices=("train", "sample"), default="train")
    p.add_argument("--threads", type=int, help="(default: PyTorch's choice)")
    p.add_argument("--channels-last", action="store_true", help="maps as [images, height, width, channels] in memory")
    p.add_argument("--bfloat16", action="store_true", help="autocast")
    p.add_argument("--compile", action="store_true", help="torch.compile, of PyTorch 2")
    p.add_argument("--flush-denormals", action="store_true")
    return p.parse_args()


def serve(o):
    torch.set_flush_denormal(o.flush_denormals)  # first of all: threads take it over from the one that starts them
    if o.threads:
        torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    spec = bench_spec.read(o.spec, o.set)
    net = spec.network
    layout = torch.channels_last if o.channels_last else torch.contiguous_format
    network = torch_network.build(net, layout)
    kind, batch = {"train": (TrainingStep, spec.train_images), "sample": (DenoisingStep, spec.sample_images)}[o.mode]
    flop = forward_flop(network, net)
    images = torch.randn(batch, 3, net.height, net.width).contiguous(memory_format=layout)
    step = kind(spec, network, predictor(network, o), images)
    for _ in range(WARM_UP):
        step()
    print(json.dumps({"ready": True, "step_flop": kind.passes * batch * flop, "step_images": batch,
                      "parameters": sum(w.numel() for w in network.parameters()), "flop_per_image": flop}), flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        step()
        print(f"{time.perf_counter() - begun:.6f} {peak_resident_mib():.1f}", flush=True)


if __name__ == "__main__":
    try:
        serve(options())
    except (bench_spec.SpecError, OSError) as wrong:
        sys.exit(f"torch_step.py: {wrong}")
