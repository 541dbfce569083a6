"""The task that asks a person to approve a promotion, based on Airflow's approval operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.sdk import Context


class PromotionApproval(ApprovalOperator):  # type: ignore[misc]
    """Ask a person to approve a decision of :func:`podium.steps.promote.promote_best`, and show the evidence.

    The request appears on Airflow's page *Required Actions* and in its API. If it is rejected or times out, Production
    does not change, the refusal is recorded, and the tasks after this one are skipped. If there is nothing to approve,
    the task succeeds without a request.

    Parameters
    ----------
    pipeline : str
        As in :func:`podium.steps.detect.detect_configs`.
    record : str
        The decision's run: ``"{{ ti.xcom_pull(task_ids='promote')['run_id'] }}"`` if the task's id is ``promote``.
    response_timeout : datetime.timedelta, optional
        Time after which a request without an answer counts as refused. Default: no limit.
    **kwargs
        As for :class:`airflow.providers.standard.operators.hitl.ApprovalOperator`, such as ``assigned_users``.
    """

    template_fields = (*ApprovalOperator.template_fields, "pipeline", "record")

    def __init__(self, *, pipeline: str, record: str, response_timeout: timedelta | None = None, **kwargs: Any) -> None:
        super().__init__(subject="Promote?", defaults=self.REJECT, response_timeout=response_timeout, **kwargs)
        self.pipeline = pipeline
        self.record = record

    def execute(self, context: Context) -> Any:
        """Request approval and wait without occupying a worker; return at once if there is nothing to approve."""
        from podium.airflow import environment
        from podium.promotion import records, report
        from podium.registry import tag_names

        models = environment.registry(self.pipeline)
        tags = models.client.get_run(self.record).data.tags
        if tags.get(tag_names.APPROVAL) != records.AWAITING:
            return None
        self.subject = f"{models.model}: promote version {tags[tag_names.PROPOSED]}?"
        self.body = report.read(models, self.record)
        if page := report.address(models, self.record):
            self.body += f"\n[The record in MLflow, with plots]({page})"
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Carry out the answer and return a result like that of :func:`podium.steps.promote.promote_best`."""
        from podium.airflow import environment
        from podium.promotion import decisions
        from podium.registry import tag_names

        given = event.get("chosen_options") or [self.REJECT]
        user = event.get("responded_by_user")
        by = user["name"] if user else ""
        models = environment.registry(self.pipeline)
        decisions.answer(models, environment.project(), self.record, by, approved=given == [self.APPROVE])
        super().execute_complete(context, event)
        tags = models.client.get_run(self.record).data.tags
        self.log.info("%s: %s", tags[tag_names.VERDICT], tags[tag_names.REASON])
        return {
            "verdict": tags[tag_names.VERDICT],
            "reason": tags[tag_names.REASON],
            "version": int(tags[tag_names.PROPOSED]),
            "previous": int(tags[tag_names.FROM_VERSION] or 0) or None,
            "candidates": 1,
            "failed": [],
            "run_id": self.record,
        }
