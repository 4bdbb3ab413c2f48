"""What makes the site is no part of the package; its build runs it, and tests/test_site.py what of it is cheap."""

collect_ignore_glob = ["conf.py", "build.py", "making/*", "tutorials/*"]
