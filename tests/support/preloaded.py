"""What every stage, or `dvc`, imports or looks up slowly, done once: a process that has imported this forks them."""

import dvc.cli.parser
import dvc.repo
import matplotlib.pyplot as plt
import mlflow.pytorch
import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store
import new_stores
import pandas as pd
import scipy
import sklearn
import sqlalchemy.orm
import torch._dynamo  # by the first optimiser

__all__ = ["dvc", "mlflow", "pd", "plt", "scipy", "sklearn", "torch"]

sqlalchemy.orm.configure_mappers()  # by the first store of runs

new_stores.skip_packages()
