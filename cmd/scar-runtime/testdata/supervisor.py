"""What a supervisor of the same contract costs in Python: the baseline of BenchmarkEvent.

It reads one event of S3 from each line of its standard input and answers with one line. Per event it makes the same
calls as the runtime: it fetches the object, reads its record, runs a program, stores its outputs and writes the record.
"""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

import boto3
from botocore.exceptions import ClientError

s3 = boto3.client("s3", endpoint_url=sys.argv[1])


def handle(event):
    record = event["Records"][0]["s3"]
    bucket, key = record["bucket"]["name"], urllib.parse.unquote_plus(record["object"]["key"])
    note = ".scar/f/" + hashlib.sha256((bucket + "/" + key).encode()).hexdigest() + ".json"
    work, started = tempfile.mkdtemp(), time.time()
    try:
        folders = {name: os.path.join(work, name.lower()) for name in ("TMP_INPUT_DIR", "TMP_OUTPUT_DIR", "HOME", "TMPDIR")}
        for folder in folders.values():
            os.mkdir(folder)
        try:
            prior = json.load(s3.get_object(Bucket=bucket, Key=note)["Body"])
        except ClientError:
            prior = {"attempts": 0}
        path = os.path.join(folders["TMP_INPUT_DIR"], os.path.basename(key))
        with open(path, "wb") as file:
            shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], file)
        run = subprocess.run(["true"], cwd=work, env={**os.environ, **folders, "INPUT_FILE_PATH": path},
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
        for folder, _, names in os.walk(folders["TMP_OUTPUT_DIR"]):
            for name in names:
                s3.upload_file(os.path.join(folder, name), bucket, "out/" + name)
        done = {"key": key, "status": "done", "attempts": prior["attempts"] + 1, "seconds": time.time() - started}
        s3.put_object(Bucket=bucket, Key=note, Body=json.dumps(done).encode())
        return {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(run.stdout).decode()}
    finally:
        shutil.rmtree(work)


for line in sys.stdin:
    print(json.dumps(handle(json.loads(line))), flush=True)
