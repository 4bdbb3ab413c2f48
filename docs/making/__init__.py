"""What gathers the pages of the documentation site; ``python docs/build.py`` is the command."""
