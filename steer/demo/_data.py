"""Handwritten digits from scikit-learn, enlarged, upright or rotated."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.ndimage
import torch

SIZE = 17
"""Pixels of an enlarged image: the digit is 11 pixels wide, so that no turn pushes a corner out of the frame."""

SCALE = 8 / 11
MARGIN = 2
TRAIN = 1197


class Digits(NamedTuple):
    """Original 8 x 8 images in [0, 1] and their labels."""

    images: npt.NDArray[np.float64]
    labels: torch.Tensor

    def enlarged(self, degrees: float | npt.NDArray[np.float64] = 0.0) -> torch.Tensor:
        """(n, 1, 17, 17): the images as cubic splines, turned by an angle (x towards y) or by one angle each."""
        angles = np.deg2rad(np.broadcast_to(degrees, len(self.images)))
        # a margin of zeros lets the splines fall off smoothly: a hard edge would not survive a turn of the pixel grid
        framed = np.pad(self.images, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
        centre_in, centre_out = (np.array(framed.shape[1:]) - 1) / 2, (np.array([SIZE, SIZE]) - 1) / 2
        turned = []
        for image, angle in zip(framed, angles, strict=True):
            c, s = np.cos(angle), np.sin(angle)
            source = SCALE * np.array([[c, -s], [s, c]])  # array axes (y, x): the inverse turn of an output position
            turned.append(
                scipy.ndimage.affine_transform(
                    image, source, centre_in - source @ centre_out, output_shape=(SIZE, SIZE), order=3
                )
            )
        return torch.from_numpy(np.stack(turned)[:, None]).float()

    def first(self, count: int) -> "Digits":
        """The first `count` of them."""
        return Digits(self.images[:count], self.labels[:count])


def load() -> tuple[Digits, Digits]:
    """Training and test digits: 1197 and 600, shuffled once by a fixed seed."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    images, labels = bunch.images[order] / 16.0, torch.from_numpy(bunch.target[order]).long()
    return Digits(images[:TRAIN], labels[:TRAIN]), Digits(images[TRAIN:], labels[TRAIN:])
