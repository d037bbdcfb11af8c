"""The groups: planar, axial, polyhedral, rotations, their settings, products and actions."""
