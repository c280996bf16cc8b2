"""A static website of a release: one folder, which browsers open as files, from a bucket or from any server."""
