"""Layers that act on positions: pooling, resampling, masks."""
