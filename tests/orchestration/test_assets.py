"""When a release is news."""

from mempipe.orchestration.assets import is_news

NEW = {"name": "digits", "id": "digits-2", "release": "gs://bucket/releases/digits/digits-2"}
OLD = {"name": "digits", "id": "digits-1", "release": "gs://bucket/releases/digits/digits-1"}


def test_the_first_release_is_news():
    assert is_news(NEW, [])
    assert is_news(NEW, [{}])


def test_the_same_release_is_announced_once():
    assert not is_news(NEW, [NEW])
    assert not is_news(NEW, [NEW, OLD])


def test_another_release_is_news():
    assert is_news(NEW, [OLD])
    assert is_news(OLD, [NEW, OLD])  # an older one that was published again


def test_names_and_stores_do_not_hide_each_other():
    other_name = {"name": "mnist", "id": "mnist-1", "release": "gs://bucket/releases/mnist/mnist-1"}
    other_store = NEW | {"release": "/store/releases/digits/digits-2"}
    assert is_news(NEW, [other_name, other_store])
    assert not is_news(NEW, [other_name, other_store, NEW])
