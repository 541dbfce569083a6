"""A pipeline for one test; its steps are called as Airflow calls them."""

from dataclasses import dataclass
from pathlib import Path

HALL = {
    "gnb": "estimator: GaussianNB\n",
    "lda": "estimator: LinearDiscriminantAnalysis\n",
    "forest": "estimator: RandomForestClassifier\nparams: {n_estimators: 20}\n",
}


@dataclass(frozen=True)
class Lab:
    """A pipeline for one test; its steps are called as Airflow calls them."""

    project: object
    pipeline: str
    dataset: object = "iris"
    split: object = None

    @property
    def folder(self):
        return self.project.config / self.pipeline

    @property
    def arguments(self):
        return {"pipeline": self.pipeline, "dataset": self.dataset, "split": self.split}

    @property
    def job(self):
        from podium.training.job import Job

        return Job.from_spec(self.project, **self.arguments)

    @property
    def models(self):
        from podium.registry.client import Registry

        return Registry(self.pipeline)

    def write(self, name, text="estimator: GaussianNB\n"):
        path = Path(self.folder / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def detect(self, **options):
        from tasks.detect import detect_configs

        return detect_configs(**self.arguments, **options)

    def train(self, entry):
        from tasks.train import train_classifier

        return train_classifier(entry, **self.arguments)

    def train_all(self):
        return [self.train(entry) for entry in self.detect()]

    def promote(self, results=(), **options):
        from tasks.promote import promote_best

        return promote_best(**self.arguments, results=results, **options)

    def plan(self, **options):
        from podium.training.plan import plan

        return {item.name: (item.action, item.reason) for item in plan(self.models, self.job, **options)}
