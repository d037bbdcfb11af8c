"""The cases of each family of modules, in a dictionary CASES from a name such as "ReLU O regular" to a `Case`."""
