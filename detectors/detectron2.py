"""Any detectron2 model behind the detector protocol: the best box of each region.

detectron2 is on no registry and is installed by its own instructions; nothing here imports it until
a detector is made. Its configurations are read without running code in them, and its checkpoints
without unpickling: `.safetensors`, or `.pth` with `weights_only=True`.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from grounded.atlas import Atlas
from grounded.errors import ConfigError, InvalidValueError, MissingExtraError
from grounded.geometry import Placement
from grounded.image import Image
from grounded.nn.device import DType, Placed, choose_device
from grounded.regions import Regions

INSTALL = "https://detectron2.readthedocs.io/en/latest/tutorials/install.html"
_EVERY_BOX = 100_000  # so that a region's only box is not cut off behind many of another's
_POOLED = 7


class Detectron2Detector:
    """A detectron2 model with one class a region.

    config: a detectron2 YAML file, or "chest29" for the one that ships. weights: its checkpoint,
    or None for random weights (tests, and the start of training). names: the region of each
    class, by default the atlas's order. min_score: a region whose best box scores less is not
    found. device, dtype: see `grounded.nn.device`. Raises MissingExtraError without detectron2,
    ConfigError for a configuration or weights that do not fit.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] = "chest29",
        weights: str | os.PathLike[str] | None = None,
        *,
        atlas: str = "chest29",
        names: Sequence[str] = (),
        min_score: float = 0.05,
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        self.atlas = Atlas.open(atlas)
        self.names = tuple(self.atlas[name].name for name in names) or self.atlas.names
        self.min_score = min_score
        self.name = f"detectron2 {Path(config).stem}"
        self._config = _read_config(_locate(config), len(self.names), min_score, device)
        self.model = _build(self._config)
        self._placed = Placed(self.model, device, dtype)
        self.weights_sha256: dict[str, str] = {}
        if weights is not None:
            load_weights(self.model, Path(weights))
            digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
            self.weights_sha256[Path(weights).name] = digest
        self._pooler, self._levels = _pooler(self.model)
        self._maps = threading.local()  # of the pass that a thread is in
        self.model.backbone.register_forward_hook(self._keep_maps)

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        """Films that the network sees at the same size go through it together."""
        placements = [self._placement(image) for image in images]
        groups: dict[tuple[int, int], list[int]] = {}
        for number, placement in enumerate(placements):
            groups.setdefault(placement.model_shape, []).append(number)
        found: dict[int, Regions] = {}
        for members in groups.values():
            batch = [(images[number], placements[number]) for number in members]
            found.update(zip(members, self._detect_alike(batch), strict=True))
        return [found[number] for number in range(len(images))]

    @torch.inference_mode()
    def _detect_alike(self, batch: Sequence[tuple[Image, Placement]]) -> list[Regions]:
        channels = len(self._config.MODEL.PIXEL_MEAN)
        inputs = [
            {"image": _film(image, placement, channels), "height": height, "width": width}
            for image, placement in batch
            for height, width in [placement.model_shape]
        ]
        outputs, maps = self._run(inputs)
        levels = [maps[name] for name in self._levels]
        return [
            self._regions(
                output["instances"], placement, [level[row : row + 1] for level in levels]
            )
            for row, (output, (_, placement)) in enumerate(zip(outputs, batch, strict=True))
        ]

    def _run(self, inputs: list[dict[str, Any]]) -> tuple[Any, Any]:
        """The model's answer and its backbone's maps, from one pass."""
        with self._placed.computing():
            outputs = self.model(inputs)
        maps = {name: level.float() for name, level in self._maps.newest.items()}
        del self._maps.newest
        return outputs, maps

    def _keep_maps(self, backbone: nn.Module, inputs: Any, maps: Any) -> None:
        """The backbone's forward hook."""
        self._maps.newest = maps

    def _regions(self, instances: Any, placement: Placement, maps: Sequence[Tensor]) -> Regions:
        classes = instances.pred_classes.cpu().numpy()
        scores = instances.scores.cpu().double().numpy()
        boxes = placement.to_image(instances.pred_boxes.tensor.cpu().double().numpy())
        height, width = placement.image_shape
        boxes = boxes.clip(0, (width, height, width, height))
        solid = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
        best: dict[int, int] = {}
        for row in np.flatnonzero(solid)[np.argsort(-scores[solid], kind="stable")]:
            best.setdefault(int(classes[row]), int(row))
        rows = [best[region] for region in range(len(self.names)) if region in best]
        features = Detectron2Features.read(tuple(maps), placement, self._pooler, boxes[rows])
        reason = f"no box scored {self.min_score:g} or more"
        return Regions(
            names=tuple(self.names[region] for region in sorted(best)),
            boxes=boxes[rows],
            scores=scores[rows],
            features=features,
            missing={name: reason for i, name in enumerate(self.names) if i not in best},
        )

    def _placement(self, image: Image) -> Placement:
        sizes = self._config.INPUT
        return resized(image, sizes.MIN_SIZE_TEST, sizes.MAX_SIZE_TEST)


