"""Google Cloud Storage's operators, a sensor, transfers and hook, against an emulator."""

import pendulum
from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.providers.google.cloud.operators.gcs import (
    GCSCreateBucketOperator,
    GCSDeleteObjectsOperator,
    GCSFileTransformOperator,
    GCSListObjectsOperator,
)
from airflow.providers.google.cloud.sensors.gcs import (
    GCSObjectExistenceSensor,
    GCSObjectsWithPrefixExistenceSensor,
)
from airflow.providers.google.cloud.transfers.gcs_to_local import GCSToLocalFilesystemOperator
from airflow.providers.google.cloud.transfers.local_to_gcs import LocalFilesystemToGCSOperator
from airflow.sdk import DAG, task

BUCKET = "orders"

with DAG("run_google", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    bucket = GCSCreateBucketOperator(task_id="bucket", bucket_name=BUCKET, project_id="shop")
    upload = LocalFilesystemToGCSOperator(
        task_id="upload", src=__file__, dst="dags/{{ dag.dag_id }}.py", bucket=BUCKET
    )
    there = GCSObjectExistenceSensor(
        task_id="there", bucket=BUCKET, object="dags/run_google.py", poke_interval=1
    )
    some = GCSObjectsWithPrefixExistenceSensor(
        task_id="some", bucket=BUCKET, prefix="dags/", poke_interval=1
    )
    change = GCSFileTransformOperator(
        task_id="change",
        source_bucket=BUCKET,
        source_object="dags/run_google.py",
        destination_object="dags/copy.py",
        transform_script=["/bin/cp"],
    )
    download = GCSToLocalFilesystemOperator(
        task_id="download",
        bucket=BUCKET,
        object_name="dags/copy.py",
        filename="{{ var.value.downloads }}/copy.py",
    )
    listing = GCSListObjectsOperator(task_id="listing", bucket=BUCKET, prefix="dags/")

    @task
    def hook(names: list[str]) -> str:
        assert sorted(names) == ["dags/copy.py", "dags/run_google.py"]
        hook = GCSHook()
        hook.upload(BUCKET, "text", data="hello")
        return hook.download(BUCKET, "text").decode()

    delete = GCSDeleteObjectsOperator(task_id="delete", bucket_name=BUCKET, prefix="dags/")
    bucket >> upload >> [there, some] >> change >> [download, listing]
    [hook(listing.output), download] >> delete
