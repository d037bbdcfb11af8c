"""Settings of the site; `make docs` builds it."""

import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import steer  # noqa: E402

project = "steer"
author = "the steer developers"
copyright = "2026, the steer developers"  # noqa: A001
version = release = steer.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "api",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
templates_path = ["_templates"]

# Pages are MyST Markdown; `x` in a docstring is a link when it names something, else code.
default_role = "py:obj"
smartquotes_action = "D"  # dashes of field lists; quotes stay those of the code
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
suppress_warnings = [
    "bibtex.duplicate_label",
    "mystnb.unknown_mime_type",  # turning pictures come as plotly's JSON too, for JupyterLab; the page takes the HTML
]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the kernels: notebooks run side by side, a core each

# Notebooks are committed without outputs and run here.
nb_execution_mode = os.environ.get("STEER_NOTEBOOKS", "force")
nb_execution_timeout = 180  # seconds a notebook: longer is a defect of the notebook
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrtalpha"
bibtex_reference_style = "author_year"

# Signatures come from the source, see _ext/api.py; members without a docstring of their own are those of the base.
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
autodoc_default_options = {
    "members": True,
    "exclude-members": "forward, extra_repr, train, add_constant, constant, convolve, plain, reduce, contract",
}
autosummary_generate = False
python_maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style"), "Shape", "Source"]

html_theme = "furo"
html_title = "steer"
html_logo = html_favicon = "_static/logo.svg"
mathjax = importlib.util.find_spec("sphinx-mathjax-offline")  # its files: the site asks no other host for anything
html_static_path = ["_static", str(Path(mathjax.origin).parent / "static")]
mathjax_path = "mathjax/tex-chtml-full.js"
html_css_files = ["steer.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1b6ca8", "color-brand-content": "#1b6ca8"},
    "dark_css_variables": {"color-brand-primary": "#6cb6e8", "color-brand-content": "#6cb6e8"},
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
