"""A static website from a release: one folder that works from a file, from a bucket and behind any server."""
