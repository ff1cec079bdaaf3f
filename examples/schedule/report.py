#!/usr/bin/python3
"""Lists what arrived below FOLDER in the day before the event, and sums it up.

The day ends when the event is due, not when the script runs: an event that is tried again makes the same report. It begins at
the same time of the day before by the clocks of TIMEZONE, so that no hour is missed or counted twice when these are changed.
"""

import collections
import datetime
import os
import pathlib
import zoneinfo

import boto3

zone = zoneinfo.ZoneInfo(os.environ["TIMEZONE"])
# EVENT_TIME is ISO 8601 in UTC. Schedules are due at whole minutes.
due = datetime.datetime.strptime(os.environ["EVENT_TIME"][:16] + "Z", "%Y-%m-%dT%H:%M%z")
end = due.astimezone(zone)
begin = end - datetime.timedelta(days=1)  # by the clock on the wall, 23 or 25 hours on two days of the year
bucket, _, folder = os.environ["FOLDER"].removeprefix("s3://").partition("/")

# The variable is set on machines that stand in for AWS. Newer versions of boto3 read it themselves.
s3 = boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
arrived = []
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder):
    arrived += [o for o in page.get("Contents", []) if begin.timestamp() <= o["LastModified"].timestamp() < end.timestamp()]

kinds = collections.defaultdict(list)
for o in arrived:
    kinds[pathlib.PurePosixPath(o["Key"]).suffix or "(none)"].append(o["Size"])
largest = sorted(arrived, key=lambda o: (-o["Size"], o["Key"]))[:10]

report = [f"Arrived in {os.environ['FOLDER']} from {begin:%F %R} to {end:%F %R} ({zone.key}):"]
report += [f"{len(sizes):8} files {sum(sizes):14} bytes  {kind}" for kind, sizes in sorted(kinds.items())]
report += [f"{len(arrived):8} files {sum(o['Size'] for o in arrived):14} bytes  in all", "", "The largest:"]
# Names are shown as Python writes them, since anything may be in them.
report += [f"{o['Size']:29} bytes  {o['Key'].removeprefix(folder)!r}" for o in largest] or ["none"]
text = "\n".join(report) + "\n"
(pathlib.Path(os.environ["TMP_OUTPUT_DIR"]) / f"{end:%F}.txt").write_text(text)
print(text, end="")
