"""What XGBoost and LightGBM document about their parameters and cannot tell a program: types, ranges and options.

Their classes accept any keyword, and the libraries at most warn about one that they do not know. Names, defaults and
descriptions come from the installed packages; ``tests/unit/configs/test_boosters.py`` checks that no name is missing
here and that the ranges are those of the libraries.

Sources: XGBoost 3.2, "XGBoost Parameters" and the docstring of ``XGBModel``; LightGBM 4.7, "Parameters".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


def _integer(low: int | None = None, high: int | None = None) -> Schema:
    return {"type": "integer"} | _bounds(low, high)


def _number(low: float | None = None, high: float | None = None) -> Schema:
    return {"type": "number"} | _bounds(low, high)


def _above(low: float, high: float | None = None) -> Schema:
    return {"type": "number", "exclusiveMinimum": low} | _bounds(None, high)


def _bounds(low: float | None, high: float | None) -> Schema:
    return {key: bound for key, bound in (("minimum", low), ("maximum", high)) if bound is not None}


def _one_of(*options: str) -> Schema:
    return {"enum": list(options)}


def _either(*branches: Schema) -> Schema:
    return {"anyOf": list(branches)}


def _list_of(*branches: Schema) -> Schema:
    return {"type": "array", "items": branches[0] if len(branches) == 1 else _either(*branches)}


_FLAG: Schema = {"type": "boolean"}
_TEXT: Schema = {"type": "string"}
_NULL: Schema = {"type": "null"}
_OBJECT: Schema = {"type": "object"}
_SHARE = _above(0, 1)
_RATE = _number(0, 1)
_SEED = _integer(0, 2**31 - 1)
_DIRECTION = {"enum": [-1, 0, 1]}

_FILE = "it names a file or describes one"
_NETWORK = "it is for training on several machines"
_FUNCTIONS = "it takes functions"
_REGRESSION = "it is for regression"
_RANKING = "it is for ranking"
_PREDICTION = "it changes what the model predicts after the training"
_UPDATE = "it is for changing a model that exists"
_DERIVED = "it follows from the data"
_PROGRAM = "it is for the command line program"


@dataclass(frozen=True)
class Library:
    """The parameters of one library.

    Parameters
    ----------
    title : str
        The library, as its documentation calls it.
    parameters : dict of str to dict
        JSON Schemas by name. Names that the class's constructor lacks are given to the library as they are.
    refused : dict of str to str
        Parameters that a config cannot set, and the reason, which goes on after "because".
    aliases : dict of str to str
        Other names, where the library does not list them for a program.
    """

    title: str
    parameters: dict[str, Schema]
    refused: dict[str, str]
    aliases: dict[str, str] = field(default_factory=dict)


_XGBOOST_METRICS = _either(
    _one_of("logloss", "error", "auc", "aucpr", "mlogloss", "merror", "rmse", "rmsle", "mae", "mape"),
    {"type": "string", "pattern": r"^error@0?\.\d+$"},
)

XGBOOST = Library(
    title="XGBoost",
    parameters={
        "n_estimators": _integer(1),
        "max_depth": _integer(0),
        "max_leaves": _integer(0),
        "max_bin": _integer(2),
        "grow_policy": _one_of("depthwise", "lossguide"),
        "learning_rate": _number(0),
        "verbosity": _integer(0, 3),
        "objective": _one_of("binary:logistic", "binary:logitraw", "binary:hinge", "multi:softprob", "multi:softmax"),
        "booster": _one_of("gbtree", "gblinear", "dart"),
        "tree_method": _one_of("auto", "exact", "approx", "hist"),
        "n_jobs": _integer(),
        "gamma": _number(0),
        "min_child_weight": _number(0),
        "max_delta_step": _number(0),
        "subsample": _SHARE,
        "sampling_method": _one_of("uniform", "gradient_based"),
        "colsample_bytree": _SHARE,
        "colsample_bylevel": _SHARE,
        "colsample_bynode": _SHARE,
        "reg_alpha": _number(0),
        "reg_lambda": _number(0),
        "scale_pos_weight": _above(0),
        "base_score": _either(_number(), _list_of(_number())),
        "random_state": _SEED,
        "missing": _number() | {"x-nonfinite": [".nan"]},
        "num_parallel_tree": _integer(1),
        "monotone_constraints": _either(
            {"type": "object", "additionalProperties": _DIRECTION},
            _list_of(_DIRECTION),
            {"type": "string", "pattern": r"^\([-0-9, ]*\)$"},
        ),
        "interaction_constraints": _either(
            _list_of(_list_of(_TEXT, _integer(0))), {"type": "string", "pattern": r"^\[.*\]$"}
        ),
        "importance_type": _one_of("gain", "weight", "cover", "total_gain", "total_cover"),
        "device": _either(
            _one_of("cpu", "cuda", "gpu"),
            {"type": "string", "pattern": r"^(cuda|gpu):\d+$"},
        ),
        "validate_parameters": _FLAG,
        "enable_categorical": _FLAG,
        "feature_types": _list_of(_one_of("q", "c", "i", "int", "float")),
        "feature_weights": _list_of(_number(0)),
        "max_cat_to_onehot": _integer(1),
        "max_cat_threshold": _integer(1),
        "multi_strategy": _one_of("one_output_per_tree", "multi_output_tree"),
        "eval_metric": _either(*_XGBOOST_METRICS["anyOf"], _list_of(*_XGBOOST_METRICS["anyOf"])),
        "early_stopping_rounds": _integer(1),
        "rate_drop": _RATE,
        "skip_drop": _RATE,
        "one_drop": _FLAG,
        "sample_type": _one_of("uniform", "weighted"),
        "normalize_type": _one_of("tree", "forest"),
        "updater": _one_of("coord_descent", "shotgun", "grow_colmaker", "grow_histmaker", "grow_quantile_histmaker"),
        "feature_selector": _one_of("cyclic", "shuffle", "random", "greedy", "thrifty"),
        "top_k": _integer(0),
        "max_cached_hist_node": _integer(1),
        "seed_per_iteration": _FLAG,
        "disable_default_eval_metric": _FLAG,
    },
    refused={
        "callbacks": _FUNCTIONS,
        **dict.fromkeys(("process_type", "refresh_leaf"), _UPDATE),
        **dict.fromkeys(("num_class", "num_feature", "num_target", "boost_from_average"), _DERIVED),
        **dict.fromkeys(
            ("tweedie_variance_power", "huber_slope", "quantile_alpha", "expectile_alpha", "aft_loss_distribution"),
            _REGRESSION,
        ),
        **dict.fromkeys(
            (
                "lambdarank_bias_norm",
                "lambdarank_normalization",
                "lambdarank_num_pair_per_sample",
                "lambdarank_pair_method",
                "lambdarank_score_normalization",
                "lambdarank_unbiased",
                "ndcg_exp_gain",
            ),
            _RANKING,
        ),
        "extmem_single_page": _FILE,
        "fail_on_invalid_gpu_id": "it is for XGBoost's own tests",
        "debug_synchronize": "it is for XGBoost's own tests",
        "sparse_threshold": "XGBoost does not document it",
    },
    aliases={
        "eta": "learning_rate",
        "min_split_loss": "gamma",
        "alpha": "reg_alpha",
        "lambda": "reg_lambda",
        "nthread": "n_jobs",
        "seed": "random_state",
    },
)

_LIGHTGBM_METRICS = _one_of(
    "auc",
    "auc_mu",
    "average_precision",
    "binary_logloss",
    "binary",
    "binary_error",
    "multi_logloss",
    "multiclass",
    "softmax",
    "multi_error",
    "cross_entropy",
    "xentropy",
    "kullback_leibler",
    "kldiv",
    "None",
)

LIGHTGBM = Library(
    title="LightGBM",
    parameters={
        "boosting_type": _one_of("gbdt", "dart", "rf", "goss", "gbrt", "random_forest"),
        "num_leaves": _integer(2, 131_072),
        "max_depth": _integer(),
        "learning_rate": _above(0),
        "n_estimators": _integer(1),
        "subsample_for_bin": _integer(1),
        "objective": _either(
            _one_of(
                *("binary", "multiclass", "softmax", "multiclassova", "multiclass_ova", "ova", "ovr"),
                *("cross_entropy", "xentropy", "cross_entropy_lambda", "xentlambda"),
            ),
            _NULL,
        ),
        "class_weight": _either(_OBJECT, _one_of("balanced"), _NULL),
        "min_split_gain": _number(0),
        "min_child_weight": _number(0),
        "min_child_samples": _integer(0),
        "subsample": _SHARE,
        "subsample_freq": _integer(),
        "colsample_bytree": _SHARE,
        "reg_alpha": _number(0),
        "reg_lambda": _number(0),
        "random_state": _either(_SEED, _NULL),
        "n_jobs": _either(_integer(), _NULL),
        "importance_type": _one_of("split", "gain"),
        "data_sample_strategy": _one_of("bagging", "goss"),
        "colsample_bynode": _SHARE,
        "pos_bagging_fraction": _SHARE,
        "neg_bagging_fraction": _SHARE,
        "early_stopping_rounds": _integer(1),
        "early_stopping_min_delta": _number(0),
        "first_metric_only": _FLAG,
        "max_delta_step": _number(),
        "drop_rate": _RATE,
        "max_drop": _integer(),
        "skip_drop": _RATE,
        "xgboost_dart_mode": _FLAG,
        "uniform_drop": _FLAG,
        "top_rate": _RATE,
        "other_rate": _RATE,
        "min_data_per_group": _integer(1),
        "max_cat_threshold": _integer(1),
        "cat_l2": _number(0),
        "cat_smooth": _number(0),
        "max_cat_to_onehot": _integer(1),
        "monotone_constraints": _either({"type": "object", "additionalProperties": _DIRECTION}, _list_of(_DIRECTION)),
        "monotone_constraints_method": _one_of("basic", "intermediate", "advanced"),
        "monotone_penalty": _number(0),
        "feature_contri": _list_of(_number()),
        "cegb_tradeoff": _number(0),
        "cegb_penalty_split": _number(0),
        "cegb_penalty_feature_lazy": _list_of(_number(0)),
        "cegb_penalty_feature_coupled": _list_of(_number(0)),
        "path_smooth": _number(0),
        "interaction_constraints": _list_of(_list_of(_TEXT, _integer(0))),
        "verbosity": _integer(),
        "max_bin": _integer(2),
        "max_bin_by_feature": _list_of(_integer(2)),
        "min_data_in_bin": _integer(1),
        **dict.fromkeys(
            ("bagging_seed", "data_random_seed", "drop_seed", "extra_seed", "feature_fraction_seed"), _SEED
        ),
        **dict.fromkeys(("is_enable_sparse", "enable_bundle", "use_missing", "zero_as_missing"), _FLAG),
        **dict.fromkeys(("feature_pre_filter", "extra_trees", "linear_tree", "is_unbalance"), _FLAG),
        **dict.fromkeys(("deterministic", "force_col_wise", "force_row_wise", "boost_from_average"), _FLAG),
        **dict.fromkeys(("use_quantized_grad", "quant_train_renew_leaf", "stochastic_rounding"), _FLAG),
        "num_grad_quant_bins": _integer(1),
        "linear_lambda": _number(0),
        "histogram_pool_size": _number(),
        "scale_pos_weight": _above(0),
        "sigmoid": _above(0),
        "metric": _either(_LIGHTGBM_METRICS, _list_of(_LIGHTGBM_METRICS)),
        "multi_error_top_k": _integer(1),
        "auc_mu_weights": _list_of(_number()),
        "device_type": _one_of("cpu", "gpu", "cuda"),
        "gpu_platform_id": _integer(),
        "gpu_device_id": _integer(),
        "gpu_device_id_list": _TEXT,
        "gpu_use_dp": _FLAG,
        "num_gpu": _integer(1),
    },
    refused={
        **dict.fromkeys(
            ("config", "data", "valid", "header", "two_round", "save_binary", "precise_float_parser"), _FILE
        ),
        **dict.fromkeys(("label_column", "weight_column", "group_column", "ignore_column", "pre_partition"), _FILE),
        **dict.fromkeys(("forcedsplits_filename", "forcedbins_filename", "parser_config_file"), _FILE),
        **dict.fromkeys(("input_model", "output_model", "output_result", "snapshot_freq"), _FILE),
        **dict.fromkeys(("convert_model", "convert_model_language", "saved_feature_importance_type"), _FILE),
        **dict.fromkeys(("task", "metric_freq", "is_provide_training_metric"), _PROGRAM),
        **dict.fromkeys(("machines", "machine_list_filename", "num_machines", "local_listen_port"), _NETWORK),
        **dict.fromkeys(("time_out", "tree_learner", "top_k"), _NETWORK),
        **dict.fromkeys(("predict_raw_score", "predict_leaf_index", "predict_contrib"), _PREDICTION),
        **dict.fromkeys(
            ("predict_disable_shape_check", "num_iteration_predict", "start_iteration_predict"), _PREDICTION
        ),
        **dict.fromkeys(("pred_early_stop", "pred_early_stop_freq", "pred_early_stop_margin"), _PREDICTION),
        **dict.fromkeys(("num_class", "categorical_feature"), _DERIVED),
        "refit_decay_rate": _UPDATE,
        **dict.fromkeys(
            ("alpha", "fair_c", "poisson_max_delta_step", "reg_sqrt", "tweedie_variance_power"), _REGRESSION
        ),
        **dict.fromkeys(
            ("lambdarank_norm", "lambdarank_position_bias_regularization", "lambdarank_truncation_level"), _RANKING
        ),
        **dict.fromkeys(("label_gain", "objective_seed", "eval_at", "bagging_by_query"), _RANKING),
        "callbacks": _FUNCTIONS,
    },
)
