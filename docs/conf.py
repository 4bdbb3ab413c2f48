"""Settings of the documentation site; ``python docs/build.py`` gathers its pages and builds it.

One rule: every warning is an error, but for those named here with their reason.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

ROOT = Path(os.environ.get("ENERGY_GYM_ROOT", Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(ROOT))

from energy_gym.version import __version__  # noqa: E402

project = "energy_gym"
author = "the authors of energy_gym"
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
language = "en"
nitpicky = False
default_role = "py:obj"

# Markdown: `(path.md#a-heading)` leads to the heading, in whatever page it is.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

# Types stand in the signature already; defaults as they were written, not as they print.
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"


def told(message: Warning | str, category: type[Warning], *_: object) -> str:
    """Write a warning as a tutorial shows it: where the site was built is nobody's business."""
    return f"{category.__name__}: {message}\n"


warnings.formatwarning = told

html_theme = "furo"
html_title = f"energy_gym {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
# Nothing is asked of another host while a page is read.
html_theme_options = {
    "light_css_variables": {"font-stack": "system-ui, sans-serif", "color-brand-primary": "#0b6e4f"},
    "dark_css_variables": {"color-brand-primary": "#5fd3a6", "color-brand-content": "#5fd3a6"},
}

sphinx_gallery_conf = {
    "examples_dirs": str(ROOT / "docs" / "tutorials"),
    "gallery_dirs": "tutorials",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__init__",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 0,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
}

suppress_warnings = [
    # The settings of the gallery hold a class of its own, which Sphinx cannot keep from one build to the next.
    "config.cache",
]
