"""The changes of basis between steer and the libraries that it is compared with, as matrices.

Nothing here is fitted: each matrix follows from two statements of conventions.

- steer: polar axis z; real harmonics without the Condon-Shortley phase, of mean square 1 on the sphere; orders
  m = -l, ..., l, negative ones the sines, except that degree 1 is (x, y, z), the orders 1, -1, 0.
- lie_learn: the same in the normalisation "geodesy", with m = -l, ..., l for degree 1 too. Its "quantum" harmonics are
  those times (-1)^m / sqrt(4 pi). Its Wigner matrices act on the harmonics without (-1)^m.
- e3nn: the same in the normalisation "component", with m = -l, ..., l for degree 1 too, as functions of (y, z, x):
  its polar axis is the one it calls y.
- sympy: complex harmonics with the Condon-Shortley phase, of mean square 1 / (4 pi).
"""

import numpy as np

AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""What e3nn calls (x, y, z) is (y, z, x): the point p is AXES p in e3nn, the matrix g is AXES g AXES^T."""

EPS = np.finfo(float).eps


def by_order(degree):
    """(2l + 1, 2l + 1): the permutation from steer's components to m = -l, ..., l."""
    if degree == 1:
        return np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # from (x, y, z) to (y, z, x)
    return np.eye(2 * degree + 1)


def alternating(degree):
    """(2l + 1, 2l + 1): the signs (-1)^m, which are also a half turn about the polar axis."""
    return np.diag((-1.0) ** np.arange(-degree, degree + 1))


def rotations(angles):
    """(n, 3, 3): Rz(a) Ry(b) Rz(c) of angles (n, 3), Rz turning x towards y and Ry turning z towards x."""
    (ca, cb, cc), (sa, sb, sc) = np.cos(angles).T, np.sin(angles).T
    rows = [
        [ca * cb * cc - sa * sc, -ca * cb * sc - sa * cc, ca * sb],
        [sa * cb * cc + ca * sc, -sa * cb * sc + ca * cc, sa * sb],
        [-sb * cc, sb * sc, cb],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)
