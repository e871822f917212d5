"""Plug-ins: GANs and components of scores from outside of the package, each found by its name.

Code of a plug-in runs only if somebody asked for it: a file that ``--plugin``,
:func:`anomgan.load_plugin` or the environment variable ``ANOMGAN_PLUGINS`` names, or an entry point
of an installed distribution, once its name is asked for.  No model names a file that is run.
"""
