#!/usr/bin/env bash
# Runs the store and its proxy; ends both when one ends, or when asked to.
# PUBLIC_HOST, HOST:PORT as the clients know it, is what the addresses of uploads in chunks name.
set -uo pipefail

trap : TERM INT # only interrupts the wait
fake-gcs-server -scheme http -host 127.0.0.1 -port 4443 -public-host "$PUBLIC_HOST" -backend memory -log-level warn &
python3 /opt/store/proxy.py --listen 0.0.0.0:8080 --to 127.0.0.1:4443 &
wait -n
code=$?
kill $(jobs -p) 2>/dev/null
wait
exit $code
