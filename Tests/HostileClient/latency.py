"""Asks for the status again and again, each time with a new connection: latency.py HOST PORT TOKEN SECONDS.

Prints one JSON object: the number of requests, of those that failed, and seconds within which half, 99 % and all were answered."""

import http.client
import json
import ssl
import sys
import time

HOST, PORT, TOKEN, SECONDS = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


def ask():
    connection = http.client.HTTPSConnection(HOST, PORT, timeout=30, context=CONTEXT)
    connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {TOKEN}"})
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    assert response.status == 200, response.status
    return body


end = time.monotonic() + SECONDS
times, failed, scanning = [], [], 0
while time.monotonic() < end:
    begun = time.monotonic()
    try:
        scanning += ask()["state"] == "scanning"
        times.append(time.monotonic() - begun)
    except (OSError, AssertionError, http.client.HTTPException, json.JSONDecodeError) as error:
        failed.append(str(error))
    time.sleep(0.05)
times.sort()
print(json.dumps({"requests": len(times) + len(failed), "failed": failed[:10], "scanning": scanning, "median": times[len(times) // 2],
                  "most": times[len(times) * 99 // 100], "all": times[-1]}))
