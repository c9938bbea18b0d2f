"""The runner's networks in PyTorch: uvit and unet of docs/spec.md, with the same names for the same parameters.

Maps are [images, channels, height, width]; `cond` is the embedding of logSNR, [images, 4 * width of the first level].
"""
import math

import torch
from torch import nn
from torch.nn import functional as F

FUSED_ATTENTION = hasattr(F, "scaled_dot_product_attention")  # PyTorch 2
NORM_EPS = 1e-5


class GroupNorm(nn.GroupNorm):
    """Groups of at least four channels, at most 32 of them."""

    def __init__(self, channels):
        groups = max(1, min(32, channels // 4))
        while channels % groups:
            groups -= 1
        super().__init__(groups, channels, NORM_EPS)

    def forward(self, x):
        # PyTorch 1.13 has no group norm of bfloat16 maps with float32 weights, which is what autocast asks for.
        return F.group_norm(x, self.num_groups, self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps)


def conv3(n_in, n_out):
    return nn.Conv2d(n_in, n_out, 3, padding=1)


def modulated(x, scale, offset):
    """x * (1 + scale) + offset, in one pass over x"""
    return torch.addcmul(offset, x, scale + 1)


def attend(qkv, heads):
    """softmax(q k' / sqrt(width of a head)) v for each head; qkv: [images, tokens, q|k|v], each head after head"""
    images, tokens, wide = qkv.shape
    head = wide // 3 // heads
    q, k, v = qkv.view(images, tokens, 3, heads, head).permute(2, 0, 3, 1, 4)
    if FUSED_ATTENTION:
        y = F.scaled_dot_product_attention(q, k, v)
    else:
        y = torch.softmax((q / math.sqrt(head)) @ k.transpose(2, 3), dim=3) @ v
    return y.transpose(1, 2).reshape(images, tokens, heads * head)


def tokens_of(h):
    """Pixels in row-major order: [images, pixels, channels]"""
    return h.permute(0, 2, 3, 1).flatten(1, 2)


def map_of(tokens, like, layout):
    images, _, height, width = like.shape
    return tokens.view(images, height, width, -1).permute(0, 3, 1, 2).contiguous(memory_format=layout)


class Resnet(nn.Module):
    def __init__(self, n_in, n_out, n_cond):
        super().__init__()
        self.norm1, self.conv1 = GroupNorm(n_in), conv3(n_in, n_out)
        self.film = nn.Linear(n_cond, 2 * n_out)
        self.norm2, self.conv2 = GroupNorm(n_out), conv3(n_out, n_out)
        self.short = nn.Conv2d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x, cond):
        scale, offset = self.film(cond)[:, :, None, None].chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(modulated(self.norm2(h), scale, offset)))
        return self.short(x) + h


class Transformer(nn.Module):
    def __init__(self, channels, heads, n_cond):
        super().__init__()
        self.heads = heads
        self.film = nn.Linear(n_cond, 4 * channels)
        self.norm1, self.norm2 = nn.LayerNorm(channels, NORM_EPS), nn.LayerNorm(channels, NORM_EPS)
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.fc1, self.fc2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x, cond):
        scale1, offset1, scale2, offset2 = self.film(cond)[:, None, :].chunk(4, dim=2)
        x = x + self.proj(attend(self.qkv(modulated(self.norm1(x), scale1, offset1)), self.heads))
        return x + self.fc2(F.silu(self.fc1(modulated(self.norm2(x), scale2, offset2))))


class Attention(nn.Module):
    def __init__(self, channels, heads, layout):
        super().__init__()
        self.heads, self.layout = heads, layout
        self.norm = GroupNorm(channels)
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x, _cond):
        y = self.proj(attend(self.qkv(tokens_of(self.norm(x))), self.heads))
        return x + map_of(y, x, self.layout)


class Frame(nn.Module):
    """The way in, the embedding and the way out; what lies between is through(h, cond) of the networks below."""

    def __init__(self, net, layout):
        super().__init__()
        first, pixel = net.levels[0].channels, 3 * net.patch ** 2
        self.patch, self.layout, self.first, self.n_cond = net.patch, layout, first, 4 * first
        self.emb1, self.emb2 = nn.Linear(first, self.n_cond), nn.Linear(self.n_cond, self.n_cond)
        self.conv_in = conv3(pixel, first)
        self.norm_out, self.conv_out = GroupNorm(first), conv3(first, pixel)

    def condition(self, logsnr):
        """t = 2/pi * atan e^(-logsnr/2), as sines and cosines of 1000 t, through two layers"""
        half = self.first // 2
        rates = 10000.0 ** (torch.arange(half) / -half)
        angles = torch.atan(torch.exp(logsnr / -2))[:, None] * (2000 / math.pi) * rates
        return F.silu(self.emb2(F.silu(self.emb1(torch.cat([angles.sin(), angles.cos()], dim=1)))))

    def forward(self, z, logsnr):
        h = z
        if self.patch > 1:
            h = F.pixel_unshuffle(z, self.patch).contiguous(memory_format=self.layout)
        h = self.through(self.conv_in(h), self.condition(logsnr))
        h = self.conv_out(F.silu(self.norm_out(h)))
        return F.pixel_shuffle(h, self.patch) if self.patch > 1 else h


