"""A notifier is a callback with templates; several callbacks of one kind all run, whatever
fails before them.
"""

from airflow.sdk import DAG, BaseNotifier, Variable, task


class Notes(BaseNotifier):
    template_fields = ("text",)

    def __init__(self, key, text):
        super().__init__()
        self.key, self.text = key, text

    def notify(self, context):
        Variable.set(self.key, self.text)


def breaks(context):
    raise RuntimeError("broken callback")


with DAG("notifiers", schedule=None, catchup=False):

    @task(on_success_callback=[breaks, Notes("diff_note_success", "{{ ti.task_id }} {{ ds }}")])
    def works():
        return 1

    @task(
        on_failure_callback=[
            Notes("diff_note_failure", "{{ exception }} {{ ti.state == 'failed' }}"),
            breaks,
        ]
    )
    def fails():
        raise RuntimeError("no")

    @task(on_execute_callback=Notes("diff_note_execute", "{{ run_id }}"))
    def begins():
        return 1

    works(), fails(), begins()
