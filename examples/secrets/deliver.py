#!/usr/bin/python3
"""Sends the file to the service and keeps the service's answer as a receipt.

Neither the token nor the key is printed, written to a file or given to another program.
"""

import hashlib
import hmac
import os
import pathlib
import sys
import urllib.error
import urllib.request

document = pathlib.Path(os.environ["INPUT_FILE_PATH"])
content = document.read_bytes()
signature = hmac.new(os.environ["SIGNING_KEY"].encode(), content, hashlib.sha256).hexdigest()
request = urllib.request.Request(
    os.environ["SERVICE_URL"],
    data=content,
    headers={"Authorization": "Bearer " + os.environ["TOKEN"], "X-Signature": "sha256=" + signature},
)
try:
    with urllib.request.urlopen(request, timeout=30) as answer:
        receipt = answer.read()
except urllib.error.HTTPError as refused:
    sys.exit(f"{document.name} is not delivered: {refused.code} {refused.reason}")
except urllib.error.URLError as failed:
    sys.exit(f"{document.name} is not delivered: {failed.reason}")
(pathlib.Path(os.environ["TMP_OUTPUT_DIR"]) / (document.name + ".receipt")).write_bytes(receipt)
print(f"{document.name} is delivered")
