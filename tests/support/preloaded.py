"""What every stage, or `dvc`, imports or looks up slowly, done once: a process that has imported this forks them."""

import gc

import dvc.cli.parser
import dvc.repo
import jinja2
import matplotlib.pyplot as plt
import mlflow.pyfunc
import mlflow.pytorch
import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store
import networkx
import new_stores
import opentelemetry.sdk.trace
import pandas as pd
import safetensors.torch
import scipy
import scmrepo.git
import sklearn
import sqlalchemy.orm
import torch._dynamo  # by the first optimiser
import torch.distributed.launcher.api

__all__ = ["dvc", "jinja2", "mlflow", "networkx", "opentelemetry", "pd", "plt", "safetensors", "scipy", "scmrepo"]
__all__ += ["sklearn", "torch"]

sqlalchemy.orm.configure_mappers()  # by the first store of runs

new_stores.skip_packages()
gc.freeze()  # what is here stays: no fork looks through it for garbage, and copies its memory by that
