"""The names that specs use for what is Podium's, and dag-factory's keys that the checks know."""

from __future__ import annotations

from typing import Any

# Top-level keys of a spec that are not DAGs.
NOT_DAGS = ("default", "task_groups")
#: The package of Podium's steps.
STEPS = "podium.steps."
#: The steps that find configs, decide about Production, and deploy.
DETECT = f"{STEPS}detect.detect_configs"
PROMOTE = f"{STEPS}promote.promote_best"
DEPLOY = f"{STEPS}deploy.deploy_model"
#: The endpoint that stands for the local stack's inference server.
LOCAL = "local"
#: The operator that asks a person to approve a promotion.
APPROVAL = "podium.airflow.PromotionApproval"
#: Paths of earlier releases, which specs may still name. Those in ``tasks`` are re-exports of the project's own.
FORMER = {
    "tasks.detect.detect_configs": DETECT,
    "tasks.train.train_classifier": f"{STEPS}train.train_classifier",
    "tasks.promote.promote_best": PROMOTE,
    "tasks.validate.list_versions": f"{STEPS}validate.list_versions",
    "tasks.validate.validate_version": f"{STEPS}validate.validate_version",
    "tasks.deploy.deploy_model": DEPLOY,
    "podium.approval.PromotionApproval": APPROVAL,
    "podium.callbacks.show_error": "podium.airflow.show_error",
    "podium.watch.ConfigFolderTrigger": "podium.airflow.ConfigFolderTrigger",
}
#: The step's arguments that hold notifiers, one or a list: a new champion; candidates and none is; something failed.
PROMOTED, REJECTED, FAILED = MESSAGES = ("on_promotion", "on_rejection", "on_failure")
#: What dag-factory reads of a DAG but Airflow 3.3 refuses or dag-factory then ignores, and what to write instead.
REFUSED = {
    "schedule_interval": "use schedule",
    "timetable": "Airflow 3 takes a timetable as schedule",
    "sla_miss_callback": "Airflow 3.1 removed it",
    "sla_miss_callback_name": "Airflow 3.1 removed it",
    "sla_miss_callback_file": "Airflow 3.1 removed it",
    "default_view": "Airflow 3 removed it",
    "orientation": "Airflow 3 removed it",
    "dag_id": "the DAG's id is its key",
    "on_execute_callback": "it belongs to a task, or into default_args",
    "on_execute_callback_name": "it belongs to a task, or into default_args",
    "on_execute_callback_file": "it belongs to a task, or into default_args",
    "on_retry_callback": "it belongs to a task, or into default_args",
    "on_skipped_callback": "it belongs to a task, or into default_args",
}
DAG_CALLBACKS = ("on_success_callback", "on_failure_callback")
TASK_CALLBACKS = (*DAG_CALLBACKS, "on_execute_callback", "on_retry_callback", "on_skipped_callback")
#: How a sensor waits.
SENSOR_MODE = {"enum": ["poke", "reschedule"]}


def current_path(path: Any) -> Any:
    """Return the current path of something of Podium's that a spec names by a former one; anything else unchanged."""
    return FORMER.get(path, path) if isinstance(path, str) else path
