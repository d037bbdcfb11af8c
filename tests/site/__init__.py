"""The site that `make docs` has built, in a headless Chromium: `make docs-test`."""
