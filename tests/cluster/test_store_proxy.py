"""The object store of the cluster tests, without a cluster: what the proxy passes on, and what its faults do."""

import gc
import http.client
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from mempipe.errors import ObjectExistsError, StoreUnavailableError
from mempipe.storage import Commit
from mempipe.storage.gcs import GcsStore
from tests.cluster.images.store.proxy import Proxy
from tests.cluster.object_store import Faults
from tests.servers import fake_gcs_server, free_port


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Serve in a thread; yield the address."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of the proxy before a fake-gcs-server that names the proxy in its answers."""
    port = free_port()
    with fake_gcs_server(public_host=f"127.0.0.1:{port}") as upstream:
        to = httpx.URL(upstream)
        with serving(Proxy(("127.0.0.1", port), (to.host, to.port or 80))) as proxy:
            yield proxy


@pytest.fixture
def faults(address: str) -> Iterator[Faults]:
    """Faults of the proxy; off again after the test."""
    with Faults(f"http://{address}") as faults:
        yield faults
        faults.stop()


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[storage.Client]:
    """A client of the real library, with the bucket `mempipe-test`."""
    client = storage.Client(
        project="test", credentials=AnonymousCredentials(), client_options={"api_endpoint": f"http://{address}"}
    )
    client.create_bucket("mempipe-test")
    yield client
    client.close()


def test_a_store_works_through_it(client: storage.Client) -> None:
    store = GcsStore("mempipe-test", "lab", client=client)
    key = "data/a=1/b.bin"
    assert store.create(key, b"one") is Commit.CREATED
    assert store.create(key, b"one") is Commit.ALREADY_THERE
    with pytest.raises(ObjectExistsError):
        store.create(key, b"two")
    content, generation = store.read_versioned(key)
    assert content == b"one"
    assert [info.key for info in store.list("data/")] == [key]
    store.delete(key, generation=generation)
    assert not store.exists(key)


def test_large_objects_pass_in_chunks(client: storage.Client, tmp_path: Path) -> None:
    """Three chunks up, as the addresses in the answers say; one stream down."""
    store = GcsStore("mempipe-test", "large", client=client)
    content = os.urandom(40_000_000)
    assert store.create("a", content) is Commit.CREATED
    store.download("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == content


@contextmanager
def fault_until_met(faults: Faults) -> Iterator[None]:
    """Turn a fault on; turn it off as soon as it has answered a request, which the context must make."""

    def end() -> None:
        while faults.answered() == before:
            time.sleep(0.02)
        faults.stop()

    before = faults.answered()
    faults.start(seconds=60)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(end)
        yield
        ended.result()


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_fault_that_passes_is_waited_for(client: storage.Client, faults: Faults) -> None:
    store = GcsStore("mempipe-test", "fault", client=client)
    content = bytes(20_000_000)
    with fault_until_met(faults):
        assert store.create("a", content) is Commit.CREATED
    with fault_until_met(faults):
        assert store.read("a") == content
    gc.collect()  # the library leaves the connection of a refused download open: let it warn here


def test_a_fault_that_stays_is_told_as_passing(client: storage.Client, faults: Faults) -> None:
    store = GcsStore("mempipe-test", "fault", client=client, patience_seconds=1.0)
    faults.start(seconds=600)
    with pytest.raises(StoreUnavailableError):
        store.create("b", b"1")
    faults.stop()
    assert store.create("b", b"1") is Commit.CREATED


def test_a_connection_outlives_a_fault(address: str, faults: Faults) -> None:
    """The body of a refused request is read, so that the next one on the connection is understood."""
    connection = http.client.HTTPConnection(address, timeout=10)
    faults.start(seconds=600, status=429)
    connection.request("PUT", "/anything", body=iter([b"a" * 100_000, b"b"]), encode_chunked=True)
    refused = connection.getresponse()
    assert refused.status == 429
    refused.read()
    faults.stop()
    connection.request("GET", "/storage/v1/b?project=test")
    assert connection.getresponse().status == 200
    connection.close()


class Echo(BaseHTTPRequestHandler):
    """Answers with the request as it arrived, in two chunks."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""

    def do_PATCH(self) -> None:
        """Tell the first line, a few headers and the body."""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        answer = [self.requestline.encode(), self.headers["Host"].encode(), self.headers["X-Twice"].encode(), body]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (b"|".join(answer), b"|end"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


def test_requests_arrive_as_they_were_sent() -> None:
    target = "//b/o/a%2Fb%2520c?x=%20&y=+&z=%E4"
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Echo)) as echo:
        to = httpx.URL(f"http://{echo}")
        with serving(Proxy(("127.0.0.1", 0), (to.host, to.port or 80))) as proxy:
            connection = http.client.HTTPConnection(proxy, timeout=10)
            connection.putrequest("PATCH", target, skip_host=True)
            for name, value in {"Host": "store.example:8080", "X-Twice": "1", "Transfer-Encoding": "chunked"}.items():
                connection.putheader(name, value)
            connection.endheaders(iter([b"12345", b"678"]), encode_chunked=True)
            answer = connection.getresponse().read()
            connection.close()
    assert answer == f"PATCH {target} HTTP/1.1|store.example:8080|1|12345678|end".encode()


def test_a_server_that_is_away_is_told() -> None:
    with serving(Proxy(("127.0.0.1", 0), ("127.0.0.1", free_port()))) as proxy:
        assert httpx.get(f"http://{proxy}/storage/v1/b", trust_env=False).status_code == 502