class Uvit(Frame):
    """Convolutional levels around a transformer. On the way up a block's input is what comes from below plus what its
    counterpart on the way down gave, over the root of two."""

    def __init__(self, net, layout):
        super().__init__(net, layout)
        *levels, middle = net.levels
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, lower in zip(levels, net.levels[1:]):
            self.down.append(self.blocks(level))
            self.down.append(nn.Conv2d(level.channels, lower.channels, 1))
        pixels = (net.height // net.patch >> len(levels)) * (net.width // net.patch >> len(levels))
        self.pos = nn.Parameter(torch.zeros(pixels, middle.channels))
        self.mid = nn.ModuleList(Transformer(middle.channels, middle.heads, self.n_cond) for _ in range(middle.blocks))
        self.norm_mid = nn.LayerNorm(middle.channels, NORM_EPS)
        for level, lower in reversed(list(zip(levels, net.levels[1:]))):
            self.up.append(nn.Conv2d(lower.channels, level.channels, 1))
            self.up.append(self.blocks(level))

    def blocks(self, level):
        return nn.ModuleList(Resnet(level.channels, level.channels, self.n_cond) for _ in range(level.blocks))

    def through(self, h, cond):
        remembered = []
        for blocks, narrow in zip(self.down[0::2], self.down[1::2]):
            for block in blocks:
                h = block(h, cond)
                remembered.append(h)
            h = narrow(F.avg_pool2d(h, 2))
        tokens = tokens_of(h) + self.pos
        for block in self.mid:
            tokens = block(tokens, cond)
        h = map_of(self.norm_mid(tokens), h, self.layout)
        for widen, blocks in zip(self.up[0::2], self.up[1::2]):
            h = F.interpolate(widen(h), scale_factor=2, mode="nearest")
            for block in blocks:
                h = block((h + remembered.pop()) * math.sqrt(0.5), cond)
        return h


class Unet(Frame):
    """Convolutional blocks, attention behind those of some levels; everything on the way down is remembered and stands
    beside the input of a block on the way up. An entry of down and up is a list of layers, a mean or a
    convolution."""

    def __init__(self, net, layout):
        super().__init__(net, layout)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        width, remembered = self.first, [self.first]
        for i, level in enumerate(net.levels):
            if i > 0:
                self.down.append(nn.AvgPool2d(2))
                remembered.append(width)
            for _ in range(level.blocks):
                self.down.append(self.unit(width, level))
                width = level.channels
                remembered.append(width)
        self.mid = nn.ModuleList([Resnet(width, width, self.n_cond), Attention(width, net.middle_heads, layout),
                                  Resnet(width, width, self.n_cond)])
        for i, level in reversed(list(enumerate(net.levels))):
            for _ in range(level.blocks + 1):
                self.up.append(self.unit(width + remembered.pop(), level))
                width = level.channels
            if i > 0:
                self.up.append(conv3(width, width))

    def unit(self, n_in, level):
        layers = [Resnet(n_in, level.channels, self.n_cond)]
        if level.heads:
            layers.append(Attention(level.channels, level.heads, self.layout))
        return nn.ModuleList(layers)

    def through(self, h, cond):
        remembered = [h]
        for entry in self.down:
            if isinstance(entry, nn.AvgPool2d):
                h = entry(h)
            else:
                for layer in entry:
                    h = layer(h, cond)
            remembered.append(h)
        for layer in self.mid:
            h = layer(h, cond)
        for entry in self.up:
            if isinstance(entry, nn.Conv2d):
                h = entry(F.interpolate(h, scale_factor=2, mode="nearest"))
            else:
                h = torch.cat([h, remembered.pop()], dim=1)
                for layer in entry:
                    h = layer(h, cond)
        return h


def build(net, layout=torch.contiguous_format):
    """The network of a bench_spec.Network. Its weights are PyTorch's usual random ones: nothing multiplies zeros."""
    return {"uvit": Uvit, "unet": Unet}[net.kind](net, layout).to(memory_format=layout)
