"""A release and its experiments in a bucket, on fake-gcs-server: the website is made from there and opened there."""

from pathlib import Path

from playwright.sync_api import Page, expect

from mempipe.storage import open_store
from tests.command import mempipe
from tests.report.conftest import Experimented, Planted, opened_at
from tests.report.test_build import files


def test_a_bucket_serves_the_website(
    browser: Page, planted: Planted, experimented: Experimented, gcs_server: str, gcs_bucket: str
) -> None:
    root, lab = experimented.release.parents[2], f"gs://{gcs_bucket}/lab"
    bucket = open_store(lab)
    for path in (path for path in root.rglob("*") if path.is_file()):
        bucket.create(path.relative_to(root).as_posix(), path.read_bytes())
    page = mempipe("report", f"{lab}/releases/planted", "--data", planted.data, "--out", f"{lab}/site").stdout.strip()
    assert page == f"{lab}/site/index.html"
    keys = {info.key.removeprefix("site/") for info in bucket.list("site/")}
    assert keys == set(files(experimented.report))

    site = f"{gcs_server}/{gcs_bucket}/lab/site"  # as a bucket serves it: each object with the type it was stored with
    with opened_at(browser, site) as opened:
        opened.goto("about:blank")
        with opened.expect_response(lambda response: "/sheets/" in response.url) as sheet:
            opened.goto(f"{site}/index.html#/train/3")
        assert sheet.value.ok
        assert sheet.value.headers["content-type"].startswith("image/")
        opened.goto(f"{site}/index.html#/experiments")
        expect(opened.locator("section.experiment")).to_have_count(2)
        table = "downloads/marginal-utility-accuracy.csv"
        with opened.expect_download() as download:
            opened.locator(f"a[href='{table}']").first.click()
        assert Path(download.value.path()).read_bytes() == (experimented.report / table).read_bytes()
