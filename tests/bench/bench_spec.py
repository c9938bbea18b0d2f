"""What of an experiment's spec decides how long a step takes, for the PyTorch step beside it.

Read are the resolution, the network, the loss, the batches, and which parts the optimiser has. What changes numbers but
no times is left alone: the data set, the schedule, the learning rate. Anything else that would change the work is
refused: a step that leaves out what the runner does is no comparison.
"""
from dataclasses import dataclass

import yaml

NONE = (None, "none", "null", "~", "")
VARIANT_KEYS = ("base", "variants", "vary", "exclude", "baseline")


class SpecError(Exception):
    """A text for the user: path, value, what would be right."""


class Section:
    """A mapping of the spec in which every key has to be taken before done(): what nobody takes, nobody would do."""

    def __init__(self, path, value):
        if isinstance(value, str):  # a component without keys of its own
            value = {"type": value}
        if not isinstance(value, dict):
            raise SpecError(f"{path}: {value!r} is no mapping")
        self.path, self.rest = path, dict(value)

    def take(self, key, default=None):
        return self.rest.pop(key, default)

    def number(self, key, default):
        return number_of(f"{self.path}.{key}", self.take(key, default))

    def number_or_none(self, key, default):
        """none: 0"""
        return 0 if self.rest.get(key, default) in NONE else self.number(key, default)

    def whole(self, key, default=None):
        return whole_of(f"{self.path}.{key}", self.take(key, default))

    def zero(self, key):
        if self.number(key, 0) != 0:
            raise SpecError(f"{self.path}.{key}: the PyTorch step has none")

    def only(self, key, default, *known):
        value = self.take(key, default)
        if value not in known:
            raise SpecError(f"{self.path}.{key}: {value!r} is not known to the PyTorch step; it knows "
                            + ", ".join(str(k) for k in known))
        return value

    def none(self, key):
        value = self.take(key)
        if value not in NONE:
            raise SpecError(f"{self.path}.{key}: {value!r} is not known to the PyTorch step, none alone is")

    def ignore(self, *keys):
        for key in keys:
            self.rest.pop(key, None)

    def done(self):
        for key in self.rest:
            raise SpecError(f"{self.path}.{key}: not known to the PyTorch step")


@dataclass
class Level:
    channels: int
    blocks: int
    heads: int = 0  # of a transformer's or an attention's; 0: convolutions alone


@dataclass
class Network:
    kind: str  # uvit, unet
    height: int
    width: int
    patch: int  # side of the windows that the stem makes channels of; 1: no stem
    levels: list
    middle_heads: int = 0  # unet: of the attention in the middle


@dataclass
class Loss:
    on_eps: bool
    scales: list
    weights: list


@dataclass
class Step:
    network: Network
    loss: Loss
    train_images: int
    sample_images: int
    clip: float  # 0: not clipped
    ema: float  # 0: no average


def read_yaml(text):
    """All scalars as texts: PyYAML would take the key `on` for true, and 1e-4 for a text."""
    return yaml.load(text, Loader=yaml.BaseLoader)


def number_of(path, text):
    try:
        return float(text)
    except (TypeError, ValueError):
        raise SpecError(f"{path}: {text!r} is no number") from None


def whole_of(path, text):
    number = number_of(path, text)
    if not number.is_integer():
        raise SpecError(f"{path}: {text!r} is no whole number")
    return int(number)


def list_of(path, values, of):
    if not isinstance(values, list):
        raise SpecError(f"{path}: {values!r} is no list")
    return [of(path, v) for v in values]


def put(document, assignment):
    """Does what --set PATH=VALUE does: numbers in the path are places in a list, the value is YAML."""
    path, equals, text = assignment.partition("=")
    *parents, last = path.split(".")
    at = document
    try:
        for name in parents:
            at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
        at[int(last) if isinstance(at, list) else last] = read_yaml(text)
    except (AttributeError, IndexError, TypeError, ValueError):
        equals = ""
    if not equals:
        raise SpecError(f"--set {assignment}: no such place, or no value")


def level_of(path, value, kind, last):
    level = Section(path, value)
    transformer = kind == "uvit" and last
    level.only("block", None, "transformer" if transformer else "resnet")
    level.zero("dropout")
    made = Level(level.whole("channels"), level.whole("blocks", 1))
    if transformer:
        made.heads = level.whole("heads", 4)
    attention = kind == "unet" and level.only("attention", "false", "false", "true") == "true"
    level.done()
    return made, attention


def network_of(document):
    resolution = document["data"]["resolution"]
    sides = resolution if isinstance(resolution, list) else [resolution, resolution]
    height, width = list_of("data.resolution", sides, whole_of)
    model = Section("model", document["model"])
    kind = model.only("type", None, "uvit", "unet")
    model.none("classes")
    stem, patch = model.take("stem"), 1
    if stem not in NONE:
        stem = Section("model.stem", stem)
        stem.only("type", None, "space_to_depth")
        patch = stem.whole("factor", 2)
        stem.done()
    values = model.take("levels", [])
    levels = [level_of(f"model.levels.{i}", v, kind, i == len(values) - 1) for i, v in enumerate(values)]
    made = Network(kind, height, width, patch, [level for level, _ in levels])
    if kind == "unet":
        attention = Section("model.attention", model.take("attention", "attention"))
        attention.only("type", None, "attention")
        made.middle_heads = attention.whole("heads", 4)
        attention.done()
        for level, with_attention in levels:
            level.heads = made.middle_heads if with_attention else 0
    model.done()
    return made


def loss_of(document):
    task = Section("task", document.get("task", "diffusion"))
    task.only("type", "diffusion", "diffusion")
    task.only("prediction", "v", "v")
    task.none("weighting")
    task.ignore("schedule", "t", "label_drop")
    loss = Section("task.loss", task.take("loss", {}))
    on_eps = loss.only("on", "prediction", "prediction", "eps") == "eps"
    scales = list_of("task.loss.scales", loss.take("scales", [1]), whole_of)
    weights = loss.take("weights", "paper")
    if weights == "paper":  # 1/side, and 1 for the coarsest
        weights = [s / max(scales) for s in scales]
    elif weights == "equal":
        weights = [1 / len(scales)] * len(scales)
    else:
        weights = list_of("task.loss.weights", weights, number_of)
    loss.done()
    task.done()
    return Loss(on_eps, scales, weights)


def read(path, assignments):
    """The step that the spec at this path asks for, after each --set PATH=VALUE."""
    with open(path, encoding="utf-8") as file:
        document = read_yaml(file)
    for assignment in assignments:
        put(document, assignment)
    for key in VARIANT_KEYS:
        if document.get(key) not in NONE:
            raise SpecError(f"{key}: the PyTorch step reads specs of one experiment, in one file")
    train, evaluate = Section("train", document["train"]), Section("evaluate", document.get("evaluate", {}))
    optimizer = Section("train.optimizer", train.take("optimizer", "adam"))
    optimizer.only("type", "adam", "adam")
    for decay in ("l2", "weight_decay"):
        optimizer.zero(decay)
    return Step(network_of(document), loss_of(document), train.whole("batch", 16), evaluate.whole("batch", 32),
                optimizer.number_or_none("clip", 1), train.number_or_none("ema", 0.999))
