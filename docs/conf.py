"""Sphinx's settings for the site that `tools/make_docs.py` assembles and builds."""

from importlib.metadata import version as installed_version

project = "anomgan"
author = "the anomgan developers"
copyright = "the anomgan developers, BSD-3-Clause"
version = release = installed_version("anomgan")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # `make notebooks` ran them; a site without their outputs is built too
suppress_warnings = ["misc.highlighting_failure"]  # notebooks' magic commands aren't Python

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings say it in words and shapes
autoclass_content = "class"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False
smartquotes = False  # --options are no dashes

html_theme = "furo"
html_title = f"anomgan {version}"
html_show_sourcelink = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
