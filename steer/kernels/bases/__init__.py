"""What kernels are made of: grids, scalar functions, and the steerable kernels in them."""
