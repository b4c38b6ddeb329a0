"""Fills a moto server that lets three requests in without a login: ENDPOINT FOLDER. Prints the keys of a user who may
read and write."""

import sys
from pathlib import Path

import boto3

endpoint, folder = sys.argv[1], Path(sys.argv[2])
place = {"endpoint_url": endpoint, "region_name": "us-east-1"}
iam = boto3.client("iam", aws_access_key_id="x", aws_secret_access_key="x", **place)
iam.create_user(UserName="ana")
iam.put_user_policy(
    UserName="ana",
    PolicyName="all",
    PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}',
)
keys = iam.create_access_key(UserName="ana")["AccessKey"]
s3 = boto3.client(
    "s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"], **place
)
s3.create_bucket(Bucket="tables")
for path in sorted(folder.rglob("*")):
    if path.is_file():
        s3.put_object(Bucket="tables", Key=path.relative_to(folder).as_posix(), Body=path.read_bytes())
print(keys["AccessKeyId"], keys["SecretAccessKey"])
