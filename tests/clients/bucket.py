"""Looks into a bucket past the server, and changes it: bucket.py WHAT [ARGUMENT...]

WHARF_TEST_BUCKET holds the URL, access key, secret key and name, each in a line. What the commands print is UTF-8.
  make              makes the bucket
  put KEY TEXT      stores an object
  uploads PREFIX    prints the keys of unfinished uploads, and how many parts each has
  begin KEY         begins an upload and sends one part; prints its number
  complete KEY ID   completes it
"""

import os
import sys

import boto3
from botocore.config import Config

url, access_key, secret_key, bucket = os.environ["WHARF_TEST_BUCKET"].split("\n")
s3 = boto3.client(
    "s3",
    endpoint_url=url,
    region_name="us-east-1",
    aws_access_key_id=access_key,
    aws_secret_access_key=secret_key,
    config=Config(
        s3={"addressing_style": "path"},
        proxies={},
        connect_timeout=5,
        read_timeout=30,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    ),
)
PART = b"another program's part"


def make():
    s3.create_bucket(Bucket=bucket)


def put(key, text):
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())


def uploads(prefix):
    # Of the whole bucket: some stores list by a prefix nothing but the uploads of that very key.
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    for upload in (upload for page in pages for upload in page.get("Uploads", [])):
        if upload["Key"].startswith(prefix):
            try:
                parts = s3.list_parts(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            except s3.exceptions.NoSuchUpload:
                continue
            print(upload["Key"], len(parts.get("Parts", [])))


def begin(key):
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=PART)
    print(upload)


def complete(key, upload):
    listed = s3.list_parts(Bucket=bucket, Key=key, UploadId=upload)["Parts"]
    parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in listed]
    s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


{"make": make, "put": put, "uploads": uploads, "begin": begin, "complete": complete}[sys.argv[1]](*sys.argv[2:])
