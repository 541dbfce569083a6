"""The names that specs use for Podium's steps and classes, and the keys of dag-factory that the checks know."""

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
#: The endpoint that means the local stack's inference server.
LOCAL = "local"
#: The operator that asks a person to approve a promotion.
APPROVAL = "podium.airflow.PromotionApproval"
#: The trigger that watches a folder of configs.
TRIGGER = "podium.airflow.ConfigFolderTrigger"
#: Import paths of earlier releases, which specs may still use. A project's own ``tasks`` package re-exports the steps.
FORMER = {
    "tasks.detect.detect_configs": DETECT,
    "tasks.train.train_classifier": f"{STEPS}train.train_classifier",
    "tasks.promote.promote_best": PROMOTE,
    "tasks.validate.list_versions": f"{STEPS}validate.list_versions",
    "tasks.validate.validate_version": f"{STEPS}validate.validate_version",
    "tasks.deploy.deploy_model": DEPLOY,
    "podium.approval.PromotionApproval": APPROVAL,
    "podium.callbacks.show_error": "podium.airflow.show_error",
    "podium.watch.ConfigFolderTrigger": TRIGGER,
}
#: Arguments with notifiers that a spec can give to the promotion step, with descriptions. Podium takes them out of the
#: spec when it builds the DAG (see `podium.specs.notifications`), so the step itself does not receive them.
_NOTIFIERS = {
    "on_promotion": "Airflow notifiers to call when a new version is in Production. Templates can use `decision`.",
    "on_rejection": "Airflow notifiers to call when there were candidates and none was promoted.",
    "on_failure": "Airflow notifiers to call when this step, or a task that reports to it, failed.",
}
PROMOTED, REJECTED, FAILED = MESSAGES = tuple(_NOTIFIERS)
#: Keys of a DAG that dag-factory reads but Airflow 3.3 refuses or dag-factory then ignores, and what to write instead.
REFUSED = {
    "schedule_interval": "use schedule",
    "timetable": "Airflow 3 takes a timetable as schedule",
    "sla_miss_callback": "Airflow 3.1 removed it",
    "sla_miss_callback_name": "Airflow 3.1 removed it",
    "sla_miss_callback_file": "Airflow 3.1 removed it",
    "default_view": "Airflow 3 removed it",
    "orientation": "Airflow 3 removed it",
    "dag_id": "the DAG's id is its key",
    "on_execute_callback": "set it on a task or in default_args",
    "on_execute_callback_name": "set it on a task or in default_args",
    "on_execute_callback_file": "set it on a task or in default_args",
    "on_retry_callback": "set it on a task or in default_args",
    "on_skipped_callback": "set it on a task or in default_args",
}
DAG_CALLBACKS = ("on_success_callback", "on_failure_callback")
TASK_CALLBACKS = (*DAG_CALLBACKS, "on_execute_callback", "on_retry_callback", "on_skipped_callback")
#: The decorators behind ``task.NAME``, which no import path leads to.
_STANDARD = "airflow.providers.standard.decorators"
TASK_DECORATORS = {
    "bash": f"{_STANDARD}.bash.bash_task",
    "branch": f"{_STANDARD}.branch_python.branch_task",
    "branch_external_python": f"{_STANDARD}.branch_external_python.branch_external_python_task",
    "branch_virtualenv": f"{_STANDARD}.branch_virtualenv.branch_virtualenv_task",
    "external_python": f"{_STANDARD}.external_python.external_python_task",
    "python": f"{_STANDARD}.python.python_task",
    "sensor": f"{_STANDARD}.sensor.sensor_task",
    "short_circuit": f"{_STANDARD}.short_circuit.short_circuit_task",
    "virtualenv": f"{_STANDARD}.python_virtualenv.virtualenv_task",
}
#: Keys that people write for arguments that are mapped over together, and what dag-factory has for that.
MAPPED_TOGETHER = ("expand_kwargs", "map_kwargs")
#: The modes of a sensor.
SENSOR_MODE = {"enum": ["poke", "reschedule"]}


def current_path(path: Any) -> Any:
    """Return the current import path if a spec uses a former one; any other value unchanged."""
    return FORMER.get(path, path) if isinstance(path, str) else path


def spec_arguments(path: Any) -> dict[str, str]:
    """Return the arguments, with descriptions, that a spec can give to a step in addition to those of its signature."""
    return dict(_NOTIFIERS) if current_path(path) == PROMOTE else {}