def resized(image: Image, shortest: int, longest: int) -> Placement:
    """The film as detectron2's own test transform makes it: its shortest edge so long unless the
    longest then exceeds a limit; 0 for its own size.

    A uniform border is left out, and pixels that are not square become so.
    """
    x0, y0, x1, y1 = (round(edge) for edge in image.info.shown)
    sides = (y1 - y0) * image.info.aspect, float(x1 - x0)
    scale = min(shortest / min(sides), longest / max(sides)) if shortest else 1.0
    height, width = (max(1, int(side * scale + 0.5)) for side in sides)
    scale_x, scale_y = width / (x1 - x0), height / (y1 - y0)
    shown = (x0, y0, x1, y1) if image.info.content else None
    offset = (-x0 * scale_x, -y0 * scale_y) if shown else (0.0, 0.0)
    return Placement(image.shape, (height, width), (scale_x, scale_y), offset, shown)


@dataclass(frozen=True, slots=True, eq=False)
class Detectron2Features:
    """One encoded film and the mean feature of each of N boxes.

    maps: the backbone's levels, each (1, D, h, w). vectors: (N, D).
    """

    maps: tuple[Tensor, ...]
    placement: Placement
    pooler: nn.Module
    vectors: Tensor

    @classmethod
    def read(
        cls,
        maps: tuple[Tensor, ...],
        placement: Placement,
        pooler: nn.Module,
        boxes: NDArray[np.float64],
    ) -> Detectron2Features:
        """Pool on boxes (N, 4) of the image frame."""
        structures = importlib.import_module("detectron2.structures")
        placed = placement.to_model(boxes.reshape(-1, 4)).astype(np.float32)
        model_boxes = torch.from_numpy(placed).to(maps[0].device)
        with torch.inference_mode():
            pooled = pooler(list(maps), [structures.Boxes(model_boxes)])  # (N, D, 7, 7)
        return cls(maps, placement, pooler, pooled.mean(dim=(2, 3)))

    def pool(self, boxes: NDArray[np.float64]) -> Detectron2Features:
        return self.read(self.maps, self.placement, self.pooler, boxes)

    def take(self, rows: NDArray[np.intp]) -> Detectron2Features:
        kept = self.vectors[torch.from_numpy(np.asarray(rows, dtype=np.int64))]
        return Detectron2Features(self.maps, self.placement, self.pooler, kept)


def load_weights(model: nn.Module, path: Path) -> None:
    """Fill a detectron2 model from `.safetensors`, or from `.pth` without unpickling.

    Raises ConfigError for another kind of file, and for names or shapes that do not fit.
    """
    state = _state(path)
    expected = dict(model.state_dict())
    missing = [key for key in expected if key not in state]
    extra = [key for key in state if key not in expected]
    misshapen = [
        f"{key} {tuple(state[key].shape)} for {tuple(value.shape)}"
        for key, value in expected.items()
        if key in state and state[key].shape != value.shape
    ]
    if missing or extra or misshapen:
        raise ConfigError(
            f"{path} does not fit the configuration: missing {_few(missing)}; "
            f"extra {_few(extra)}; of another shape {_few(misshapen)}"
        )
    model.load_state_dict(state)


