"""Amazon's operators, sensors, hooks and triggers, against a server that plays AWS."""

import pendulum
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.providers.amazon.aws.hooks.sqs import SqsHook
from airflow.providers.amazon.aws.operators.s3 import (
    S3CopyObjectOperator,
    S3CreateBucketOperator,
    S3CreateObjectOperator,
    S3DeleteObjectsOperator,
    S3FileTransformOperator,
    S3ListOperator,
)
from airflow.providers.amazon.aws.operators.sns import SnsPublishOperator
from airflow.providers.amazon.aws.operators.sqs import SqsPublishOperator
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.amazon.aws.sensors.sqs import SqsSensor
from airflow.providers.amazon.aws.transfers.local_to_s3 import LocalFilesystemToS3Operator
from airflow.providers.amazon.aws.transfers.sql_to_s3 import SqlToS3Operator
from airflow.sdk import DAG, ObjectStoragePath, task

BUCKET = "orders"

with DAG("run_amazon", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    bucket = S3CreateBucketOperator(task_id="bucket", bucket_name=BUCKET)
    write = S3CreateObjectOperator(
        task_id="write", s3_bucket=BUCKET, s3_key="{{ dag.dag_id }}/in.txt", data="one,two"
    )
    there = S3KeySensor(
        task_id="there", bucket_name=BUCKET, bucket_key="run_amazon/in.txt", poke_interval=1
    )
    later = S3KeySensor(
        task_id="later",
        bucket_name=BUCKET,
        bucket_key="run_amazon/out.txt",
        deferrable=True,
        poke_interval=1,
        timeout=60,
    )
    gone = S3KeySensor(
        task_id="gone",
        bucket_name=BUCKET,
        bucket_key="run_amazon/nothing",
        deferrable=True,
        poke_interval=1,
        timeout=2,
    )
    copy = S3CopyObjectOperator(
        task_id="copy",
        source_bucket_key="run_amazon/in.txt",
        dest_bucket_key="run_amazon/copied.txt",
        source_bucket_name=BUCKET,
        dest_bucket_name=BUCKET,
    )
    change = S3FileTransformOperator(
        task_id="change",
        source_s3_key=f"s3://{BUCKET}/run_amazon/in.txt",
        dest_s3_key=f"s3://{BUCKET}/run_amazon/out.txt",
        transform_script="/bin/cp",
    )
    upload = LocalFilesystemToS3Operator(
        task_id="upload", filename=__file__, dest_key="dags/run_amazon.py", dest_bucket=BUCKET
    )
    listing = S3ListOperator(task_id="listing", bucket=BUCKET, prefix="run_amazon/")

    @task
    def hook(keys: list[str]) -> str:
        assert sorted(keys) == ["run_amazon/copied.txt", "run_amazon/in.txt", "run_amazon/out.txt"]
        hook = S3Hook()
        hook.load_string(hook.read_key("run_amazon/out.txt", BUCKET).upper(), "big.txt", BUCKET)
        return hook.read_key("big.txt", BUCKET)

    @task
    def path(text: str) -> str:
        there = ObjectStoragePath(f"s3://aws_default@{BUCKET}/big.txt")
        assert there.read_text() == text
        return str(there)

    delete = S3DeleteObjectsOperator(task_id="delete", bucket=BUCKET, prefix="run_amazon/")

    @task
    def queue() -> str:
        return str(SqsHook().create_queue("q")["QueueUrl"])

    @task
    def topic() -> str:
        return str(SnsHook().conn.create_topic(Name="t")["TopicArn"])

    url = queue()
    send = SqsPublishOperator(task_id="send", sqs_queue=url, message_content="{{ run_id }}")
    receive, receive_later = (
        SqsSensor(
            task_id=name,
            sqs_queue=url,
            poke_interval=1,
            visibility_timeout=1,
            delete_message_on_reception=name == "receive_later",
            deferrable=name == "receive_later",
        )
        for name in ("receive", "receive_later")
    )
    publish = SnsPublishOperator(
        task_id="publish", target_arn=topic(), message="{{ ti.task_id }}", subject="orders"
    )
    table = SqlToS3Operator(
        task_id="table",
        query="SELECT 1 AS number",
        sql_conn_id="sqlite_default",
        s3_bucket=BUCKET,
        s3_key="table.csv",
        replace=True,
    )

    bucket >> write >> [there, copy]
    bucket >> [upload, later, gone, table]
    there >> change
    [copy, change] >> listing
    [path(hook(listing.output)), later] >> delete
    send >> receive >> receive_later
