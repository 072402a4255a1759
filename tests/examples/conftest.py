"""The examples are projects of their own: a test runs each in its own folder."""

collect_ignore_glob = ["tickets/*"]