def _state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ConfigError(f"the weights {path} are missing")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise ConfigError(f"{path} is no safetensors file: {error}") from error
    if path.suffix not in (".pth", ".pt"):
        raise ConfigError(
            f"{path.name}: expected .safetensors or .pth. detectron2's .pkl files are pickles, "
            f"which can run any code; convert them where you trust them, with torch.save or "
            f"safetensors"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError ...
        raise ConfigError(f"{path} cannot be read as weights alone: {error}") from error
    state = content.get("model", content) if isinstance(content, Mapping) else content
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ConfigError(f"{path} holds no weights by name, nor such under 'model'")
    return dict(state)


def _few(items: Sequence[str]) -> str:
    shown = ", ".join(items[:3]) or "none"
    return f"{shown} and {len(items) - 3} more" if len(items) > 3 else shown


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"detectron2 is needed for this detector and cannot be imported ({error}). It is on no "
            f"registry: install it by its own instructions, {INSTALL}"
        ) from error


def _locate(config: str | os.PathLike[str]) -> Path:
    shipped = Path(str(resources.files("grounded.configs"))) / "detectron2"
    for path in (shipped / f"{os.fspath(config)}.yaml", Path(config)):
        if path.is_file():
            return path
    names = ", ".join(sorted(path.stem for path in shipped.glob("*.yaml")))
    raise ConfigError(
        f"no detectron2 configuration {os.fspath(config)!r}; expected a YAML file or one of {names}"
    )


def _read_config(path: Path, classes: int, min_score: float, device: str) -> Any:
    if not 0 <= min_score <= 1:
        raise InvalidValueError(f"min_score lies in 0..1, got {min_score}")
    config = _module("detectron2.config").get_cfg()
    try:
        config.merge_from_file(str(path), allow_unsafe=False)
    except Exception as error:  # yaml's, yacs' and detectron2's own errors have no common parent
        raise ConfigError(f"{path} is no detectron2 configuration: {error}") from error
    for head in (config.MODEL.ROI_HEADS, config.MODEL.RETINANET):
        head.SCORE_THRESH_TEST = min_score
    retina = "Retina" in config.MODEL.META_ARCHITECTURE
    number = (config.MODEL.RETINANET if retina else config.MODEL.ROI_HEADS).NUM_CLASSES
    if number != classes:
        raise ConfigError(f"{path} has {number} classes, but there are {classes} regions")
    config.TEST.DETECTIONS_PER_IMAGE = _EVERY_BOX
    config.MODEL.DEVICE = str(choose_device(device))
    return config


def _build(config: Any) -> Any:
    try:
        return _module("detectron2.modeling").build_model(config).eval()
    except (KeyError, AssertionError, ValueError) as error:
        raise ConfigError(f"detectron2 cannot build this configuration: {error!r}") from error


def _pooler(model: Any) -> tuple[nn.Module, tuple[str, ...]]:
    """RoIAlign over the levels that the model's own head reads, and their names."""
    head = getattr(model, "roi_heads", None)
    levels = tuple(
        getattr(head, "box_in_features", None)
        or getattr(head, "in_features", None)
        or model.head_in_features
    )
    shapes = model.backbone.output_shape()
    pooler = _module("detectron2.modeling.poolers").ROIPooler(
        output_size=_POOLED,
        scales=[1 / shapes[name].stride for name in levels],
        sampling_ratio=2,
        pooler_type="ROIAlignV2",
    )
    return pooler, levels


def _film(image: Image, placement: Placement, channels: int) -> Tensor:
    """The film as detectron2 expects it: (C, h, w) in 0..255, not yet normalised."""
    pixels = placement.place(image.pixels) * np.float32(255)
    return torch.from_numpy(pixels).expand(channels, -1, -1)
