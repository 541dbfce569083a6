"""Tags that runs, versions and decisions of earlier releases have: a new name would lose what they say."""

from podium.registry import tag_names

STORED = {
    "AGAINST": "podium.against",
    "AIRFLOW_TASK": "podium.airflow_task",
    "APPROVAL": "podium.approval",
    "APPROVER": "podium.approver",
    "BY": "podium.by",
    "CHECKED_ON": "podium.checked_on",
    "CARRIED_OUT": "podium.carried_out",
    "COMMIT": "podium.git_commit",
    "CONFIG": "podium.config",
    "CONFIG_DIGEST": "podium.config_digest",
    "DAG_ID": "podium.dag_id",
    "DAG_RUN": "podium.dag_run_id",
    "DATA": "podium.data",
    "DATA_COLUMNS": "podium.data_columns",
    "DATA_DIGEST": "podium.data_digest",
    "DATA_NOTES": "podium.data_notes",
    "DATA_ROWS": "podium.data_rows",
    "DEPLOYED": "podium.deployed",
    "ERROR": "podium.error",
    "ESTIMATOR": "podium.estimator",
    "FAILED_RUN": "podium_failed_run",
    "FROM_VERSION": "podium.from_version",
    "IDENTITY": "podium.identity",
    "KEY_SCHEME": "podium.key_scheme",
    "MODE": "podium.mode",
    "NOTES": "podium.notes",
    "OWN_FAULT": "podium.own_fault",
    "PROPOSED": "podium.proposed_version",
    "PROTECT": "podium.protect",
    "REASON": "podium.reason",
    "ROLLED_BACK": "podium.rolled_back",
    "SCORED_ON": "podium.scored_on",
    "SCORES": "podium.scores",
    "SHADOW": "podium.shadow",
    "SHADOW_AGAINST": "podium.shadow_against",
    "SPEC_DIGEST": "podium.spec_digest",
    "SPLIT_DIGEST": "podium.split_digest",
    "TO_VERSION": "podium.to_version",
    "TRY": "podium.try_number",
    "VALIDATION": "podium.validation",
    "VALIDATION_GATES": "podium.validation_gates",
    "VALIDATION_REASON": "podium.validation_reason",
    "VERDICT": "podium.verdict",
    "WARNINGS": "podium.warnings",
}


def test_tags_keep_the_names_under_which_they_are_stored():
    names = {name: value for name, value in vars(tag_names).items() if name.isupper() and isinstance(value, str)}
    assert names == STORED
