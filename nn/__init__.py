"""nn: neural networks made of autograd_core's scalars, in the notation of the lecture.

a^(k) = b^(k) + W^(k) h^(k-1),  h^(k) = g(a^(k)),  J(theta) = L + alpha Omega(theta).

Back-propagation, in autograd_core, computes the gradient; what is here makes models of Values and learns from
that gradient. Estimators for scikit-learn are in `nn.estimators`, plots in `nn.plots`; both need an extra.
"""

from typing import TYPE_CHECKING

from autograd_core._lazy import lazily

if TYPE_CHECKING:
    from nn.blocks import Dropout, Embedding, GaussianNoise, Inputs, LayerNorm, Residual, Sequential
    from nn.errors import (
        DivergenceError,
        FileError,
        InputError,
        ModelWarning,
        SlowTrainingWarning,
        StateError,
    )
    from nn.history import Epoch, History
    from nn.initializers import Glorot, He, LeCun, Normal, Orthogonal, Uniform, Zeros
    from nn.layers import MLP, Layer, Neuron
    from nn.losses import (
        absolute_error,
        binary_cross_entropy,
        cross_entropy,
        half_squared_error,
        hinge,
        huber,
        mae,
        mse,
        nll,
        poisson,
    )
    from nn.lr_finder import RateRange, find_lr
    from nn.metrics import Evaluation, accuracy, confusion_matrix, evaluate, predict, predict_labels
    from nn.minimizers import LBFGS, Minimizer
    from nn.module import Module
    from nn.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, clip_by_norm, clip_by_value
    from nn.plateau import ReduceOnPlateau
    from nn.random_inputs import RandomInput, is_training, train_mode
    from nn.regularizers import L1, L2, ElasticNet
    from nn.saving import load, save
    from nn.schedules import ByEpoch, Constant, CosineDecay, ExponentialDecay, LinearDecay, StepDecay, WarmUp
    from nn.stopping import EarlyStopping, MaxUpdates, Patience, Target, TimeLimit
    from nn.training import fit
    from nn.training.minibatch import objective

# Imported when they are first asked for, so that `import nn` stays quick.
_LAZY = {
    "blocks": "Dropout Embedding GaussianNoise Inputs LayerNorm Residual Sequential",
    "errors": "DivergenceError FileError InputError ModelWarning SlowTrainingWarning StateError",
    "history": "Epoch History",
    "initializers": "Glorot He LeCun Normal Orthogonal Uniform Zeros",
    "layers": "MLP Layer Neuron",
    "losses": "absolute_error binary_cross_entropy cross_entropy half_squared_error hinge huber mae mse nll "
    "poisson",
    "lr_finder": "RateRange find_lr",
    "metrics": "Evaluation accuracy confusion_matrix evaluate predict predict_labels",
    "minimizers": "LBFGS Minimizer",
    "module": "Module",
    "optimizers": "SGD Adagrad Adam AdamW Optimizer RMSprop clip_by_norm clip_by_value",
    "plateau": "ReduceOnPlateau",
    "random_inputs": "RandomInput is_training train_mode",
    "regularizers": "L1 L2 ElasticNet",
    "saving": "load save",
    "schedules": "ByEpoch Constant CosineDecay ExponentialDecay LinearDecay StepDecay WarmUp",
    "stopping": "EarlyStopping MaxUpdates Patience Target TimeLimit",
    "training": "fit",
    "training.minibatch": "objective",
}
__getattr__, __dir__ = lazily(
    __name__,
    _LAZY,
    ("activations", "branches", "data", "estimators", "groups", "plots", "random_state", "reports"),
)

__distribution__ = "autograd-core"  # see autograd_core/_paths.py

__all__ = [
    "L1",
    "L2",
    "LBFGS",
    "MLP",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "ByEpoch",
    "Constant",
    "CosineDecay",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "ElasticNet",
    "Embedding",
    "Epoch",
    "Evaluation",
    "ExponentialDecay",
    "FileError",
    "GaussianNoise",
    "Glorot",
    "He",
    "History",
    "InputError",
    "Inputs",
    "Layer",
    "LayerNorm",
    "LeCun",
    "LinearDecay",
    "MaxUpdates",
    "Minimizer",
    "ModelWarning",
    "Module",
    "Neuron",
    "Normal",
    "Optimizer",
    "Orthogonal",
    "Patience",
    "RMSprop",
    "RandomInput",
    "RateRange",
    "ReduceOnPlateau",
    "Residual",
    "Sequential",
    "SlowTrainingWarning",
    "StateError",
    "StepDecay",
    "Target",
    "TimeLimit",
    "Uniform",
    "WarmUp",
    "Zeros",
    "absolute_error",
    "accuracy",
    "binary_cross_entropy",
    "clip_by_norm",
    "clip_by_value",
    "confusion_matrix",
    "cross_entropy",
    "evaluate",
    "find_lr",
    "fit",
    "half_squared_error",
    "hinge",
    "huber",
    "is_training",
    "load",
    "mae",
    "mse",
    "nll",
    "objective",
    "poisson",
    "predict",
    "predict_labels",
    "save",
    "train_mode",
]
