"""Any detector in front of the shipped generator: the film's encoding is added to its regions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from grounded.detectors.organs.encoder import Encoder
from grounded.image import Image
from grounded.nn.device import DType
from grounded.protocols import RegionDetector
from grounded.regions import Regions


class EncodedDetector:
    """Finds what `detector` finds, and encodes the film beside it.

    The generator then reads its findings in the very boxes of that detector. encoder: a folder of
    FilmEncoder weights, those that the generator was trained with; another is a ConfigError when
    the parts come together. device, dtype: of the encoder, see `grounded.nn.device`.
    """

    def __init__(
        self,
        detector: RegionDetector,
        encoder: str | os.PathLike[str],
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        self.detector, self.atlas = detector, detector.atlas
        self.name = f"{detector.name}, encoded"
        self._encoder = Encoder(encoder, device, dtype)
        self.encoder_sha256 = self._encoder.sha256
        self.weights_sha256: Mapping[str, str] = {
            **detector.weights_sha256,
            **self._encoder.weights_sha256,
        }

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        """The detector's regions of each film, with the film's encoding."""
        return self._encoder.beside(images, self.detector.detect(images))
