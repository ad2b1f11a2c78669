"""What every stage, or `dvc`, imports or looks up slowly, done once: a process that has imported this forks them."""

import dvc.cli.parser
import dvc.repo
import matplotlib.pyplot as plt
import mlflow.pytorch
import pandas as pd
import scipy
import sklearn
import torch._dynamo  # by the first optimiser
from mlflow.utils import requirements_utils

__all__ = ["dvc", "mlflow", "pd", "plt", "scipy", "sklearn", "torch"]

requirements_utils._init_packages_to_modules_map()  # of every installed package, at the first model that is logged
