"""What makes the site is no part of the package: its build runs it, and tests/test_site.py what of it is cheap.

Scripts that train with libraries of others are run by tests/test_trainers.py, where these are installed.
"""

collect_ignore_glob = ["conf.py", "build.py", "making/*", "trainers/*", "tutorials/*"]
