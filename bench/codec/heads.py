"""The request heads that the codecs are timed with."""

from __future__ import annotations

from bench.server.workloads import BROWSER_FIELDS, SMALL_FIELDS, http_head

CURL_FIELDS = (*SMALL_FIELDS, ("User-Agent", "curl/8.9.1"), ("Accept", "*/*"), ("Accept-Encoding", "gzip"))

HEADS = {
    "small": http_head("GET", "/hello", SMALL_FIELDS),
    "curl": http_head("GET", "/hello", CURL_FIELDS),
    "browser": http_head("GET", "/articles/2024/pumped-storage?page=2&sort=date", BROWSER_FIELDS),
    "90-fields": http_head(
        "GET", "/hello", (*SMALL_FIELDS, *((f"X-Header-{i:02}", "a value of some thirty bytes ..") for i in range(89)))
    ),
    "long-cookie": http_head("GET", "/hello", (*SMALL_FIELDS, ("Cookie", "c" * 8000))),
}
